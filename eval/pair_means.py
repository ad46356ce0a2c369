"""Means over pairs: the mean gain of several pairs of runs, whose error holds the items that all of them were asked.

Pairs with other seeds err apart by their seeds, but alike by their items: of a benchmark that happens to favour the
treatment, every pair says so. A mean over pairs averages the first away and not the second. So the error of the mean
has two crossed parts (two-way clustering: Cameron, Gelbach and Miller, 2011, JBES 29:238-249):

- items: the clustered sum over the pairs' mean influence values, in which what is lasting about an item stays and what
  is each pair's own shrinks with the number of pairs;
- seeds: the variance of the pairs' gains less what each pair's own item noise explains of it (at least zero), over the
  number of pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..tiers.record import Record
from .clustered import Error, degrees_of_freedom
from .composite import Scale, composite, gains
from .noise import COMPOSITE
from .score import Suite, Verdict, verdict
from .scores import read_scores
from .seeds import Seeds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class PairGains:
    """One pair's gains by benchmark, the composite last, with what their item error is made of."""

    names: tuple[str, ...]
    """[B + 1]"""
    gain: Floats
    """[B + 1]"""
    influence: Floats
    """[B + 1, G] influence of each source cluster on each gain."""
    shares: Floats
    """[B + 1, G] weight of each source cluster in each gain."""
    clusters: tuple[str, ...]
    """[G] names; pairs that were asked about the same source have a name in common."""


class MeanGain(Record):
    """Mean gain over pairs on one benchmark, or on the composite."""

    benchmark: str
    gain: float
    se: float
    dof: float
    """Degrees of freedom of `se` (Satterthwaite)."""
    low: float
    """95 % interval of `gain`."""
    high: float
    p: float
    """Chance of a mean as far from zero, or farther, if there is no gain: two-sided, by the t of the interval."""
    seeds: int
    """Pairs."""
    verdict: Verdict


def pair_gains(reference: Path, treatment: Path, suite: Suite, scale: Scale) -> PairGains:
    """Gains of one pair of score files.

    Raises:
        EvalError: a file is missing or holds scores of another suite.
    """
    paired = gains(read_scores(reference, suite), read_scores(treatment, suite), suite)
    whole = composite(paired, suite, scale)
    units = np.array([scale.sd[name] for name in paired.names]) * len(paired.names)
    return PairGains(
        names=(*paired.names, COMPOSITE),
        gain=np.append(paired.gain, whole.gain),
        influence=np.vstack([paired.sums, whole.influence]),
        shares=np.vstack([paired.shares, (np.abs(whole.slope) / units) @ paired.shares]),
        clusters=tuple(sorted(set(paired.clusters))),
    )


def mean_gains(pairs: Sequence[PairGains]) -> list[MeanGain]:
    """Mean over two or more pairs by benchmark that all have, the composite last, with the error of items and of seeds.

    The pairs may have been asked other items, as pairs of runs with other hold-outs are: a cluster that a pair was not
    asked about has no influence on its gain.

    Raises:
        ValueError: fewer than two pairs.
    """
    if len(pairs) < 2:
        raise ValueError(f"wanted two or more pairs, got {len(pairs)}")
    names = [name for name in pairs[0].names if all(name in pair.names for pair in pairs)]
    return [_mean_gain(name, *_aligned(pairs, name)) for name in names]


def _mean_gain(name: str, gain: Floats, influence: Floats, shares: Floats) -> MeanGain:
    """From one benchmark's gains [S], influence [S, G] and mean weights of the clusters [G]."""
    count, mean = len(gain), float(gain.mean())
    items = float((influence.mean(axis=0) ** 2).sum())
    seen, own = float(gain.var(ddof=1)), float(influence.var(axis=0, ddof=1).sum())
    seeds = Seeds.estimate(seen, own, count - 1).times(1 / count)
    error = Error.of(items, degrees_of_freedom(shares), seeds)
    low, high = mean - error.half_width, mean + error.half_width
    return MeanGain(
        benchmark=name, gain=mean, se=error.se, dof=error.dof, low=low, high=high, p=error.p(mean), seeds=count,
        verdict=verdict(low, high),
    )  # fmt: skip


def _aligned(pairs: Sequence[PairGains], name: str) -> tuple[Floats, Floats, Floats]:
    """One benchmark of all pairs, over the clusters of any of them: gains [S], influence [S, G], mean weights [G]."""
    place = {cluster: column for column, cluster in enumerate(sorted(set().union(*(p.clusters for p in pairs))))}
    gain, influence, shares = np.zeros(len(pairs)), np.zeros((len(pairs), len(place))), np.zeros(len(place))
    for i, pair in enumerate(pairs):
        row, columns = pair.names.index(name), [place[cluster] for cluster in pair.clusters]
        gain[i], influence[i, columns] = pair.gain[row], pair.influence[row]
        shares[columns] += pair.shares[row] / len(pairs)
    return gain, influence, shares
