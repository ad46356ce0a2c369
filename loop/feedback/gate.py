"""Gate: which of the round's two full-length models goes on, and whether hidden items agree with feedback items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import erf, sqrt
from typing import Literal

from ...eval.ladder import Rung, submit
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


@dataclass(frozen=True)
class Known:
    """What a gate may know beyond the round's own deltas."""

    units: Mapping[str, float] = field(default_factory=dict)
    """Sd of the items of each benchmark; a benchmark that is missing is taken as measured in sds."""
    expected: tuple[float, float] | None = None
    """Gain of main over control that the mechanism's posterior expects, and its sd."""
    lost: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    """By benchmark, what main gained over control in all rounds in which it went on, in sds, and its variance."""


def accept(
    composite: Delta, benchmarks: Sequence[Delta], config: FeedbackConfig, known: Known | None = None
) -> Accepted:
    """Main, if it passes `config.gate` and no guarded benchmark has clearly lost; else control.

    Both models exist and cost nothing more, so this is a choice between two, not a claim: `verdict` keeps the 95 %
    standard whatever the gate. The gates: `paired`, P(better) >= `accept` by the round's own pair; `posterior`,
    P(better) >= `promote` by all that the mechanism learned; `ladder`, a gain of more than `ladder` standard errors;
    `always`.

    Args:
        composite: main against control on the feedback composite.
        benchmarks: the same, benchmark by benchmark.
        config: gate, thresholds and guards.
        known: units, the mechanism's expectation, and what was lost in earlier rounds.
    """
    known = known or Known()
    p, good, why = _passes(composite, config, known)
    told = f"composite {composite.gain:+.4f} +- {composite.se:.4f}, {why}"
    lost = _lost(benchmarks, config, known.units) or _overspent(benchmarks, config, known)
    if lost:
        return Accepted(run="control", probability=p, verdict=composite.verdict, reason=f"{lost} ({told})")
    return Accepted(run="main" if good else "control", probability=p, verdict=composite.verdict, reason=told)


def _passes(composite: Delta, config: FeedbackConfig, known: Known) -> tuple[float, bool, str]:
    """P(main is better), whether that passes the gate, and why in words."""
    p = probability(composite.gain, composite.se)
    if config.gate == "always":
        return p, True, f"P(better) {p:.2f}, accepted whatever it is"
    if config.gate == "ladder":
        good = submit(Rung(), composite.gain, composite.se, config.ladder).improved
        return p, good, f"P(better) {p:.2f}, {'more' if good else 'not more'} than {config.ladder:g} SE over control"
    if config.gate == "posterior" and known.expected is not None:
        p = probability(*known.expected)
        told = f"expected {known.expected[0]:+.4f} +- {known.expected[1]:.4f}, P(better) {p:.2f}"
        return p, p >= config.promote, f"{told} {'>=' if p >= config.promote else '<'} {config.promote:g}"
    good = p >= config.accept
    return p, good, f"P(better) {p:.2f} {'>=' if good else '<'} {config.accept:g}"


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


def _guarded(benchmarks: Sequence[Delta], config: FeedbackConfig) -> list[Delta]:
    named = config.guarded
    return [d for d in benchmarks if d.benchmark != "composite" and (not named or d.benchmark in named)]


def _overspent(benchmarks: Sequence[Delta], config: FeedbackConfig, known: Known) -> str:
    """Improve or preserve: the first guarded benchmark that would have lost more than the run may cost it."""
    for d in _guarded(benchmarks, config) if config.regression else ():
        unit = known.units.get(d.benchmark, 1.0)
        gain, variance = known.lost.get(d.benchmark, (0.0, 0.0))
        total, se = gain + d.gain / unit, sqrt(variance + (d.se / unit) ** 2)
        if d.gain < 0 and total + ONE_SIDED_95 * se < -config.regression:
            return f"{d.benchmark} would have lost {-total:.3f} +- {se:.3f} sd in all, more than {config.regression:g}"
    return ""


def _lost(benchmarks: Sequence[Delta], config: FeedbackConfig, units: Mapping[str, float]) -> str:
    for d in _guarded(benchmarks, config):
        upper = (d.gain + ONE_SIDED_95 * d.se) / units.get(d.benchmark, 1.0)
        if upper < -config.guard:
            return f"{d.benchmark} lost more than {config.guard:g} sd: 95 % upper bound {upper:+.3f}"
    return ""
