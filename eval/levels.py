"""Levels: what single models score on each benchmark, with clustered intervals, and how two of them differ."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..tiers.record import Record
from .clustered import EXACT, Error, cluster_sums, degrees_of_freedom, mean_influence
from .composite import Scale
from .delta import compare, delta_row
from .score import Benchmark, Delta, Suite
from .scores import ItemScores

Floats = NDArray[np.float64]
ACCURACY = "accuracy"


class Level(Record):
    """A model's mean on one benchmark, in one metric."""

    benchmark: str
    model: str
    metric: str
    mean: float
    low: float
    """95 % interval over items, clustered."""
    high: float
    n: int
    clusters: int
    chance: float | None = None
    """Accuracy of blind guessing, where there are choices to guess among."""


def levels(model: str, scores: Mapping[str, ItemScores], suite: Suite) -> list[Level]:
    """Means and 95 % intervals by benchmark: accuracy where something is right or wrong, then its own metric."""
    return [
        _level(model, benchmark, metric, values, scores[benchmark.name].clusters)
        for benchmark in suite.benchmarks
        for metric, values in (
            (ACCURACY, scores[benchmark.name].accuracy),
            (benchmark.metric, scores[benchmark.name].values),
        )
        if values is not None
    ]


def _level(model: str, benchmark: Benchmark, metric: str, values: Floats, clusters: tuple[str, ...]) -> Level:
    accuracy, mean = metric == ACCURACY, float(values.mean())
    error, count = _spread(values, clusters, accuracy)
    half = error.half_width
    guess = accuracy and benchmark.kind == "choice"
    return Level(
        benchmark=benchmark.name,
        model=model,
        metric=metric,
        mean=mean,
        low=max(0.0, mean - half) if accuracy else mean - half,
        high=min(1.0, mean + half) if accuracy else mean + half,
        n=len(values),
        clusters=count,
        chance=float(np.mean([1 / len(i.choices) for i in benchmark.items])) if guess else None,
    )


def differences(
    reference: Mapping[str, ItemScores],
    treatment: Mapping[str, ItemScores],
    suite: Suite,
    scale: Scale,
    names: tuple[str, str],
) -> list[Delta]:
    """Paired differences with item error alone: accuracies, then every benchmark's metric and the composite.

    Two models on disk have no A/A runs, so seed noise is not in the error: the question answered is whether these two
    models differ, not whether two trainings of their kind would.
    """
    found = []
    for benchmark in suite.benchmarks:
        one, other = reference[benchmark.name], treatment[benchmark.name]
        if one.accuracy is None or other.accuracy is None:
            continue
        gain = other.accuracy - one.accuracy
        error, clusters = _spread(gain, one.clusters, True)
        means = (float(one.accuracy.mean()), float(other.accuracy.mean()), float(gain.mean()))
        found.append(delta_row(benchmark.name, ACCURACY, suite.split, names, means, error, (len(gain), clusters)))
    return found + compare(reference, treatment, suite, None, scale, names=names)


def _spread(values: Floats, clusters: tuple[str, ...], accuracy: bool) -> tuple[Error, int]:
    """Error of the mean, and how many clusters there are.

    Accuracies that are all alike have no spread, and yet are not certain: if a share s of the clusters were otherwise,
    none of G would show it with a chance of (1 - s)^G, which is 2.5 % at the s that the interval then reaches to
    (Clopper and Pearson, 1934).
    """
    sums = cluster_sums(mean_influence(values, clusters), clusters)
    if accuracy and np.ptp(values) == 0:
        sure = Error(1.0, EXACT)
        return Error((1 - 0.025 ** (1 / len(sums))) / sure.half_width, sure.dof), len(sums)
    dof = degrees_of_freedom(cluster_sums(np.full(len(values), 1 / len(values)), clusters))
    return Error(float(np.sqrt((sums**2).sum())), dof), len(sums)
