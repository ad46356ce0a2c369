"""Controls of the loop itself: feedback whose credit is destroyed, and a trajectory of mixtures learned elsewhere."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...tiers.errors import InputError
from ..feedback.config import FeedbackConfig
from ..feedback.mechanism import Context, Contrast, Evidence, Floats, Plan, Signals
from ..feedback.policy import shares, vector
from ..feedback.simplex import project
from ..run_db import RunDB

SHUFFLED, YOKED = "shuffled", "yoked:"
Order = NDArray[np.int64]


def seen(evidence: Evidence, config: FeedbackConfig, seed: int) -> Evidence:
    """The evidence as mechanism and rubric weights get to see it; what is written down stays as it was measured.

    `shuffled` exchanges the arms (and the rubrics) of a round and draws a sign for each of its gains: sizes, errors and
    correlations stay, whom to thank does not. A loop that still beats its prior did not do it by learning.
    """
    if config.control != SHUFFLED:
        return evidence
    rng = np.random.default_rng([seed, evidence.round, *b"shuffled"])
    arms = len(evidence.contrasts[0].mixture) if evidence.contrasts else 0
    order, rubrics = rng.permutation(arms), rng.permutation(len(evidence.rubrics))
    sign = rng.choice([-1.0, 1.0], len(evidence.contrasts))
    made = tuple(_exchanged(c, order, rubrics, float(s)) for c, s in zip(evidence.contrasts, sign, strict=True))
    signals = shuffled_signals(evidence.signals, seed, evidence.round)
    cov = evidence.cov * np.outer(sign, sign)
    influence = evidence.rubric_influence
    told = influence if influence is None or len(influence) != len(rubrics) else influence[rubrics]
    return replace(evidence, contrasts=made, cov=cov, signals=signals, rubric_influence=told)


def planned_with(context: Context, config: FeedbackConfig, seed: int) -> Context:
    """The round as a mechanism sees it: under shuffled feedback its signals are those of other arms."""
    if config.control != SHUFFLED:
        return context
    return replace(context, signals=shuffled_signals(context.signals, seed, context.round))


def shuffled_signals(signals: Signals, seed: int, number: int) -> Signals:
    """Signals with the arms exchanged, each round anew."""

    def exchanged(values: Floats | None, axes: tuple[int, ...] = (0,)) -> Floats | None:
        if values is None:
            return None
        order = np.random.default_rng([seed, number, *b"signals"]).permutation(values.shape[axes[0]])
        for axis in axes:
            values = np.take(values, order, axis=axis)
        return values

    wish = signals.proposal
    return replace(
        signals,
        influence=exchanged(signals.influence),
        influence_cov=exchanged(signals.influence_cov, (0, 1)),
        losses=exchanged(signals.losses),
        reference_losses=exchanged(signals.reference_losses),
        skills=exchanged(signals.skills, (0, 1)),
        target_logprobs=exchanged(signals.target_logprobs, (1,)),
        failures=exchanged(signals.failures),
        proposal=None if wish is None else _exchanged_wish(wish, seed, number),
    )


def yoked(plan: Plan, mixture: Mapping[str, float] | None, context: Context, config: FeedbackConfig) -> Plan:
    """The plan with the mixture that another run trained on in this round, as far as this run's arms allow it."""
    if mixture is None:
        return plan
    w = project(vector(dict(mixture), context.arms), context.live, context.cap, config.floor)
    reason = f"yoked to {config.control.removeprefix(YOKED)}; what was wanted here does not count ({plan.reason})"
    return plan.model_copy(update={"mixture": shares(w, context.arms), "reason": reason})


def yoked_mixture(folder: Path, config: FeedbackConfig, number: int) -> Mapping[str, float] | None:
    """The mixture of the run that this one is yoked to, the last one where it had fewer rounds; None without a yoke.

    Args:
        folder: that holds the runs.
        config: names the run.
        number: of the round.

    Raises:
        InputError: there is no such run, or it has planned nothing yet.
    """
    if not config.control.startswith(YOKED):
        return None
    name = config.control.removeprefix(YOKED)
    path = (Path(name) if "/" in name else folder / name) / "run.db"
    if not path.is_file():
        raise InputError(f"feedback.control=yoked:{name}: wanted a run whose mixtures are replayed, no run at {path}")
    with RunDB(path) as db:
        plans = {r["round"]: Plan.model_validate(r["plan"]) for r in db.rows("rounds") if r["plan"]}
    if not plans:
        raise InputError(f"feedback.control=yoked:{name}: that run has planned no round yet; let it finish first")
    return plans[min(number, max(plans))].mixture


def _exchanged(contrast: Contrast, order: Order, rubrics: Order, sign: float) -> Contrast:
    selection = contrast.selection
    return replace(
        contrast,
        mixture=contrast.mixture[order],
        baseline=contrast.baseline[order],
        gain=sign * contrast.gain,
        benchmarks=sign * contrast.benchmarks,
        selection=selection[rubrics] if len(selection) == len(rubrics) else selection,
    )


def _exchanged_wish(wish: Mapping[str, float], seed: int, number: int) -> dict[str, float]:
    keys = sorted(wish)
    order = np.random.default_rng([seed, number, *b"wish"]).permutation(len(keys))
    return {keys[i]: wish[keys[j]] for i, j in enumerate(order)}
