"""Mean rubric scores of training sets: the known half of the regression that learns what a rubric is worth."""

import numpy as np
import pyarrow as pa

from ...tiers.tier import Arm, Tier, arms
from ..context import RunContext
from ..feedback.mechanism import Floats


def arm_means(context: RunContext, number: int, rubrics: tuple[str, ...]) -> Floats:
    """[K, P] mean score of each arm's documents under each rubric, standardised within the domain.

    A document that was never scored under a rubric stands at its domain's mean, 0.
    """
    keys = arms(context.config.domains)
    held = context.store.holdings(number)
    arm, z = _arm_codes(held, keys), standardised(context, held, rubrics)
    count = np.bincount(arm[arm >= 0], minlength=len(keys))
    means = np.zeros((len(keys), len(rubrics)))
    for p in range(len(rubrics)):
        total = np.bincount(arm[arm >= 0], weights=z[arm >= 0, p], minlength=len(keys))
        means[:, p] = total / np.maximum(count, 1)
    return means


def standardised(context: RunContext, held: pa.Table, rubrics: tuple[str, ...]) -> Floats:
    """[n, P] scores of the documents in `held`, in sds of their domain's scores; 0 where there is none."""
    domain = np.array(held["domain"].to_pylist(), dtype=object)
    columns = [_in_sds(_scores(context, held, rubric), domain) for rubric in rubrics]
    return np.array(columns, dtype=float).reshape(len(rubrics), held.num_rows).T


def _arm_codes(held: pa.Table, keys: list[str]) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
    place = {k: i for i, k in enumerate(keys)}
    rows = zip(held["domain"].to_pylist(), held["tier"].to_pylist(), held["status"].to_pylist(), strict=True)
    return np.array([place.get(str(Arm(d, Tier(t))), -1) if s == "held" else -1 for d, t, s in rows], dtype=np.int64)


def _scores(context: RunContext, held: pa.Table, rubric: str) -> Floats:
    """[n] newest score of each document, NaN where there is none; an edited document has its parent's."""
    table = context.store.scores()
    known = {
        d: s
        for d, r, s in zip(
            table["doc_id"].to_pylist(), table["rubric"].to_pylist(), table["score"].to_pylist(), strict=True
        )
        if r == rubric
    }
    parents = held["parents"].to_pylist()
    found = [known.get(i, known.get(p[0]) if p else None) for i, p in zip(held["id"].to_pylist(), parents, strict=True)]
    return np.array([np.nan if s is None else s for s in found], dtype=float)


def _in_sds(scores: Floats, domain: "np.ndarray[tuple[int], np.dtype[np.object_]]") -> Floats:
    z = np.zeros(len(scores))
    for d in set(domain.tolist()):
        mine = (domain == d) & ~np.isnan(scores)
        if mine.sum() > 1 and scores[mine].std() > 0:
            z[mine] = (scores[mine] - scores[mine].mean()) / scores[mine].std()
    return z
