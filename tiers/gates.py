"""Gates: what a document must show to move up, and what measured harm moves down.

Promotion needs both: what the tier asks of the document (verifier votes, selector score, no benchmark text in it) and a
measured contribution of the arm it would join that is not negative by more than its error. Demotion needs a measured
one that is significantly negative. Every decision carries its numbers.
"""

# ruff: noqa: A002 - `round` and `id` are what the ledger's columns and every caller call them

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from .decision import Action, Decision
from .document import Document
from .estimates import normal_estimate
from .record import Record
from .rows import as_json, rows
from .tier import Arm, Tier


class ArmValue(NamedTuple):
    """Measured contribution of an arm: composite gain per unit of log share."""

    mean: float
    sd: float


ArmValues = Mapping[str, tuple[float, float]]


class GateConfig(Record):
    """What the gates ask for."""

    votes: float = Field(default=0.5, ge=0, lt=1)
    """More than this share of a document's verifier votes must be for it."""
    score: float = Field(default=0.0, ge=0, le=1)
    """Least selector score (weighted mean of rank percentiles) of a document that has one; 0: the draw alone decides,
    which keeps some of the worst on purpose."""
    contribution_z: float = Field(default=1.0, ge=0, le=10)
    """An arm takes documents while mean + z sd >= 0: at 0 noise refuses every second one, at 1.64 only harm."""
    harm_z: float = Field(default=1.64, ge=0, le=10)
    """An arm is harmful when mean + z sd < 0 (one-sided 95 %)."""
    demote_share: float = Field(default=0.2, ge=0, le=1)
    """At most this share of a harmful arm moves down in one round."""
    demote_most: int = Field(default=2000, ge=0)
    """And at most this many documents."""
    keep_documents: int = Field(default=8, ge=0)
    """An arm is never emptied below this: what is gone cannot be measured again."""


@dataclass(frozen=True)
class Candidate:
    """A document that a step proposes to hold at a higher tier, and what is known about it."""

    document: Document
    to: Tier
    votes: tuple[bool, ...] = ()
    """One per verifier that had an opinion. L4 needs at least one; elsewhere they count when given."""
    score: float | None = None
    """Selector score. L2 needs one; elsewhere it counts when given."""
    overlap: str | None = None
    """What it shares with a benchmark text, in words; empty when it was compared with all of them and shares nothing,
    None when nobody compared it."""


def contributes(arm: str, values: ArmValues, config: GateConfig) -> tuple[bool, str]:
    """Whether an arm's measured contribution lets documents in, and what was measured."""
    if arm not in values:
        return True, f"{arm} is not measured yet"
    mean, sd = values[arm]
    said = f"{arm} measured {normal_estimate(mean, sd)}"
    return mean + config.contribution_z * sd >= 0, said


def promotable(candidate: Candidate, values: ArmValues, config: GateConfig | None = None) -> list[str]:
    """Why a candidate may not move up; empty when it may."""
    limits = config or GateConfig()
    document, to, votes, score = candidate.document, candidate.to, candidate.votes, candidate.score
    found = []
    if to <= document.tier:
        found.append(f"it is at {document.tier.name} already")
    if candidate.overlap is None:
        found.append("it was not compared with the benchmark texts")
    elif candidate.overlap:
        found.append(candidate.overlap)
    if votes and sum(votes) <= limits.votes * len(votes):
        found.append(f"{sum(votes)} of {len(votes)} verifier votes, wanted more than {limits.votes:.0%}")
    if to is Tier.L4 and not votes:
        found.append("no verifier voted, and L4 holds verified documents only")
    if score is not None and score < limits.score:
        found.append(f"selector score {score:.3f} < {limits.score:.3f}")
    if to is Tier.L2 and score is None:
        found.append("no selector score, and L2 holds selected documents only")
    well, said = contributes(str(Arm(document.domain, to)), values, limits)
    return found if well else [*found, f"{said}, wanted mean + {limits.contribution_z:g} sd >= 0"]


def gate(
    round: int,
    candidates: Sequence[Candidate],
    values: ArmValues,
    config: GateConfig | None = None,
    step: str = "gate",
) -> list[Decision]:
    """Grant or refuse promotions.

    Args:
        round: number of the round.
        candidates: proposals of the tiers' operators.
        values: measured (mean, sd) by arm key; an arm that is not in it was not measured and blocks nothing.
        config: the limits.
        step: the step that decides.

    Returns:
        A PROMOTE or a REFUSE for each candidate, in order, with the evidence.
    """
    return [_verdict(round, candidate, values, config or GateConfig(), step) for candidate in candidates]


