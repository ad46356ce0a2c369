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

WORKS = {
    "calibrate": "scorer",
    "score": "scorer",
    "edit": "editor",
    "synthesize": "synthesizer",
    "verify": "verifier",
    "organize": "organizer",
    "propose": "strategist",
}
"""Who does each piece of a round's work, in the order in which it is done: one begins when those before it are over."""

LEAST_UNANSWERED = 8
"""Documents of which a server must refuse all before the run stops: few may all be too long for the model."""


def open_role(
    context: RunContext, number: int, work: str, student: Path | None = None, *, url: str | None = None
) -> Chat:
    """The model that does a piece of work, its answers recorded in the journal and charged to the work that paid.

    Args:
        context: the run.
        number: the round.
        work: one of WORKS.
        student: folder of the model that `student:` means.
        url: another model than the one configured for the role.
    """
    journal = Journal(context.folder.journal, scope=scope(number, work))
    return context.config.agents.open(WORKS[work], journal=journal, student_path=student, url=url)


def scope(number: int, work: str) -> str:
    """What a piece of work is called in the journal."""
    return f"round-{number}/{work}"


def paid(context: RunContext, number: int, before: str = "") -> dict[tuple[str, str], Usage]:
    """What was paid for in a round by role and model, each recorded call once; of all work, or of that `before` one."""
    works = list(WORKS)
    found: dict[tuple[str, str], Usage] = {}
    with Journal(context.folder.journal) as journal:
        for work in works[: works.index(before)] if before else works:
            for model, usage in journal.costs(scope(number, work)).items():
                found[WORKS[work], model] = found.get((WORKS[work], model), Usage()) + usage
    return found


def drive(
    context: RunContext, number: int, work: str, role: pool.Role, documents: Sequence[Document]
) -> list[Decision]:
    """Decisions about all documents, each accounted for.

    Raises:
        Stopping: the run was asked to stop; what was paid for is in the journal.
        ServerError: the server answered none of the calls; the step is done again when the run is resumed.
    """
    try:
        decided = pool.run(
            role,
            documents,
            concurrency=context.config.agents.concurrency,
            budget=remaining(context, number, work),
            should_stop=context.stopping.is_set,
        )
    except pool.Stopped as e:
        raise Stopping from e
    if len(documents) >= LEAST_UNANSWERED:
        pool.check_answered(decided, f"round {number}, {work}")
    return decided


def remaining(context: RunContext, number: int, work: str) -> Budget:
    """What a piece of work may spend of the round's budget and of the run's own in USD.

    Only work that is over counts: what this one paid for before it was killed is charged again as it is repeated.
    """
    limits, used = context.config.agents.budget, sum(paid(context, number, before=work).values(), Usage())
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
