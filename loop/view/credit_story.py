"""Credit in a run: the share of a measured delta that an arm, a rubric or a prompt explains, with its interval."""

import math
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...eval.clustered import Error
from ...tiers.apply import apply
from ...tiers.errors import InputError
from ..feedback.credit import Credit, share
from ..feedback.mechanism import Floats
from .document_story import AFTER_TRAINING
from .formats import line
from .intervals import with_interval
from .reader import RunReader, credit

Row = dict[str, Any]


def arm_credit(run: RunReader, row: Row) -> Row:
    """What an arm's move added to main over control in a round, and the share of the measured delta that this is."""
    told = credit(row)
    if told["credit"] is None:
        return told | _share(None, None)
    return told | _share(Credit(told["credit"], told["credit_se"] or 0.0), _delta(run, row["round"], "main", "control"))


def rubric_credit(run: RunReader, row: Row) -> Row:
    """What a rubric's worth explains of the round's rubric pair: fraction * apart in sds * worth."""
    kept = run.db.meta(f"evidence-{row['round']}") or {"contrasts": [], "rubrics": []}
    pair = next((c for c in kept["contrasts"] if c["kind"] == "rubric"), None)
    apart = dict(zip(kept["rubrics"], pair["selection"], strict=True)).get(row["rubric"]) if pair else None
    if pair is None or apart is None or row["worth"] is None:
        return {"credit": None, "credit_se": None} | _share(None, None)
    felt = pair["fraction"] * apart
    part = Credit(felt * row["worth"], abs(felt) * (row["worth_se"] or 0.0))
    found = _share(part, _delta(run, row["round"], pair["treatment"], pair["reference"]))
    return {"credit": part.value, "credit_se": part.se} | found


def prompts(run: RunReader) -> list[str]:
    """Prompts (`name@digest`) that decided about a document in this run, and the rules that decided without one."""
    rules = run.ledger.filter(pc.equal(pc.fill_null(run.ledger["prompt"], ""), ""))["agent"]
    return sorted({p for column in (run.ledger["prompt"], rules) for p in pc.unique(column).to_pylist() if p})


def prompt_story(run: RunReader, wanted: str) -> Row:
    """What a prompt (its name, `name@digest`, or a rule) made or checked, and what that added to main over control.

    A prompt's documents are credited with their part of their arm's credit: within an arm all documents count alike.

    Raises:
        InputError: the run never used such a prompt.
    """
    known = prompts(run)
    used = [p for p in known if wanted in (p, p.partition("@")[0])]
    if not used:
        raise InputError(f"no prompt {line(wanted, 60)!r} in run {run.name!r}: it used {', '.join(known) or 'none'}")
    names = pa.array(used)
    by = pc.or_(pc.is_in(run.ledger["prompt"], value_set=names), pc.is_in(run.ledger["agent"], value_set=names))
    rows = run.ledger.filter(by)
    return {
        "view": "why-prompt",
        "run": run.name,
        "prompt": wanted,
        "versions": used,
        "actions": _counted(rows),
        "rounds": [_prompt_round(run, rows, r["round"]) for r in run.finished],
    }


def _prompt_round(run: RunReader, rows: pa.Table, number: int) -> Row:
    """The prompt's documents in each arm when the round trained, and their part of the arms' credits."""
    held = _trained_on(run, number)
    earlier = rows.filter(pc.less_equal(rows["round"], number))
    made = pc.fill_null(earlier["made"], "")
    named = pc.if_else(pc.equal(made, ""), earlier["doc"], made)
    moved = pc.is_in(earlier["action"], value_set=pa.array(["edit", "create", "verify"]))
    touched = pc.unique(named.filter(moved)) if earlier.num_rows else pa.array([], pa.string())
    mine = held.filter(pc.is_in(held["id"], value_set=touched))
    arms = run.db.rows("arms", round=number)
    total, own = (_by_arm(t) for t in (held, mine))
    part = np.array([own.get(a["arm"], 0) / total[a["arm"]] if total.get(a["arm"]) else 0.0 for a in arms])
    moves = np.array([_log_move(a) for a in arms])
    mean = np.array([a["value"] or 0.0 for a in arms])
    cov = _covariance(run, number, arms)
    weight = part * moves
    value = Credit(float(weight @ mean), math.sqrt(max(float(weight @ cov @ weight), 0.0)))
    told = {"round": number, "documents": mine.num_rows, "arms": {k: v for k, v in own.items() if v}}
    told |= {"credit": value.value if mine.num_rows else None, "credit_se": value.se if mine.num_rows else None}
    told = with_interval(told, "credit", "credit_se")
    return told | _share(value if mine.num_rows else None, _delta(run, number, "main", "control"))


def _trained_on(run: RunReader, number: int) -> pa.Table:
    """What was held when a round trained: all of its decisions but those that followed from its measurements."""
    rows = run.ledger.filter(pc.equal(run.ledger["round"], number))
    before = run.held[max(n for n in run.held if n < number)]
    held = apply(before, rows.filter(pc.not_equal(rows["step"], AFTER_TRAINING)))
    return held.filter(pc.equal(held["status"], "held"))


def _by_arm(held: pa.Table) -> dict[str, int]:
    grouped = held.group_by(["domain", "tier"]).aggregate([("id", "count")]).to_pylist()
    return {f"{g['domain']}/L{g['tier']}": g["id_count"] for g in grouped}


def _counted(rows: pa.Table) -> list[Row]:
    grouped = rows.group_by(["round", "action"]).aggregate([("doc", "count")]).to_pylist()
    grouped.sort(key=lambda g: (g["round"], g["action"]))
    return [{"round": g["round"], "action": g["action"], "documents": g["doc_count"]} for g in grouped]


def _log_move(row: Row) -> float:
    return math.log(row["share"] / row["reference"]) if row["share"] and row["reference"] else 0.0


def _covariance(run: RunReader, number: int, arms: list[Row]) -> Floats:
    """[K, K] of the arm values; where a run kept no covariance, the variances alone."""
    kept = next(r["posterior"] for r in run.finished if r["round"] == number) or {}
    names = [a["arm"] for a in arms]
    if "cov" not in kept or set(kept["arms"]) != set(names):
        return np.diag([(a["value_se"] or 0.0) ** 2 for a in arms])
    k = len(kept["arms"])
    rows, columns = np.tril_indices(k)
    whole = np.zeros((k, k))
    whole[rows, columns] = whole[columns, rows] = kept["cov"]
    order = [kept["arms"].index(n) for n in names]
    return whole[np.ix_(order, order)]


def _delta(run: RunReader, number: int, treatment: str, reference: str) -> Credit | None:
    """A measured gain with the normal standard error that has its 95 % interval: it is resolved where the delta is."""
    found = run.delta(number, "feedback", treatment, reference)
    if not found:
        return None
    return Credit(found["gain"], math.sqrt(Error(found["se"], found["dof"]).normal_variance))


def _share(part: Credit | None, whole: Credit | None) -> Row:
    """Share of the delta with its 95 % interval; None throughout where the delta is not resolved."""
    found = share(part, whole) if part is not None and whole is not None else None
    low, high = (found[1], found[2]) if found else (None, None)
    told = {"delta": whole.value if whole else None, "explains": found[0] if found else None}
    return told | {"explains_low": low, "explains_high": high}
