"""Yardstick: what a world would have given to one who knows it, and to the reference mixture."""

from ...tiers.record import Record
from ..feedback.mechanism import Mode
from .oracle import climb, greedy, trajectory, uniform
from .world import World

RESET_STEPS = 60


class Yardstick(Record):
    """True composites of one world, in its points."""

    world: str
    seed: int
    unit: str
    uniform: tuple[float, ...]
    """[rounds + 1] of equal shares throughout, the base first."""
    oracle: tuple[float, ...]
    """[rounds + 1] of one who climbs the true gradient in every round."""


def yardstick(world: World, spec: str, rounds: int, mode: Mode) -> Yardstick:
    """Both yardsticks; in reset mode each is one run from the base, however often it is made."""
    if mode == "reset":
        base, start = world.start(), uniform(world)
        best = climb(world, base, start, RESET_STEPS)
        first = world.composite(base)
        low, high = ((first, *[world.composite(world.train(base, world.realised(w)))] * rounds) for w in (start, best))
    else:
        low = tuple(trajectory(world, rounds, uniform(world)).tolist())
        high = tuple(greedy(world, rounds).tolist())
    return Yardstick(
        world=spec,
        seed=world.seed,
        unit=world.unit,
        uniform=tuple(world.points * x for x in low),
        oracle=tuple(world.points * x for x in high),
    )
