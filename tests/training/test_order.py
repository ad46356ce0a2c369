"""Orders are paired: equal mixtures give equal streams, near ones share most slots, counts and caps are exact."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.errors import TrainingError
from coevo.training.order import plan_order

BLOCKS = {"code/L1": 90, "en/L1": 400, "en/L3": 12, "math/L2": 50}
SHARES = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4)


def mixture(shares: list[float]) -> dict[str, float]:
    return {arm: share / sum(shares) for arm, share in zip(BLOCKS, shares, strict=True)}


@settings(max_examples=30, deadline=None)
@given(SHARES, st.integers(0, 5))
def test_counts_follow_the_shares_and_the_epoch_cap(shares: list[float], seed: int) -> None:
    wanted = mixture(shares)
    made = plan_order(wanted, BLOCKS, 160, order=seed, seed=seed, max_epochs=4.0)
    again = plan_order(wanted, BLOCKS, 160, order=seed, seed=seed, max_epochs=4.0)
    assert np.array_equal(made.arm, again.arm)
    assert np.array_equal(made.block, again.block)
    assert sum(made.mixture.values()) == pytest.approx(1.0)
    for arm, epochs in made.epochs.items():
        assert epochs <= 4.0 + 1e-9, arm
        if all(e < 3.9 for e in made.epochs.values()):
            assert made.mixture[arm] == pytest.approx(wanted[arm], abs=1 / 160)


def test_near_mixtures_share_most_of_the_stream() -> None:
    one = plan_order(mixture([1, 1, 0.2, 1]), BLOCKS, 640, order=3, seed=3)
    other = plan_order(mixture([1.15, 1, 0.2, 0.9]), BLOCKS, 640, order=3, seed=3)
    seen, also = (set(zip(o.arm.tolist(), o.block.tolist(), strict=True)) for o in (one, other))
    distance = sum(abs(one.mixture[a] - other.mixture[a]) for a in BLOCKS) / 2
    assert distance < 0.1
    assert np.mean(one.arm == other.arm) > 1 - 4 * distance
    assert len(seen & also) > 0.85 * len(seen | also)


def test_a_small_pool_sees_fewer_blocks() -> None:
    short = plan_order(mixture([1, 1, 0.1, 1]), BLOCKS, 60, order=1, seed=1, pool=0.25)
    for i, arm in enumerate(short.arms):
        seen = set(short.block[short.arm == i].tolist())
        assert len(seen) <= max(1, round(BLOCKS[arm] * 0.25))


@pytest.mark.parametrize("bad", [{}, {"code/L1": -1.0}, {"zh/L1": 1.0}])
def test_impossible_mixtures_are_refused(bad: dict[str, float]) -> None:
    with pytest.raises(TrainingError):
        plan_order(bad, BLOCKS, 16, order=0, seed=0)


def test_too_little_data_for_the_epoch_cap_says_what_to_change() -> None:
    with pytest.raises(TrainingError, match=r"lower training\.steps"):
        plan_order({"en/L3": 1.0}, BLOCKS, 640, order=0, seed=0, max_epochs=4.0)
