"""Policy: the one step from what a mechanism wants to a mixture that a round can execute."""

import re
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ...tiers.errors import InputError
from .config import FeedbackConfig
from .mechanism import Context, Floats, Mechanism, Plan, Probe
from .regression import OFFSET
from .simplex import project

PROBE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,63}")
RESERVED = frozenset(
    {"main", "control", "centre", "base", "start", "accepted", "final", "blocks", "explore", "strategist"}
)
"""Names of runs, folders and probes of the loop's own, which a mechanism's probe would replace."""
RESERVED_PREFIXES = ("aa-", "rubric-", "without-", "blocks-")
TOLERANCE = 1e-3  # how far a wanted mixture may be off the simplex


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

    In reset mode a mixture is one trial from the one base, so there is nothing to stay near.

    Raises:
        InputError: `wanted` has the wrong length, is not finite, is negative or does not sum to one.
    """
    wanted = _checked(wanted, context, "the mixture")
    start = start_of(context)
    a = config.anchor
    pulled = np.maximum(wanted, 1e-9) ** (1 - a) * np.maximum(context.reference, 1e-9) ** a
    if context.mode == "reset":
        return project(pulled, context.live, context.cap, config.floor)
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


def check_probe_name(name: str) -> None:
    """See that a probe may be called so: a run, its folder and its scores go by this name.

    Raises:
        InputError: the name belongs to a run of the loop's own, or is no plain name of a folder.
    """
    if not PROBE_NAME.fullmatch(name):
        raise InputError(f"probe {name!r} wants a name of 1 to 64 letters, digits, '.', '_', '+' or '-'")
    if name.lower() in RESERVED or name.lower().startswith(RESERVED_PREFIXES):
        raise InputError(f"probe {name!r} has the name of a run of the loop's own: call it otherwise, such as try-1")


def scheduled(context: Context, config: FeedbackConfig) -> Context:
    """The round as a mechanism sees it: in a round between scheduled probe rounds it can pay for none."""
    number = context.round - 1
    due = number < config.probe_first or number % config.probe_every == 0
    return context if due else replace(context, probes=0)


def wish(mechanism: Mechanism, context: Context, config: FeedbackConfig) -> tuple[Floats, tuple[Probe, ...], str]:
    """What is wanted of the round: the mechanism's own mixture, or a step of `config.policy` on its posterior.

    `eg` is an exponentiated-gradient step on the posterior mean, `thompson` one on a draw from the posterior
    (`research/feedback.md` 1.4, 1.5): the log share moves by (value per unit of share - the mixture's) / `tau` points.
    """
    wanted, probes, reason = mechanism.plan(context)
    if config.policy == "own":
        return wanted, probes, reason
    mean, cov = mechanism.posterior()
    if config.policy == "thompson":
        rng = np.random.default_rng([getattr(mechanism, "seed", 0), context.round, *b"thompson"])
        mean = rng.multivariate_normal(mean, cov, method="eigh")
    start = start_of(context)
    value = np.asarray(mean) / (start + OFFSET) / config.point
    return (
        ascent(context, start, value / config.tau),
        probes,
        f"{config.policy} step on the posterior of {mechanism.name}",
    )


def start_of(context: Context) -> Floats:
    """[K] the mixture that a step goes from."""
    return context.reference if context.start is None else context.start


def ascent(context: Context, start: Floats, step: Floats, most: float = 0.5) -> Floats:
    """[K] exponentiated gradient: `start * exp(clip(step - start . step, +-most))` over the live arms, normalised."""
    move = np.clip(step - start @ step, -most, most)
    moved = np.where(context.live, start * np.exp(move), 0.0)
    return np.asarray(moved / moved.sum())


def _checked(wanted: Floats, context: Context, what: str) -> Floats:
    w = np.asarray(wanted, dtype=float)
    if w.shape != (len(context.arms),):
        raise InputError(f"{what} wants {len(context.arms)} shares, got shape {w.shape}")
    bad = np.flatnonzero(~np.isfinite(w) | (w < -TOLERANCE))
    if len(bad) or abs(float(w.sum()) - 1.0) > TOLERANCE:
        got = f"{w[bad[0]]:.4g} for {context.arms[bad[0]]}" if len(bad) else f"a sum of {w.sum():.4g}"
        raise InputError(f"{what} wants shares >= 0 that sum to 1, got {got}")
    return np.asarray(np.maximum(w, 0.0))
