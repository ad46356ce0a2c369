"""Gate: which of the round's two full-length models goes on, and whether hidden items agree with feedback items."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ...eval.clustered import EXACT, Error
from ...eval.ladder import Rung, submit
from ...eval.score import Delta
from ...tiers.estimates import estimate, normal_estimate
from ...tiers.record import Record
from .config import FeedbackConfig

ONE_SIDED_95 = 1.645
"""Normal standard errors of a one-sided 95 % bound; `Error.reach` turns them into those of Student's t."""


class Accepted(Record):
    """Which model and which weights the next round starts from."""

    run: Literal["main", "control"]
    probability: float
    """P(main is better than control) on feedback items, by the same Student's t as the interval."""
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
    total: Mapping[str, tuple[float, Error]] = field(default_factory=dict)
    """By benchmark, what main would have gained over control in all rounds in which it went on, this one among them, in
    sds, with the joint error of those rounds; empty where this round is the first."""


def accept(
    composite: Delta, benchmarks: Sequence[Delta], config: FeedbackConfig, known: Known | None = None
) -> Accepted:
    """Main, if it passes `config.gate` and no guarded benchmark has clearly lost; else control.

    Both models exist and cost nothing more, so this is a choice between two, not a claim: `verdict` keeps the 95 %
    standard whatever the gate. The gates: `paired`, P(better) >= `accept` by the round's own pair; `posterior`,
    P(better) >= `promote` by all that the mechanism learned; `ladder`, a gain as sure as `ladder` standard errors of a
    normal one; `always`. All bounds are those of the deltas' Student's t.

    Args:
        composite: main against control on the feedback composite.
        benchmarks: the same, benchmark by benchmark.
        config: gate, thresholds and guards.
        known: units, the mechanism's expectation, and what all rounds with main would have cost together.
    """
    known = known or Known()
    p, good, why = _passes(composite, config, known)
    reason = f"composite {estimate(composite.gain, composite.low, composite.high)}, {why}"
    loss = _lost(benchmarks, config, known.units) or _overspent(benchmarks, config, known)
    if loss:
        return Accepted(run="control", probability=p, verdict=composite.verdict, reason=f"{loss} ({reason})")
    return Accepted(run="main" if good else "control", probability=p, verdict=composite.verdict, reason=reason)


def _passes(composite: Delta, config: FeedbackConfig, known: Known) -> tuple[float, bool, str]:
    """P(main is better), whether that passes the gate, and why in words."""
    p = composite.error.better(composite.gain)
    if config.gate == "always":
        return p, True, f"P(better) {p:.2f}, accepted whatever it is"
    if config.gate == "ladder":
        good = submit(Rung(), composite.gain, composite.error, config.ladder).improved
        return p, good, f"P(better) {p:.2f}, {'more' if good else 'not more'} than {config.ladder:g} SE over control"
    if config.gate == "posterior" and known.expected is not None:
        mean, sd = known.expected
        p = Error(sd, EXACT).better(mean)
        reason = f"expected {normal_estimate(mean, sd)}, P(better) {p:.2f}"
        return p, p >= config.promote, f"{reason} {'>=' if p >= config.promote else '<'} {config.promote:g}"
    good = p >= config.accept
    return p, good, f"P(better) {p:.2f} {'>=' if good else '<'} {config.accept:g}"


def alarm(excess: float, error: Error, feedback: Delta, hidden: Delta, config: FeedbackConfig) -> str:
    """Why feedback items can no longer be trusted, or an empty string.

    The mixture was chosen on feedback items; if their gain exceeds the hidden items' gain by what is as sure as
    `config.alarm` standard errors of a normal one, the loop has begun to fit the items themselves.

    Args:
        excess: the feedback gain less the hidden gain.
        error: of the excess; the two gains are those of the same two runs, so their seed noise is shared.
        feedback: main against control on the feedback composite.
        hidden: the same on the hidden one.
        config: the bar.
    """
    if excess <= error.reach(config.alarm):
        return ""
    size = f"by {excess / error.se:.1f} SE" if error.se else "without error"
    return f"feedback gain {feedback.gain:+.4f} exceeds hidden gain {hidden.gain:+.4f} {size}"


def _guarded(benchmarks: Sequence[Delta], config: FeedbackConfig) -> list[Delta]:
    named = config.guarded
    return [d for d in benchmarks if d.benchmark != "composite" and (not named or d.benchmark in named)]


def _overspent(benchmarks: Sequence[Delta], config: FeedbackConfig, known: Known) -> str:
    """Improve or preserve: the first guarded benchmark that would have lost more than the run may cost it."""
    for d in _guarded(benchmarks, config) if config.regression else ():
        unit = known.units.get(d.benchmark, 1.0)
        total, error = known.total.get(d.benchmark, (d.gain / unit, Error(d.se / unit, d.dof)))
        if d.gain < 0 and total + error.reach(ONE_SIDED_95) < -config.regression:
            size, half = -total, error.half_width
            lost = f"{size:.3f} sd in all (95 % {size - half:.3f} to {size + half:.3f})"
            return f"{d.benchmark} would have lost {lost}, more than {config.regression:g}"
    return ""


def _lost(benchmarks: Sequence[Delta], config: FeedbackConfig, units: Mapping[str, float]) -> str:
    for d in _guarded(benchmarks, config):
        upper = (d.gain + d.error.reach(ONE_SIDED_95)) / units.get(d.benchmark, 1.0)
        if upper < -config.guard:
            return f"{d.benchmark} lost more than {config.guard:g} sd: 95 % upper bound {upper:+.3f}"
    return ""
