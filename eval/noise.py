"""The noise floor: how far two runs on the same mixture differ by their seeds alone, measured once at prepare."""

from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..tiers.errors import EvalError
from ..tiers.record import Record
from .composite import Gains, Scale, gains
from .score import Split, Suite
from .scores import read_scores

Floats = NDArray[np.float64]

COMPOSITE = "composite"
PRIOR_DOF = 4.0
"""Weight of the pooled estimate, in A/A runs: two runs leave one degree of freedom a benchmark, too few."""
SEED_CORRELATION = 0.25
"""Assumed correlation of seed effects between benchmarks, for the composite's share of the pooled estimate."""


class NoiseFloor(Record):
    """Seed variance of one run, by benchmark and for the composite; a difference of two runs has twice as much."""

    split: Split
    runs: int
    variance: dict[str, float]
    """In squared units of the benchmark's metric; `composite` in those of the composite."""
    dof: float
    """Degrees of freedom behind each variance."""
    se: dict[str, float]
    """Standard error of an A/A difference, items and seed together."""

    def between(self, apart: float) -> "NoiseFloor":
        """The floor for two runs with common random numbers that differ in a share `apart` of their training slots.

        A/A runs differ in every slot. Where two runs train on the same block in the same place they err alike, and what
        they have in common drops out of their difference; to first order the rest scales with what they have not.
        """
        return self.model_copy(update={"variance": {name: apart * v for name, v in self.variance.items()}})


def noise_floor(runs: Sequence[Path], suite: Suite, scale: Scale) -> NoiseFloor:
    """Estimate the seed variance from two or more runs on the same mixture with different seeds.

    Per benchmark, in units of the base's item spread: variance of the runs' means, less what item sampling explains
    (half of the clustered variance of a paired difference). It is shrunk towards its mean over the benchmarks, which
    counts as `PRIOR_DOF` runs (moderation as in limma: Smyth, 2004), and floored at zero only then, so that flooring
    biases single benchmarks and not the pool. The composite's own estimate is shrunk in the same way towards the one
    that the benchmarks imply at `SEED_CORRELATION`.

    Raises:
        EvalError: fewer than two runs.
    """
    if len(runs) < 2:
        raise EvalError(f"a noise floor needs two or more A/A runs, got {len(runs)}: raise the number of A/A runs")
    scores = [read_scores(run, suite) for run in runs]
    pairs = [gains(one, other, suite) for one, other in combinations(scores, 2)]
    unit = np.array([scale.sd[b.name] for b in suite.benchmarks])
    # The mean squared difference over all pairs is twice the sample variance; the same holds for the item part.
    seen = np.mean([(p.gain / unit) ** 2 for p in pairs], axis=0) / 2
    items = np.mean([(p.sums**2).sum(axis=1) for p in pairs], axis=0) / unit**2 / 2
    own, dof = seen - items, len(runs) - 1.0
    pooled = np.maximum(0, _moderated(own, max(0.0, float(own.mean())), dof))
    both_seen, both_items = _composite_parts(pairs, unit)
    both = max(0.0, float(_moderated(np.array(both_seen - both_items), _implied(pooled), dof)))
    names = [b.name for b in suite.benchmarks]
    variance = dict(zip(names, (pooled * unit**2).tolist(), strict=True))
    se = dict(zip(names, (np.sqrt(2 * (items + pooled)) * unit).tolist(), strict=True))
    return NoiseFloor(
        split=suite.split,
        runs=len(runs),
        variance={**variance, COMPOSITE: both},
        dof=dof + PRIOR_DOF,
        se={**se, COMPOSITE: float(np.sqrt(2 * (both_items + both)))},
    )


def minimum_detectable_effect(se: float) -> float:
    """Smallest true effect that a two-sided 5 % test finds in four of five cases: 2.8 standard errors."""
    return 2.8 * se


def _moderated(own: Floats, prior: float, dof: float) -> Floats:
    return (dof * own + PRIOR_DOF * prior) / (dof + PRIOR_DOF)


def _composite_parts(pairs: Sequence[Gains], unit: Floats) -> tuple[float, float]:
    """Variance of the runs' uncapped composites, and the part of it that item sampling explains."""
    weights = 1 / unit / len(unit)
    seen = np.mean([(weights @ p.gain) ** 2 for p in pairs]) / 2
    items = np.mean([((weights @ p.sums) ** 2).sum() for p in pairs]) / 2
    return float(seen), float(items)


def _implied(variance: Floats) -> float:
    """Variance of the mean of seed effects with these variances and the assumed correlation."""
    own, joint = variance.sum(), np.sqrt(variance).sum() ** 2
    return float((1 - SEED_CORRELATION) * own + SEED_CORRELATION * joint) / len(variance) ** 2
