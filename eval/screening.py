"""Screening: which benchmarks tell runs on different data apart, and which mostly repeat their seeds."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Screened:
    """One benchmark's signal against its noise."""

    signal: float
    """Largest difference between the means of runs on different data."""
    noise: float
    """Sd of runs on the same data."""
    p: float
    """Chance of such a ratio, or a larger one, if the data made no difference (studentized range)."""

    @property
    def ratio(self) -> float:
        """Signal-to-noise ratio."""
        return self.signal / self.noise if self.noise else float("inf") if self.signal else 0.0


def screen(different: Mapping[str, Floats], same: Mapping[str, Floats]) -> dict[str, Screened]:
    """Signal to noise by benchmark: the range over runs that differ, in sds of runs that do not.

    The ratio of Heineman et al. (2508.13144, signal-and-noise), with its chance under "no signal" beside it: the range
    of k normal means over an independent sd is the studentized range (Tukey, 1949), so that a threshold on `p` keeps
    its rate however many runs there are. A benchmark with p > .05 is one that a loop would chase noise on.

    Args:
        different: by benchmark, [k] means of runs on different data (probes of a round or several).
        same: by benchmark, [m] means of runs on the same data (A/A runs).

    Raises:
        ValueError: fewer than two runs of a kind, or other benchmarks in one than in the other.
    """
    if different.keys() != same.keys():
        raise ValueError(f"wanted the same benchmarks, got {sorted(different)} and {sorted(same)}")
    return {name: _screened(different[name], same[name]) for name in different}


def _screened(different: Floats, same: Floats) -> Screened:
    from scipy.stats import studentized_range

    if len(different) < 2 or len(same) < 2:
        raise ValueError(f"wanted two or more runs of each kind, got {len(different)} and {len(same)}")
    signal, noise = float(np.ptp(different)), float(same.std(ddof=1))
    ratio = signal / noise if noise else np.inf
    p = float(studentized_range.sf(ratio, len(different), len(same) - 1)) if np.isfinite(ratio) else float(signal == 0)
    return Screened(signal, noise, p)
