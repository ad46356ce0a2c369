"""The planted world against what was published about it: calibration, errors, yardsticks, closed forms."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.loop.lab.calibration import Calibration
from coevo.loop.lab.oracle import greedy, trajectory, uniform
from coevo.loop.lab.planted import POINTS, PlantedWorld
from coevo.loop.lab.world import World

U = np.full(16, 1 / 16)


def plain(**settings: object) -> PlantedWorld:
    return PlantedWorld(0, jitter=0.0, surprise=0.0, **settings)  # type: ignore[arg-type]


def after(world: PlantedWorld, mixture: np.ndarray, rounds: int) -> np.ndarray:
    state = world.start()
    for _ in range(rounds):
        state = world.train(state, mixture)
    return world.scores(state) * POINTS


@pytest.mark.parametrize(
    ("horizon", "rounds", "wanted"), [(1.0, 3, (1.70, 2.60, 7.06, 4.60)), (3.0, 1, (1.53, 2.37, 6.30, 4.13))]
)
def test_refined_data_gain_what_was_published(horizon: float, rounds: int, wanted: tuple[float, ...]) -> None:
    world = plain(horizon=horizon)
    found = []
    for d in range(4):
        low, high = (0.7 * np.where(world.tier == 0, 0.25, 0.0) for _ in range(2))
        low[4 * d] += 0.3
        high[4 * d + 2] += 0.3
        found.append((after(world, high, rounds) - after(world, low, rounds))[d])
    assert found == pytest.approx(wanted, abs=0.015)


def test_tiers_in_turn_beat_a_mixture_from_a_cold_start() -> None:
    world = plain(calibration=Calibration(exposure=0.0))
    tiered = mixed = world.start()
    for t in range(6):
        tiered = world.train(tiered, np.where(world.tier == t // 2, 0.25, 0.0))
        mixed = world.train(mixed, np.where(world.tier < 3, 1 / 12, 0.0))
    assert (world.composite(tiered) - world.composite(mixed)) * POINTS == pytest.approx(1.49, abs=0.02)


def test_errors_are_those_of_the_error_model() -> None:
    world = PlantedWorld(0)
    assert POINTS * world.item_se * 2**0.5 == pytest.approx(1.10, abs=0.01)
    assert POINTS * world.seed_sd * 2**0.5 == pytest.approx(0.83, abs=0.01)
    assert POINTS * (2 * world.run_variance) ** 0.5 == pytest.approx(0.62, abs=0.01)
    assert PlantedWorld(0, channel="bpb").item_se == pytest.approx(world.item_se / 4)
    rng = np.random.default_rng(1)
    state = world.start()
    runs = np.array([world.measured(state, rng.normal(size=5), rng.normal(size=5)).mean() for _ in range(4000)])
    assert runs.std() == pytest.approx(world.run_variance**0.5, rel=0.1)
    assert runs.mean() == pytest.approx(world.composite(state), abs=5 * runs.std() / 4000**0.5)


def test_the_gap_between_oracle_and_uniform_is_that_of_the_reference_simulation() -> None:
    worlds = [PlantedWorld(s) for s in range(60)]
    start = np.array([trajectory(w, 20, uniform(w))[-1] for w in worlds]) * POINTS
    gap = np.array([greedy(w, 20)[-1] for w in worlds]) * POINTS - start
    assert gap.mean() == pytest.approx(4.25, abs=3 * gap.std() / 60**0.5)
    z = np.exp(np.tile([-1, -0.3, 0.8, 0.5], 4))
    prior = np.array([trajectory(w, 20, z / z.sum())[-1] for w in worlds]) * POINTS - start
    assert prior.mean() == pytest.approx(1.86, abs=0.06)


@pytest.mark.parametrize("quality", [0.62, 0.32, 0.0])
def test_influence_is_as_good_as_it_says(quality: float) -> None:
    found = []
    for seed in range(150):
        world = PlantedWorld(seed, influence=quality)
        g = world.influence(world.start(), U, 1)
        found.append(np.corrcoef(g, world.gradient(world.start(), U))[0, 1])
    assert np.mean(found) == pytest.approx(quality, abs=0.06)


@given(seed=st.integers(0, 10_000), rounds=st.integers(0, 6), drift=st.sampled_from([0.0, 0.1]))
def test_the_gradient_is_the_derivative(seed: int, rounds: int, drift: float) -> None:
    world = PlantedWorld(seed, drift=drift)
    rng = np.random.default_rng(seed)
    state = world.start()
    for _ in range(rounds):
        state = world.train(state, rng.dirichlet(np.ones(16)))
    w = rng.dirichlet(np.ones(16))
    # the numerical one is off by its step where an arm runs out, and nowhere else
    assert np.allclose(world.gradient(state, w), World.gradient(world, state, w), atol=2e-4)


def test_repeats_are_worth_ever_less_and_never_more_than_a_fresh_token() -> None:
    world = plain()
    seen = np.linspace(0, 60, 200)
    worth = np.array([world._worth(np.full(16, s))[3] for s in seen])
    slope = np.diff(worth) / np.diff(seen)
    assert (slope > 0).all() and (np.diff(slope) < 1e-9).all() and slope.max() <= 1 + 1e-9
    assert worth[-1] < world.stock[3] * (1 + world.calibration.repeats)


def test_where_nothing_matters_every_mixture_ends_alike() -> None:
    world = PlantedWorld(3, null=True)
    rng = np.random.default_rng(0)
    ends = {float(trajectory(world, 5, rng.dirichlet(np.ones(16)))[-1]) for _ in range(5)}
    assert len(ends) == 1 and not world.gradient(world.start(), U).any()


def test_more_than_half_of_the_worlds_hold_a_surprise() -> None:
    told = [PlantedWorld(s).surprise for s in range(600)]
    assert np.mean([bool(t) for t in told]) == pytest.approx(0.55, abs=0.06)
    assert np.mean(["collapsed" in t for t in told]) == pytest.approx(0.35, abs=0.06)


def test_a_trap_flatters_the_feedback_items_alone() -> None:
    world = PlantedWorld(5, trap=4.0, surprise=0.0)
    into = np.eye(16)[world.trapped]
    tempted, honest = world.train(world.start(), 0.5 * U + 0.5 * into), world.train(world.start(), U)
    assert (world.scores(tempted) - world.scores(honest)).mean() > 0
    assert world.composite(tempted) < world.composite(honest)


def test_drift_moves_values_and_is_the_same_for_everyone() -> None:
    world, again = PlantedWorld(2, drift=0.1), PlantedWorld(2, drift=0.1)
    state = world.start()
    for _ in range(10):
        state = world.train(state, U)
    assert not np.allclose(world._transfer_at(10), world._transfer_at(0))
    assert np.array_equal(world._transfer_at(10), again._transfer_at(10))
