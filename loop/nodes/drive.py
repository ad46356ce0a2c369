"""Driving a role over documents within what is left of the round's and the run's budget."""

from collections.abc import Sequence
from pathlib import Path

from ...agents import pool
from ...agents.budget import Budget
from ...agents.chat import Chat
from ...agents.journal import Journal
from ...tiers.decision import Decision, Usage
from ...tiers.document import Document
from ..context import RunContext
from ..workers import Stopping


def open_role(context: RunContext, number: int, role: str, student: Path | None = None) -> Chat:
    """The model that plays a role, its answers recorded in the journal and charged in the round that paid."""
    journal = Journal(context.folder.journal, scope=f"round-{number}")
    return context.config.agents.open(role, journal=journal, student_path=student)


def drive(context: RunContext, number: int, role: pool.Role, documents: Sequence[Document]) -> list[Decision]:
    """Decisions about all documents, each accounted for.

    Raises:
        Stopping: the run was asked to stop; what was paid for is in the journal.
    """
    try:
        return pool.run(
            role,
            documents,
            concurrency=context.config.agents.concurrency,
            budget=remaining(context, number),
            should_stop=context.stopping.is_set,
        )
    except pool.Stopped as e:
        raise Stopping from e


def remaining(context: RunContext, number: int) -> Budget:
    """What the round may still spend, the run's own limit in USD included."""
    limits, used = context.config.agents.budget, _used(context, number)
    usd = [limits.max_usd - used.usd] if limits.max_usd is not None else []
    if context.config.budget.usd:
        before = sum(c["usd"] for c in context.db.rows("costs") if c["round"] < number)
        usd.append(context.config.budget.usd - before - used.usd)
    tokens = used.tokens_in + used.tokens_out
    return Budget(
        max_calls=None if limits.max_calls is None else max(0, limits.max_calls - used.calls),
        max_tokens=None if limits.max_tokens is None else max(0, limits.max_tokens - tokens),
        max_usd=max(0.0, min(usd)) if usd else None,
    )


def _used(context: RunContext, number: int) -> Usage:
    columns = ["calls", "tokens_in", "tokens_out", "usd"]
    rows = context.store.ledger.read(number, columns=[*columns, "model"]).to_pylist()
    paid = [r for r in rows if r["model"].startswith("openai:")]
    return Usage(**{c: sum(r[c] for r in paid) for c in columns})
