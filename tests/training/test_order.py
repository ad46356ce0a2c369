"""Orders are paired: equal mixtures give equal streams, near ones share most slots, counts and caps are exact."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.errors import TrainingError
from coevo.training.order import Order, _keys, plan_order, slots_apart, visits

BLOCKS = {"code/L1": 90, "en/L1": 400, "en/L3": 12, "math/L2": 50}
SLOTS = 160
SHARES = st.lists(st.floats(0.01, 1.0), min_size=4, max_size=4)
SEEDS = st.integers(0, 5)


def mixture(shares: list[float]) -> dict[str, float]:
    return {arm: share / sum(shares) for arm, share in zip(BLOCKS, shares, strict=True)}


def seen(order: Order) -> Counter[tuple[int, int]]:
    """How often each block of each arm comes."""
    return Counter(zip(order.arm.tolist(), order.block.tolist(), strict=True))


@settings(max_examples=30, deadline=None)
@given(SHARES, SEEDS)
def test_equal_mixtures_give_identical_streams(shares: list[float], seed: int) -> None:
    made = plan_order(mixture(shares), BLOCKS, SLOTS, order=seed, seed=seed)
    turned = dict(reversed([(arm, 3 * share) for arm, share in mixture(shares).items()]))
    again = plan_order(turned, BLOCKS, SLOTS, order=seed, seed=seed)
    assert np.array_equal(made.arm, again.arm)
    assert np.array_equal(made.block, again.block)


@settings(max_examples=30, deadline=None)
@given(SHARES, SEEDS)
def test_counts_are_within_one_block_of_the_shares(shares: list[float], seed: int) -> None:
    plenty = dict.fromkeys(BLOCKS, 500)
    made = plan_order(mixture(shares), plenty, SLOTS, order=seed, seed=seed)
    for i, arm in enumerate(made.arms):
        count = int(np.sum(made.arm == i))
        assert abs(count - mixture(shares)[arm] * SLOTS) < 1
        assert made.mixture[arm] == count / SLOTS
    assert sum(made.mixture.values()) == pytest.approx(1.0)


@settings(max_examples=30, deadline=None)
@given(SHARES, SEEDS, st.floats(1.0, 4.0))
def test_no_arm_exceeds_its_epochs_and_the_others_keep_their_proportions(
    shares: list[float], seed: int, cap: float
) -> None:
    wanted = mixture(shares)
    made = plan_order(wanted, BLOCKS, SLOTS, order=seed, seed=seed, max_epochs=cap)
    counts = {arm: int(np.sum(made.arm == i)) for i, arm in enumerate(made.arms)}
    assert all(counts[arm] <= cap * BLOCKS[arm] for arm in counts)
    assert all(made.epochs[arm] == counts[arm] / BLOCKS[arm] for arm in counts)
    assert max(seen(made).values()) <= np.ceil(cap)
    free = [arm for arm in counts if counts[arm] < int(cap * BLOCKS[arm])]
    raised = sum(counts[a] for a in free) / sum(wanted[a] for a in free)
    assert all(abs(counts[a] - raised * wanted[a]) < 2 for a in free)


@settings(max_examples=30, deadline=None)
@given(SHARES, SHARES, SEEDS)
def test_two_mixtures_differ_in_no_more_blocks_than_their_shares_do(
    left: list[float], right: list[float], seed: int
) -> None:
    plenty = dict.fromkeys(BLOCKS, 500)
    one, other = (plan_order(mixture(m), plenty, SLOTS, order=seed, seed=seed) for m in (left, right))
    distance = sum(abs(one.mixture[arm] - other.mixture[arm]) for arm in BLOCKS) / 2
    assert (seen(one) & seen(other)).total() == pytest.approx((1 - distance) * SLOTS)


@pytest.mark.parametrize("order", range(4))
def test_near_mixtures_share_most_slots_and_far_ones_do_not(order: int) -> None:
    plenty = dict.fromkeys(BLOCKS, 1000)
    one = plan_order(mixture([1, 1, 0.2, 1]), plenty, 640, order=order, seed=3)
    near = plan_order(mixture([1.15, 1, 0.2, 0.9]), plenty, 640, order=order, seed=3)
    far = plan_order(mixture([0.1, 3, 0.2, 0.1]), plenty, 640, order=order, seed=3)
    distance = sum(abs(one.mixture[a] - near.mixture[a]) for a in BLOCKS) / 2
    agree = float(np.mean(one.arm == near.arm))
    assert slots_apart(one.mixture, near.mixture) == pytest.approx(1 - (1 - distance) / (1 + distance))
    assert agree > 1 - slots_apart(one.mixture, near.mixture) - 0.05  # what an exponential race promises
    assert agree > 0.85
    assert np.mean(one.arm == far.arm) < 0.6


def test_another_order_moves_the_slots_and_another_seed_the_blocks() -> None:
    shares = mixture([1, 1, 0.1, 1])
    one = plan_order(shares, BLOCKS, SLOTS, order=1, seed=1)
    moved = plan_order(shares, BLOCKS, SLOTS, order=2, seed=1)
    redrawn = plan_order(shares, BLOCKS, SLOTS, order=1, seed=2)
    assert not np.array_equal(one.arm, moved.arm)
    assert seen(one) == seen(moved)
    assert np.array_equal(one.arm, redrawn.arm)
    assert seen(one) != seen(redrawn)


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 100), st.integers(0, 100), SEEDS)
def test_a_longer_run_begins_with_the_shorter_ones_keys_and_visits(short: int, more: int, seed: int) -> None:
    assert np.array_equal(_keys("en/L1", short, seed), _keys("en/L1", short + more, seed)[:short])
    longer = visits("en/L1", 40, 30, short + more, seed)
    assert np.array_equal(visits("en/L1", 40, 30, short, seed), longer[:short])
    first = longer[:30].tolist()
    assert len(set(first)) == len(first), "a block came back before its epoch was over"


def test_every_stretch_of_a_run_has_its_shares() -> None:
    made = plan_order(mixture([1, 1, 1, 1]), dict.fromkeys(BLOCKS, 1000), 640, order=0, seed=0)
    for stretch in np.split(made.arm, 5):
        assert np.all(abs(np.bincount(stretch, minlength=4) - 32) <= 12)


def test_a_small_pool_is_repeated_as_often_as_a_whole_arm_in_a_run_as_much_longer() -> None:
    short = plan_order(mixture([1, 1, 0.1, 1]), BLOCKS, 60, order=1, seed=1, pool=0.25)
    for i, arm in enumerate(short.arms):
        assert len(set(short.block[short.arm == i].tolist())) <= max(1, round(BLOCKS[arm] * 0.25))
    whole = plan_order(mixture([1, 1, 0.1, 1]), BLOCKS, 240, order=1, seed=1)
    assert short.epochs["math/L2"] == pytest.approx(whole.epochs["math/L2"], rel=0.15)


@pytest.mark.parametrize(
    ("bad", "told"),
    [
        ({}, "not all zero"),
        ({"code/L1": 0.0}, "not all zero"),
        ({"code/L1": -1.0, "en/L1": 2.0}, "not negative"),
        ({"code/L1": float("nan")}, "not negative"),
        ({"zh/L1": 1.0}, "zh/L1"),
    ],
)
def test_impossible_mixtures_are_refused(bad: dict[str, float], told: str) -> None:
    with pytest.raises(TrainingError, match=told):
        plan_order(bad, BLOCKS, 16, order=0, seed=0)


def test_too_little_data_for_the_epoch_cap_says_what_to_change() -> None:
    with pytest.raises(TrainingError, match=r"lower training\.steps"):
        plan_order({"en/L3": 1.0}, BLOCKS, 640, order=0, seed=0, max_epochs=4.0)
