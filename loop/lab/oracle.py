"""Yardsticks of a world: the trajectory of one who knows the truth, and that of the reference mixture."""

import numpy as np

from ..feedback.mechanism import Floats
from ..feedback.simplex import project
from .world import World

STEPS = 12
FLOOR = 0.001


def live(world: World) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """[K] arms with anything to train on."""
    return np.asarray(world.stock > 0)


def uniform(world: World) -> Floats:
    """[K] equal shares of the live arms."""
    on = live(world)
    return np.asarray(on / on.sum())


def trajectory(world: World, rounds: int, mixture: Floats) -> Floats:
    """[rounds + 1] true composite of training on one mixture throughout, the base first."""
    state, found = world.start(), [world.composite(world.start())]
    for _ in range(rounds):
        state = world.train(state, world.realised(mixture))
        found.append(world.composite(state))
    return np.array(found)


def greedy(world: World, rounds: int) -> Floats:
    """[rounds + 1] true composite of climbing the true gradient afresh in every round (research/feedback.md 4.4)."""
    state, w = world.start(), uniform(world)
    found = [world.composite(state)]
    for _ in range(rounds):
        w = climb(world, state, w, STEPS)
        state = world.train(state, world.realised(w))
        found.append(world.composite(state))
    return np.array(found)


def climb(world: World, state: object, start: Floats, steps: int) -> Floats:
    """[K] mixture after exponentiated-gradient steps on the true gradient, each bounded by .4 in log share."""
    on, w, none = live(world), start, np.ones(len(start))
    for _ in range(steps):
        g = world.gradient(state, w) * world.points
        step = 0.15 * (g - w @ g) if world.unit == "pp" else 0.4 * (g - w @ g) / max(float(np.abs(g).max()), 1e-12)
        w = project(w * np.exp(np.clip(step, -0.4, 0.4)), on, none, FLOOR)
    return w
