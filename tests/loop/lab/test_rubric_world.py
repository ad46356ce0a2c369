"""The rubric world: what is planted in it can be found again."""

import numpy as np
import pytest

from coevo.loop.lab.rubric_world import RubricWorld


def norm(w: np.ndarray) -> np.ndarray:
    return np.asarray(w / np.abs(w).sum())


def sdr(world: RubricWorld, rounds: int, count: int) -> float:
    """Selection-differential regression (research/feedback.md 3.2), written out: what the world was published with."""
    rng = np.random.default_rng([world.seed, 99])
    omega = np.full(6, 1 / 6)
    precision, b = np.eye(6) / 0.7**2, np.full(6, 0.15) / 0.7**2
    for _ in range(rounds):
        sets = np.array([omega, *(norm(omega + rng.normal(0, 0.25, 6)) for _ in range(count))])
        y = world.observed(sets, rng)
        x = np.array([world.means(w) - world.means(omega) for w in sets[1:]])
        v = np.linalg.inv(world.gain_sd**2 * (np.eye(count) + 1))
        precision, b = precision + x.T @ v @ x, b + x.T @ v @ (y[1:] - y[0])
        omega = norm(0.5 * omega + 0.5 * norm(np.linalg.solve(precision, b)))
    return world.share(omega)


def test_selection_differentials_find_what_was_published() -> None:
    shares = np.array([[sdr(RubricWorld(s), t, 2) for t in (5, 10, 20)] for s in range(30)])
    for found, wanted in zip(shares.T, (0.43, 0.61, 0.83), strict=True):
        assert found.mean() == pytest.approx(wanted, abs=0.1 + 2 * found.std() / 30**0.5)


def test_influence_is_as_good_as_its_grade() -> None:
    found = {}
    for grade in ("good", "weak"):
        rng = np.random.default_rng(0)
        s, phi = zip(*(RubricWorld(s, grade).sample_influence(rng, 2000) for s in range(20)), strict=True)
        assert s[0].shape == (2000, 6)
        found[grade] = np.mean([np.abs(np.corrcoef(a.T, b)[:-1, -1]).max() for a, b in zip(s, phi, strict=True)])
    assert found["good"] > 2 * found["weak"]


def test_the_oracle_beats_equal_weights_and_pleasing_one_judge_does_not_pay() -> None:
    for seed in range(10):
        world = RubricWorld(seed)
        assert world.oracle() > world.equal()
        assert world.gain(np.eye(6)[0]) < world.oracle()


def test_where_no_document_is_worth_more_no_weights_gain() -> None:
    world = RubricWorld(1, null=True)
    assert world.gain(np.array([1.0, 0, 0, 0, 0, 0])) == world.equal() == 0.0
