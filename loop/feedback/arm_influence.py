"""Arm influence: the mean gradient influence of a sample of each arm, with the joint error of documents and targets."""

from collections.abc import Sequence

import numpy as np

from ...eval.clustered import cluster_sums, mean_influence
from .mechanism import Floats


def arm_influence(
    influence: Floats,
    arm_of: Sequence[str],
    sources: Sequence[str],
    arms: Sequence[str],
    benchmarks: Sequence[str],
    clusters: Sequence[str],
) -> tuple[Floats, Floats]:
    """The arms' mean influence [K] with its covariance [K, K]: the cheap form of influence, from a sample of each arm.

    Both the documents and the targets are samples: the covariance is the sum of both parts, each clustered by source
    (first order of a two-sample U statistic). Arms share their targets, so their errors are correlated.

    Args:
        influence: [n, m] of documents on targets; rows of NaN are left out.
        arm_of: [n] arm of each document.
        sources: [n] where each document is from.
        arms: [K] an arm without documents stands at the mean of all, with the spread of single documents.
        benchmarks: [m] of each target; all benchmarks weigh alike.
        clusters: [m] where each target is from.
    """
    known = np.isfinite(influence).all(axis=1)
    names, by = np.array(arm_of)[known], np.array(sources)[known]
    pairs = influence[known]
    weight = _weights(benchmarks)
    worth = pairs @ weight
    mean, drawn = np.full(len(arms), worth.mean()), np.zeros((len(arms), len(worth)))
    reached = np.tile(pairs.mean(0), (len(arms), 1))
    alone = np.zeros(len(arms))
    for k, arm in enumerate(arms):
        mine = names == arm
        if mine.any():
            mean[k], reached[k] = worth[mine].mean(), pairs[mine].mean(0)
        if mine.sum() > 1:
            drawn[k, mine] = _spread(worth[mine], by[mine])
        else:
            alone[k] = worth.var()
    sums = cluster_sums(drawn, list(by))
    return mean, sums @ sums.T + np.diag(alone) + _of_targets(reached, benchmarks, clusters)


def _weights(benchmarks: Sequence[str]) -> Floats:
    """[m] such that every benchmark has the same sum."""
    _, place, count = np.unique(np.array(benchmarks), return_inverse=True, return_counts=True)
    return np.asarray(1 / (len(count) * count[place]), dtype=float)


def _of_targets(reached: Floats, benchmarks: Sequence[str], clusters: Sequence[str]) -> Floats:
    """[K, K] what the choice of targets adds, from the arms' influence on each [K, m]."""
    names, by = np.array(benchmarks), np.array(clusters)
    errors = np.zeros_like(reached)
    every = np.unique(names)
    for name in every:
        mine = names == name
        if mine.sum() > 1:
            errors[:, mine] = [_spread(row[mine], by[mine]) / len(every) for row in reached]
    sums = cluster_sums(errors, list(by))
    return np.asarray(sums @ sums.T)


def _spread(values: Floats, clusters: Floats) -> Floats:
    """[n] what each value adds to the error of the mean; values of one single cluster count as independent."""
    by = clusters if len(set(clusters.tolist())) > 1 else np.arange(len(values))
    return mean_influence(values, [str(c) for c in by])
