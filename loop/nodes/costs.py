"""What a round's agents cost: the journal counts what was paid, each row one call; the ledger counts the rest."""

from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...agents.journal import Journal
from ..artefacts import CALLS
from ..context import RunContext
from .drive import paid

SUMMED = ("calls", "tokens_in", "tokens_out", "seconds", "usd")


def record_costs(context: RunContext, number: int) -> None:
    """Write the costs of a round by role and model.

    Decisions do not know all that was paid: nobody decides about the texts that judges are calibrated on, and a pass
    that is repeated reads an answer twice. So money is the journal's to count.
    """
    found = {(row["role"], row["model"]): row for row in _decided(context, number)}
    for (role, model), usage in paid(context, number).items():
        row = found.setdefault((role, model), {"role": role, "model": model, "decisions": 0, "errors": 0})
        row |= {name: getattr(usage, name) for name in SUMMED}
    context.db.insert("costs", [row | {"round": number} for row in found.values()])
    with Journal(context.folder.journal) as journal:
        journal.sync()
        context.db.set_meta(CALLS, journal.count())


def _decided(context: RunContext, number: int) -> list[dict[str, Any]]:
    """Decisions, errors and usage by role and model, summed over the ledger."""
    ledger = context.store.ledger.read(number, columns=["agent", "model", "error", *SUMMED])
    by_agent = ledger.filter(pc.not_equal(ledger["model"], ""))
    failed = by_agent.append_column("failed", pc.cast(by_agent["error"].is_valid(), pa.int64()))
    wanted = [(c, "sum") for c in (*SUMMED, "failed")] + [("agent", "count")]
    groups = failed.group_by(["agent", "model"]).aggregate(wanted).to_pylist()
    return [
        {"role": g["agent"], "model": g["model"], "decisions": g["agent_count"], "errors": g["failed_sum"]}
        | {c: g[f"{c}_sum"] for c in SUMMED}
        for g in groups
    ]
