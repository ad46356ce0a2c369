"""Rubric weights: what the round's contrasts say a rubric's selection was worth, and the weights that follow."""

from ...tiers.tier import arms
from ..context import Controls
from ..feedback.mechanism import Evidence
from ..feedback.rubrics import rubric_worth
from .control import seen
from .evidence import load_evidence
from .judges import calibrations, prompt_of


def reweight(context: Controls, number: int, evidence: Evidence) -> None:
    """Write the weights that the next round selects with."""
    if not evidence.rubrics:
        return
    before = {r["rubric"]: r["weight"] for r in context.db.rows("rubrics", round=number - 1)}
    measured = [load_evidence(context, n) for n in range(1, number)] + [evidence]
    history = [seen(e, context.config.feedback, context.config.seed) for e in measured]
    if context.config.feedback.mechanism == "uniform":
        history = [Evidence(number, (), evidence.cov[:0, :0], evidence.rubrics, evidence.trust)]
    worths = rubric_worth(history, before, tuple(arms(context.config.domains)), context.config.feedback)
    said = calibrations(context, number)
    context.db.insert(
        "rubrics",
        [
            w.model_dump(exclude={"reason"})
            | {
                "round": number,
                "prompt": prompt_of(context, w.rubric),
                "reason": f"{w.reason}; {said[w.rubric].reason}",
            }
            for w in worths
        ],
    )
