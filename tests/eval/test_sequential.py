"""What may be looked at every round: e-processes keep their level, the ladder climbs no noise."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import norm

from coevo.eval.clustered import EXACT, Error
from coevo.eval.eprocess import harms
from coevo.eval.ladder import Rung, published, submit

RUNS, ROUNDS = 4000, 50


def evidence(z: Any, spread: float = 0.25) -> Any:
    """E-values after every round, of rounds that are independent and whose errors are known to be 1."""
    gains = np.atleast_2d(z)
    return harms(gains, np.eye(gains.shape[1])[None], np.ones(1), spread)


def test_the_evidence_is_the_integral_that_it_says() -> None:
    z = [0.3, -1.2, 2.2, 1.0]

    def ratio(mu: float, n: int) -> float:
        return float(np.prod([norm.pdf(v, mu) / norm.pdf(v) for v in z[:n]]) * norm.pdf(mu, scale=0.5))

    expected = [2 * quad(ratio, -9, 0, args=(n,))[0] for n in range(1, 5)]
    assert evidence(z)[0] == pytest.approx(expected)


def test_peeking_every_round_keeps_the_level() -> None:
    """Of trajectories without effect less than 5 % ever reach 20; naive peeking has a third of them significant."""
    z = np.random.default_rng(0).normal(size=(RUNS, ROUNDS))
    assert (evidence(z) >= 20).any(axis=1).mean() < 0.05
    assert (np.abs(z.cumsum(axis=1)) > 1.96 * np.sqrt(np.arange(1, ROUNDS + 1))).any(axis=1).mean() > 0.25


def test_a_lasting_effect_is_found_and_a_gain_is_no_harm() -> None:
    z = np.random.default_rng(1).normal(size=(400, ROUNDS))
    assert (evidence(z - 0.6) >= 20).any(axis=1).mean() > 0.85
    assert evidence(np.ones(30))[0, -1] < 0.2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(-1, 1), st.floats(0.01, 0.5)), max_size=12))
def test_what_is_published_never_falls_and_only_rises_by_clear_steps(scores: list[tuple[float, float]]) -> None:
    rung = Rung()
    submitted = [(score, Error(se, EXACT)) for score, se in scores]
    for (score, error), shown in zip(submitted, published(submitted), strict=True):
        before, rung = rung, submit(rung, score, error)
        assert rung.best == shown >= before.best
        assert rung.improved == (score > before.best + error.reach(2.0))
        assert error.reach(2.0) == pytest.approx(2 * error.se, rel=1e-6)


def test_the_ladder_does_not_climb_noise() -> None:
    """Truth is zero; hill-climbing on every positive delta manufactures .40 SE a round, a step of 2 SE about .05."""
    noise = np.random.default_rng(3).normal(size=(RUNS, 20))
    climbed = np.where(noise > 0, noise, 0).sum(axis=1).mean() / 20
    stepped = np.where(noise > 2, noise, 0).sum(axis=1).mean() / 20
    assert climbed == pytest.approx(0.399, abs=0.01)
    assert stepped == pytest.approx(0.054, abs=0.01)
    assert published([(v, Error(1.0, EXACT)) for v in (1.9, 2.1, 3.0, 4.2)]) == [0.0, 2.1, 2.1, 4.2]
