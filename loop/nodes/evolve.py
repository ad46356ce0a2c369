"""Prompt evolution: a proposed rubric is screened on documents of known influence, tried as a probe, and retired."""

from collections.abc import Sequence
from pathlib import Path
from statistics import NormalDist
from typing import Any

from ...agents.advice import Edit, Proposal, RubricIdea
from ...agents.screening import Screened
from ...prompts import Prompt, PromptError
from ...tiers.estimates import normal_estimate
from ..context import RunContext
from ..prompt_family import Member, family
from .judges import OF_THE_STUDENT
from .prompt_family import child, enter, keep, prompts_of
from .rubric_screen import distrusted, screened

SURE = 0.9
"""Probability of being worth next to nothing at which a rubric is retired, and at which one on request is not kept."""
ON_REQUEST = 0.75


def evolve(context: RunContext, number: int, accepted: Path) -> None:
    """Act on what the strategist proposed about rubrics after a round; every idea is decided about once.

    Args:
        context: the run.
        number: the round.
        accepted: folder of the accepted model, whose gradients say what a document is worth.
    """
    told = context.db.meta(f"proposal-{number}")
    proposal = Proposal.model_validate(told) if told else Proposal(round=number)
    retire_useless(context, number, proposal.retire)
    for idea in proposal.rubrics:
        if idea.rubric not in family(context.db):
            enter(context, consider(context, number, idea, accepted))


def consider(context: RunContext, number: int, idea: RubricIdea, accepted: Path) -> Member:
    """Whether an idea earns a trial: sound words, trust on gold, and something that the other rubrics do not tell."""
    origin = f"strategist, round {number}"
    told = Member(
        rubric=idea.rubric,
        prompt="",
        question=idea.question,
        origin=origin,
        round=number,
        standing="refused",
        reason="",
    )
    try:
        prompt = child(prompts_of(context), idea, origin)
    except (PromptError, ValueError) as error:
        return told.model_copy(update={"reason": f"its words do not fit: {error}"})
    told = told.model_copy(update={"prompt": prompt.ref, "parent": prompt.parent})
    distrust = distrusted(context, number, prompt, accepted)
    if distrust:
        return told.model_copy(update={"reason": distrust})
    found = screened(context, number, prompt, accepted)
    told = told.model_copy(update={"reason": found.reason, "screened": found})
    if not found.passed:
        return told
    keep(context, prompt)
    _start(context, number, prompt, found)
    reason = f"{found.reason}; weight 0 until its worth is measured"
    return told.model_copy(update={"standing": "trial", "reason": reason})


def retire_useless(context: RunContext, number: int, asked: Sequence[Edit]) -> None:
    """Retire rubrics that are surely worth next to nothing; a request lowers what counts as sure.

    The last rubric with a weight stays: without any, chance selects.
    """
    wanted = {e.what: e.reason for e in asked}
    rows = {r["rubric"]: r for r in context.db.rows("rubrics", round=number)}
    width = 0.1 * context.config.feedback.rubric_unit
    for rubric, row in rows.items():
        others = [r for r, o in rows.items() if r != rubric and o["weight"] and o["trust"]]
        if rubric in OF_THE_STUDENT or not row["worth_se"] or not others or "prior only" in row["reason"]:
            continue
        surely = NormalDist().cdf((width - row["worth"]) / row["worth_se"])
        if surely > (ON_REQUEST if rubric in wanted else SURE):
            enter(context, _retired(context, number, rubric, row, surely, wanted.get(rubric, "")))
            return  # one a round: the next round's measurements speak about the others


def _retired(context: RunContext, number: int, rubric: str, row: dict[str, Any], surely: float, asked: str) -> Member:
    known = family(context.db).get(rubric)
    reason = f"worth {normal_estimate(row['worth'], row['worth_se'])}: {surely:.0%} sure that it is next to nothing"
    told = {"standing": "retired", "round": number, "reason": f"{reason}{f'; asked for: {asked}' if asked else ''}"}
    if known:
        return known.model_copy(update=told)
    return Member.model_validate({"rubric": rubric, "prompt": str(row["prompt"]), "origin": "built-in", **told})


def _start(context: RunContext, number: int, prompt: Prompt, found: Screened) -> None:
    """A row without weight: the rubric's worth is measured before it selects."""
    row = {"round": number, "rubric": prompt.rubric, "prompt": prompt.ref, "weight": 0.0, "trust": 1.0}
    context.db.insert("rubrics", row | {"worth": 0.0, "worth_se": 0.0, "reason": f"on trial: {found.reason}"})
