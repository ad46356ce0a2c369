"""Seeds: what few A/A runs say of a seed variance, and the error of a gain that holds it."""

from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SCORES = np.linspace(-3.6, 3.6, 33)
"""Normal scores at which the distribution of the seed variance is taken."""
FINE = np.linspace(-4.0, 4.0, 81)
"""The same for the quantiles of intervals."""
FEWER = np.linspace(-2.0, 2.0, 5)
"""The same for the size of the items' errors, which more clusters than A/A runs speak of."""


@dataclass(frozen=True)
class Seeds:
    """What is known of one benchmark's seed variance: an estimate with few degrees of freedom, or exactly (inf)."""

    variance: float
    """Estimate."""
    items: float = 0.0
    """What item sampling put into the variance that the A/A runs showed, in the same units."""
    dof: float = np.inf
    """Degrees of freedom of `variance + items`: A/A runs less one."""

    @classmethod
    def estimate(cls, total: float, items: float, dof: float) -> "Seeds":
        """From the variance of repeated runs and the part of it that item sampling explains."""
        return cls(max(0.0, total - items), items, dof)

    def times(self, factor: float) -> "Seeds":
        """The same knowledge of a multiple of the variance."""
        return replace(self, variance=factor * self.variance, items=factor * self.items)

    def reach95(self, items: float, dof: float) -> float:
        """Half of the 95 % interval of a gain with this seed variance and `items`, known with `dof`."""
        return float(reach95(np.array(items), dof, np.array(self.variance), np.array(self.items), self.dof))


def chi_square_grid(dof: float, scores: Floats = SCORES) -> tuple[Floats, Floats]:
    """Values of dof / chi-square(dof) at normal scores, rising, and their weights: a variance given its estimate."""
    from scipy.special import chdtri, ndtr

    if not np.isfinite(dof) or dof > 1e6:
        return np.ones(1), np.ones(1)
    edges = np.concatenate([[-np.inf], (scores[1:] + scores[:-1]) / 2, [np.inf]])
    values = dof / np.asarray(chdtri(dof, ndtr(scores)))
    return values, np.diff(ndtr(edges))


def seed_grid(seeds: Seeds, scores: Floats = SCORES) -> tuple[Floats, Floats]:
    """Possible seed variances given the A/A runs, and their weights.

    The runs' whole variance, items included, has the prior 1 / theta and so dof * estimate / chi-square(dof) as its
    posterior; what lies below the items' own part is a seed variance of zero (a variance component by truncation: Box
    and Tiao, 1973, Bayesian Inference in Statistical Analysis, 5.2).
    """
    ratio, weights = chi_square_grid(seeds.dof, scores)
    values = np.maximum(0.0, ratio * (seeds.variance + seeds.items) - seeds.items)
    zero = values == 0
    if not zero.any():
        return values, weights
    return np.append(values[~zero], 0.0), np.append(weights[~zero], weights[zero].sum())


@lru_cache(maxsize=64)
def _fine_grid(known: float) -> tuple[Floats, Floats]:
    return chi_square_grid(known, FINE)


def reach95(items: Floats, dof: float, variance: Floats, own: Floats, known: float) -> Floats:
    """Halves of the 95 % intervals of gains with item error and seed noise.

    A gain is normal for each possible seed variance, and a mixture over all of them (`seed_grid`). Moment matching
    (Satterthwaite) fails here: where two or three A/A runs happen to agree, it takes a seed variance of zero for known,
    and nominal 95 % intervals hold the truth in 88 %.

    Args:
        items: [...] variance from item sampling.
        dof: degrees of freedom behind it; it enters as the normal variance with the same 95 % interval.
        variance: [...] estimated seed variance of the gain.
        own: [...] `Seeds.items`, in the same units.
        known: `Seeds.dof`.
    """
    from scipy.special import ndtr, stdtrit

    ratio, weights = _fine_grid(known)
    own = np.asarray(own)[..., None]
    seeds = np.maximum(0.0, ratio * (np.asarray(variance)[..., None] + own) - own)
    wider = (float(stdtrit(dof, 0.975)) / 1.959963984540054) ** 2
    sd = np.sqrt(wider * np.asarray(items)[..., None] + seeds)
    low, high = np.zeros(sd.shape[:-1]), 4.0 * sd.max(axis=-1)
    sd = np.maximum(sd, 1e-300)
    for _ in range(40):
        middle = (low + high) / 2
        below = ndtr(middle[..., None] / sd) @ weights < 0.975
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray(high)