def _verdict(round: int, candidate: Candidate, values: ArmValues, limits: GateConfig, step: str) -> Decision:
    document, arm = candidate.document, str(Arm(candidate.document.domain, candidate.to))
    against = promotable(candidate, values, limits)
    if against:
        reason = f"refused {candidate.to.name}: {'; '.join(against)}"
    else:
        step_up = f"promoted {document.tier.name} -> {candidate.to.name}"
        reason = f"{step_up}: {_merits(candidate)}; {contributes(arm, values, limits)[1]}"
    return Decision(
        round=round,
        stage=step,
        agent="rule:gate",
        doc=document.id,
        action=Action.REFUSE if against else Action.PROMOTE,
        reason=reason,
        domain=document.domain,
        tier=None if against else candidate.to,
        evidence={
            "to": candidate.to.name,
            "arm": arm,
            "votes_for": sum(candidate.votes),
            "votes": len(candidate.votes),
            "score": candidate.score,
            "decontaminated": candidate.overlap == "",
            "overlap": candidate.overlap,
            **_measured(arm, values),
        },
    )


def _merits(candidate: Candidate) -> str:
    votes = f"{sum(candidate.votes)} of {len(candidate.votes)} verifier votes, " if candidate.votes else ""
    score = "" if candidate.score is None else f"selector score {candidate.score:.3f}, "
    return f"{votes}{score}no benchmark text"


def _measured(arm: str, values: ArmValues) -> dict[str, float | None]:
    mean, sd = values.get(arm, (None, None))
    return {"arm_mean": mean, "arm_sd": sd}


def gate_rows(
    round: int,
    verdicts: pa.Table,
    documents: pa.Table,
    to: Tier,
    values: ArmValues,
    config: GateConfig | None = None,
    step: str = "gate",
    agent: str = "rule:gate",
) -> pa.Table:
    """The gate for a bulk operator: ledger rows for any number of verdicts.

    Args:
        round: number of the round.
        verdicts: [n] columns id, kept, reason (of `select`); a column score is held against the least score.
        documents: columns id, domain that name every verdict's domain.
        to: the tier that kept documents are proposed for.
        values: measured (mean, sd) by arm key.
        config: the limits.
        step: the step that decides.
        agent: the operator.

    Returns:
        [n] rows: PROMOTE for a kept document that scores enough and whose arm contributes, else REFUSE (it stays).
    """
    limits = config or GateConfig()
    where = pc.index_in(verdicts["id"].combine_chunks(), value_set=documents["id"].combine_chunks())
    coded = documents["domain"].combine_chunks().take(where).dictionary_encode()
    domains, code = coded.dictionary.to_pylist(), coded.indices
    asked = [contributes(str(Arm(d, to)), values, limits) for d in domains]
    wanted = verdicts["kept"].combine_chunks()
    score = _score_column(verdicts)
    scores_enough = pc.fill_null(pc.greater_equal(score, limits.score), limits.score <= 0)
    contributing = pa.array([ok for ok, _ in asked], pa.bool_()).take(code)
    granted = pc.and_(pc.and_(wanted, scores_enough), contributing)
    said = pa.array([text for _, text in asked], pa.string()).take(code)
    low = pa.repeat(f"; refused {to.name}: wanted a score of {limits.score:.3f} or more, and ", len(code))
    harmful = pa.repeat(f"; refused {to.name}: wanted mean + {limits.contribution_z:g} sd >= 0, and ", len(code))
    stays = pc.if_else(scores_enough, harmful, low)
    moves = pa.repeat(f"; promoted to {to.name}: ", len(code))
    reason = verdicts["reason"].combine_chunks()
    full = pc.binary_join_element_wise(reason, pc.if_else(granted, moves, stays), said, "")
    arms = [str(Arm(d, to)) for d in domains]
    measured = pa.array([as_json({"arm": a, **_measured(a, values)})[:-1] for a in arms], pa.string()).take(code)
    written = pc.fill_null(score.cast(pa.string()), "null")
    evidence = pc.binary_join_element_wise(measured, ', "score": ', written, f', "to": "{to.name}"}}', "")
    return rows(
        round,
        step,
        agent,
        verdicts["id"],
        pc.if_else(granted, Action.PROMOTE.value, Action.REFUSE.value),
        pc.if_else(wanted, full, reason),
        coded.dictionary.take(code),
        pc.if_else(granted, pa.scalar(int(to), pa.int8()), pa.scalar(None, pa.int8())),
        evidence=evidence,
    )


