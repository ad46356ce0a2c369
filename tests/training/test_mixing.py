"""In-run mixing is deterministic, keeps to the caps, and finds the arm that teaches most; stages are kept to."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from coevo.tiers.errors import TrainingError
from coevo.training.mixing import Ado, Mixer, Odm, fit_law, mixer
from coevo.training.order import plan_order, plan_stages
from coevo.training.schedule import learning_rate
from coevo.training.spec import RunSpec, Stage
from coevo.training.trainer import run

PRIOR = np.array([0.5, 0.3, 0.2])


def played(mix: Mixer, losses: list[float], steps: int, batch: int = 8) -> np.ndarray:
    """[steps, K] shares of a mixer that always sees the same loss on an arm."""
    rng, shares = np.random.default_rng(0), []
    for step in range(steps):
        shares.append(mix.shares(step))
        arms = rng.choice(3, batch, p=shares[-1])
        mix.observe(arms, np.array(losses)[arms])
    return np.array(shares)


@pytest.mark.parametrize("linear", [False, True])
def test_odm_goes_where_the_loss_is_high(linear: bool) -> None:
    shares = played(Odm(PRIOR, 400, linear=linear), [1.0, 4.0, 2.0], 400)
    np.testing.assert_allclose(shares.sum(1), 1)
    np.testing.assert_array_equal(shares[:40], np.tile(PRIOR, (40, 1)))
    assert np.argmax(shares[-1]) == 1 and shares[-1].min() > 0


def test_the_linear_form_plays_in_proportion_to_perplexity() -> None:
    shares = played(Odm(PRIOR, 300, linear=True), [1.0, 2.0, 0.5], 300)
    wanted = np.exp([1.0, 2.0, 0.5])
    np.testing.assert_allclose(shares[-1], wanted / wanted.sum(), rtol=1e-3)


def test_the_scaling_law_is_found_again() -> None:
    n = np.arange(1.0, 400.0, 4)
    law = fit_law(np.stack([n, 1.5 + 3.0 * n**-0.4], axis=1))
    assert law is not None
    found = law[0] + law[1] * (1000.0 ** -law[2])
    assert found == pytest.approx(1.5 + 3.0 * 1000**-0.4, abs=0.02) and law[2] == pytest.approx(0.4, abs=0.05)
    assert fit_law(np.ones((3, 2))) is None


def test_ado_goes_where_the_loss_still_falls() -> None:
    mix, rng, seen = Ado(np.full(3, 1 / 3), 300), np.random.default_rng(1), np.zeros(3)
    share = np.zeros(3)
    for step in range(300):
        share = mix.shares(step)
        arms = rng.choice(3, 8, p=share)
        np.add.at(seen, arms, 1)
        curves = np.array([2.0 + 0.01 * seen[0] ** -0.5, 1.0 + 3.0 * max(seen[1], 1) ** -0.5, 1.0 + seen[2] ** -0.7])
        mix.observe(arms, curves[arms])
    assert np.argmax(share) == 1 and share.min() >= 0.009
    assert share.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", ["odm", "odm_code", "ado"])
def test_a_mixed_run_is_reproducible_and_says_what_it_drew(spec: RunSpec, name: str) -> None:
    spec = spec.model_copy(
        update={"mixing": name, "steps": 12, "config": spec.config.model_copy(update={"max_epochs": 4})}
    )
    one = run(spec)
    other = run(spec.model_copy(update={"out": spec.out + "-again"}))
    plain = run(spec.model_copy(update={"out": spec.out + "-plain", "mixing": "none"}))
    assert one.losses == other.losses and one.fingerprint == other.fingerprint != plain.fingerprint
    with np.load(Path(one.path) / "mixing.npz") as told:
        shares, arms = told["shares"], told["arms"].tolist()
    assert shares.shape == (12, 2) and arms == ["code/L1", "en/L1"]
    assert sum(one.mixture.values()) == pytest.approx(1) and max(one.epochs.values()) <= 4
    with np.load(Path(one.path) / "seen.npz") as seen:
        drawn = {arm: int(seen[arm.replace("/", "-")].sum()) / 48 for arm in arms}
    assert drawn == pytest.approx(one.mixture)
    assert type(mixer(name, PRIOR, 10)) is (Ado if name == "ado" else Odm)


def test_stages_have_their_mixtures_and_an_arm_counts_on() -> None:
    blocks = {"a": 40, "b": 60}
    order = plan_stages([(0.5, {"a": 1.0}), (0.25, {"b": 1.0}), (0.25, {"a": 1, "b": 3})], blocks, 80, order=3, seed=3)
    assert set(order.arm[:40]) == {0} and set(order.arm[40:60]) == {1}
    assert np.sum(order.arm[60:] == 0) == 5
    assert sorted(order.block[:40]) == list(range(40)), "no block comes again before all of its arm have come"
    assert order.mixture == {"a": 45 / 80, "b": 35 / 80} and order.epochs["a"] == 45 / 40
    whole = plan_order({"a": 0.5, "b": 0.5}, blocks, 80, order=3, seed=3)
    single = plan_stages([(1.0, {"a": 0.5, "b": 0.5})], blocks, 80, order=3, seed=3)
    assert np.array_equal(whole.arm, single.arm) and np.array_equal(whole.block, single.block)
    with pytest.raises(TrainingError, match="more data than its arms may give"):
        plan_stages([(0.5, {"a": 1.0}), (0.5, {"b": 1.0})], blocks, 80, order=3, seed=3, max_epochs=0.9)


def test_a_run_in_stages_is_a_run_of_its_own(spec: RunSpec) -> None:
    stages = (Stage(share=0.5, mixture={"code/L1": 1.0}), Stage(share=0.5, mixture={"en/L1": 1.0}))
    staged, plain = (
        run(spec.model_copy(update={"stages": stages})),
        run(spec.model_copy(update={"out": spec.out + "-p"})),
    )
    assert staged.mixture == plain.mixture and staged.tokens == plain.tokens
    assert staged.fingerprint != plain.fingerprint and staged.losses != plain.losses
    with pytest.raises(TrainingError, match=r"training\.mixing=none"):
        run(spec.model_copy(update={"stages": stages, "mixing": "odm"}))


def test_a_cosine_rises_falls_and_ends_at_a_tenth() -> None:
    rates = [learning_rate(s, 100, 0.1, 0.0, "cosine") for s in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == pytest.approx(1.0, abs=1e-3)
    assert all(a >= b for a, b in pairwise(rates[10:]))
    assert rates[-1] == pytest.approx(0.1, abs=2e-3)
