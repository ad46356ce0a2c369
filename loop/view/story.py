"""Stories: why a round, an arm or a rubric is as it is, and which of them (or which document) a person means."""

import difflib
import re
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from ...tiers.errors import InputError
from .credit_story import arm_credit, prompt_story, prompts, rubric_credit
from .document_story import document_story
from .formats import line, safe
from .intervals import with_interval
from .reader import RunReader
from .tables import comparisons, one_round, spent

EXAMPLES = 3


def why(root: Path, subject: str) -> dict[str, Any]:
    """The story of a round (`2`, `round 2`), an arm (`math/L3`), a rubric, a prompt (its name) or a document (its id).

    Raises:
        InputError: nothing of that name is in the run; names the nearest that are.
    """
    with RunReader(root) as run:
        return safe(_story(run, subject.strip()))


def _story(run: RunReader, what: str) -> dict[str, Any]:
    number = re.fullmatch(r"(?:round\s+)?(\d{1,5})", what)
    if number:
        return round_story(run, int(number[1]))
    if re.search(r"/L\d", what):
        return arm_story(run, what)
    rubrics = sorted({r["rubric"] for r in run.db.rows("rubrics")})
    if what in rubrics:
        return rubric_story(run, what)
    if re.fullmatch(r"[0-9a-fA-F]{6,}", what):
        return document_story(run, what.lower())
    used = prompts(run)
    names = [p.partition("@")[0] for p in used]
    if what in used or what in names:
        return prompt_story(run, what)
    near = difflib.get_close_matches(what, [*rubrics, *_arms(run), *names], n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(near)}? " if near else ""
    raise InputError(
        f"{line(what, 60)!r} is no round, arm, rubric, prompt or document of run {run.name!r}: {hint}"
        "Say a round number, an arm like math/L3, a rubric, a prompt, or at least 6 hex digits of a document id"
    )


def round_story(run: RunReader, number: int) -> dict[str, Any]:
    """What was planned and why, what came of it, what was accepted, and how the next plan differs."""
    row = one_round(run, number)
    plan = row["plan"] or {}
    following = next((r["plan"] for r in run.rounds if r["round"] == number + 1 and r["plan"]), None)
    return {
        "view": "why-round",
        "run": run.name,
        "round": number,
        "status": row["status"],
        "plan": plan,
        "arms": [with_interval(r, "value", "value_se") for r in run.db.rows("arms", round=number)],
        "runs": [_trained(r) for (n, _), r in run.runs.items() if n == number],
        "comparisons": comparisons(run, number),
        "accepted": row["accepted"],
        "accept_reason": row["accept_reason"],
        "alarm": row["alarm"],
        "rubrics": run.db.rows("rubrics", round=number),
        "events": run.db.rows("events", round=number),
        "spent": spent(run, number),
        "next": _change(plan, following),
    }


def arm_story(run: RunReader, arm: str) -> dict[str, Any]:
    """An arm's shares, values with errors, documents, and the contrasts in which its share differed.

    Raises:
        InputError: the run has no such arm.
    """
    known = _arms(run)
    if arm not in known:
        near = difflib.get_close_matches(arm, known, n=2, cutoff=0.3)
        raise InputError(f"run {run.name!r} has no arm {line(arm, 40)!r}: nearest are {', '.join(near or known[:4])}")
    rows = [r for r in run.db.rows("arms") if r["arm"] == arm]
    return {
        "view": "why-arm",
        "run": run.name,
        "arm": arm,
        "rounds": [
            with_interval(r, "value", "value_se")
            | with_interval(arm_credit(run, r), "credit", "credit_se")
            | {"accepted_share": run.accepted_mixture(r["round"]).get(arm)}
            | run.arm_influence(r["round"], arm)
            for r in rows
        ],
        "contrasts": [c for c in _contrasts(run) if _differs(c, arm)],
        "moves": _arm_moves(run, arm),
    }


def rubric_story(run: RunReader, rubric: str) -> dict[str, Any]:
    """A rubric's weight, trust and worth by round, with the documents that it put first and last."""
    return {
        "view": "why-rubric",
        "run": run.name,
        "rubric": rubric,
        "rounds": [
            with_interval(r, "worth", "worth_se") | with_interval(rubric_credit(run, r), "credit", "credit_se")
            for r in run.db.rows("rubrics")
            if r["rubric"] == rubric
        ],
        "evidence": _rubric_evidence(run, rubric),
        **_extremes(run, rubric),
    }


