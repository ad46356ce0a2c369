"""Checks: what a world's settings and a world of one's own must be before a round is played in it."""

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from ...tiers.errors import InputError
from ...tiers.tier import arms
from ..feedback.mechanism import Floats, Signals
from .world import World

DOMAIN = re.compile(r"[a-z][a-z0-9_-]{0,39}")
PER_ARM = ("influence", "losses", "reference_losses", "failures")
LEAST_STOCK = 1 / 40
"""Stock of an arm below which it cannot be trained on, in full runs."""


def within(world: str, **values: tuple[Any, float, float]) -> None:
    """See that settings are numbers inside of their bounds: (value, least, most) by name.

    Raises:
        InputError: one is not.
    """
    for name, (value, least, most) in values.items():
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not least <= value <= most:
            raise InputError(f"world {world}: {name} wants a number from {least:g} to {most:g}, got {value!r}")


def check_seed(seed: Any) -> None:
    """See that a seed is a whole number from zero on.

    Raises:
        InputError: it is not.
    """
    if not isinstance(seed, int | np.integer) or isinstance(seed, bool) or seed < 0:
        raise InputError(f"a world's seed wants a whole number from 0 on, got {seed!r}")


def switch(world: str, **values: Any) -> None:
    """See that settings are true or false.

    Raises:
        InputError: one is not.
    """
    for name, value in values.items():
        if not isinstance(value, bool):
            raise InputError(f"world {world}: {name} wants true or false, got {value!r}")


def check_world(world: World, spec: str) -> None:
    """Play one full run and one probe, and see that every shape and number is what the loop works with.

    Raises:
        InputError: a shape is wrong, a number is not finite, no arm holds anything, or a method fails.
    """
    try:
        problem = next(_problems(world), "")
    except InputError:
        raise
    except Exception as e:  # whatever a world of one's own does, it is the world that has to change
        problem = f"{type(e).__name__}: {e}"
    if problem:
        raise InputError(f"world {spec!r} cannot be played: {problem} (docs/lab.md says what a world is)")


def finite(values: Any, shape: tuple[int, ...], what: str) -> Floats:
    """An array of this shape.

    Raises:
        InputError: it has another, or a number in it is not finite.
    """
    array = np.asarray(values)
    if array.shape != shape or array.dtype.kind not in "fiub":
        kind = f"of shape {array.shape}" if array.dtype.kind in "fiub" else f"of {array.dtype}"
        raise InputError(f"{what} wants finite numbers of shape {shape}, got an array {kind}")
    if not np.isfinite(array).all():
        raise InputError(f"{what} wants finite numbers of shape {shape}, got {array.ravel()[:4].tolist()}")
    return np.asarray(array, dtype=float)


def check_scores(world: World, scores: Any, what: str) -> Floats:
    """[B] scores of a model.

    Raises:
        InputError: another shape, or not finite: the world's state went wrong.
    """
    return finite(scores, (len(world.benchmarks),), f"world {world.name}: {what}")


def _problems(world: World) -> Iterator[str]:
    yield from _frame_problems(world)
    k = len(arms(world.domains))
    stock = finite(world.stock, (k,), "stock [K]")
    if (stock < 0).any() or not (stock >= LEAST_STOCK).any():
        yield f"stock [K] wants nothing below 0 and one arm with {LEAST_STOCK:g} full runs or more"
    for name in ("item_se", "seed_sd"):
        if not finite(getattr(world, name), (), name) >= 0:
            yield f"{name} wants a number from 0 on, got {getattr(world, name)!r}"
    mixture = (stock > 0) / (stock > 0).sum()
    served = finite(world.realised(mixture.copy()), (k,), "realised(mixture) [K]")
    if (served < 0).any() or abs(served.sum() - 1) > 1e-6:
        yield f"realised(mixture) [K] wants shares that sum to 1, got a sum of {served.sum():g}"
    start = world.start()
    zeros = np.zeros(len(world.benchmarks))
    for name, state in (("start", start), *((f"train({f:g})", world.train(start, served, f)) for f in (1.0, 0.5))):
        check_scores(world, world.scores(state), f"scores after {name}")
        check_scores(world, world.hidden(state), f"hidden scores after {name}")
        check_scores(world, world.measured(state, zeros, zeros), f"measured scores after {name}")
        check_scores(world, world.measured(state, zeros, zeros, hidden=True), f"measured hidden scores after {name}")
    yield from _signal_problems(world, world.signals(start, start, served, 1), k)


def _frame_problems(world: World) -> Iterator[str]:
    """Names: domains, benchmarks, modes, signals."""
    for name in ("domains", "benchmarks", "stock"):
        if not hasattr(world, name):
            yield f"it has no {name}"
    for name in ("domains", "benchmarks"):
        names = getattr(world, name)
        if not isinstance(names, tuple | list) or not names or not all(isinstance(n, str) and n for n in names):
            yield f"{name} wants one name or more, got {names!r}"
        elif len(set(names)) < len(names):
            yield f"{name} wants each name once, got {', '.join(names)}"
    if bad := [d for d in world.domains if not DOMAIN.fullmatch(d)]:
        yield f"a domain is lower-case letters, digits, - and _, beginning with a letter; got {bad[0]!r}"
    if "composite" in world.benchmarks:
        yield "the benchmark name composite is taken: it is the mean of all"
    if not world.modes or set(world.modes) - {"reset", "continue"}:
        yield f"modes wants reset, continue or both, got {world.modes!r}"
    if unknown := set(world.offers) - {*Signals.__dataclass_fields__}:
        yield f"offers names no signal {min(unknown)!r}; signals are {', '.join(Signals.__dataclass_fields__)}"


def _signal_problems(world: World, signals: Any, k: int) -> Iterator[str]:
    if not isinstance(signals, Signals):
        yield f"signals() wants Signals, got {type(signals).__name__}"
    shapes = {**dict.fromkeys(PER_ARM, (k,)), "skills": (k, k), "influence_cov": (k, k)}
    for name in sorted(world.offers):
        value = getattr(signals, name)
        if value is None:
            yield f"it offers {name} and signals() leaves it out"
        elif name in shapes:
            finite(value, shapes[name], f"signal {name}")
        elif name == "target_logprobs":
            finite(value, (len(np.asarray(value)), k), f"signal {name} [n, K]")
