"""Ranking: mean ranks, rank correlation and its interval."""

from typing import Any

import numpy as np

from .select import percentiles

Floats = np.ndarray[Any, np.dtype[np.float64]]


def mean_ranks(values: Floats) -> Floats:
    """[n] rank of each value from 1, ties at their mean; NaN stays NaN."""
    return percentiles(values, np.zeros(len(values), np.int64)) * len(values) + 0.5


def spearman(one: Floats, other: Floats) -> float:
    """Rank correlation, ties at their mean rank; 0 where one side is constant."""
    together = np.zeros(len(one), np.int64)
    a, b = (percentiles(np.asarray(v, np.float64), together) for v in (one, other))
    if len(one) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])


def interval(correlation: float, n: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a rank correlation by Fisher's z with the standard error of Bonett and Wright (2000)."""
    if n <= 3:
        return -1.0, 1.0
    middle = np.arctanh(np.clip(correlation, -0.999999, 0.999999))
    reach = z * np.sqrt((1 + correlation**2 / 2) / (n - 3))
    return float(np.tanh(middle - reach)), float(np.tanh(middle + reach))
