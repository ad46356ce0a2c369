"""Rubric weights: what the round's contrasts say a rubric's selection was worth, and the weights that follow."""

from typing import Any

import numpy as np

from ...tiers.tier import arms
from ..context import RunContext
from ..feedback.mechanism import Contrast, Evidence
from ..feedback.rubrics import rubric_worth
from .judges import calibrations, prompt_of


def reweight(context: RunContext, number: int, evidence: Evidence) -> None:
    """Write the weights that the next round selects with."""
    keep_evidence(context, number, evidence)
    before = {r["rubric"]: r["weight"] for r in context.db.rows("rubrics", round=number - 1)}
    history = [load_evidence(context, n) for n in range(1, number)] + [evidence]
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


def keep_evidence(context: RunContext, number: int, evidence: Evidence) -> None:
    """Write a round's contrasts down: what the mechanism saw, for readers and for later rounds."""
    told = [
        {
            **c.__dict__,
            "mixture": c.mixture.tolist(),
            "baseline": c.baseline.tolist(),
            "selection": c.selection.tolist(),
        }
        for c in evidence.contrasts
    ]
    whole = {"contrasts": told, "cov": evidence.cov.tolist(), "rubrics": list(evidence.rubrics)}
    context.db.set_meta(f"evidence-{number}", whole | {"trust": evidence.trust.tolist()})


def load_evidence(context: RunContext, number: int) -> Evidence:
    """The evidence of an earlier round."""
    told = context.db.meta(f"evidence-{number}")
    vectors = ("mixture", "baseline", "selection")
    fields: list[dict[str, Any]] = [
        {k: np.array(v) if k in vectors else v for k, v in c.items()} for c in told["contrasts"]
    ]
    contrasts = tuple(Contrast(**f) for f in fields)
    n = len(contrasts)
    return Evidence(
        number, contrasts, np.array(told["cov"]).reshape(n, n), tuple(told["rubrics"]), np.array(told["trust"])
    )
