"""Gate: which of the round's two full-length models goes on, and whether hidden items agree with feedback items."""

from collections.abc import Mapping, Sequence
from math import erf, sqrt
from typing import Literal

from ...eval.score import Delta
from ...tiers.record import Record
from .config import FeedbackConfig

ONE_SIDED_95 = 1.645


class Accepted(Record):
    """Which model and which weights the next round starts from."""

    run: Literal["main", "control"]
    probability: float
    """P(main is better than control) on feedback items."""
    verdict: Literal["gain", "loss", "unresolved"]
    """What may be claimed: the 95 % interval of the composite excludes zero. Accepting is no claim."""
    reason: str


def accept(
    composite: Delta, benchmarks: Sequence[Delta], config: FeedbackConfig, units: Mapping[str, float] | None = None
) -> Accepted:
    """Main, if it is probably no worse than control and no guarded benchmark has clearly lost; else control.

    Both models exist and cost nothing more, so this is a choice between two, not a claim: the threshold is a
    probability (`config.accept`), while `verdict` keeps the 95 % standard.

    Args:
        composite: main against control on the feedback composite.
        benchmarks: the same, benchmark by benchmark.
        config: threshold and guard.
        units: sd of the items of each benchmark; a benchmark that is missing is taken as measured in sds.
    """
    p = probability(composite.gain, composite.se)
    told = f"composite {composite.gain:+.4f} +- {composite.se:.4f}, P(better) {p:.2f}"
    lost = _lost(benchmarks, config, units or {})
    if lost:
        return Accepted(run="control", probability=p, verdict=composite.verdict, reason=f"{lost} ({told})")
    good = p >= config.accept
    why = f"{told} {'>=' if good else '<'} {config.accept:g}"
    return Accepted(run="main" if good else "control", probability=p, verdict=composite.verdict, reason=why)


def probability(gain: float, se: float) -> float:
    """P(true gain > 0) under a flat prior; a gain without error is certain, and no difference counts as one half."""
    if se <= 0:
        return 0.5 + 0.5 * ((gain > 0) - (gain < 0))
    return 0.5 * (1 + erf(gain / se / sqrt(2)))


def alarm(feedback: Delta, hidden: Delta, config: FeedbackConfig) -> str:
    """Why feedback items can no longer be trusted, or an empty string.

    The mixture was chosen on feedback items; if their gain exceeds the hidden items' gain by more than
    `config.alarm` standard errors, the loop has begun to fit the items themselves.
    """
    excess, se = feedback.gain - hidden.gain, sqrt(feedback.se**2 + hidden.se**2)
    if excess <= config.alarm * se:
        return ""
    told = f"by {excess / se:.1f} SE" if se else "without error"
    return f"feedback gain {feedback.gain:+.4f} exceeds hidden gain {hidden.gain:+.4f} {told}"


def _lost(benchmarks: Sequence[Delta], config: FeedbackConfig, units: Mapping[str, float]) -> str:
    for d in benchmarks:
        if d.benchmark == "composite" or (config.guarded and d.benchmark not in config.guarded):
            continue
        upper = (d.gain + ONE_SIDED_95 * d.se) / units.get(d.benchmark, 1.0)
        if upper < -config.guard:
            return f"{d.benchmark} lost more than {config.guard:g} sd: 95 % upper bound {upper:+.3f}"
    return ""
