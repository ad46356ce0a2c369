"""CUPED: a covariate whose mean is known takes its share of the item noise out of a paired difference."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .clustered import cluster_sums, mean_influence

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Adjusted:
    """A mean difference after adjustment, and how much narrower it became."""

    gain: float
    se: float
    theta: float
    """What one unit of the covariate explains."""
    raw_gain: float
    raw_se: float


def control_variate(differences: Floats, covariate: Floats, known_mean: float, clusters: Sequence[str]) -> Adjusted:
    """The mean of d - theta (z - known_mean), theta fitted by least squares (Deng et al., 2013, WSDM: CUPED).

    `known_mean` has to come from more than these items: the base model's mean over a whole pool of which they are a
    sample (rotating feedback items). Centred at the sample's own mean an adjusted mean is the raw one, and an error
    made smaller by it would be too small: such a call is refused.

    Args:
        differences: [n] treatment minus reference.
        covariate: [n] something known of every item without either run, such as the base model's score.
        known_mean: the covariate's mean over everything that the items stand for.
        clusters: [n] what each item was cut from.

    Raises:
        ValueError: the known mean is the sample's own, or the covariate is constant.
    """
    centred = covariate - covariate.mean()
    if not centred.any():
        raise ValueError("wanted a covariate that differs between items, got a constant")
    if known_mean == covariate.mean():
        raise ValueError("wanted the covariate's mean over a larger pool, got the mean of these very items")
    theta = float(centred @ differences / (centred @ centred))
    adjusted = differences - theta * (covariate - known_mean)
    return Adjusted(
        float(adjusted.mean()), _se(adjusted, clusters), theta, float(differences.mean()), _se(differences, clusters)
    )


def _se(values: Floats, clusters: Sequence[str]) -> float:
    return float(np.sqrt((cluster_sums(mean_influence(values, clusters), clusters) ** 2).sum()))
