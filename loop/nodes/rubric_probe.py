"""The rubric probe: two short runs on one mixture, on documents that the rubrics rank high and on those ranked low."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...tiers.seal import SEAL
from ...tiers.select import weighted_scores
from ...tiers.tier import Arm, Tier
from ...training.packing import PackedIndex, load_index
from ..context import RunContext
from ..feedback.mechanism import Floats, Plan
from ..jobs import pack_job
from .blocks import chat_roles
from .judges import rubrics_in_use
from .selection import standardised

SIDES = ("rubric-high", "rubric-low")
"""Names of the two runs; the second is the reference."""
OUTER = 1 / 3
"""Share of a domain's scored documents that each side gets: the extreme thirds tell most about a slope."""


def pack_sides(context: RunContext, number: int, tokenizer: str, plan: Plan) -> dict[str, float]:
    """Pack both sides' documents and write down how far apart their scores lie; the mixture that both train on.

    Returns:
        Equal shares of the domains in which both sides have enough text; empty when there is none.
    """
    if not plan.rubric_probe:
        return {}
    scored = _scored(context)
    rank = weighted_scores(scored, context.store.scores(), plan.rubric_probe)["percentile"]
    sides = (pc.greater(rank, 1 - OUTER), pc.less(rank, OUTER))
    tables = [scored.filter(pc.fill_null(side, False)) for side in sides]
    context.workers.map(
        pack_job,
        [
            (
                _texts(context, table),
                tokenizer,
                context.config.model.block,
                str(context.folder.blocks(number, name)),
                chat_roles(context),
            )
            for name, table in zip(SIDES, tables, strict=True)
        ],
    )
    for name in SIDES:
        context.artefacts.add(context.folder.blocks(number, name) / SEAL)
    mixture = _mixture(context, [load_index(context.folder.blocks(number, name)) for name in SIDES])
    told = {"direction": plan.rubric_probe, "documents": [t.num_rows for t in tables]}
    told |= {"selection": _distance(context, scored, tables, mixture).tolist(), "rubrics": rubrics_in_use(context)}
    context.db.set_meta(f"rubric-probe-{number}", told)
    return mixture


def selection_of(context: RunContext, number: int, rubrics: tuple[str, ...]) -> Floats:
    """[P] difference of the two sides' mean scores, in sds within the domain."""
    told = context.db.meta(f"rubric-probe-{number}")
    known = dict(zip(told["rubrics"], told["selection"], strict=True))
    return np.array([known.get(r, 0.0) for r in rubrics])


def _scored(context: RunContext) -> pa.Table:
    """Documents at L1 and L2 with a score: what selection chooses among, and has chosen."""
    known = pc.unique(context.store.scores()["doc_id"])
    held = context.store.documents()
    tier = pc.is_in(held["tier"], value_set=pa.array([int(Tier.L1), int(Tier.L2)], held["tier"].type))
    return held.filter(pc.and_(tier, pc.is_in(held["id"], value_set=known))).sort_by("id")


def _texts(context: RunContext, table: pa.Table) -> dict[str, list[str]]:
    """Texts by arm key; the tier is L2, what these documents are candidates for."""
    rows = list(zip(table["domain"].to_pylist(), table["text"].to_pylist(), strict=True))
    return {str(Arm(d, Tier.L2)): [text for domain, text in rows if domain == d] for d in context.config.domains}


def _mixture(context: RunContext, sides: list[PackedIndex]) -> dict[str, float]:
    least = context.config.training.min_blocks
    arms = [a for a in sides[0].arms if all(s.arms[a].blocks >= least for s in sides)]
    return {a: 1 / len(arms) for a in arms}


def _distance(context: RunContext, scored: pa.Table, sides: list[pa.Table], mixture: dict[str, float]) -> Floats:
    """[P] mean standardised score of the high side less that of the low side, each domain with its share."""
    z = standardised(context, scored, rubrics_in_use(context))
    domain = np.array(scored["domain"].to_pylist(), dtype=object)
    high, low = (np.asarray(pc.is_in(scored["id"], value_set=s["id"])) for s in sides)
    shares = {Arm.parse(a).domain: share for a, share in mixture.items()}
    gaps = [
        share * (z[high & (domain == d)].mean(axis=0) - z[low & (domain == d)].mean(axis=0))
        for d, share in shares.items()
    ]
    return np.asarray(np.sum(gaps, axis=0)) if gaps else np.zeros(z.shape[1])
