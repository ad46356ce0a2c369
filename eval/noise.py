"""The noise floor: how far two runs on the same mixture differ by their seeds alone, measured once at prepare."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import model_validator

from ..tiers.errors import EvalError
from ..tiers.record import Record
from .clustered import Error, degrees_of_freedom
from .composite import Scale, gains
from .score import Split, Suite
from .scores import read_scores
from .seeds import Seeds

Floats = NDArray[np.float64]

COMPOSITE = "composite"


class NoiseFloor(Record):
    """Seed variance of one run, by benchmark and for the composite; a difference of two runs has twice as much."""

    split: Split
    runs: int
    variance: dict[str, float]
    """In squared units of the benchmark's metric; `composite` in those of the composite."""
    own: dict[str, float]
    """What item sampling put into the variance of the A/A runs that `variance` is the rest of."""
    known: dict[str, float]
    """Degrees of freedom of `variance + own`: few runs know it badly, and the intervals have to say so."""
    items: dict[str, float]
    """Variance of an A/A difference that the sampling of items explains."""
    dof: dict[str, float]
    """Degrees of freedom behind `items`: clusters less one."""

    @model_validator(mode="before")
    @classmethod
    def _of_before(cls, data: Any) -> Any:
        """Floors of older runs have the standard error of each variance in place of what it follows from."""
        if not isinstance(data, dict) or "own" in data or not isinstance(items := data.get("items"), dict):
            return data
        kept = {key: value for key, value in data.items() if key != "spread"}
        return kept | {"own": {n: v / 2 for n, v in items.items()}, "known": dict.fromkeys(items, data["runs"] - 1.0)}

    @property
    def names(self) -> tuple[str, ...]:
        """The benchmarks, the composite last."""
        return tuple(self.variance)

    def seeds(self, name: str) -> Seeds:
        """What is known of one benchmark's seed variance."""
        return Seeds(self.variance[name], self.own[name], self.known[name])

    def between(self, apart: float) -> "NoiseFloor":
        """The floor for two runs with common random numbers that differ in a share `apart` of their training slots.

        A/A runs differ in every slot. Where two runs train on the same block in the same place they err alike, and what
        they have in common drops out of their difference; to first order the rest scales with what they have not.
        """
        scaled = {k: {n: apart * v for n, v in getattr(self, k).items()} for k in ("variance", "own")}
        return self.model_copy(update=scaled)

    @classmethod
    def across(cls, trainings: Sequence[tuple["NoiseFloor", float]]) -> "NoiseFloor":
        """The floor for two models that several trainings set apart, each with the seed noise of one run.

        Seed effects are taken to add up from training to training, which is the most they do where a training keeps or
        forgets what the ones before left behind (`benchmarks/chains.py` measures it). Floors that are equal are one
        estimate; others are independent, and their sum has Satterthwaite's degrees of freedom.

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
        summed = {k: {n: sum(getattr(p, k)[n] for p in parts) for n in parts[0].names} for k in ("variance", "own")}
        return parts[0].model_copy(update={**summed, "known": {n: _joint_dof(parts, n) for n in parts[0].names}})

    def error(self, name: str, items: float, dof: float, slope: float = 1.0) -> Error:
        """The error of a difference of two runs: item sampling, and twice the seed variance.

        Args:
            name: of the benchmark, or `composite`.
            items: variance of the difference from item sampling.
            dof: degrees of freedom behind `items`.
            slope: what a unit of seed variance counts (the composite's cap).
        """
        return Error.of(items, dof, self.seeds(name).times(2 * slope))

    def foreseen(self, name: str, folds: int = 1) -> Error:
        """The error that a comparison by one of `folds` parts of the items will have, before it is made."""
        return self.error(name, folds * self.items[name], max(1.0, (self.dof[name] + 1) / folds - 1))


def noise_floor(runs: Sequence[Path], suite: Suite, scale: Scale) -> NoiseFloor:
    """Estimate the seed variance from two or more runs on the same mixture with different seeds.

    Per benchmark and for the uncapped composite: variance S^2 of the runs' means, less what item sampling explains
    (half of the clustered variance of a paired difference), at least zero: a variance component by the method of
    moments. How well it is known follows from S^2, a chi-square with runs - 1 degrees of freedom, and not from what is
    left of it (`seeds.reach95`).

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
    known = np.full(len(seen), len(runs) - 1.0)
    names = [*(b.name for b in suite.benchmarks), COMPOSITE]
    dof = [degrees_of_freedom(row) for row in rows @ paired[0].shares]
    variance = np.maximum(0, seen - items)
    named = {"variance": variance, "own": items, "known": known, "items": 2 * items, "dof": dof}
    return NoiseFloor(
        split=suite.split,
        runs=len(runs),
        **{key: dict(zip(names, map(float, values), strict=True)) for key, values in named.items()},
    )


def _joint_dof(parts: Sequence[NoiseFloor], name: str) -> float:
    """Satterthwaite's degrees of freedom of a sum of independent variances."""
    if len(parts) == 1:
        return parts[0].known[name]
    sizes = np.array([part.variance[name] + part.own[name] for part in parts])
    squares = sizes**2 / np.array([part.known[name] for part in parts])
    return float(sizes.sum() ** 2 / squares.sum()) if squares.any() else float(parts[0].known[name])
