"""L2 to L4: edits and synthesis make L3, verification and organisation lift it to L4; nothing contaminated gets in."""

from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from ...agents.editor import Editor
from ...agents.facts import Fact, facts_of
from ...agents.finding import votes_of
from ...agents.novelty import without_repeats
from ...agents.organizer import Organizer, facts_in
from ...agents.synthesizer import Synthesizer
from ...agents.verifier import Verifier
from ...eval.arithmetic import reserved
from ...tiers.decision import Action, Decision
from ...tiers.decontaminate import decontaminate
from ...tiers.document import Document
from ...tiers.encoder import encoder_of
from ...tiers.gates import Candidate, gate
from ...tiers.index import KnowledgeIndex, Statement, build_index
from ...tiers.rows import decisions, made_documents, rows_from_decisions
from ...tiers.select import weighted_scores
from ...tiers.semantic import novel
from ...tiers.tier import Arm, Tier
from ..artefacts import record_index
from ..context import RunContext
from .drawing import as_document, drawn
from .drive import drive, open_role
from .judges import working_weights
from .measured import arm_values
from .prompt_family import prompts_of
from .registry import post_of, quota
from .suites import benchmark_items
from .targets import equal, spread

WRITTEN = (Tier.L3, Tier.L4)
"""Tiers that synthesis is for."""


def edit(context: RunContext, number: int, student: Path) -> pa.Table:
    """EDIT decisions about L2 documents that the editor has not seen."""
    post = post_of(context, number, "editor", student)
    documents = fresh(context, number, Tier.L2, "edit", quota(post, context.config.curation.edit))
    role = Editor(
        open_role(context, number, "edit", student, url=post.model), round=number, prompts=prompts_of(context)
    )
    return rows_from_decisions(clean_of_benchmarks(context, drive(context, number, "edit", role, documents)))


def synthesize(context: RunContext, number: int, student: Path) -> pa.Table:
    """CREATE decisions from L2 documents, as many for each domain as the plan gives its upper tiers."""
    post = post_of(context, number, "synthesizer", student)
    held = context.store.holdings()
    sources = list(documents_at(context, Tier.L2))
    role = Synthesizer(
        open_role(context, number, "synthesize", student, url=post.model),
        round=number,
        seed=context.config.seed,
        wanted=wanted(context, number),
        reserved=reserved,
        held=held["id"].to_pylist(),
        kinds=context.config.curation.kinds,
        facts=context.config.curation.facts,
        prompts=prompts_of(context),
    )
    if not role.offline:
        role.retriever = index_facts(context)
        limit = quota(post, context.config.curation.synthesize) // role.per_document
        sources = fresh(context, number, Tier.L2, "synthesize", limit)
    decided = drive(context, number, "synthesize", role, sources)
    if not role.offline:
        decided = without_repeats(decided, ((d.id, d.text) for t in WRITTEN for d in documents_at(context, t)))
    return rows_from_decisions(clean_of_benchmarks(context, new_in_meaning(context, decided)))


def verify(context: RunContext, number: int, student: Path) -> pa.Table:
    """VERIFY or REFUSE decisions about L3 documents that were not checked before."""
    post = post_of(context, number, "verifier", student)
    documents = fresh(context, number, Tier.L3, "verify", quota(post, context.config.curation.verify))
    parents = sorted({p for d in documents for p in d.parents})
    known = context.store.documents(parents, status=None).to_pylist()
    sources = {r["id"]: as_document(r) for r in known}
    second = context.config.agents.second_verifier
    role = Verifier(
        open_role(context, number, "verify", student, url=post.model),
        round=number,
        sources=sources,
        votes=context.config.curation.solutions,
        second=open_role(context, number, "verify", student, url=second) if second else None,
        prompts=prompts_of(context),
    )
    return rows_from_decisions(drive(context, number, "verify", role, documents))


