"""Policy: the one step from what a mechanism wants to the Plan that a round executes, and the guard around both."""

import copy
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...tiers.errors import InputError
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Mechanism, Plan, Probe
from .simplex import project

TOLERANCE = 1e-3  # how far a wanted mixture may be off the simplex


@dataclass(frozen=True)
class Guarded:
    """A plan that can be executed whatever the mechanism did."""

    plan: Plan
    problem: str
    """Why the mechanism's wish was not followed; empty when it was."""


def vector(mixture: dict[str, float], arms: tuple[str, ...]) -> Floats:
    """[K] shares by arm.

    Raises:
        InputError: an arm that does not exist.
    """
    unknown = [a for a in mixture if a not in arms]
    if unknown:
        raise InputError(f"unknown arm {unknown[0]!r} in a mixture: wanted some of {', '.join(arms)}")
    return np.array([mixture.get(a, 0.0) for a in arms], dtype=float)


def shares(mixture: Floats, arms: tuple[str, ...]) -> dict[str, float]:
    """Shares above zero by arm key."""
    return {a: float(w) for a, w in zip(arms, mixture, strict=True) if w > 0}


def reference_mixture(config: FeedbackConfig, arms: tuple[str, ...], live: NDArray[np.bool_]) -> Floats:
    """[K] the control's mixture: `config.reference` over the live arms; uniform when that is empty or not live.

    Raises:
        InputError: an arm that does not exist, or a share that is negative.
    """
    given = np.where(live, vector(config.reference, arms), 0.0)
    if (given < 0).any():
        raise InputError(f"feedback.reference wants shares >= 0, got {config.reference}")
    wanted = given if given.sum() > 0 else live.astype(float)
    return np.asarray(wanted / max(float(wanted.sum()), 1e-12))


def carried(previous: Plan | None, accepted: Literal["main", "control"], context: Context) -> Floats:
    """[K] the weights that the next step goes from: the last plan's when its model was accepted, else the reference.

    An arm that has come alive since then enters with its share of the reference.
    """
    if previous is None or accepted == "control":
        return context.reference
    known = {a: w for a, w in previous.mixture.items() if a in context.arms}
    fresh = np.array([a not in previous.reference for a in context.arms]) & context.live
    room = 1.0 - float(context.reference[fresh].sum())
    start = np.where(fresh, context.reference, room * vector(known, context.arms))
    return project(start, context.live, context.cap, 0.0)


def admit(wanted: Floats, context: Context, config: FeedbackConfig) -> Floats:
    """[K] the mixture of one step: anchored to the reference, in the trust region around the start, floors, caps.

    Raises:
        InputError: `wanted` has the wrong length, is not finite, is negative or does not sum to one.
    """
    wanted = _checked(wanted, context, "the mixture")
    start = context.reference if context.start is None else context.start
    a = config.anchor
    pulled = np.maximum(wanted, 1e-9) ** (1 - a) * np.maximum(context.reference, 1e-9) ** a
    low, high = start * np.exp(-config.step), np.maximum(start, config.floor) * np.exp(config.step)
    return project(pulled, context.live, context.cap, config.floor, low, high)


def admit_probe(probe: Probe, context: Context, config: FeedbackConfig) -> Probe:
    """A probe that can be run: only live arms, floors and caps; probes are not bound to the trust region.

    Raises:
        InputError: an unknown arm, or shares that are no mixture.
    """
    wanted = _checked(vector(probe.mixture, context.arms), context, f"probe {probe.name!r}")
    mixture = project(wanted, context.live, context.cap, config.floor)
    return probe.model_copy(update={"mixture": shares(mixture, context.arms)})


def guarded_plan(
    mechanism: Mechanism,
    context: Context,
    config: FeedbackConfig,
    previous: Plan | None = None,
    rubric_weights: dict[str, float] | None = None,
) -> Guarded:
    """The round's plan; a mechanism that raises or asks for nonsense leaves the previous mixture in force.

    This and `guarded_observe` are where a mechanism's misbehaviour is caught: third-party code must not end a run.

    Args:
        mechanism: any.
        context: the round; `context.start` from `carried`.
        config: the policy's limits.
        previous: the last round's plan.
        rubric_weights: written into the plan.
    """
    try:
        wanted, probes, reason = mechanism.plan(context)
        mixture = admit(wanted, context, config)
        tried = tuple(admit_probe(p, context, config) for p in probes[: context.probes])
        if len({p.name for p in tried}) < len(tried):
            raise InputError("two probes of one name")
        problem = ""
    except Exception as e:
        problem = f"mechanism {mechanism.name}: {type(e).__name__}: {e}; kept the previous mixture, no probes"
        start = carried(previous, "main", context) if context.start is None else context.start
        mixture, tried, reason = project(start, context.live, context.cap, config.floor), (), problem
    plan = Plan(
        round=context.round,
        mechanism=str(mechanism.name),
        mixture=shares(mixture, context.arms),
        reference=shares(context.reference, context.arms),
        probes=tried,
        rubric_weights=rubric_weights or {},
        reason=str(reason),
    )
    return Guarded(plan, problem)


def guarded_observe(mechanism: Mechanism, evidence: Evidence) -> str:
    """Let the mechanism learn; if it raises or ends up without a finite posterior its old state is put back.

    Returns:
        The problem, or an empty string.
    """
    before = copy.deepcopy(mechanism.state_dict())
    try:
        mechanism.observe(evidence)
        mean, cov = mechanism.posterior()
        if not (np.isfinite(mean).all() and np.isfinite(cov).all()):
            raise InputError("the posterior is not finite")
    except Exception as e:
        mechanism.load_state_dict(before)
        return f"mechanism {mechanism.name}: {type(e).__name__}: {e}; round {evidence.round} was not learned from"
    return ""


def _checked(wanted: Floats, context: Context, what: str) -> Floats:
    w = np.asarray(wanted, dtype=float)
    if w.shape != (len(context.arms),):
        raise InputError(f"{what} wants {len(context.arms)} shares, got shape {w.shape}")
    if not np.isfinite(w).all() or (w < -TOLERANCE).any() or abs(float(w.sum()) - 1.0) > TOLERANCE:
        raise InputError(f"{what} wants shares >= 0 that sum to 1, got {np.round(w, 4).tolist()}")
    return np.asarray(np.maximum(w, 0.0))
