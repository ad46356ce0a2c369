"""Verified seeds: a pool of examples is learned from only if training on it helped.

After Ultra-FineWeb (arXiv 2505.05427), where candidate pools become a classifier's positives once a short training run
has shown what they are worth; here the run is paired, and the gain has to be larger than its error.
"""

from typing import NamedTuple

from .estimates import normal_estimate


class SeedPool(NamedTuple):
    """Examples that a selector might learn from, and what training on them did."""

    name: str
    gain: tuple[float, float] | None
    """Paired gain and its standard error; None where it was not measured."""


def accept_pool(pool: SeedPool, z: float = 1.64) -> tuple[bool, str]:
    """Whether a pool may be learned from (its gain is above zero by z standard errors, one-sided), and why."""
    if pool.gain is None:
        return False, f"refused {pool.name} as seeds: training on it was not measured"
    gain, se = pool.gain
    said = f"training on it gained {normal_estimate(gain, se)}"
    if gain - z * se > 0:
        return True, f"accepted {pool.name} as seeds: {said}"
    verdict = "a loss" if gain + z * se < 0 else "unresolved"
    return False, f"refused {pool.name} as seeds: {said} ({verdict}), wanted gain - {z:g} se > 0"
