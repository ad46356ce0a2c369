"""E-processes: evidence that may be looked at after every round; E >= 1 / alpha is a level-alpha test at any time."""

from collections.abc import Sequence
from math import erf, exp, inf, log, sqrt

SPREAD = 0.25
"""Variance of the effects, in standardised rounds, that the mixture is spread over (research/feedback.md 2.2)."""


def mixture(z: Sequence[float], spread: float = SPREAD) -> float:
    """E against "every round's mean is zero", effects of both signs: Gaussian mixture of likelihood ratios.

    E_n = (1 + n t^2)^(-1/2) exp(t^2 S^2 / (2 (1 + n t^2))), S the sum of standardised gains (Robbins 1970).

    Args:
        z: gains in standard errors, one a round; given the past each is standard normal under the null.
        spread: t^2.
    """
    n, total = len(z), float(sum(z))
    width = 1.0 + n * spread
    return _exp(-0.5 * log(width) + spread * total**2 / (2 * width))


def losing(z: Sequence[float], spread: float = SPREAD) -> float:
    """E against "no round's mean is below zero": the same mixture over harmful effects only.

    The mixing density is half of a Gaussian, so E = 2 E_mixture Phi(-S t / sqrt(1 + n t^2)); any gain only lowers it.
    """
    n, total = len(z), float(sum(z))
    width = 1.0 + n * spread
    below = 0.5 * (1 + erf(-total * sqrt(spread / width) / sqrt(2)))
    return 2.0 * mixture(z, spread) * below if below > 0 else 0.0


def interval(z: Sequence[float], alpha: float = 0.05, spread: float = SPREAD) -> tuple[float, float]:
    """Bounds on the mean effect that hold after every round at once with probability 1 - alpha, in standard errors."""
    n = len(z)
    if not n:
        return -inf, inf
    width = 1.0 + n * spread
    half = sqrt(width / spread * log(width / alpha**2)) / n
    mean = sum(z) / n
    return mean - half, mean + half


def _exp(x: float) -> float:
    return exp(x) if x < 700 else inf
