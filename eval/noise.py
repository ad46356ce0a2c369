"""The noise floor: how far two runs on the same mixture differ by their seeds alone, measured once at prepare."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..tiers.errors import EvalError
from ..tiers.record import Record
from .clustered import Error, degrees_of_freedom
from .composite import Scale, gains
from .score import Split, Suite
from .scores import read_scores

Floats = NDArray[np.float64]

COMPOSITE = "composite"


class NoiseFloor(Record):
    """Seed variance of one run, by benchmark and for the composite; a difference of two runs has twice as much."""

    split: Split
    runs: int
    variance: dict[str, float]
    """In squared units of the benchmark's metric; `composite` in those of the composite."""
    spread: dict[str, float]
    """Standard error of each variance: few runs know it badly, and the intervals have to say so."""
    items: dict[str, float]
    """Variance of an A/A difference that the sampling of items explains."""
    dof: dict[str, float]
    """Degrees of freedom behind `items`: clusters less one."""

    @property
    def names(self) -> tuple[str, ...]:
        """The benchmarks, the composite last."""
        return tuple(self.variance)

    def between(self, apart: float) -> "NoiseFloor":
        """The floor for two runs with common random numbers that differ in a share `apart` of their training slots.

        A/A runs differ in every slot. Where two runs train on the same block in the same place they err alike, and what
        they have in common drops out of their difference; to first order the rest scales with what they have not.
        """
        scaled = {k: {n: apart * v for n, v in getattr(self, k).items()} for k in ("variance", "spread")}
        return self.model_copy(update=scaled)

    @classmethod
    def across(cls, trainings: Sequence[tuple["NoiseFloor", float]]) -> "NoiseFloor":
        """The floor for two models that several trainings set apart, each with the seed noise of one run.

        Seed effects are taken to add up from training to training, which is the most they do where a training keeps or
        forgets what the ones before left behind (`benchmarks/chains.py` measures it). What is not known about a floor
        is multiplied with it: floors that are equal are one estimate, others are independent.

        Args:
            trainings: floors, and how many independent trainings of their kind stand between the two models; a pair of
                A/A runs from one start is 2.

        Raises:
            ValueError: no floor.
        """
        counts: list[tuple[NoiseFloor, float]] = []
        for floor, count in trainings:
            place = next((i for i, (other, _) in enumerate(counts) if other == floor), None)
            if place is None:
                counts.append((floor, count))
            else:
                counts[place] = floor, counts[place][1] + count
        if not counts:
            raise ValueError("wanted the noise floor of one or more trainings, got none")
        parts = [floor.between(count / 2) for floor, count in counts]
        names = parts[0].names
        variance = {name: sum(part.variance[name] for part in parts) for name in names}
        spread = {name: math.hypot(*(part.spread[name] for part in parts)) for name in names}
        return parts[0].model_copy(update={"variance": variance, "spread": spread})

    def error(self, name: str, items: float, dof: float, slope: float = 1.0) -> Error:
        """The error of a difference of two runs: item sampling, and twice the seed variance.

        Args:
            name: of the benchmark, or `composite`.
            items: variance of the difference from item sampling.
            dof: degrees of freedom behind `items`.
            slope: what a unit of seed variance counts (the composite's cap).
        """
        return Error.of(items, dof, 2 * slope * self.variance[name], 2 * slope * self.spread[name])

    def foreseen(self, name: str, folds: int = 1) -> Error:
        """The error that a comparison by one of `folds` parts of the items will have, before it is made."""
        return self.error(name, folds * self.items[name], max(1.0, (self.dof[name] + 1) / folds - 1))


def noise_floor(runs: Sequence[Path], suite: Suite, scale: Scale) -> NoiseFloor:
    """Estimate the seed variance from two or more runs on the same mixture with different seeds.

    Per benchmark and for the uncapped composite: variance S^2 of the runs' means, less what item sampling explains
    (half of the clustered variance of a paired difference), at least zero: a variance component by the method of
    moments. How well it is known follows from S^2, a chi-square with runs - 1 degrees of freedom, and not from what is
    left of it: that is what keeps Satterthwaite's degrees of freedom of a sum honest where a small difference of two
    large parts is in it (Satterthwaite, 1946; Gaylor and Hopper, 1969, Technometrics 11:691-706).

    Benchmarks lend each other nothing. Their seed variances differ by up to a thousand times in units of their items'
    sd (docs/evaluation.md), so that a mean over them calls the noisy ones resolved and hides the quiet ones' effects;
    and the composite's is measured on composites, since what correlation seed effects have is not known beforehand.

    Raises:
        EvalError: fewer than two runs.
    """
    if len(runs) < 2:
        raise EvalError(f"a noise floor needs two or more A/A runs, got {len(runs)}: raise evaluation.aa_runs")
    first, *others = [read_scores(run, suite) for run in runs]
    paired = [gains(first, other, suite) for other in (first, *others)]  # what they have in common drops out
    units = np.array([scale.sd[b.name] for b in suite.benchmarks])
    rows = np.vstack([np.eye(len(units)), 1 / units / len(units)])  # each benchmark, then the composite
    seen = np.var([rows @ p.gain for p in paired], axis=0, ddof=1)
    items = np.var([rows @ p.sums for p in paired], axis=0, ddof=1).sum(axis=1)
    variance, spread = np.maximum(0, seen - items), excess_spread(seen, items, len(runs) - 1)
    names = [*(b.name for b in suite.benchmarks), COMPOSITE]
    dof = [degrees_of_freedom(row) for row in rows @ paired[0].shares]
    named = {"variance": variance, "spread": spread, "items": 2 * items, "dof": dof}
    return NoiseFloor(
        split=suite.split,
        runs=len(runs),
        **{key: dict(zip(names, map(float, values), strict=True)) for key, values in named.items()},
    )


def excess_spread(seen: Floats, items: Floats, dof: int) -> Floats:
    """Standard errors of max(0, Y - items), Y a variance estimated as `seen` with so many degrees of freedom.

    Y is a gamma variable of shape k = dof / 2 and scale seen / k, whose partial moments are incomplete gamma functions.
    """
    from scipy.special import gammaincc

    k = dof / 2
    scale = np.maximum(seen, np.finfo(float).tiny) / k
    above = [gammaincc(k + n, items / scale) for n in range(3)]
    first = k * scale * above[1] - items * above[0]
    second = k * (k + 1) * scale**2 * above[2] - 2 * items * k * scale * above[1] + items**2 * above[0]
    return np.asarray(np.sqrt(np.maximum(0, second - first**2)))