def _score_column(verdicts: pa.Table) -> pa.Array:
    """[n] selector scores, null where there is none."""
    if "score" not in verdicts.column_names:
        return pa.nulls(verdicts.num_rows, pa.float64())
    return verdicts["score"].combine_chunks().cast(pa.float64())


def demote_harmful(
    round: int,
    holdings: pa.Table,
    values: ArmValues,
    scores: pa.Table,
    config: GateConfig | None = None,
    step: str = "demote",
) -> list[Decision]:
    """Move the worst documents of measurably harmful arms one tier down; L1's go to L0, which is never trained on.

    Args:
        round: number of the round.
        holdings: what is held (`HOLDINGS_SCHEMA`).
        values: measured (mean, sd) by arm key.
        scores: columns id, score (of `select.weighted_scores`): the worst go first, then the unscored.
        config: the limits.
        step: the step that decides.

    Returns:
        DEMOTE decisions, by arm, the worst document first; none for an arm whose interval reaches zero.
    """
    limits = config or GateConfig()
    harmful = [arm for arm in sorted(values) if values[arm][0] + limits.harm_z * values[arm][1] < 0]
    found: list[Decision] = []
    for arm in map(Arm.parse, harmful):
        if arm.tier is not Tier.L0:
            found += _demoted(round, arm, holdings, ArmValue(*values[str(arm)]), scores, limits, step)
    return found


def _demoted(
    round: int, arm: Arm, holdings: pa.Table, value: ArmValue, scores: pa.Table, limits: GateConfig, step: str
) -> list[Decision]:
    inside = pc.and_(pc.equal(holdings["domain"], arm.domain), pc.equal(holdings["tier"], int(arm.tier)))
    mine = holdings.filter(pc.and_(inside, pc.equal(holdings["status"], "held")))
    n = mine.num_rows
    count = max(0, min(int(np.ceil(limits.demote_share * n)), limits.demote_most, n - limits.keep_documents))
    score = _scores_of(mine, scores)
    order = np.lexsort((np.asarray(mine["id"].to_pylist(), dtype=str), score))[:count]  # NaN sorts last
    worst = zip(mine.take(order).to_pylist(), score[order].tolist(), strict=True)
    return [
        _demotion(round, arm, value, row, None if np.isnan(s) else s, (place, n, count), limits, step)
        for place, (row, s) in enumerate(worst, start=1)
    ]


def _demotion(
    round: int,
    arm: Arm,
    value: ArmValue,
    row: dict[str, Any],
    score: float | None,
    standing: tuple[int, int, int],
    limits: GateConfig,
    step: str,
) -> Decision:
    place, held, demoted = standing
    to, upper = Tier(arm.tier - 1), value.mean + limits.harm_z * value.sd
    measured = f"{arm} is harmful: {normal_estimate(value.mean, value.sd)}, so at most {upper:+.4f} < 0"
    rank = "unscored and" if score is None else f"score {score:.3f} is"
    where = f"number {place} from the bottom of {held}"
    return Decision(
        round=round,
        stage=step,
        agent="rule:harm",
        doc=row["id"],
        action=Action.DEMOTE,
        reason=f"{measured}; {rank} {where}: {arm.tier.name} -> {to.name}",
        domain=arm.domain,
        tier=to,
        evidence={
            "arm": str(arm),
            "arm_mean": value.mean,
            "arm_sd": value.sd,
            "arm_upper": upper,
            "score": score,
            "place": place,
            "held": held,
            "demoted": demoted,
        },
        kind=row["kind"],
        source=row["source"],
    )


def _scores_of(documents: pa.Table, scores: pa.Table) -> np.ndarray[Any, np.dtype[np.float64]]:
    """[n] score of each document, NaN where it has none."""
    at = pc.index_in(documents["id"].combine_chunks(), value_set=scores["id"].combine_chunks())
    found = scores["score"].combine_chunks().cast(pa.float64()).take(at)
    return np.asarray(pc.fill_null(found, float("nan")).to_numpy(zero_copy_only=False))
