"""L1 to L2: judges score a stratified sample under every rubric, and selection draws by weighted rank."""

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...agents.audit import Audit
from ...agents.scorer import LossScorer, Scorer
from ...tiers.decision import Decision
from ...tiers.document import Document
from ...tiers.gates import gate_rows
from ...tiers.rows import rows_from_decisions
from ...tiers.select import percentiles, select
from ...tiers.tier import Tier
from ..context import RunContext
from ..jobs import judge_job, loss_job
from .drawing import as_document, drawn, halves
from .drive import drive, open_role
from .judges import OF_THE_STUDENT, calibrate, working_weights
from .measured import arm_values
from .prompt_family import prompts_of
from .registry import post_of
from .student_selector import select_by_student
from .targets import equal, spread

STRATA = 5


def score(context: RunContext, number: int, student: Path) -> pa.Table:
    """SCORE decisions about this round's sample under every rubric; the score tables are written beside them."""

    def ask(documents: list[Document], rubrics: Sequence[str], work: str = "score") -> list[Decision]:
        return judged(context, number, work, documents, student, rubrics)

    post_of(context, number, "scorer", student)  # how a judge is calibrated depends on who it is
    # who failed calibration is not asked: it could only cost
    trusted = calibrate(context, number, partial(ask, work="calibrate"))
    decided = ask(sample(context, number), trusted)
    for rubric in sorted({r for d in decided for r in d.scores}):
        mine = [d for d in decided if rubric in d.scores]
        version = " ".join(sorted({d.prompt or str(d.evidence.get(rubric, d.agent)) for d in mine}))
        context.store.put_scores(number, rubric, version, [d.doc for d in mine], [d.scores[rubric] for d in mine])
    return rows_from_decisions(decided)


def sample(context: RunContext, number: int) -> list[Document]:
    """L1 documents not scored in an earlier round, as many of each domain, drawn by a hash of seed, round and id."""
    scores = context.store.scores()
    # this round's own are there when it was killed between them and the ledger: the same sample must be drawn again
    scored = set(scores.filter(pc.less(scores["round"], number))["doc_id"].to_pylist())
    held = candidates(context)
    quotas = spread(context, number, equal(context, context.config.curation.score), (Tier.L2,))
    strata = strata_of(context)
    found: list[Document] = []
    for domain in context.config.domains:
        fresh = (r for r in held.filter(pc.equal(held["domain"], domain)).to_pylist() if r["id"] not in scored)
        found += map(as_document, stratified(drawn(context, number, fresh), strata)[: quotas[domain]])
    return found


def candidates(context: RunContext) -> pa.Table:
    """Where the judges' sample is drawn from: L1, and with a student what it chose unseen, or labels were biased."""
    low = context.store.documents(tier=Tier.L1)
    if context.config.curation.selector == "none":
        return low
    return pa.concat_tables([low, context.store.documents(tier=Tier.L2)])


def strata_of(context: RunContext) -> dict[str, int]:
    """Fifth of its domain in which the last selector saw each document; empty without one."""
    graded = context.store.selector_scores()
    held = context.store.holdings()
    domains = held["domain"].combine_chunks().dictionary_encode()
    ids = held["id"].combine_chunks()
    at = pc.index_in(graded["doc_id"].combine_chunks(), value_set=ids)
    group = np.asarray(domains.indices.take(at).to_numpy(zero_copy_only=False), np.int64)
    rank = percentiles(np.asarray(graded["score"].to_numpy(), np.float64), group)
    return dict(
        zip(graded["doc_id"].to_pylist(), np.minimum(rank * STRATA, STRATA - 1).astype(int).tolist(), strict=True)
    )


def stratified(rows: list[dict[str, Any]], strata: dict[str, int]) -> list[dict[str, Any]]:
    """Rows in their order, but dealt out by stratum, so that any beginning of them holds as many of each."""
    place: Counter[int] = Counter()
    keyed = []
    for n, row in enumerate(rows):
        stratum = strata.get(row["id"], 0)
        keyed.append((place[stratum], n, row))
        place[stratum] += 1
    return [row for _, _, row in sorted(keyed, key=lambda k: k[:2])]


def judged(
    context: RunContext, number: int, work: str, documents: list[Document], student: Path, rubrics: Sequence[str]
) -> list[Decision]:
    """Decisions under some rubrics: of the configured scorer, and of the student (its P(yes) and its loss)."""
    own = [r for r in rubrics if r not in OF_THE_STUDENT]
    found: list[Decision] = []
    if own:
        post = post_of(context, number, "scorer", student)
        audit = Audit(context.config.curation.audit, context.config.seed * 1000 + number) if work == "score" else None
        scorer = Scorer(
            open_role(context, number, work, student, url=post.model),
            round=number,
            rubrics=own,
            audit=audit,
            prompts=prompts_of(context),
        )
        found = drive(context, number, work, scorer, documents)
    if "student_yes" in rubrics:
        found += student_yes(context, number, documents, student)
    if "student_loss" in rubrics:
        found += student_loss(context, number, documents, student)
    return found


def student_yes(context: RunContext, number: int, documents: Sequence[Document], student: Path) -> list[Decision]:
    """The student's P(yes) about each document, in the workers."""
    parts = halves(documents, context.config.workers)
    answers = context.workers.map(judge_job, [(str(student), part, number) for part in parts])
    return [d for part in answers for d in part]


def student_loss(context: RunContext, number: int, documents: Sequence[Document], student: Path) -> list[Decision]:
    """What the student has still to learn from each document, its loss computed in the workers."""
    parts = halves([d.text for d in documents], context.config.workers)
    losses = [x for part in context.workers.map(loss_job, [(str(student), part) for part in parts]) for x in part]
    known = dict(zip((d.text for d in documents), losses, strict=True))
    scorer = LossScorer(StudentName(), round=number, student=lambda texts: [known[t] for t in texts])
    return scorer.batch(documents)


class StudentName:
    """The student as a name in decisions, where its numbers were computed in a worker."""

    url = "student:"

    def complete(self, messages: Any, schema: Any) -> Any:
        """Nobody asks."""
        raise AssertionError("the student's losses come from the workers")

    def choose(self, prompts: Any, options: Any) -> Any:
        """Nobody asks."""
        raise AssertionError("the student's losses come from the workers")


def select_l2(context: RunContext, number: int) -> pa.Table:
    """Selection among the newly scored L1 documents, and the gate's word on it."""
    if context.config.curation.selector != "none":
        return _gated(context, number, select_by_student(context, number))
    scores = context.store.scores(number)
    ids = sorted(set(scores["doc_id"].to_pylist()))
    held = context.store.documents(ids, tier=Tier.L1).drop_columns(["text"])
    weights = working_weights(context, number)
    config, seed = context.config.curation, context.config.seed * 1000 + number
    return _gated(context, number, select(held, scores, weights, config.select, seed, config.sampling))


def _gated(context: RunContext, number: int, verdicts: pa.Table) -> pa.Table:
    values, held = arm_values(context, number), context.store.holdings()
    return gate_rows(number, verdicts, held, Tier.L2, values, context.config.curation.gate, "select", "rule:select")
