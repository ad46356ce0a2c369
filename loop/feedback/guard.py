"""Guard: a mechanism's misbehaviour is caught here, in a run as in the lab, so that no mechanism ends a round."""

import json
import pickle
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import numpy as np

from ...tiers.errors import InputError
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Mechanism, Plan
from .policy import admit, admit_probe, carried, check_probe_name, scheduled, shares, wish
from .simplex import project

FAULTS = (Exception, SystemExit, GeneratorExit)
"""What a mechanism may raise without ending the run; an interrupt is the user's."""
MAX_WORDS = 2_000
"""Characters of a mechanism's own words that are kept."""


@dataclass(frozen=True)
class Guarded:
    """A plan that can be executed whatever the mechanism did."""

    plan: Plan
    problem: str
    """Why the mechanism's wish was not followed; empty when it was. In the lab a scored failure."""


def guarded_plan(
    mechanism: Mechanism,
    context: Context,
    config: FeedbackConfig,
    previous: Plan | None = None,
    rubric_weights: dict[str, float] | None = None,
) -> Guarded:
    """The round's plan; a mechanism that raises or asks for nonsense leaves the previous mixture in force.

    Args:
        mechanism: any.
        context: the round; `context.start` from `carried`. The mechanism gets it read-only.
        config: the policy's limits.
        previous: the last round's plan.
        rubric_weights: written into the plan.
    """
    context = scheduled(context, config)
    before = _remembered(mechanism)
    try:
        wanted, probes, reason = wish(mechanism, _sealed(context), config)
        mixture = admit(wanted, context, config)
        tried = tuple(admit_probe(p, context, config) for p in probes[: context.probes])
        for probe in tried:
            check_probe_name(probe.name)
        if len({p.name.lower() for p in tried}) < len(tried):
            raise InputError("two probes of one name")
        problem = ""
    except FAULTS as e:
        problem = f"{_blame(mechanism, e)}; kept the previous mixture, no probes{_undone(mechanism, before)}"
        start = carried(previous, "main", context) if context.start is None else context.start
        mixture, tried, reason = project(start, context.live, context.cap, config.floor), (), problem
    plan = Plan(
        round=context.round,
        mechanism=_name(mechanism),
        mixture=shares(mixture, context.arms),
        reference=shares(context.reference, context.arms),
        probes=tried,
        rubric_weights=rubric_weights or {},
        reason=words(reason),
    )
    return Guarded(plan, problem)


def guarded_observe(mechanism: Mechanism, evidence: Evidence) -> str:
    """Let the mechanism learn; if it raises or ends up without a finite posterior its old state is put back.

    Returns:
        The problem, or an empty string.
    """
    before = _remembered(mechanism)
    try:
        mechanism.observe(_sealed(evidence))
        _posterior(mechanism, None)
    except FAULTS as e:
        return f"{_blame(mechanism, e)}; round {evidence.round} was not learned from{_undone(mechanism, before)}"
    return ""


def guarded_posterior(mechanism: Mechanism, arms: tuple[str, ...]) -> tuple[Floats, Floats, str]:
    """Mean [K], covariance [K, K] and the problem; no opinion (zeros) where the mechanism has none that is finite."""
    k = len(arms)
    try:
        mean, cov = _posterior(mechanism, k)
    except FAULTS as e:
        return np.zeros(k), np.zeros((k, k)), f"{_blame(mechanism, e)}; no values are known"
    return mean, cov, ""


def guarded_state(mechanism: Mechanism, before: dict[str, Any] | None) -> tuple[dict[str, Any] | None, str]:
    """The state to keep, and the problem: what was kept before where the mechanism's own state is no JSON."""
    try:
        return _state(mechanism), ""
    except FAULTS as e:
        return before, f"{_blame(mechanism, e)}; its state of the round before is kept"


def guarded_load(mechanism: Mechanism, state: dict[str, Any]) -> str:
    """Give a mechanism its saved state; the problem if it cannot take it over, and it starts anew."""
    try:
        mechanism.load_state_dict(state)
    except FAULTS as e:
        return f"{_blame(mechanism, e)}; it could not take over its saved state and starts anew"
    return ""


def guarded_recommendation(mechanism: Mechanism, context: Context, config: FeedbackConfig) -> tuple[Floats, str]:
    """[K] what the mechanism would train on in the end, free of the trust region, and the problem if it cannot say."""
    asked = getattr(mechanism, "recommend", None) or (lambda c: mechanism.plan(c)[0])
    free = config.model_copy(update={"step": 50.0})
    try:
        return admit(asked(_sealed(context)), context, free), ""
    except FAULTS as e:
        start = context.reference if context.start is None else context.start
        return project(start, context.live, context.cap, config.floor), f"{_blame(mechanism, e)}; it recommends nothing"


def _state(mechanism: Mechanism) -> dict[str, Any]:
    state = mechanism.state_dict()
    if not isinstance(state, dict):
        raise InputError(f"state_dict() wants a dict, got {type(state).__name__}")
    json.dumps(state, allow_nan=False)
    return state


def _remembered(mechanism: Mechanism) -> bytes | BaseException:
    """A copy of the state, or why there is none: then nothing can be put back, and `guarded_state` says so."""
    try:
        return pickle.dumps(mechanism.state_dict())  # in this process only: a tenth of the time of a deep copy
    except FAULTS as e:
        return e


def _posterior(mechanism: Mechanism, k: int | None) -> tuple[Floats, Floats]:
    mean, cov = (np.asarray(a, dtype=float) for a in mechanism.posterior())
    k = mean.size if k is None else k
    if mean.shape != (k,) or cov.shape != (k, k):
        raise InputError(f"posterior() wants shapes ({k},) and ({k}, {k}), got {mean.shape} and {cov.shape}")
    if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
        raise InputError("the posterior is not finite")
    return mean, cov


def _undone(mechanism: Mechanism, before: bytes | BaseException) -> str:
    """Put the old state back; what to say where that fails."""
    try:
        if isinstance(before, BaseException):
            raise before
        mechanism.load_state_dict(pickle.loads(before))
    except FAULTS as e:
        return f", and its old state could not be put back ({type(e).__name__}: {words(e)})"
    return ""


def _name(mechanism: Mechanism) -> str:
    try:
        return words(getattr(mechanism, "name", type(mechanism).__name__))
    except FAULTS:
        return type(mechanism).__name__


def _blame(mechanism: Mechanism, error: BaseException) -> str:
    return f"mechanism {_name(mechanism)}: {type(error).__name__}: {words(error)}"


def words(value: Any) -> str:
    """A value as text that any file can hold, cut off."""
    try:
        text = str(value)
    except FAULTS as e:
        text = f"a {type(value).__name__} without words ({type(e).__name__})"
    return text[:MAX_WORDS].replace("\0", " ").encode("utf-8", "replace").decode()


def _sealed(value: Any) -> Any:
    """A copy of the dataclass, its arrays read-only: a mechanism sees the round, it does not own it."""
    if isinstance(value, np.ndarray):
        copy = value.copy()
        copy.flags.writeable = False
        return copy
    if isinstance(value, tuple):
        return tuple(map(_sealed, value))
    if isinstance(value, dict):
        return {key: _sealed(inner) for key, inner in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{f.name: _sealed(getattr(value, f.name)) for f in fields(value)})
    return value
