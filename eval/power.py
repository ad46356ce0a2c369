"""Power: what a comparison can find before it is made, and how many items would find it."""

import math
from dataclasses import dataclass

import numpy as np

from .noise import NoiseFloor
from .score import Suite

Z = 2.8
"""z(.975) + z(.80): a two-sided 5 % test that finds four of five."""


@dataclass(frozen=True)
class Detectable:
    """What one benchmark can resolve, in its own units."""

    benchmark: str
    effect: float
    """Smallest true gain that is found in four of five rounds."""
    floor: float
    """What would remain of it with endless items: seed noise alone."""
    n: int


def detectable(noise: NoiseFloor, suite: Suite) -> list[Detectable]:
    """Minimum detectable effects of two full runs that share nothing, by benchmark, the composite last."""
    sizes = {b.name: len(b.items) for b in suite.benchmarks}
    sizes["composite"] = sum(sizes.values())
    return [
        Detectable(name, noise.foreseen(name).detectable, noise.error(name, 0.0, noise.runs - 1.0).detectable, n)
        for name, n in sizes.items()
    ]


def items_needed(effect: float, sd: float, seed_variance: float = 0.0) -> int:
    """Items with which a true difference `effect` is found in four of five cases (Miller, 2411.00640, section 5).

    n = sd^2 / ((effect / 2.8)^2 - 2 seed_variance).

    Args:
        effect: true difference, in the benchmark's units.
        sd: of the paired differences between items; for clusters, of the clusters' means, and n counts clusters.
        seed_variance: of one run's mean, from A/A runs.

    Raises:
        ValueError: no number of items is enough, since seed noise alone hides such an effect.
    """
    room = (abs(effect) / Z) ** 2 - 2 * seed_variance
    if not room > 0:
        raise ValueError(
            f"an effect of {effect:g} is below the seed floor of {Z * np.sqrt(2 * seed_variance):.3g}: "
            "no number of items finds it; train on more seeds or longer"
        )
    return math.ceil(sd**2 / room)
