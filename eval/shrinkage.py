"""Empirical-Bayes shrinkage: what the best of several measured gains is worth once luck is taken off."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Shrunk:
    """Posterior of K true gains."""

    mean: Floats
    """[K]"""
    sd: Floats
    """[K] posterior sd, with the uncertainty of the group's mean and spread."""
    centre: float
    spread: float
    """Estimated sd of the true gains; 0 where the measured ones differ no more than their errors explain."""


def shrink(gains: Floats, se: Floats) -> Shrunk:
    """Pull K gains of like things (arms of a tier, benchmarks of a kind) towards their mean, the noisy ones most.

    tau^2 = max(0, Var(gains) - mean se^2), gain* = mu + tau^2 / (tau^2 + se^2) (gain - mu), mu the mean (James and
    Stein, 1961; Efron and Morris, 1975): the best of several unbiased measurements is not unbiased. The posterior
    variance is Morris's (1983, JASA 78:47-55), se^2 (1 - B (K - 1) / K) + 2 / (K - 3) B^2 (gain - mu)^2, with B what is
    taken off.

    Raises:
        ValueError: fewer than three gains, or an error that is not positive.
    """
    if len(gains) < 3 or len(gains) != len(se) or not (se > 0).all():
        raise ValueError(f"wanted three or more gains with positive errors, got {len(gains)} and {se.tolist()}")
    centre = float(gains.mean())
    spread = max(0.0, float(gains.var(ddof=1) - (se**2).mean()))
    off, count = se**2 / (spread + se**2), len(gains)
    apart = gains - centre
    variance = se**2 * (1 - off * (count - 1) / count) + 2 / max(1, count - 3) * (off * apart) ** 2
    return Shrunk(centre + (1 - off) * apart, np.sqrt(variance), centre, float(np.sqrt(spread)))