def _rubric_evidence(run: RunReader, rubric: str) -> list[dict[str, Any]]:
    """What the rounds' rubric probes measured, and how far apart under this rubric their documents were."""
    return [
        probe
        | {"sign": probe["direction"].get(rubric)}
        | {"apart": dict(zip(probe["rubrics"], probe["selection"], strict=True)).get(rubric)}
        for probe in run.rubric_probes()
    ]


def _arms(run: RunReader) -> list[str]:
    return sorted({r["arm"] for r in run.db.rows("arms")})


def _trained(row: dict[str, Any]) -> dict[str, Any]:
    return {
        k: row[k]
        for k in (
            "name",
            "grp",
            "mixture",
            "epochs",
            "tokens",
            "seconds",
            "loss_first",
            "loss_last",
            "losses",
            "diverged",
        )
    }


def _change(plan: dict[str, Any], following: dict[str, Any] | None) -> dict[str, Any] | None:
    """Arms and rubrics whose share moved between two plans, largest move first."""
    if not following:
        return None
    moved = []
    for key in ("mixture", "rubric_weights"):
        old, new = plan.get(key) or {}, following.get(key) or {}
        moved += [{"what": k, "before": old.get(k, 0.0), "after": new.get(k, 0.0)} for k in sorted({*old, *new})]
    moved = [m for m in moved if abs(m["after"] - m["before"]) > 0.001]
    moved.sort(key=lambda m: -abs(m["after"] - m["before"]))
    return {"round": following.get("round"), "reason": following.get("reason", ""), "moved": moved}


def _contrasts(run: RunReader) -> list[dict[str, Any]]:
    """Feedback composites whose both sides were trained in the same round: all the evidence there is about arms."""
    out = []
    for delta in run.deltas:
        sides = [run.runs.get((delta["round"], delta[k])) for k in ("treatment", "reference")]
        if delta["benchmark"] == "composite" and delta["split"] == "feedback" and all(sides):
            out.append(delta | {"mixtures": [s["mixture"] for s in sides if s]})
    return out


def _differs(contrast: dict[str, Any], arm: str) -> bool:
    treated, reference = (m.get(arm, 0.0) for m in contrast.pop("mixtures"))
    contrast["share"], contrast["reference_share"] = treated, reference
    return bool(abs(treated - reference) > 1e-9)


def _arm_moves(run: RunReader, arm: str) -> list[dict[str, Any]]:
    """How many documents entered and left the arm in each round, by action and reason (the most frequent ones)."""
    domain, tier = arm.split("/L")
    kind = pc.replace_substring_regex(run.ledger["reason"], r"(?: made from | from |[;:(]| \(|[0-9]).*$", "")
    rows = run.ledger.set_column(run.ledger.column_names.index("reason"), "reason", pc.utf8_trim_whitespace(kind))
    here = pc.and_(pc.equal(rows["domain"], domain), pc.equal(pc.fill_null(rows["tier"], -1), int(tier)))
    grouped = rows.filter(here).group_by(["round", "action", "reason"]).aggregate([("doc", "count")]).to_pylist()
    grouped.sort(key=lambda g: (g["round"], -g["doc_count"], g["action"], g["reason"]))
    out: list[dict[str, Any]] = []
    for number in sorted({g["round"] for g in grouped}):
        mine = [g for g in grouped if g["round"] == number][:5]
        out += [
            {"round": number, "action": g["action"], "reason": g["reason"], "documents": g["doc_count"]} for g in mine
        ]
    return out


def _extremes(run: RunReader, rubric: str) -> dict[str, Any]:
    table = run.store.scores()
    mine = table.filter(pc.equal(table["rubric"], rubric)) if table is not None and table.num_rows else None
    if mine is None or not mine.num_rows:
        return {"scored": 0, "top": [], "bottom": []}
    newest = mine.filter(pc.equal(mine["round"], pc.max(mine["round"])))
    ranked = newest.sort_by([("score", "descending"), ("doc_id", "ascending")])
    top, bottom = ranked.slice(0, EXAMPLES), ranked.slice(max(EXAMPLES, ranked.num_rows - EXAMPLES))
    return {"scored": mine.num_rows, "top": _examples(run, top), "bottom": _examples(run, bottom)}


def _examples(run: RunReader, rows: Any) -> list[dict[str, Any]]:
    out = []
    for row in rows.to_pylist():
        document = run.store.document(row["doc_id"])
        told = {"doc": document.id, "arm": document.arm, "source": document.source, "excerpt": line(document.text, 200)}
        out.append({"score": row["score"], "round": row["round"], **told})
    return out
