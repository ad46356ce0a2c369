"""The composite: gains in standard deviations of the base's items, averaged with no benchmark owning the sum."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..tiers.errors import EvalError
from ..tiers.record import Record
from .clustered import cluster_sums, degrees_of_freedom, mean_influence
from .score import Split, Suite
from .scores import ItemScores, read_scores

Floats = NDArray[np.float64]

FREE = 0.25
"""A benchmark's gain up to so many sds is never capped: where one alone moves, its gain must not count as nothing."""


class Scale(Record):
    """Units of the composite, fixed at prepare from the base model's scores and never moved in a run."""

    split: Split
    mean: dict[str, float]
    """Mean of the base's items, by benchmark: the composite's zero."""
    sd: dict[str, float]
    """Standard deviation of the base's items, by benchmark: its unit."""
    max_share: float = 0.3
    """Largest share of one benchmark in the sum of absolute contributions, once its gain is above `FREE`."""


@dataclass(frozen=True)
class Gains:
    """Paired gains of a treatment over a reference on the benchmarks of a suite, with what their errors are made of."""

    names: tuple[str, ...]
    before: Floats
    """[B] means of the reference, in the benchmark's metric."""
    after: Floats
    """[B] means of the treatment."""
    gain: Floats
    """[B] improvement: positive is better."""
    influence: Floats
    """[B, n] influence of every item of the suite on each gain, zero on other benchmarks' items."""
    weights: Floats
    """[B, n] weight of every item in each gain: 1 / items of the benchmark, or zero."""
    clusters: tuple[str, ...]
    """[n] source cluster of every item of the suite."""

    @cached_property
    def sums(self) -> Floats:
        """[B, G] influence summed by cluster."""
        return cluster_sums(self.influence, self.clusters)

    @cached_property
    def shares(self) -> Floats:
        """[B, G] weight of every cluster in each gain."""
        return cluster_sums(self.weights, self.clusters)


@dataclass(frozen=True)
class Composite:
    """One composite gain and its error from items alone."""

    before: float
    """Level of the reference above the base, without a cap."""
    gain: float
    slope: Floats
    """[B] derivative of the composite with respect to each benchmark's contribution; 1 where no cap binds."""
    influence: Floats
    """[G] influence of each source cluster on the composite gain."""
    dof: float
    n: int


def scale_of(base: Path, suite: Suite, max_share: float = 0.3) -> Scale:
    """Fix the composite's units from the base model's scores on a suite.

    Raises:
        EvalError: a benchmark on which every item of the base has the same score.
    """
    scores = read_scores(base, suite)
    sd = {name: float(s.values.std(ddof=1)) for name, s in scores.items()}
    flat = [name for name, value in sd.items() if not value > 0]
    if flat:
        raise EvalError(f"the base scores every item of {', '.join(flat)} alike: leave the benchmark out or add items")
    mean = {name: float(s.values.mean()) for name, s in scores.items()}
    return Scale(split=suite.split, mean=mean, sd=sd, max_share=max_share)


def gains(reference: Mapping[str, ItemScores], treatment: Mapping[str, ItemScores], suite: Suite) -> Gains:
    """Pair two models' scores item by item."""
    sizes = [len(b.items) for b in suite.benchmarks]
    rows, weights, found = np.zeros((len(sizes), sum(sizes))), np.zeros((len(sizes), sum(sizes))), []
    start = 0
    for row, benchmark in enumerate(suite.benchmarks):
        one, other, stop = reference[benchmark.name], treatment[benchmark.name], start + sizes[row]
        if one.items != other.items:
            raise EvalError(f"the items of {benchmark.name} differ between the two models: measure both again")
        sign = 1.0 if benchmark.higher_is_better else -1.0
        difference = sign * (other.values - one.values)
        rows[row, start:stop], weights[row, start:stop] = mean_influence(difference, one.clusters), 1 / sizes[row]
        found.append((float(one.values.mean()), float(other.values.mean()), float(difference.mean())))
        start = stop
    before, after, gain = np.array(found).T
    clusters = tuple(c for b in suite.benchmarks for c in reference[b.name].clusters)
    return Gains(tuple(b.name for b in suite.benchmarks), before, after, gain, rows, weights, clusters)


def composite(paired: Gains, suite: Suite, scale: Scale) -> Composite:
    """Equal-weight mean of the gains in units of `scale`, each benchmark's contribution capped at `max_share`.

    The error is first-order (delta method) in the items, clustered by source file across benchmarks: a file that two
    benchmarks are cut from counts once. A clipped contribution moves with the others' sum that defines the clip.
    """
    units = np.array([scale.sd[name] for name in paired.names]) * len(paired.names)
    signs = np.array([1.0 if b.higher_is_better else -1.0 for b in suite.benchmarks])
    base = np.array([scale.mean[name] for name in paired.names])
    clipped, slope = cap(paired.gain / units, scale.max_share, FREE / len(paired.names))
    by_cluster = (slope / units) @ paired.sums
    shares = (np.abs(slope) / units) @ paired.shares
    return Composite(
        before=float((signs * (paired.before - base) / units).sum()),
        gain=float(clipped.sum()),
        slope=slope,
        influence=by_cluster,
        dof=degrees_of_freedom(shares),
        n=len(paired.clusters),
    )


def cap(contributions: Floats, share: float, free: float = 0.0) -> tuple[Floats, Floats]:
    """Clip contributions at +-t, the largest t at which none exceeds `share` of the clipped absolute sum, or at `free`.

    With the k largest clipped and the others summing to S in absolute value, t = share * S / (1 - k * share). Fewer
    than 1 / share benchmarks cannot satisfy the share; then it is 1 / (B - 1), and one or two are not capped. Without
    `free` the noise of benchmarks that stand still would decide how much of the moving one's gain counts.

    Returns:
        The clipped contributions [B], and the derivative [B] of their sum with respect to each contribution: 0 for a
        clipped one, and for another what it adds itself and through t.
    """
    count, sizes = len(contributions), np.abs(contributions)
    if count * share < 1:
        share = 1.0 if count < 3 else 1 / (count - 1)
    falling = np.append(np.sort(sizes)[::-1], 0.0)
    k, room, limit = 0, 1.0, share * float(sizes.sum())
    while falling[k] > limit * (1 + 1e-9):
        k, room = k + 1, 1 - (k + 1) * share
        limit = share * float(falling[k:].sum()) / room if room > 1e-9 else np.inf
    if k == 0:
        return contributions.copy(), np.ones(count)
    follows = share / room if limit > free else 0.0  # a fixed limit does not move with the others
    limit = max(limit, free)
    signs, large = np.sign(contributions), sizes > limit * (1 + 1e-9)
    slope = np.where(large, 0.0, 1 + signs * follows * signs[large].sum())
    return np.where(large, signs * limit, contributions), slope
