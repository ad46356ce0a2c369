"""Clustered errors of paired differences: influence values per item, summed by source cluster.

Items cut from one source file move together, so the error of a mean comes from the scatter of cluster sums (Miller,
2411.00640). Every estimate here is a sum of per-item influence values, so that estimates which share items or source
files (several benchmarks, several treatments against one reference) get their joint covariance by the same sum.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .seeds import Seeds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

EXACT = 1e9
"""Degrees of freedom of an error that is given and not estimated: finite, since JSON and SQLite hold finite numbers."""

_DENSE = 1 << 21
"""Items times clusters up to which a product with the membership matrix is faster than sorting."""


def mean_influence(differences: Floats, clusters: Sequence[str]) -> Floats:
    """What each item's deviation adds to the error of the mean: [n], in units of the mean.

    A cluster's residuals are divided by sqrt(1 - its share of the items), the CR2 correction (Bell and McCaffrey,
    2002): without it few or unequal clusters understate the error. At equal clusters it is the factor G / (G - 1).

    Raises:
        ValueError: fewer than two clusters.
    """
    codes = _grouped(tuple(clusters)).codes
    share = (np.bincount(codes) / len(codes))[codes]
    if share.max() == 1.0:
        raise ValueError("one cluster gives no error estimate")
    return np.asarray((differences - differences.mean()) / len(differences) / np.sqrt(1 - share))


def cluster_sums(influence: Floats, clusters: Sequence[str]) -> Floats:
    """Influence values [..., n] summed by cluster: [..., G], clusters in sorted order."""
    found = _grouped(tuple(clusters))
    if len(found.codes) * len(found.starts) <= _DENSE:
        return np.asarray(influence @ np.eye(len(found.starts))[found.codes])
    return np.asarray(np.add.reduceat(influence[..., found.order], found.starts, axis=-1))


class _Grouped(NamedTuple):
    """Items by cluster: the same for all runs of a suite."""

    codes: Ints
    """[n] number of each item's cluster in sorted order."""
    order: Ints
    """[n] items, cluster by cluster."""
    starts: Ints
    """[G] where each cluster begins in `order`."""


@lru_cache(maxsize=64)
def _grouped(clusters: tuple[str, ...]) -> _Grouped:
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    order = np.argsort(codes, kind="stable")
    return _Grouped(codes, order, np.searchsorted(codes[order], np.arange(len(names))))


def degrees_of_freedom(weights: Floats) -> float:
    """Effective number of clusters less one, at least one, for clusters that weigh `weights` [G] in the estimate.

    (sum s^2)^2 / sum s^4 over the clusters' weights s (Satterthwaite): the number of clusters if they are equal, fewer
    if some dominate. Clusters that weigh nothing leave one.
    """
    squares = weights**2
    if not squares.any():
        return 1.0
    return max(1.0, float(squares.sum() ** 2 / (squares**2).sum()) - 1.0)


@dataclass(frozen=True)
class Error:
    """The error of an estimate, and how well that error is known."""

    se: float
    dof: float

    @classmethod
    def of(cls, items: float, dof: float, seeds: Seeds | None = None) -> "Error":
        """From two independent variances: `items`, known with `dof`, and that of the seeds.

        The standard error is the root of their sum. The degrees of freedom are those whose Student's t has the 95 %
        interval of `seeds.reach95`; where one degree is too many, the standard error is raised as well.
        """
        from scipy.special import stdtridf, stdtrit

        if seeds is None:
            return cls(math.sqrt(items), dof)
        se, half = math.sqrt(items + seeds.variance), seeds.reach95(items, dof)
        widest, narrowest = float(stdtrit(1.0, 0.975)), float(stdtrit(EXACT, 0.975))
        if half <= narrowest * se:
            return cls(se, EXACT if half else dof)
        if half >= widest * se:
            return cls(half / widest, 1.0)
        return cls(se, min(EXACT, float(stdtridf(0.975, half / se))))

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval: Student's t."""
        from scipy.special import stdtrit

        return self.se * float(stdtrit(self.dof, 0.975))

    def reach(self, steps: float) -> float:
        """What a gain has to clear to be as sure as `steps` standard errors of a normal one: Student's t, one-sided."""
        from scipy.special import ndtr, stdtrit

        return -self.se * float(stdtrit(self.dof, ndtr(-steps)))

    def better(self, gain: float) -> float:
        """P(true gain > 0) under a flat prior; a gain without error is certain, and no difference counts one half."""
        from scipy.special import stdtr

        if not self.se:
            return 0.5 + 0.5 * ((gain > 0) - (gain < 0))
        return float(stdtr(self.dof, gain / self.se))

    @property
    def normal_variance(self) -> float:
        """Variance of the normal distribution whose 95 % interval is this error's: for those who know no t."""
        return (self.half_width / 1.959963984540054) ** 2

    @property
    def detectable(self) -> float:
        """Smallest true effect that the two-sided 5 % test finds in four of five cases: 2.8 se, more with few dof."""
        from scipy.special import nctdtrinc, stdtrit

        return self.se * float(nctdtrinc(self.dof, 0.2, stdtrit(self.dof, 0.975)))

    def p(self, gain: float) -> float:
        """Chance of a gain as far from zero as this, or farther, if there is none: two-sided."""
        from scipy.special import stdtr

        if not self.se:
            return float(gain == 0)
        return 2 * float(stdtr(self.dof, -abs(gain) / self.se))
