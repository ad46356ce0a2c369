"""curate: agents score, select, edit, write, check and organise documents within the plan's budget; gates promote."""

from pathlib import Path

from ..context import RunContext
from ..state import State, Update
from . import refine, scoring
from .costs import record_costs
from .hold import step


def curate(context: RunContext, state: State) -> Update:
    """One curation pass under the round's plan."""
    curate_round(context, state["round"], context.absolute(state["start"]))
    return Update()


def curate_round(context: RunContext, number: int, student: Path) -> None:
    """Every step of a pass, in the ledger's order; a step that is in the ledger is not done again.

    Args:
        context: the run.
        number: the round; 0 is the first pass, before anything was measured.
        student: folder of the model that judges by its own loss.
    """
    step(context, number, "score", lambda: (scoring.score(context, number, student), None))
    step(context, number, "select", lambda: (scoring.select_l2(context, number), None))
    step(context, number, "edit", lambda: (refine.edit(context, number, student), None))
    step(context, number, "synthesize", lambda: (refine.synthesize(context, number, student), None))
    step(context, number, "verify", lambda: (refine.verify(context, number, student), None))
    step(context, number, "organize", lambda: (refine.organize(context, number, student), None))
    refine.index_facts(context)
    record_costs(context, number)
