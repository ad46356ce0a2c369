"""Screening a new rubric inside a run: its trust on gold, and what it tells beside the rubrics in use."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from ...agents.calibration import calibrate, grades_of
from ...agents.scorer import Scorer
from ...agents.screening import Floats, Screened, screen
from ...prompts import Prompt, PromptSet
from ...tiers.decision import Decision
from ...tiers.document import Document
from ..context import RunContext
from .drawing import as_document, draw_key
from .drive import drive, open_role
from .influence import influence_of
from .judges import gold_of, rubrics_in_use
from .posts import scorer_of

DOCUMENTS = 256
"""Scored documents that a new rubric is screened on."""


def screened(context: RunContext, number: int, prompt: Prompt, accepted: Path) -> Screened:
    """The new rubric beside those in use, on documents that they have graded."""
    documents, others = _graded(context, number, rubrics_in_use(context))
    grades = _grades(context, number, prompt, documents, accepted)
    worth = influence_of(context, number, [d.text for d in documents], accepted)
    return screen(grades, others, worth, seed=context.config.seed + number)


def _scorer(context: RunContext, number: int, prompt: Prompt, accepted: Path) -> Scorer:
    chat = open_role(context, number, "propose", accepted, url=scorer_of(context, number))
    return Scorer(chat, round=number, rubrics=[prompt.rubric], prompts=PromptSet([prompt]))


def distrusted(context: RunContext, number: int, prompt: Prompt, accepted: Path) -> str:
    """Why the rubric is not trusted on gold and canaries; empty where it is."""
    if scorer_of(context, number).startswith("offline:"):
        return "rules grade here, and a question needs a model"

    def judge(documents: list[Document]) -> list[float]:
        return grades_of(_decided(context, number, prompt, documents, accepted), prompt.rubric, documents)

    found = calibrate(judge, prompt.rubric, domains=context.config.domains, gold=gold_of(context))
    return "" if found.trust > 0 else found.reason


def _decided(
    context: RunContext, number: int, prompt: Prompt, documents: Sequence[Document], accepted: Path
) -> list[Decision]:
    distinct = list({d.id: d for d in documents}.values())
    return drive(context, number, "propose", _scorer(context, number, prompt, accepted), distinct)


def _grades(context: RunContext, number: int, prompt: Prompt, documents: Sequence[Document], accepted: Path) -> Floats:
    decided = _decided(context, number, prompt, documents, accepted)
    known = {d.doc: d.scores[prompt.rubric] for d in decided if prompt.rubric in d.scores}
    return np.array([known.get(d.id, np.nan) for d in documents])


def _graded(context: RunContext, number: int, used: Sequence[str]) -> tuple[list[Document], Floats]:
    """Documents that have been graded, and their newest grades [n, P] under the rubrics in use."""
    scores = context.store.scores().sort_by("round")
    every = set(scores["doc_id"].to_pylist())
    ids = sorted(every, key=lambda i: draw_key(context, number, f"screen:{i}"))[:DOCUMENTS]
    rows = {r["id"]: as_document(r) for r in context.store.documents(ids, status=None).to_pylist()}
    documents = [rows[i] for i in ids if i in rows]
    columns = []
    for rubric in used:
        mine = scores.filter(pc.equal(scores["rubric"], rubric))
        known = dict(zip(mine["doc_id"].to_pylist(), mine["score"].to_pylist(), strict=True))
        if known:
            columns.append([known.get(d.id, np.nan) for d in documents])
    return documents, np.array(columns, dtype=float).T.reshape(len(documents), len(columns))
