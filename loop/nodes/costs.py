"""What a round's agents cost, summed from the ledger: the only place where usage is counted."""

import pyarrow as pa
import pyarrow.compute as pc

from ..context import RunContext

SUMMED = ("calls", "tokens_in", "tokens_out", "seconds", "usd")


def record_costs(context: RunContext, number: int) -> None:
    """Write the costs of a round by role and model."""
    ledger = context.store.ledger.read(number, columns=["agent", "model", "error", *SUMMED])
    by_agent = ledger.filter(pc.not_equal(ledger["model"], ""))
    failed = by_agent.append_column("failed", pc.cast(by_agent["error"].is_valid(), pa.int64()))
    wanted = [(c, "sum") for c in (*SUMMED, "failed")] + [("agent", "count")]
    groups = failed.group_by(["agent", "model"]).aggregate(wanted).to_pylist()
    rows = [
        {
            "round": number,
            "role": g["agent"],
            "model": g["model"],
            "decisions": g["agent_count"],
            "errors": g["failed_sum"],
        }
        | {c: g[f"{c}_sum"] for c in SUMMED}
        for g in groups
    ]
    context.db.insert("costs", rows)
