"""Repeated: one comparison made in several rounds, whose errors share the items and one estimate of the seed noise."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from .clustered import Error, degrees_of_freedom
from .composite import Gains, Scale, composite, gains
from .eprocess import harms
from .noise import COMPOSITE, NoiseFloor
from .score import Suite
from .scores import read_scores
from .seeds import FEWER, Seeds, chi_square_grid, seed_grid

Floats = NDArray[np.float64]

LEAST_DOF = 4.5
"""Degrees of freedom behind the item errors from which rounds are judged together: those of six clusters are 5."""


@dataclass(frozen=True)
class Repeated:
    """Gains of n rounds with their joint error."""

    gain: Floats
    """[n]"""
    items: Floats
    """[n, n] covariance from item sampling."""
    dof: float
    """Degrees of freedom behind `items`."""
    loads: Floats
    """[n] what a unit of seed variance adds to the variance of each gain."""
    seeds: Seeds
    overlap: Floats
    """[n, n] how far rounds ask the same clusters: 1 the same, 0 no common one (folds)."""

    def total(self, unit: float = 1.0) -> tuple[float, Error]:
        """The sum of the gains in `unit`, and its error."""
        items = max(0.0, float(self.items.sum())) / unit**2
        seeds = self.seeds.times(float(self.loads.sum()) / unit**2)
        return float(self.gain.sum()) / unit, Error.of(items, self.dof, seeds)

    def harm(self) -> Floats:
        """[m] E-value against "no round's mean is below zero" (`eprocess.harms`) after each round that has an error.

        It stays at 1, no evidence, below `LEAST_DOF`: two to four clusters do not show what rounds have in common, and
        taken at their word they called 7 to 16 % of harmless runs of twenty rounds harmful.
        """
        real = np.flatnonzero(np.diag(self.items) + self.loads > 0)
        if not len(real) or self.dof < LEAST_DOF:
            return np.ones(len(real))
        items, loads = self.smoothed()[np.ix_(real, real)], self.loads[real]
        seed, seed_weights = seed_grid(self.seeds)
        size, size_weights = chi_square_grid(self.dof, FEWER)
        covs = size[:, None, None, None] * items + seed[:, None, None] * np.diag(loads)
        covs = covs.reshape(-1, len(real), len(real))
        ridge = 1e-9 * np.diagonal(covs, axis1=1, axis2=2).max(axis=1) + 1e-300
        covs = covs + ridge[:, None, None] * np.eye(len(real))
        weights = np.outer(size_weights, seed_weights).ravel()
        return np.asarray(harms(self.gain[None, real], covs, weights)[0])

    def smoothed(self) -> Floats:
        """[n, n] `items` with one correlation for all rounds that ask the same items.

        The matrix is estimated from few clusters, and what it says of single pairs of rounds is mostly noise, which
        generalised least squares would exploit; the mean correlation is what the error of a mean depends on. A target
        of constant correlation is that of Ledoit and Wolf (2004, Journal of Portfolio Management 30:110-119).
        """
        sd = np.sqrt(np.diag(self.items))
        scale = np.outer(sd, sd)
        apart = ~np.eye(len(sd), dtype=bool) & (scale > 0)
        square = float((self.overlap[apart] ** 2).sum())
        seen = self.items / np.where(scale > 0, scale, 1.0)
        common = float((seen * self.overlap)[apart].sum()) / square if square else 0.0
        return scale * np.where(np.eye(len(sd), dtype=bool), 1.0, np.clip(common, 0.0, 0.999) * self.overlap)


def repeated(
    pairs: Sequence[tuple[Path, Path]],
    suites: Sequence[Suite],
    floor: NoiseFloor,
    scale: Scale,
    apart: Sequence[float],
) -> dict[str, Repeated]:
    """The same comparison in several rounds, by benchmark, the composite last.

    Args:
        pairs: [n] score files of each round, reference first.
        suites: [n] what the rounds were asked: one suite, or its folds.
        floor: seed noise.
        scale: units of the composite.
        apart: [n] share of training slots in which the pairs differ.
    """
    found = [
        gains(read_scores(one, suite), read_scores(other, suite), suite)
        for (one, other), suite in zip(pairs, suites, strict=True)
    ]
    whole = [composite(paired, suite, scale) for paired, suite in zip(found, suites, strict=True)]
    seen = _Clusters.of(found)
    out = {
        name: seen.joint(
            np.array([p.gain[row] for p in found]),
            [p.sums[row] for p in found],
            [p.shares[row] for p in found],
            2 * np.array(apart),
            floor.seeds(name),
        )
        for row, name in enumerate(found[0].names)
    }
    units = np.array([scale.sd[name] for name in found[0].names])
    out[COMPOSITE] = seen.joint(
        np.array([c.gain for c in whole]),
        [c.influence for c in whole],
        [(np.abs(c.slope) / units) @ p.shares for c, p in zip(whole, found, strict=True)],
        2 * np.array(apart) * np.array([(c.slope**2).mean() for c in whole]),
        floor.seeds(COMPOSITE),
    )
    return out


@dataclass(frozen=True)
class _Clusters:
    """Where each round's clusters stand among those of all rounds."""

    places: tuple[NDArray[np.int64], ...]
    count: int

    @classmethod
    def of(cls, found: Sequence[Gains]) -> "_Clusters":
        names = sorted({c for paired in found for c in paired.clusters})
        return cls(tuple(np.searchsorted(names, sorted(set(p.clusters))) for p in found), len(names))

    def joint(
        self, gain: Floats, sums: Sequence[Floats], shares: Sequence[Floats], loads: Floats, seeds: Seeds
    ) -> Repeated:
        """From each round's influence and weight by its own clusters."""
        influence, weights = self._aligned(sums), self._aligned(shares)
        lengths = np.sqrt((weights**2).sum(axis=1))
        overlap = (weights @ weights.T) / np.outer(lengths, lengths)
        dof = min(degrees_of_freedom(row) for row in weights)
        return Repeated(gain, influence @ influence.T, dof, loads, seeds, overlap)

    def _aligned(self, values: Sequence[Floats]) -> Floats:
        """[n, G] each round's values in their place, zero where a round did not ask."""
        out = np.zeros((len(values), self.count))
        for row, (place, own) in enumerate(zip(self.places, values, strict=True)):
            out[row, place] = own
        return out
