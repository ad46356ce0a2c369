"""Track record: how the strategist's probes came out beside those that the mechanism drew, and its forecasts."""

from collections.abc import Sequence
from statistics import NormalDist, fmean

import numpy as np

from ..agents.advice import Proposal
from ..eval.score import verdict
from ..tiers.estimates import NORMAL95, normal_estimate
from ..tiers.record import Record
from .run_db import RunDB

STRATEGIST = "strategist"
"""Name of the probe that the strategist asked for."""


class Outcome(Record):
    """What became of one proposed probe."""

    round: int
    """The round that tried it."""
    reason: str
    agent: str
    gain: float
    """Composite gain over the centre."""
    se: float
    against: float | None = None
    """Gain less the mean gain of the mechanism's own probes of the round, in the same units; None without any."""
    against_se: float | None = None
    chance: float | None = None
    """The probability of a gain that its author named."""

    @property
    def came_true(self) -> float:
        """Probability that it gained, given what was measured."""
        return NormalDist().cdf(self.gain / self.se) if self.se else float(self.gain > 0)


class TrackRecord(Record):
    """All of a run's outcomes, summed up."""

    outcomes: tuple[Outcome, ...]
    against: float | None
    """Mean advantage over the mechanism's probes (weighted by precision); None before there is one."""
    against_se: float | None
    brier: float | None
    """Mean squared distance of the forecasts from what came true: 0.25 is what always saying 0.5 gets."""

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of `against`."""
        if self.against is None or self.against_se is None:
            return None
        reach = NORMAL95 * self.against_se
        return self.against - reach, self.against + reach

    def text(self) -> str:
        """In words."""
        if not self.outcomes:
            return "No probe of yours has been measured yet."
        lines = [_sentence(o) for o in self.outcomes]
        if self.interval:
            low, high = self.interval
            word = {"gain": "better", "loss": "worse"}.get(verdict(low, high), "unresolved")
            lines.append(
                f"against the mechanism's own probes: {self.against:+.4f} (95 % {low:+.4f}..{high:+.4f}, "
                f"n = {len(self.outcomes)} rounds, {word})"
            )
        if self.brier is not None:
            lines.append(f"Brier score of the forecasts: {self.brier:.3f} (always saying 0.5 gets 0.25)")
        return "\n".join(lines)


def _sentence(outcome: Outcome) -> str:
    gain = normal_estimate(outcome.gain, outcome.se)
    return f"round {outcome.round}: gain {gain}{_forecast(outcome)} ({outcome.reason})"


def _forecast(outcome: Outcome) -> str:
    return "" if outcome.chance is None else f", forecast {outcome.chance:.0%}, came true {outcome.came_true:.0%}"


def track_record(db: RunDB) -> TrackRecord:
    """How the strategist's probes came out in all finished rounds."""
    found = [o for row in db.rows("rounds") if (o := _outcome(db, row["round"]))]
    told = [(o.against, o.against_se) for o in found if o.against is not None and o.against_se]
    forecasts = [(o.chance - o.came_true) ** 2 for o in found if o.chance is not None]
    mean, se = pooled(told)
    return TrackRecord(
        outcomes=tuple(found), against=mean, against_se=se, brier=fmean(forecasts) if forecasts else None
    )


def _outcome(db: RunDB, number: int) -> Outcome | None:
    told, evidence = db.meta(f"proposal-{number - 1}"), db.meta(f"evidence-{number}")
    if not told or not evidence:
        return None
    names = [c["treatment"] for c in evidence["contrasts"]]
    proposal = Proposal.model_validate(told)
    if STRATEGIST not in names or not proposal.probes:
        return None
    gains = np.array([c["gain"] for c in evidence["contrasts"]])
    cov = np.array(evidence["cov"]).reshape(len(gains), len(gains))
    mine = names.index(STRATEGIST)
    others = [i for i, c in enumerate(evidence["contrasts"]) if c["kind"] == "probe" and i != mine]
    weights = np.zeros(len(gains))
    weights[mine] = 1.0
    weights[others] -= 1.0 / max(1, len(others))
    against = (float(weights @ gains), float(np.sqrt(weights @ cov @ weights))) if others else (None, None)
    return Outcome(
        round=number,
        reason=proposal.probes[0].reason,
        agent=proposal.agent,
        gain=float(gains[mine]),
        se=float(np.sqrt(cov[mine, mine])),
        against=against[0],
        against_se=against[1],
        chance=proposal.probes[0].chance,
    )


def pooled(told: Sequence[tuple[float, float]]) -> tuple[float | None, float | None]:
    """Mean weighted by precision, and its standard error, in which no error averages out.

    The rounds ask the same items, and what share of their errors is the items' luck is not recorded: full correlation
    is the most that it can be, and then the standard error of a mean is the mean of the standard errors.
    """
    if not told:
        return None, None
    values, errors = np.array(told).T
    weights = errors**-2 / (errors**-2).sum()
    return float(weights @ values), float(weights @ errors)
