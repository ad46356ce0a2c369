"""Excess: by how much two runs differ more on one split than on another, whose items differ and whose seeds do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .clustered import Error, degrees_of_freedom
from .composite import Composite, Gains, Scale, composite, gains
from .score import Suite
from .scores import read_scores
from .seeds import Seeds

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Side:
    """One split: what was asked, and the score files."""

    suite: Suite
    """What the pair is compared by; a fold or all items."""
    scale: Scale
    pair: tuple[Path, Path]
    """Reference and treatment."""
    equal: Sequence[Path]
    """A/A runs, the same ones on both sides."""


def excess(one: Side, other: Side, apart: float) -> tuple[float, Error]:
    """The composite gain on one split less that on the other, and its error.

    Item errors add, less what clusters that stand in both splits have in common. A seed that helps on one split mostly
    helps on the other: the seed variance of the difference is that of the A/A runs' differences, less what item
    sampling put into it (as `noise_floor` has it of a single split).

    Args:
        one: the split whose gain is the larger one if items are fitted.
        other: the split that is compared with.
        apart: share of the training slots in which the pair differs.
    """
    paired = [gains(read_scores(s.pair[0], s.suite), read_scores(s.pair[1], s.suite), s.suite) for s in (one, other)]
    whole = [composite(p, s.suite, s.scale) for p, s in zip(paired, (one, other), strict=True)]
    items, dof = _items(paired, whole, (one.scale, other.scale))
    seen, sampled = _equal(one, other)
    load = 2 * apart * float(np.mean([(c.slope**2).mean() for c in whole]))
    seeds = Seeds.estimate(seen, sampled, len(one.equal) - 1).times(load)
    return whole[0].gain - whole[1].gain, Error.of(items, dof, seeds)


def _items(paired: Sequence[Gains], whole: Sequence[Composite], scales: Sequence[Scale]) -> tuple[float, float]:
    """Variance of the difference from item sampling, and its degrees of freedom."""
    weights = [
        (np.abs(c.slope) / np.array([scale.sd[name] for name in p.names])) @ p.shares
        for p, c, scale in zip(paired, whole, scales, strict=True)
    ]
    influence = _joined(paired, (whole[0].influence, -whole[1].influence))
    return float((influence**2).sum()), degrees_of_freedom(_joined(paired, weights))


def _equal(one: Side, other: Side) -> tuple[float, float]:
    """Variance of one A/A run's difference between the splits, and the part of it that item sampling explains."""
    values, sums = [], []
    for run in range(len(one.equal)):
        paired, rows = [], []
        for side, sign in ((one, 1.0), (other, -1.0)):
            first, this = (read_scores(side.equal[i], side.suite) for i in (0, run))
            paired.append(gains(first, this, side.suite))
            units = np.array([side.scale.sd[name] for name in paired[-1].names])
            rows.append(sign / units / len(units))
        values.append(float(sum(row @ p.gain for p, row in zip(paired, rows, strict=True))))
        sums.append(_joined(paired, [row @ p.sums for p, row in zip(paired, rows, strict=True)]))
    return float(np.var(values, ddof=1)), float(np.var(sums, axis=0, ddof=1).sum())


def _joined(paired: Sequence[Gains], values: Sequence[Floats]) -> Floats:
    """[G] sum of both splits' values by cluster; a cluster of both splits counts once."""
    names = sorted({c for p in paired for c in p.clusters})
    out = np.zeros(len(names))
    for p, own in zip(paired, values, strict=True):
        out[np.searchsorted(names, sorted(set(p.clusters)))] += own
    return out
