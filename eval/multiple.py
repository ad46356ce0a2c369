"""Many tests at once: Holm for claims, Benjamini-Hochberg for lists, e-BH where tests depend on each other."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def holm(p: Sequence[float]) -> Floats:
    """Adjusted p-values [K]: those at most alpha are wrong at all with probability alpha, whatever the dependence.

    Holm (1979), Scandinavian Journal of Statistics 6:65-70.
    """
    values = _checked(p)
    order = np.argsort(values)
    steps = values[order] * np.arange(len(values), 0, -1)
    adjusted = np.empty_like(values)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(steps))
    return adjusted


def benjamini_hochberg(p: Sequence[float]) -> Floats:
    """Adjusted p-values [K]: of those at most q a share of q is wrong on average, if the tests are independent.

    Benjamini and Hochberg (1995), JRSS B 57:289-300.
    """
    values = _checked(p)
    falling = np.argsort(values)[::-1]
    steps = values[falling] * (len(values) / np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[falling] = np.minimum(1.0, np.minimum.accumulate(steps))
    return adjusted


def e_bh(e: Sequence[float], alpha: float = 0.05) -> NDArray[np.bool_]:
    """Which of K e-values are discoveries: of those a share of alpha is wrong on average, whatever the dependence.

    The k largest, for the greatest k with e_(k) >= K / (k alpha). Wang and Ramdas (2022), JRSS B 84:822-852.

    Raises:
        ValueError: an e-value is negative or no number.
    """
    values = np.asarray(e, dtype=np.float64)
    if not (values >= 0).all():
        raise ValueError(f"wanted e-values of at least 0, got {values.tolist()}")
    falling = np.sort(values)[::-1]
    k = np.flatnonzero(falling * np.arange(1, len(values) + 1) >= len(values) / alpha)
    return values >= falling[k[-1]] if len(k) else np.zeros(len(values), dtype=bool)


def _checked(p: Sequence[float]) -> Floats:
    values = np.asarray(p, dtype=np.float64)
    if not ((values >= 0) & (values <= 1)).all():
        raise ValueError(f"wanted p-values from 0 to 1, got {values.tolist()}")
    return values
