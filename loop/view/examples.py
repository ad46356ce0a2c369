"""Decisions worth reading: a few edits with their diff, what was written, refused, demoted, failed and went wrong."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .formats import diff, plain
from .reader import RunReader

SHOWN = 3
EXCERPT = 600
_VARYING = r"\s*\([^)]*\)|[0-9a-f]{6,}|\d+(\.\d+)?"


def worth_reading(run: RunReader) -> dict[str, list[dict[str, Any]]]:
    """Examples by kind; each is the first of its reason, the most frequent reasons first."""
    rows = run.ledger
    checks = rows.filter(pc.equal(rows["step"], "verify"))
    edits = rows.filter(pc.and_(pc.equal(rows["action"], "edit"), pc.not_equal(rows["step"], "mend")))  # personal data
    moves = rows.filter(pc.and_(pc.equal(rows["action"], "refuse"), pc.not_equal(rows["step"], "verify")))
    moves = moves.filter(pc.invert(pc.starts_with(moves["reason"], "not selected")))  # nobody proposed to move those
    return {
        "edits": [_edited(run, r) for r in _typical(edits, SHOWN)],
        "written": [_written(run, r) for r in _typical(rows.filter(pc.equal(rows["action"], "create")), SHOWN, "kind")],
        "verified": _typical(checks.filter(pc.equal(checks["action"], "verify")), SHOWN),
        "failed": _typical(checks.filter(pc.is_in(checks["action"], pa.array(["drop", "refuse"]))), SHOWN),
        "refused": _typical(moves, 5),
        "demoted": _typical(rows.filter(pc.equal(rows["action"], "demote")), 5),
        "errors": _typical(rows.filter(pc.is_valid(rows["error"])), 5, "error"),
    }


def _typical(rows: pa.Table, most: int, column: str = "reason") -> list[dict[str, Any]]:
    """The first row of each frequent reason, and how often it occurred; numbers and asides make no other reason."""
    like = pc.replace_substring_regex(rows[column], _VARYING, "#")
    keyed = rows.select(["seq", "step", "agent"]).append_column("like", like)
    groups = keyed.group_by(["step", "agent", "like"]).aggregate([("seq", "count"), ("seq", "min")]).to_pylist()
    groups.sort(key=lambda g: (-g["seq_count"], g["seq_min"]))
    out = []
    for group in groups[:most]:
        row = rows.filter(pc.equal(rows["seq"], group["seq_min"])).to_pylist()[0]
        out.append({k: row[k] for k in _SAID} | {"times": group["seq_count"]})
    return out


_SAID = (
    "round",
    "step",
    "agent",
    "doc",
    "made",
    "action",
    "reason",
    "domain",
    "tier",
    "kind",
    "prompt",
    "model",
    "error",
)


def _edited(run: RunReader, row: dict[str, Any]) -> dict[str, Any]:
    before, after = run.store.document(row["doc"]), run.store.document(row["made"])
    return row | {"diff": diff(before.text, after.text, lines=18, width=140), "source": before.source}


def _written(run: RunReader, row: dict[str, Any]) -> dict[str, Any]:
    document = run.store.document(row["made"])
    return row | {"excerpt": plain(document.text, EXCERPT), "source": document.source}
