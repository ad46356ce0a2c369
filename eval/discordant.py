"""McNemar's test: whether two models answer a different share of the same questions right."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Discordant:
    """Questions on which two models differ, and how surprising their balance is."""

    better: int
    """Wrong before, right after."""
    worse: int
    """Right before, wrong after."""
    p: float
    """Two-sided mid-p value; 1 where the models never differ."""


def mcnemar(before: Floats, after: Floats) -> Discordant:
    """The mid-p test on discordant pairs: near its level where the exact test is far below it.

    Questions are taken as independent; where they come in clusters the clustered error is the one to use. Mid-p:
    Fagerland, Lydersen and Laake (2013), BMC Medical Research Methodology 13:91.

    Args:
        before: [n] 0 or 1, right answers of the reference.
        after: [n] 0 or 1, of the treatment.

    Raises:
        ValueError: the two differ in length, or hold something other than 0 and 1.
    """
    from scipy.special import bdtr

    if before.shape != after.shape or not np.isin(np.concatenate([before, after]), (0, 1)).all():
        raise ValueError(f"wanted two equally long lists of 0 and 1, got {before.shape} and {after.shape}")
    better, worse = int(((before == 0) & (after == 1)).sum()), int(((before == 1) & (after == 0)).sum())
    few, both = min(better, worse), better + worse
    if not both or better == worse:
        return Discordant(better, worse, 1.0)
    tail = float(bdtr(few, both, 0.5)) + (float(bdtr(few - 1, both, 0.5)) if few else 0.0)
    return Discordant(better, worse, min(1.0, tail))
