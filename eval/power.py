"""Power: what a comparison can find before it is made, and how many items would find it."""

import math
from dataclasses import dataclass

from .clustered import EXACT, Error
from .noise import NoiseFloor
from .score import Suite
from .seeds import Seeds


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


def items_needed(effect: float, sd: float, seed_variance: float = 0.0, runs: float = math.inf) -> int:
    """Items with which a true difference `effect` is found in four of five cases (Miller, 2411.00640, section 5).

    With a known seed variance n = sd^2 / ((effect / 2.8)^2 - 2 seed_variance). With one from a few A/A runs the
    interval is wider, and n is the least at which `Error.detectable` is no more than the effect.

    Args:
        effect: true difference, in the benchmark's units.
        sd: of the paired differences between items; for clusters, of the clusters' means, and n counts clusters.
        seed_variance: of one run's mean, from A/A runs.
        runs: A/A runs behind `seed_variance`; infinite if it is known.

    Raises:
        ValueError: no number of items is enough, since seed noise alone hides such an effect.
    """
    seeds = Seeds(2 * seed_variance, 0.0, runs - 1)
    floor = Error.of(0.0, EXACT, seeds).detectable if seed_variance else 0.0
    if not abs(effect) > floor:
        raise ValueError(
            f"an effect of {effect:g} is below the seed floor of {floor:.3g}: "
            "no number of items finds it; train on more seeds or longer"
        )

    def found(n: int) -> bool:
        return Error.of(sd**2 / n, max(1.0, n - 1.0), seeds).detectable <= abs(effect)

    low, high = 1, 2
    while not found(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if found(middle) else (middle, high)
    return high
