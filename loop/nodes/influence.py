"""Influence: how far a step on each arm's documents would help the model on the feedback items, by gradients alone."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ...eval.suites import load_suite, suite_texts
from ...tiers.tier import Arm, Tier, arms
from ..context import RunContext
from ..feedback.mechanism import Evidence, Floats, Signals
from ..feedback.rubric_influence import regress
from ..jobs import influence_job, loss_job
from .drawing import draw_key, halves
from .evaluate import suite_path
from .judges import rubrics_in_use
from .selection import standardised

TARGETS = 64
"""Feedback items whose loss influence is measured on."""


def influence_of(context: RunContext, texts: Sequence[str], model: Path) -> Floats:
    """[n] of each text on the feedback items, never on hidden ones; NaN for a text of fewer than two tokens."""
    whole = sorted(suite_texts(load_suite(suite_path(context, "feedback"))))
    targets = sorted(whole, key=lambda t: draw_key(context, 0, f"target:{t}"))[:TARGETS]
    jobs = [(str(model), part, targets) for part in halves(texts, context.config.workers)]
    return np.array([x for part in context.workers.map(influence_job, jobs) for x in part])


def measure_influence(context: RunContext, number: int, model: Path) -> None:
    """Influence and loss of a sample of every arm on the model that the round starts from, written down once.

    Args:
        context: the run; `feedback.influence` documents of every arm are read, 0 measures nothing.
        number: the round that is planned.
        model: the model it starts from.
    """
    each = context.config.feedback.influence
    if not each or context.db.meta(f"influence-{number}"):
        return
    sample = _sample(context, number, each)
    texts = sample["text"].to_pylist()
    worth = influence_of(context, texts, model)
    jobs = [(str(model), part) for part in halves(texts, context.config.workers)]
    losses = np.array([x for part in context.workers.map(loss_job, jobs) for x in part])
    keys = [str(Arm(d, Tier(t))) for d, t in zip(sample["domain"].to_pylist(), sample["tier"].to_pylist(), strict=True)]
    rubrics = rubrics_in_use(context)
    known = np.isfinite(worth)
    beta = regress(standardised(context, sample, rubrics)[known], worth[known])
    told: dict[str, object] = {}
    told |= {"influence": _by_arm(keys, worth, context), "losses": _by_arm(keys, losses, context)}
    told |= {"rubrics": list(rubrics), "beta": beta.tolist(), "documents": len(texts)}
    context.db.set_meta(f"influence-{number}", told)
    context.progress.say(f"round {number} · influence of {len(texts)} documents")


def with_influence(context: RunContext, number: int, signals: Signals) -> Signals:
    """The signals with what was measured of the arms; an arm without documents stands at the mean."""
    told = context.db.meta(f"influence-{number}")
    if not told:
        return signals
    keys = arms(context.config.domains)
    influence, losses = (np.array([told[k][a] for a in keys]) for k in ("influence", "losses"))
    return replace(signals, influence=influence, losses=losses)


def with_rubric_influence(context: RunContext, evidence: Evidence) -> Evidence:
    """The evidence with what the sample says of the rubrics in use."""
    told = context.db.meta(f"influence-{evidence.round}")
    if not told:
        return evidence
    known = dict(zip(told["rubrics"], told["beta"], strict=True))
    return replace(evidence, rubric_influence=np.array([known.get(r, 0.0) for r in evidence.rubrics]))


def _sample(context: RunContext, number: int, each: int) -> pa.Table:
    """`each` documents of every arm."""
    ids: list[str] = []
    for key in arms(context.config.domains):
        arm = Arm.parse(key)
        held = context.store.documents(domain=arm.domain, tier=arm.tier)["id"].to_pylist()
        ids += sorted(held, key=lambda i: draw_key(context, number, f"influence:{i}"))[:each]
    return context.store.documents(ids)


def _by_arm(keys: Sequence[str], values: Floats, context: RunContext) -> dict[str, float]:
    mine = {a: [v for k, v in zip(keys, values.tolist(), strict=True) if k == a and np.isfinite(v)] for a in
            arms(context.config.domains)}  # fmt: skip
    whole = float(np.nanmean(values))
    return {a: float(np.mean(v)) if v else whole for a, v in mine.items()}
