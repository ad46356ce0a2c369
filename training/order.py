"""Order: which block of which arm stands in which slot of a run, so that near mixtures train on nearly the same stream.

Common random numbers (Glasserman & Yao 1992) for paired runs. Each arm has a fixed key per slot, drawn from its own
name and the order seed alone, and the slot goes to the arm with the smallest key per share (an exponential race:
consistent weighted sampling, Manasse et al. 2010). Two mixtures at total-variation distance d then agree on about
(1-d)/(1+d) of the slots, however many arms there are; a single inverse CDF agrees on far less, because one moved
boundary moves all that follow. Dual prices on the shares make the counts exact, and keys are stratified in time, so
that every stretch of the run has its shares. The k-th visit to an arm takes the k-th block of the arm's permutation,
whatever the mixture.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from ..tiers.errors import TrainingError

STRATUM = 32
"""Slots within which an arm's keys cover [0, 1) evenly."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Order:
    """A run's stream: slot i takes block `block[i]` of arm `arms[arm[i]]`."""

    arms: tuple[str, ...]
    arm: Ints
    """[slots]"""
    block: Ints
    """[slots]"""
    mixture: dict[str, float]
    """Realised shares of the slots."""
    epochs: dict[str, float]
    """How often each arm's pool of blocks was seen."""
    pools: dict[str, int] = field(default_factory=dict)
    """Blocks that may be seen, by arm."""
    limits: dict[str, int] = field(default_factory=dict)
    """Visits that an arm may have, by arm."""


def slots_apart(one: dict[str, float], other: dict[str, float]) -> float:
    """Share of the slots in which two runs of one order and seed draw from different arms.

    With d the total variation distance of the two mixtures it is at most 2 d / (1 + d): an exponential race has the
    same winner under both with a chance of (1 - d) / (1 + d) or more (coordinated sampling).
    """
    arms = sorted({*one, *other})  # a sum's last bit must not depend on the order of a set
    distance = sum(abs(one.get(a, 0.0) - other.get(a, 0.0)) for a in arms) / 2
    return 2 * distance / (1 + distance)


def plan_order(
    mixture: dict[str, float],
    blocks: dict[str, int],
    slots: int,
    *,
    order: int,
    seed: int,
    pool: float = 1.0,
    max_epochs: float = 4.0,
) -> Order:
    """The stream of `slots` blocks for a mixture; a pure function of its arguments.

    Args:
        mixture: shares by arm, not negative; normalised here.
        blocks: packed blocks by arm.
        slots: steps times batch.
        order: seed of the slots' keys: which arm comes when.
        seed: seed of the arms' permutations: which block comes when.
        pool: fraction of each arm's blocks that may be seen.
        max_epochs: no block of the pool is seen more often than this (rounded up); the excess goes to the other arms.

    Raises:
        TrainingError: the mixture is empty or negative, names an arm that was not packed, or has too little data.
    """
    arms = _checked(mixture, blocks)
    sizes = {arm: _pool_size(blocks[arm], pool) for arm in arms}
    limits = np.array([int(max_epochs * sizes[arm]) for arm in arms], dtype=np.int64)
    shares = np.array([mixture[arm] for arm in arms], dtype=np.float64)
    counts = apportion(capped(shares / shares.sum(), limits / slots), limits, slots)
    arm = assign(arms, counts, order)
    block = np.empty(slots, dtype=np.int64)
    for i, name in enumerate(arms):
        block[arm == i] = visits(name, blocks[name], sizes[name], int(counts[i]), seed)
    made = Order(arms, arm, block, {}, {}, sizes, dict(zip(arms, limits.tolist(), strict=True)))
    return realised(made, tuple(sorted(mixture)))


def plan_stages(
    stages: Sequence[tuple[float, dict[str, float]]],
    blocks: dict[str, int],
    slots: int,
    *,
    order: int,
    seed: int,
    pool: float = 1.0,
    max_epochs: float = 4.0,
) -> Order:
    """One stream of stretches, each a (share of the slots, mixture) of its own; visits to an arm count on throughout.

    Arguments and errors are those of `plan_order`; an arm's epochs are capped over the whole run.
    """
    arms = tuple(sorted({arm for _, mixture in stages for arm in _checked(mixture, blocks)}))
    sizes = {arm: _pool_size(blocks[arm], pool) for arm in arms}
    limits = np.array([int(max_epochs * sizes[arm]) for arm in arms], dtype=np.int64)
    widths = apportion(_shares([share for share, _ in stages]), np.full(len(stages), slots), slots)
    keys = slot_keys(arms, slots, order)
    used, end, parts = np.zeros(len(arms), dtype=np.int64), 0, []
    for width, (_, mixture) in zip(widths, stages, strict=True):
        share = _shares([mixture.get(arm, 0.0) for arm in arms])
        room = np.where(share > 0, limits - used, 0)
        counts = apportion(capped(share, room / max(1, width)), room, int(width))
        parts.append(_race(keys[end : end + width], counts))
        used, end = used + counts, end + int(width)
    arm = np.concatenate(parts)
    block = np.empty(slots, dtype=np.int64)
    for i, name in enumerate(arms):
        block[arm == i] = visits(name, blocks[name], sizes[name], int(used[i]), seed)
    made = Order(arms, arm, block, {}, {}, sizes, dict(zip(arms, limits.tolist(), strict=True)))
    return realised(made, arms)


def realised(order: Order, names: tuple[str, ...], slots: int | None = None) -> Order:
    """The order with the mixture and epochs that its first `slots` slots (None: all) came to."""
    drawn = order.arm[:slots]
    seen = dict(zip(order.arms, np.bincount(drawn, minlength=len(order.arms)).tolist(), strict=True))
    return replace(
        order,
        mixture={name: seen.get(name, 0) / max(1, len(drawn)) for name in names},
        epochs={name: seen.get(name, 0) / max(1, order.pools.get(name, 1)) for name in names},
    )


