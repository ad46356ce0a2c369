"""Anchors: documents that a model judge grades anew each round, so that its drift is seen before it is acted on."""

from collections.abc import Callable, Sequence

from ...agents.drift import Drift, drift
from ...agents.journal import Journal
from ...agents.scorer import Scorer
from ...tiers.document import Document
from ..context import RunContext
from .drive import WORKS, drive, scope
from .prompt_family import prompts_of


def drifts(
    context: RunContext, number: int, rubrics: Sequence[str], documents: Callable[[], Sequence[Document]]
) -> dict[str, Drift]:
    """How far each rubric of the configured scorer has moved since the anchors were first graded.

    Args:
        context: the run.
        number: the round.
        rubrics: those that a model judges.
        documents: the anchors, asked for if this is the first time.
    """
    kept = context.db.meta("anchors")
    if kept is None:
        kept = [d.model_dump(mode="json") for d in documents()]
        context.db.set_meta("anchors", kept)
    anchors = [Document.model_validate(d) for d in kept]
    if not anchors or not rubrics:
        return {}
    now = _graded(context, number, rubrics, anchors)
    context.db.set_meta(f"anchor-grades-{number}", now)
    first = _first_grades(context, number)
    return {r: drift(r, first[r], now[r]) for r in rubrics if r in first and r in now}


def _first_grades(context: RunContext, number: int) -> dict[str, dict[str, float]]:
    """The oldest grades by rubric and document, of earlier rounds alone: the node that writes a round's repeats it."""
    first: dict[str, dict[str, float]] = {}
    for earlier in range(number):
        first = context.db.meta(f"anchor-grades-{earlier}", {}) | first
    return first


def _graded(
    context: RunContext, number: int, rubrics: Sequence[str], anchors: Sequence[Document]
) -> dict[str, dict[str, float]]:
    """Grades by rubric and document."""
    # what another round was answered must not answer now
    with Journal(context.folder.journal, scope=scope(number, "calibrate"), anew=f"anchor-{number}") as journal:
        chat = context.config.agents.open(WORKS["calibrate"], journal=journal)
        decided = drive(
            context,
            number,
            "calibrate",
            Scorer(chat, round=number, rubrics=rubrics, prompts=prompts_of(context)),
            anchors,
        )
    return {r: {d.doc: d.scores[r] for d in decided if r in d.scores} for r in rubrics}
