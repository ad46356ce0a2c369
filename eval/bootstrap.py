"""Paired bootstrap: intervals of mean differences that assume no distribution, whole clusters drawn at a time."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .clustered import cluster_sums

Floats = NDArray[np.float64]

_DRAWN = 1 << 22
"""Cluster draws that are held in memory at once."""


@dataclass(frozen=True)
class Interval:
    """Mean differences of R comparisons and bounds on each: [R] arrays."""

    mean: Floats
    se: Floats
    """Standard deviation of the means over the draws."""
    low: Floats
    high: Floats


def paired_bootstrap(
    differences: Floats,
    clusters: Sequence[str],
    *,
    draws: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    method: Literal["studentized", "percentile"] = "studentized",
) -> Interval:
    """Bounds on the mean of paired differences, from resampled clusters (their items stay together).

    The studentized interval (bootstrap-t: Efron and Tibshirani, 1993, chapter 12; with clusters Cameron, Gelbach and
    Miller, 2008) covers at its level with few clusters too, where the percentile interval is too narrow. All
    comparisons see the same draws, so that differences between them may be read off the draws as well.

    Args:
        differences: [n] or [n, R], treatment minus reference by item, of R comparisons over the same items.
        clusters: [n] what each item was cut from; the item's own name where items are independent.
        draws: bootstrap samples.
        level: probability that the bounds hold the true mean.
        seed: of the draws.
        method: how bounds are made of the draws.

    Raises:
        ValueError: fewer than two clusters.
    """
    rows = np.atleast_2d(np.asarray(differences, dtype=np.float64).T)
    sums, sizes = cluster_sums(rows, clusters).T, cluster_sums(np.ones(rows.shape[1]), clusters)
    if len(sizes) < 2:
        raise ValueError("one cluster gives no error estimate")
    mean = rows.mean(axis=1)
    parts = [_draw(counts, sums, sizes) for counts in _counts(len(sizes), draws, seed)]
    means, errors = (np.concatenate(column) for column in zip(*parts, strict=True))
    tails = [(1 - level) / 2, (1 + level) / 2]
    if method == "percentile":
        low, high = np.quantile(means, tails, axis=0)
    else:
        t = np.divide(means - mean, errors, out=np.zeros_like(means), where=errors > 0)
        above, below = np.quantile(t, tails, axis=0)
        own = _draw(np.ones((1, len(sizes))), sums, sizes)[1][0]
        low, high = mean - below * own, mean - above * own
    return Interval(mean, means.std(axis=0, ddof=1), low, high)


def _counts(clusters: int, draws: int, seed: int) -> Iterator[Floats]:
    """How often each draw took each cluster: [draws, clusters], in slices that fit into memory."""
    rng, step = np.random.default_rng(seed), max(1, _DRAWN // clusters)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        taken = rng.integers(clusters, size=(size, clusters), dtype=np.int32)
        taken += np.arange(size, dtype=np.int32)[:, None] * clusters
        yield np.bincount(taken.ravel(), minlength=size * clusters).reshape(size, clusters).astype(np.float64)


def _draw(counts: Floats, sums: Floats, sizes: Floats) -> tuple[Floats, Floats]:
    """Means and clustered standard errors [draws, R] of samples that hold each cluster `counts` times."""
    items = (counts @ sizes)[:, None]
    means = counts @ sums / items
    # sum over clusters of counts * (sum - mean * size)^2, multiplied out so that it is three products
    square = counts @ sums**2 - 2 * means * (counts @ (sums * sizes[:, None])) + means**2 * (counts @ sizes**2)[:, None]
    return means, np.sqrt(np.maximum(square, 0.0)) / items