def capped(shares: Floats, limits: Floats) -> Floats:
    """Shares [arms] held under `limits` [arms], the excess given to the others in proportion to their shares.

    Raises:
        TrainingError: the limits sum to less than one.
    """
    if limits.sum() < 1 - 1e-12:
        raise TrainingError(
            f"the run asks for more data than its arms may give ({limits.sum():.0%} of its tokens): "
            "lower training.steps, raise training.max_epochs or curate more"
        )
    result, full = shares.copy(), np.zeros(len(shares), dtype=bool)
    while np.any(over := (result > limits + 1e-12) & ~full):
        full |= over
        free = 1.0 - limits[full].sum()
        rest = shares[~full].sum()
        result = np.where(full, limits, shares * (free / rest if rest > 0 else 0.0))
    return result


def apportion(shares: Floats, limits: Ints, slots: int) -> Ints:
    """Whole counts [arms] that sum to `slots`, each less than one slot from its share (largest remainder)."""
    exact = shares * slots
    counts = np.minimum(np.floor(exact + 1e-9).astype(np.int64), limits)
    remainder = np.where(counts < limits, exact - counts, -np.inf)
    while (missing := slots - int(counts.sum())) > 0:
        counts[np.argsort(-remainder, kind="stable")[:missing]] += 1
        remainder = np.where(counts < limits, exact - counts, -np.inf)
    return counts


def assign(arms: tuple[str, ...], counts: Ints, order: int) -> Ints:
    """The arm [slots] of each slot: an exponential race whose prices are raised until the counts are exact."""
    return _race(slot_keys(arms, int(counts.sum()), order), counts)


def slot_keys(arms: tuple[str, ...], slots: int, order: int) -> Floats:
    """Logs of each arm's keys [slots, arms]: the slot goes to the smallest key per share."""
    return np.stack([_keys(arm, slots, order) for arm in arms], axis=1)


def _race(keys: Floats, counts: Ints) -> Ints:
    """The winners [slots] by keys [slots, arms], with prices on the shares that make the counts exact."""
    live = np.flatnonzero(counts)
    keys = keys[:, live]
    price = np.log(counts[live])
    for _ in range(40):
        got = np.bincount(np.argmin(keys - price, axis=1), minlength=len(live))
        if np.array_equal(got, counts[live]):
            break
        price += 0.5 * np.log(counts[live] / np.maximum(got, 0.5))
    arm: Ints = live[_settle(keys - price, counts[live])]
    return arm


def visits(arm: str, blocks: int, pool: int, count: int, seed: int) -> Ints:
    """The blocks [count] that an arm's visits take: its pool in a fixed permutation, each epoch in another one."""
    if not count:
        return np.empty(0, dtype=np.int64)
    members = _rng("pool", arm, seed, 0).permutation(blocks)[:pool]
    epochs = [members[_rng("epoch", arm, seed, e).permutation(pool)] for e in range(-(-count // pool))]
    return np.concatenate(epochs)[:count].astype(np.int64)


def _settle(cost: Floats, counts: Ints) -> Ints:
    """Move the slots that lose least from arms with too many to arms with too few."""
    arm = np.argmin(cost, axis=1)
    while np.any(gap := np.bincount(arm, minlength=len(counts)) - counts):
        givers = np.flatnonzero(gap[arm] > 0)
        takers = np.flatnonzero(gap < 0)
        regret = cost[np.ix_(givers, takers)] - cost[givers, arm[givers]][:, None]
        i, j = np.unravel_index(int(np.argmin(regret)), regret.shape)
        arm[givers[i]] = takers[j]
    return np.asarray(arm, dtype=np.int64)


def _keys(arm: str, slots: int, order: int) -> Floats:
    """Logs of Exp(1) keys [slots], stratified over each STRATUM slots; a longer run begins with a shorter one's."""
    rng = _rng("slots", arm, order, 0)
    rows = -(-slots // STRATUM)
    uniform = np.empty((rows, STRATUM))
    for row in range(rows):
        uniform[row] = (rng.permutation(STRATUM) + rng.random(STRATUM)) / STRATUM
    keys: Floats = np.log(-np.log1p(-uniform.ravel()[:slots]) + 1e-300)
    return keys


def _rng(purpose: str, arm: str, seed: int, epoch: int) -> np.random.Generator:
    key = hashlib.blake2b(f"{purpose}|{arm}|{seed}|{epoch}".encode(), digest_size=16).digest()
    return np.random.Generator(np.random.PCG64(int.from_bytes(key, "little")))


def _shares(parts: Sequence[float]) -> Floats:
    whole = np.array(parts, dtype=np.float64)
    return np.asarray(whole / whole.sum())


def _pool_size(blocks: int, pool: float) -> int:
    return min(blocks, max(1, round(blocks * pool)))


def _checked(mixture: dict[str, float], blocks: dict[str, int]) -> tuple[str, ...]:
    """Arms with a share, in canonical order."""
    if any(not share >= 0 for share in mixture.values()) or not sum(mixture.values()) > 0:
        raise TrainingError(f"wanted a mixture of shares that are not negative and not all zero, got {mixture}")
    arms = tuple(sorted(arm for arm, share in mixture.items() if share > 0))
    if unknown := [arm for arm in arms if arm not in blocks]:
        raise TrainingError(f"the mixture wants {', '.join(unknown)}, packed are {', '.join(sorted(blocks)) or 'none'}")
    return arms
