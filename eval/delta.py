"""Deltas: two models' per-item scores in, paired differences with clustered and seed error out."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .clustered import Error, degrees_of_freedom
from .composite import Composite, Gains, Scale, composite, gains
from .noise import COMPOSITE, NoiseFloor
from .score import Delta, Split, Suite, verdict
from .scores import ItemScores, read_scores

Floats = NDArray[np.float64]


def deltas(
    reference: Path,
    treatment: Path,
    suite: Suite,
    noise: NoiseFloor | None,
    scale: Scale,
    *,
    names: tuple[str, str] = ("reference", "treatment"),
) -> list[Delta]:
    """Compare two models on every benchmark of a suite, and on the composite (last in the list).

    SE = sqrt(clustered item variance + 2 * seed variance); the 95 % interval is Student's t with Satterthwaite's
    degrees of freedom: of the effective number of clusters less one, and of the A/A runs behind the seed variance. A
    delta is `unresolved` unless the interval excludes zero.

    Args:
        reference: Score file of the model that is compared with.
        treatment: Score file of the other model.
        suite: What both were asked.
        noise: Seed variance; None counts item error alone (right for one and the same training run, and A/A itself).
        scale: Units of the composite.
        names: What the deltas call the reference and the treatment.

    Raises:
        EvalError: a file is missing or holds scores of another suite.
    """
    return compare(read_scores(reference, suite), read_scores(treatment, suite), suite, noise, scale, names=names)


def compare(
    reference: Mapping[str, ItemScores],
    treatment: Mapping[str, ItemScores],
    suite: Suite,
    noise: NoiseFloor | None,
    scale: Scale,
    *,
    names: tuple[str, str] = ("reference", "treatment"),
) -> list[Delta]:
    """`deltas` for scores that are already in memory."""
    paired = gains(reference, treatment, suite)
    found = [_benchmark_delta(paired, row, suite, noise, names) for row in range(len(suite.benchmarks))]
    return [*found, _composite_delta(composite(paired, suite, scale), paired, suite, noise, names)]


def evidence_cov(
    pairs: Sequence[tuple[Path, Path]],
    suite: Suite,
    noise: NoiseFloor | None,
    scale: Scale,
    apart: Sequence[float] | None = None,
) -> tuple[Floats, Floats]:
    """Composite gains of several (reference, treatment) pairs with their joint covariance.

    Item error is covered by one clustered sum over the pairs' influence values, so a shared reference, shared items and
    shared source files are all in it. Two contrasts that share a run also share that run's seed error (with the
    opposite sign if it is the reference of one and the treatment of the other).

    Args:
        pairs: Score files, reference first.
        suite: What all were asked.
        noise: Seed variance; None counts item error alone.
        scale: Units of the composite.
        apart: Share of the training slots in which each pair differs (`NoiseFloor.between`); all of them if not given.

    Returns:
        Gains [n], and their covariance [n, n], symmetric and positive semidefinite. Mechanisms take errors as normal
        and known: where few degrees of freedom are behind one, it is widened until the normal 95 % interval is that of
        Student's t, correlations kept.
    """
    files: dict[Path, Mapping[str, ItemScores]] = {p: read_scores(p, suite) for p in dict.fromkeys(sum(pairs, ()))}
    found = [composite(gains(files[one], files[other], suite), suite, scale) for one, other in pairs]
    sums, slopes = np.array([c.influence for c in found]), np.array([c.slope for c in found])
    runs = np.array([[(path == other) - (path == one) for path in files] for one, other in pairs], dtype=float)
    shares = np.ones(len(pairs)) if apart is None else np.array(apart)
    runs *= np.sqrt(shares)[:, None]
    seed = _composite_seed_variance(noise) * (slopes @ slopes.T) / len(suite.benchmarks)
    cov = sums @ sums.T + seed * (runs @ runs.T)
    wider = np.sqrt([_widening(c, noise, share) for c, share in zip(found, shares, strict=True)])
    return np.array([c.gain for c in found]), cov * np.outer(wider, wider)


def _widening(found: Composite, noise: NoiseFloor | None, apart: float) -> float:
    """Variance of a normal distribution with the t interval of a composite gain, over the gain's own variance."""
    error = _composite_error(found, noise.between(apart) if noise else None)
    return error.normal_variance / error.se**2 if error.se else 1.0


def _composite_seed_variance(noise: NoiseFloor | None) -> float:
    return noise.variance[COMPOSITE] if noise else 0.0


def _benchmark_delta(paired: Gains, row: int, suite: Suite, noise: NoiseFloor | None, names: tuple[str, str]) -> Delta:
    benchmark = suite.benchmarks[row]
    shares = paired.shares[row]
    return delta_row(
        benchmark.name,
        benchmark.metric,
        suite.split,
        names,
        (float(paired.before[row]), float(paired.after[row]), float(paired.gain[row])),
        _error(noise, benchmark.name, float((paired.sums[row] ** 2).sum()), degrees_of_freedom(shares)),
        (len(benchmark.items), int(np.count_nonzero(shares))),
    )


def _composite_delta(
    found: Composite, paired: Gains, suite: Suite, noise: NoiseFloor | None, names: tuple[str, str]
) -> Delta:
    return delta_row(
        COMPOSITE,
        "standard deviations",
        suite.split,
        names,
        (found.before, found.before + found.gain, found.gain),
        _composite_error(found, noise),
        (found.n, paired.sums.shape[1]),
    )


def _composite_error(found: Composite, noise: NoiseFloor | None) -> Error:
    return _error(noise, COMPOSITE, float((found.influence**2).sum()), found.dof, float((found.slope**2).mean()))


def _error(noise: NoiseFloor | None, name: str, items: float, dof: float, slope: float = 1.0) -> Error:
    return noise.error(name, items, dof, slope) if noise else Error.of(items, dof)


def delta_row(
    benchmark: str,
    metric: str,
    split: Split,
    names: tuple[str, str],
    means: tuple[float, float, float],
    error: Error,
    counts: tuple[int, int],
) -> Delta:
    """A row of (before, after, gain), its error and (items, clusters)."""
    before, after, gain = means
    low, high = gain - error.half_width, gain + error.half_width
    return Delta(
        benchmark=benchmark,
        split=split,
        metric=metric,
        treatment=names[1],
        reference=names[0],
        before=before,
        after=after,
        gain=gain,
        se=error.se,
        dof=error.dof,
        low=low,
        high=high,
        p=error.p(gain),
        n=counts[0],
        clusters=counts[1],
        verdict=verdict(low, high),
    )