def organize(context: RunContext, number: int, student: Path) -> pa.Table:
    """Facts of the documents verified in this round; those that state new ones rise to L4 if the gate lets them."""
    verified = context.store.ledger.read(number, "verify")
    votes = {
        d: a == Action.VERIFY for d, a in zip(verified["doc"].to_pylist(), verified["action"].to_pylist(), strict=True)
    }
    post = post_of(context, number, "organizer", student)
    ids = [d for d, passed in votes.items() if passed and post.fit]
    documents = [as_document(r) for r in context.store.documents(ids, tier=Tier.L3).to_pylist()]
    chat = open_role(context, number, "organize", student, url=post.model)
    role = Organizer(chat, round=number, known=known_facts(context), prompts=prompts_of(context))
    decided = drive(context, number, "organize", role, documents) if documents else []
    if not role.offline:
        decided = role.settled(decided)
    return rows_from_decisions(gated(context, number, decided, {d.id: d for d in documents}))


def known_facts(context: RunContext) -> list[Fact]:
    """What documents at L4 state, by rules, and as models read it when they rose."""
    by_rules = (f for d in documents_at(context, Tier.L4) for f in facts_of(d))
    return [*by_rules, *(f for facts in _read(context).values() for f in facts)]


def facts_held(context: RunContext) -> dict[str, list[Fact]]:
    """By document at L4, the facts that it states: as a model read them when it rose, else by rules."""
    read = _read(context)
    return {d.id: read.get(d.id) or facts_of(d) for d in documents_at(context, Tier.L4)}


def _read(context: RunContext) -> dict[str, list[Fact]]:
    """By document at L4, the facts that a model read in it."""
    ids = context.store.documents(tier=Tier.L4)["id"]
    rows = context.store.ledger.read(step="organize")
    told = decisions(rows.filter(pc.is_in(rows["doc"], value_set=ids.combine_chunks())))
    return {d.doc: facts_in(d) for d in told if "stated" in d.evidence}


def gated(context: RunContext, number: int, decided: list[Decision], documents: dict[str, Document]) -> list[Decision]:
    """The gate's word on every promotion that the organizer proposes; the organizer's evidence stays with it."""
    asked = [documents[d.doc] for d in decided if d.action is Action.PROMOTE]
    votes, scores, overlaps = votes_cast(context, asked), scores_given(context, number, asked), overlap(context, asked)
    candidates = [Candidate(d, Tier.L4, votes[d.id], scores.get(d.id), overlaps[d.id]) for d in asked]
    limits = context.config.curation.gate
    words = {d.doc: d for d in gate(number, candidates, arm_values(context, number), limits, step="organize")}
    return [_with_word(d, words[d.doc]) if d.doc in words else d for d in decided]


def votes_cast(context: RunContext, documents: Sequence[Document]) -> dict[str, tuple[bool, ...]]:
    """By document, the votes of its newest verification, as the ledger has them; none where it was not verified."""
    rows = context.store.ledger.read(step="verify")
    mine = decisions(rows.filter(pc.is_in(rows["doc"], value_set=pa.array([d.id for d in documents], pa.string()))))
    cast = {d.doc: votes_of([str(d.evidence.get("votes", ""))]) for d in mine}
    return {d.id: cast.get(d.id, ()) for d in documents}


def scores_given(context: RunContext, number: int, documents: Sequence[Document]) -> dict[str, float]:
    """By document, its selector score, or its only parent's; documents without either are left out."""
    scored = weighted_scores(context.store.holdings(), context.store.scores(), working_weights(context, number))
    known = {i: s for i, s in zip(scored["id"].to_pylist(), scored["score"].to_pylist(), strict=True) if s is not None}
    parent = {d.id: d.parents[0] if len(d.parents) == 1 else "" for d in documents}
    return {i: known[i if i in known else p] for i, p in parent.items() if i in known or p in known}


def overlap(context: RunContext, documents: Sequence[Document]) -> dict[str, str]:
    """By document, what it shares with a benchmark text now; empty where it shares nothing."""
    if not documents:
        return {}
    table = pa.table(
        {"id": [d.id for d in documents], "text": pa.array([d.text for d in documents], pa.large_string())}
    )
    return {v["id"]: "" if v["kept"] else v["reason"] for v in _against_benchmarks(context, table)}


def _against_benchmarks(context: RunContext, documents: pa.Table) -> list[dict[str, Any]]:
    ordinary = context.store.documents(tier=Tier.L1)["text"]
    verdicts = decontaminate(documents, benchmark_items(context), context.config.decontaminate, ordinary)
    return list(verdicts.to_pylist())


