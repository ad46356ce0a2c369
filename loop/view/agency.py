"""Agency: who played which role, what the strategist proposed and what came of it, what a point of gain cost."""

from typing import Any

from ...agents.advice import Proposal
from ...eval.score import verdict
from ..arm_costs import arm_costs, by_arm, each
from ..track_record import Outcome, track_record
from .intervals import with_interval
from .reader import RunReader

POINT = 0.01
"""Sds of the hidden composite that are called a point."""


def posts(run: RunReader) -> list[dict[str, Any]]:
    """Who was examined for a role in each round, rules left out."""
    rows = []
    for row in run.db.rows("rounds"):
        told = run.db.meta(f"posts-{row['round']}", [])
        rows += [p | {"round": row["round"]} for p in told if p["model"] != "offline:" or p["verdict"]]
    return rows


def proposals(run: RunReader) -> list[dict[str, Any]]:
    """What was proposed after each round, and what its probe gained in the next one."""
    outcomes = {o.round: o for o in track_record(run.db).outcomes}
    rows = []
    for row in run.finished:
        told = run.db.meta(f"proposal-{row['round']}")
        if told:
            proposal = Proposal.model_validate(told)
            outcome = outcomes.get(row["round"] + 1)
            rows.append(_proposal(row["round"], proposal) | {"outcome": _measured(outcome) if outcome else None})
    return rows


def _measured(outcome: Outcome) -> dict[str, Any]:
    return with_interval(outcome.model_dump(), "gain", "se")


def _proposal(number: int, proposal: Proposal) -> dict[str, Any]:
    wanted = [f"probe: {p.reason}" for p in proposal.probes]
    wanted += [f"rubric {r.rubric}: {r.question}" for r in proposal.rubrics]
    wanted += [f"retire {e.what}: {e.reason}" for e in proposal.retire]
    wanted += [f"{n} more of {arm}" for arm, n in proposal.targets.items()]
    return {
        "round": number,
        "agent": proposal.agent,
        "model": proposal.model,
        "reason": proposal.error or proposal.reason,
        "wanted": wanted,
        "left_out": list(proposal.left_out),
        "thoughts": [t.model_dump() for t in proposal.thoughts],
    }


def record(run: RunReader) -> dict[str, Any]:
    """The strategist's probes beside the mechanism's own: mean advantage with its 95 % interval, and Brier score."""
    found = track_record(run.db)
    told: dict[str, Any] = {"n": len(found.outcomes), "brier": found.brier, "gain": found.against}
    if not found.interval:
        return told
    low, high = found.interval
    return told | {"low": low, "high": high, "verdict": verdict(low, high)}


def arms(run: RunReader) -> list[dict[str, Any]]:
    """What it cost to fill each arm, where agents were paid or read anything; the last column is for one document."""
    found = by_arm(arm_costs(run.ledger))
    return [{"arm": a} | c | {"each": each(c)} for a, c in found.items() if c["calls"] or c["usd"]]


def price(run: RunReader) -> dict[str, Any]:
    """USD and wall seconds of each significant point: 0.01 sd that the accepted model surely gained on hidden items."""
    last = run.finished[-1]["round"] if run.finished else 0
    delta = run.delta(last, "hidden", "accepted", "base") or run.delta(last, "hidden", "main", "start")
    usd = sum(c["usd"] or 0.0 for c in run.db.rows("costs"))
    seconds = sum(n["seconds"] or 0.0 for n in run.nodes)
    if not delta or delta["verdict"] != "gain":
        return {"points": None, "usd": usd, "seconds": seconds, "verdict": delta["verdict"] if delta else "none"}
    points = delta["gain"] / POINT
    ends = [usd / (delta[k] / POINT) for k in ("high", "low")]
    return {
        "points": points,
        "usd": usd,
        "seconds": seconds,
        "usd_each": usd / points,
        "low": ends[0],
        "high": ends[1],
        "seconds_each": seconds / points,
        "verdict": "gain",
    }
