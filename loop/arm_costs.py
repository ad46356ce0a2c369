"""What it cost to fill each arm: the agents' work on the way into it, by round, and by document gained."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

INTO = {"score": 2, "select": 2, "edit": 3, "synthesize": 3, "verify": 4, "organize": 4}
"""The tier that a step's work is for, whether or not a document gets there."""
SUMMED = ("calls", "tokens_in", "tokens_out", "seconds", "usd")
LEDGER_COLUMNS = ("round", "step", "domain", "tier", "action", *SUMMED)
GAINED = ("promote", "edit", "create")


def arm_costs(ledger: pa.Table) -> list[dict[str, Any]]:
    """A row by round and arm: what was spent, and how many documents the arm gained by it.

    Args:
        ledger: rows with LEDGER_COLUMNS.
    """
    work = ledger.filter(pc.is_in(ledger["step"], value_set=pa.array(list(INTO))))
    if not work.num_rows:
        return []
    tier = pa.array([INTO[s] for s in work["step"].to_pylist()], pa.int64())
    moved = pc.is_in(work["action"], value_set=pa.array(list(GAINED)))
    arrived = pc.and_(moved, pc.equal(pc.cast(pc.fill_null(work["tier"], -1), pa.int64()), tier))
    table = work.select(["round", "domain", *SUMMED]).append_column("into", tier)
    table = table.append_column("gained", pc.cast(arrived, pa.int64()))
    groups = table.group_by(["round", "domain", "into"]).aggregate([(c, "sum") for c in (*SUMMED, "gained")])
    rows = [
        {"round": g["round"], "arm": f"{g['domain']}/L{g['into']}", "documents": g["gained_sum"]}
        | {c: g[f"{c}_sum"] for c in SUMMED}
        for g in groups.to_pylist()
    ]
    return sorted(rows, key=lambda r: (r["round"], r["arm"]))


def by_arm(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Sums over rounds."""
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        told = found.setdefault(row["arm"], dict.fromkeys(("documents", *SUMMED), 0.0))
        for key in told:
            told[key] += row[key] or 0
    return found


def each(cost: dict[str, float]) -> float:
    """USD for one document gained, or seconds of the agents where nothing is paid; 0 while none was gained."""
    spent = cost["usd"] or cost["seconds"]
    return spent / cost["documents"] if cost["documents"] else 0.0