def _with_word(proposed: Decision, word: Decision) -> Decision:
    evidence = proposed.evidence | word.evidence
    if word.action is Action.REFUSE:
        return word.model_copy(update={"evidence": evidence, "usage": proposed.usage})
    return proposed.model_copy(update={"reason": f"{proposed.reason}; {word.reason}", "evidence": evidence})


def index_facts(context: RunContext) -> KnowledgeIndex:
    """Make the facts that are held at L4 searchable, each with the documents that state it and what was checked."""
    rows = context.store.ledger.read(step="verify", columns=["doc", "action", "reason"])
    passed = rows.filter(pc.equal(rows["action"], Action.VERIFY.value))
    verified = dict(zip(passed["doc"].to_pylist(), passed["reason"].to_pylist(), strict=True))
    held = context.store.documents(tier=Tier.L4)
    stated = {doc: [_statement(f) for f in facts] for doc, facts in facts_held(context).items()}
    parents = context.store.holdings()
    sources = dict(zip(parents["id"].to_pylist(), parents["source"].to_pylist(), strict=True))
    return build_index(context.folder.root, held, verified, stated, sources, partial(record_index, context.db))


def _statement(fact: Fact) -> Statement:
    return Statement(fact.plain, fact.asked, fact.quote)


def clean_of_benchmarks(context: RunContext, decided: list[Decision]) -> list[Decision]:
    """Decisions, those refused whose new text overlaps a benchmark."""
    made = made_documents(rows_from_decisions(decided))
    if made is None or not made.num_rows:
        return decided
    against = {v["id"]: v["reason"] for v in _against_benchmarks(context, made) if not v["kept"]}
    return [_refused(d, against[d.made]) if d.made in against else d for d in decided]


def new_in_meaning(context: RunContext, decided: list[Decision]) -> list[Decision]:
    """Decisions, those refused whose text means what a held one or one before it does, where that is looked for."""
    made, config = made_documents(rows_from_decisions(decided)), context.config.curation
    if not config.novelty or not made.num_rows:
        return decided
    held = pa.concat_tables([context.store.documents(tier=t) for t in WRITTEN])
    verdicts = novel(made, held, encoder_of(config.encoder), config.novelty).to_pylist()
    against = {v["id"]: v["reason"] for v in verdicts if not v["kept"]}
    return [_refused(d, against[d.made]) if d.made in against else d for d in decided]


def _refused(decision: Decision, reason: str) -> Decision:
    nothing = {"made": None, "text": None, "tier": None}
    return decision.model_copy(update={"action": Action.REFUSE, "reason": reason, **nothing})


def wanted(context: RunContext, number: int) -> dict[str, int]:
    """How many documents to write by domain: in proportion to what the plan gives its L3 and L4, equal at first."""
    domains, total = context.config.domains, context.config.curation.synthesize
    found = context.db.rows("rounds", round=number)
    plan = (found[0]["plan"] if found else None) or {"mixture": {}}
    weight = dict.fromkeys(domains, 0.0)
    for key, share in plan["mixture"].items():
        arm = Arm.parse(key)
        weight[arm.domain] += share if arm.tier >= Tier.L3 else 0.0
    whole = sum(weight.values())
    if whole <= 0:
        return spread(context, number, equal(context, total), WRITTEN)
    return spread(context, number, {d: round(total * weight[d] / whole) for d in domains}, WRITTEN)


def documents_at(context: RunContext, tier: Tier) -> Iterable[Document]:
    """Documents held at a tier, in order of appearance."""
    return map(as_document, context.store.documents(tier=tier).to_pylist())


def fresh(context: RunContext, number: int, tier: Tier, step: str, limit: int) -> list[Document]:
    """Documents at a tier that `step` has not decided about in an earlier round, drawn by a hash, domain by domain."""
    seen = set(context.store.ledger.read(step=step, columns=["doc"])["doc"].to_pylist())
    quotas = spread(context, number, equal(context, limit), (Tier(tier + 1),))
    found: list[Document] = []
    for domain in context.config.domains:
        rows = context.store.documents(domain=domain, tier=tier).to_pylist()
        new = drawn(context, number, (r for r in rows if r["id"] not in seen))
        found += map(as_document, new[: quotas[domain]])
    return found
