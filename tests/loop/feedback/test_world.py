"""Whole trajectories in planted worlds: the default must not lose to uniform; the naive mechanism must."""

import numpy as np

from coevo.loop.feedback.config import FeedbackConfig
from tests.loop.feedback.trial import Outcome, trials
from tests.loop.feedback.world import ARMS, FRACTION, State, World

SEEDS = range(1000, 1040)
CONFIG = FeedbackConfig()


def gains(outcomes: list[Outcome]) -> np.ndarray:
    return np.array([o.gain for o in outcomes])


def test_horizon_blr_with_the_gate_beats_uniform_and_hardly_ever_loses() -> None:
    outcomes = trials("horizon_blr", SEEDS, CONFIG)
    g = gains(outcomes)
    assert g.mean() > 4 * g.std() / len(g) ** 0.5
    assert np.mean(g < -outcomes[0].se) <= 0.02
    assert np.mean(g > outcomes[0].se) >= 0.15
    assert sum(o.wrong for o in outcomes) / sum(o.rounds for o in outcomes) <= 0.05


def test_naive_ridge_without_gate_reproduces_the_warning() -> None:
    naive = gains(trials("naive", SEEDS, CONFIG, gated=False))
    ours = gains(trials("horizon_blr", SEEDS, CONFIG, gated=False))
    assert naive.mean() < 0 < ours.mean()
    assert np.mean(naive < -World(0).se) > 0.25


def test_where_nothing_matters_it_stays_near_uniform_and_claims_nothing() -> None:
    outcomes = trials("horizon_blr", SEEDS, CONFIG, null=True)
    assert np.mean([o.distance for o in outcomes]) < 0.05
    assert sum(o.claims for o in outcomes) / sum(o.rounds for o in outcomes) <= 0.05


def test_the_world_is_calibrated_to_what_was_measured() -> None:
    own, other = [], []
    for seed in range(40):
        world = World(seed)
        base = world.ability(world.base())
        for d in range(3):
            alone = np.eye(12)[4 * d]
            change = world.ability(world.train(world.base(), alone)) - base
            own.append(change[d])
            other += [change[i] for i in range(3) if i != d]
    # 0.19-0.23 bits per byte for the arm's own domain, up to -0.28 for others, at item sds near 0.4
    assert 0.35 < np.mean(own) < 0.75
    assert -0.7 < np.mean(other) < -0.15


def test_short_probes_flatter_the_fast_format() -> None:
    world = next(w for w in map(World, range(9)) if w.live[10])
    tilt = world.reference * np.where(np.array(ARMS) == "math/L3", 2.0, 1.0)
    tilt = tilt / tilt.sum()

    def arithmetic(state: State, fraction: float) -> float:
        both = (world.ability(world.train(state, w, fraction))[6] for w in (tilt, world.reference))
        return float(next(both) - next(both))

    late = world.base()
    for _ in range(3):
        late = world.train(late, world.reference)
    early = world.base()
    assert arithmetic(early, FRACTION) / FRACTION > arithmetic(early, 1.0) > arithmetic(late, 1.0)
