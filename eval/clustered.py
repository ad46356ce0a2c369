"""Clustered errors of paired differences: influence values per item, summed by source cluster.

Items cut from one source file move together, so the error of a mean comes from the scatter of cluster sums (Miller,
2411.00640). Every estimate here is a sum of per-item influence values, so that estimates which share items or source
files (several benchmarks, several treatments against one reference) get their joint covariance by the same sum.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

_DENSE = 1 << 21
"""Items times clusters up to which a product with the membership matrix is faster than sorting."""


def mean_influence(differences: Floats, clusters: Sequence[str]) -> Floats:
    """What each item's deviation adds to the error of the mean: [n], in units of the mean.

    A cluster's residuals are divided by sqrt(1 - its share of the items), the CR2 correction (Bell and McCaffrey,
    2002): without it few or unequal clusters understate the error. At equal clusters it is the factor G / (G - 1).

    Raises:
        ValueError: fewer than two clusters.
    """
    codes, _ = _codes(tuple(clusters))
    share = (np.bincount(codes) / len(codes))[codes]
    if share.max() == 1.0:
        raise ValueError("one cluster gives no error estimate")
    return np.asarray((differences - differences.mean()) / len(differences) / np.sqrt(1 - share))


def cluster_sums(influence: Floats, clusters: Sequence[str]) -> Floats:
    """Influence values [..., n] summed by cluster: [..., G], clusters in sorted order."""
    codes, count = _codes(tuple(clusters))
    if len(codes) * count <= _DENSE:
        return np.asarray(influence @ np.eye(count)[codes])
    order = np.argsort(codes, kind="stable")
    starts = np.searchsorted(codes[order], np.arange(count))
    return np.asarray(np.add.reduceat(influence[..., order], starts, axis=-1))


@lru_cache(maxsize=64)
def _codes(clusters: tuple[str, ...]) -> tuple[Ints, int]:
    """[n] number of each item's cluster in sorted order, and how many there are: the same for all runs of a suite."""
    names, codes = np.unique(np.asarray(clusters), return_inverse=True)
    return codes, len(names)


def degrees_of_freedom(weights: Floats, clusters: Sequence[str]) -> float:
    """Effective number of clusters less one, at least one, for items that weigh `weights` [n] in the estimate.

    (sum s^2)^2 / sum s^4 over the clusters' weights s (Satterthwaite): the number of clusters if they are equal, fewer
    if some dominate.
    """
    squares = cluster_sums(weights, clusters) ** 2
    return max(1.0, float(squares.sum() ** 2 / (squares**2).sum()) - 1.0)


def pooled_dof(parts: Sequence[tuple[float, float]]) -> float:
    """Welch-Satterthwaite degrees of freedom of a sum of independent (variance, degrees of freedom) parts."""
    total = sum(variance for variance, _ in parts)
    spread = sum(variance**2 / dof for variance, dof in parts if variance > 0)
    return total**2 / spread if spread > 0 else max((dof for _, dof in parts), default=1.0)


def half_width(se: float, dof: float) -> float:
    """Half of the 95 % interval: Student's t with `dof` degrees of freedom."""
    from scipy.special import stdtrit

    return se * float(stdtrit(dof, 0.975))
