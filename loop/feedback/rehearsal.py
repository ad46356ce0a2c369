"""Rehearsal: whether a mechanism that somebody else wrote goes on from its saved state as if nothing had happened.

A run saves a mechanism's state after every plan and every lesson, and loads it into a fresh object for the next node.
What is not in the state is lost there without a sign. So a foreign mechanism first plays a few invented rounds twice:
once as one object, once as a fresh object that loads what the first one saved.
"""

import json
from collections.abc import Callable
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from ...tiers.errors import InputError
from .config import FeedbackConfig
from .guard import guarded_load, guarded_observe, guarded_plan, guarded_posterior, guarded_state
from .mechanism import Context, Contrast, Evidence, Mechanism, Mode, Plan, Signals
from .policy import carried, vector

LEARNED, AFTERWARDS = 3, 3
"""Rounds before the state is saved, and rounds that are compared after it."""


def rehearse(make: Callable[[], Mechanism], config: FeedbackConfig, arms: tuple[str, ...], mode: Mode) -> None:
    """Play some rounds with an object, and again with one that takes over its saved state.

    Args:
        make: a fresh object, the same every time.
        config: the mechanism's.
        arms: keys of all arms.
        mode: in which it has to work.

    Raises:
        InputError: the state is no JSON, cannot be loaded, or lacks what the mechanism goes on with.
    """
    first, second = make(), make()
    before = _fields(first)
    plans = _play(first, config, arms, mode, range(1, LEARNED + 1), None)
    state, problem = guarded_state(first, None)
    problem = problem or guarded_load(second, json.loads(json.dumps(state)))
    if problem:
        raise InputError(_sentence(config, problem))
    lost = [
        name for name in _state_fields(first, before) if not _same(getattr(first, name), getattr(second, name, None))
    ]
    again = guarded_state(second, None)[0]
    if again != state:
        lost = lost or [k for k in state or {} if (again or {}).get(k) != (state or {})[k]]
    if lost:
        raise InputError(_sentence(config, f"{', '.join(sorted(lost))} changed in a round and came back otherwise"))
    rounds = range(LEARNED + 1, LEARNED + AFTERWARDS + 1)
    if _play(first, config, arms, mode, rounds, plans[-1]) != _play(second, config, arms, mode, rounds, plans[-1]):
        raise InputError(_sentence(config, "after a load it plans something else than the object that was saved"))
    ours, theirs = guarded_posterior(first, arms), guarded_posterior(second, arms)
    if not all(np.array_equal(a, b) for a, b in zip(ours[:2], theirs[:2], strict=True)):
        raise InputError(_sentence(config, "after a load its posterior is another than that of the saved object"))


def _sentence(config: FeedbackConfig, problem: str) -> str:
    return (
        f"feedback.mechanism {config.mechanism!r} does not keep its state ({problem}): a run saves and loads it "
        "between nodes; name every attribute that changes in `remembers`, or return it from state_dict() "
        "(docs/mechanisms.md)"
    )


def _play(
    mechanism: Mechanism,
    config: FeedbackConfig,
    arms: tuple[str, ...],
    mode: Mode,
    rounds: range,
    previous: Plan | None,
) -> list[Plan]:
    """Plan and learn; what goes wrong on the way is the guard's matter, here as in a run."""
    plans: list[Plan] = []
    for number in rounds:
        context = _context(number, arms, mode)
        if previous is not None:
            context = replace(context, start=carried(previous, "main", context))
        previous = guarded_plan(mechanism, context, config, previous).plan
        plans.append(previous)
        guarded_observe(mechanism, _evidence(previous, context))
    return plans


def _context(number: int, arms: tuple[str, ...], mode: Mode) -> Context:
    """A round in which everything is measured and every arm has data."""
    k, rng = len(arms), np.random.default_rng([0, number])
    signals = Signals(
        influence=rng.normal(0, 1, k),
        influence_cov=np.eye(k),
        losses=rng.uniform(1, 3, k),
        reference_losses=rng.uniform(1, 3, k),
        skills=rng.uniform(0, 1, (k, k)),
        target_logprobs=-rng.uniform(1, 3, (k, k)),
        failures=rng.dirichlet(np.ones(k)),
        proposal={arms[0]: 0.3},
    )
    flat, rounds = np.full(k, 1 / k), LEARNED + AFTERWARDS
    return Context(
        number, arms, np.ones(k, bool), np.ones(k), flat, rounds, mode=mode, sizes=np.full(k, 2.0), signals=signals
    )


def _evidence(plan: Plan, context: Context) -> Evidence:
    """Main against control, probes against their centre: gains that follow fixed values of the arms."""
    rng = np.random.default_rng([1, context.round])
    values = np.linspace(-0.1, 0.1, len(context.arms))
    main, control = vector(plan.mixture, context.arms), vector(plan.reference, context.arms)
    pairs = [
        ("main", "control", main, control),
        *((p.name, "centre", vector(p.mixture, context.arms), main) for p in plan.probes),
    ]
    contrasts = tuple(
        Contrast(
            kind="full" if name == "main" else "probe",
            treatment=name,
            reference=other,
            mixture=w,
            baseline=w0,
            fraction=1.0 if name == "main" else 0.5,
            gain=float(values @ (w - w0) + rng.normal(0, 0.01)),
            selection=np.zeros(0),
            benchmarks=rng.normal(0, 0.01, 3),
        )
        for name, other, w, w0 in pairs
    )
    return Evidence(context.round, contrasts, 1e-4 * np.eye(len(pairs)), signals=context.signals)


def _fields(mechanism: Mechanism) -> dict[str, Any]:
    """Attributes as they are now: what is changed in place later is copied."""
    return {name: _copied(value) for name, value in vars(mechanism).items()} if hasattr(mechanism, "__dict__") else {}


def _state_fields(mechanism: Mechanism, before: dict[str, Any]) -> list[str]:
    """Attributes that rounds have changed, but for caches: a cached property, or a private one that began empty."""
    cached = {n for c in type(mechanism).__mro__ for n, v in vars(c).items() if isinstance(v, cached_property)}
    changed = [n for n, v in _fields(mechanism).items() if n not in cached and not _same(v, before.get(n))]
    empty = [n for n in changed if before.get(n) is None or (isinstance(before[n], dict) and not before[n])]
    return [n for n in changed if not (n.startswith("_") and n in empty)]


def _copied(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.copy()
    if isinstance(value, list | tuple):
        return [_copied(v) for v in value]
    return {k: _copied(v) for k, v in value.items()} if isinstance(value, dict) else value


def _same(one: Any, other: Any) -> bool:
    """Whether two attributes hold the same numbers and texts; objects of other kinds are not compared."""
    if isinstance(one, np.ndarray | np.generic) or isinstance(other, np.ndarray | np.generic):
        return np.shape(one) == np.shape(other) and bool(np.all(np.asarray(one) == np.asarray(other)))
    if isinstance(one, list | tuple) and isinstance(other, list | tuple):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(v, other[k]) for k, v in one.items())
    plain = (bool, int, float, str, bytes, type(None), list, tuple, dict, set, frozenset)
    return bool(one == other) if isinstance(one, plain) or isinstance(other, plain) else True
