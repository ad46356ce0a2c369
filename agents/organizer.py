"""Organizer (L4): takes the facts out of verified documents, merges what is said twice and flags contradictions."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pydantic import Field

from ..prompts import PromptSet
from ..tiers.decision import Action, Decision
from ..tiers.document import Document
from ..tiers.record import Record
from ..tiers.tier import Tier
from .agent import Agent
from .chat import Chat
from .facts import Fact, Knowledge, facts_of
from .faithful import Source, flat

GROUNDED = 0.8
"""Least share of the words of a fact that its document must hold."""


class StatedFact(Record):
    """A fact as a model states it."""

    subject: str = Field(min_length=1, max_length=400)
    relation: str = Field(min_length=1, max_length=80)
    value: str = Field(min_length=1, max_length=600)
    quote: str = Field(min_length=1, max_length=2_000)


class StatedFacts(Record):
    """An organizer's answer."""

    facts: tuple[StatedFact, ...] = Field(max_length=8)


class Organizer(Agent):
    """PROMOTE to L4 with the facts as evidence, REFUSE what contradicts, NONE for what states no fact or no new one.

    By rules all documents of a call are compared with one another and with those `known`, so give all of a round at
    once. A model reads one document at a time, which threads may do together; `settled` then compares what it read.
    """

    role = "organizer"
    stage = "organize"
    rule = "rule:facts"

    def __init__(
        self,
        chat: Chat,
        *,
        round: int,  # noqa: A002
        known: Iterable[Fact] = (),
        prompts: PromptSet | None = None,
    ) -> None:
        """`known`: facts of earlier rounds; `knowledge` holds them and then those of the promoted documents."""
        super().__init__(chat, round=round, prompts=prompts)
        self.knowledge = Knowledge.of(known)
        self.batch_size = 1 << 30 if self.offline else 1

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One decision a document, in their order."""
        if self.offline:
            return self._compared([self._proposed(d, facts_of(d)) for d in documents])
        return [self.attempt(d, lambda d=d: self._read(d)) for d in documents]  # type: ignore[misc]

    def settled(self, read: Sequence[Decision]) -> list[Decision]:
        """What becomes of documents that were read one by one, in their order: merged, or contradicting one another."""
        return self._compared([(d, facts_in(d)) for d in read])

    def _read(self, document: Document) -> Decision:
        """A proposal with the facts that the model found, as far as the document states them."""
        prompt = self.prompts.get("organize-facts", document.domain)
        answer = self.ask(prompt, StatedFacts, {"document": document.text})
        source, said = Source(document.text), flat(document.text)
        facts: list[Fact] = []
        left_out: list[str] = []
        for f in answer.value.facts:
            fault = _ungrounded(f, source, said)
            if fault:
                left_out.append(f"{f.subject} {f.relation} {f.value}"[:200] + f": {fault}")
            else:
                facts.append(Fact(**f.model_dump(), documents=(document.id, *document.parents)))
        facts = list({fact.key: fact for fact in facts}.values())
        decision, _ = self._proposed(document, facts, prompt=prompt, usage=answer.usage)
        told = {"stated": [_written(f) for f in facts], "quotes": [f.quote for f in facts], "left_out": left_out}
        evidence: dict[str, Any] = decision.evidence | {name: value for name, value in told.items() if value}
        if left_out and not facts:
            reason = f"it states none of the {len(left_out)} facts that the model gave: {left_out[0]}"
            return decision.model_copy(update={"reason": reason, "evidence": evidence})
        return decision.model_copy(update={"evidence": evidence})

    def _proposed(self, document: Document, facts: list[Fact], **fields: Any) -> tuple[Decision, list[Fact]]:
        if not facts:
            return self.nothing(document, "it states no fact that can be organised", **fields), []
        evidence = {"facts": [f.statement for f in facts], "documents": list(facts[0].documents), "merged": 0}
        return self.decision(
            document,
            Action.PROMOTE,
            f"{len(facts)} facts with their sources",
            tier=Tier.L4,
            evidence=evidence,
            **fields,
        ), facts

    def _compared(self, proposed: Sequence[tuple[Decision, list[Fact]]]) -> list[Decision]:
        everything = Knowledge.of([*self.knowledge.facts.values(), *(f for _, facts in proposed for f in facts)])
        return [self._decided(*p, everything) for p in proposed]

    def _decided(self, proposal: Decision, facts: list[Fact], everything: Knowledge) -> Decision:
        if not facts:
            return proposal
        against = [(fact, other) for fact in facts for other in everything.against(fact)]
        if against:
            fact, other = against[0]
            reason = f"contradiction: {fact.statement[:150]!r}, but {other.documents[0]} states {other.value[:80]!r}"
            told = [f"{f.statement[:200]} | {o.documents[0]}: {o.statement[:200]}" for f, o in against]
            evidence = proposal.evidence | {"contradictions": told}
            return proposal.model_copy(
                update={"action": Action.REFUSE, "tier": None, "reason": reason, "evidence": evidence}
            )
        merged = sum(f.key in self.knowledge.facts for f in facts)
        held = self.knowledge.holds(facts)
        first = self.knowledge.facts[facts[0].key].documents[0] if held else ""
        for fact in facts:
            self.knowledge.add(fact)
        if held:
            reason = f"all it states is held already, by {first}"
            evidence = {} if self.offline else proposal.evidence  # rules find the same facts again
            return proposal.model_copy(
                update={"action": Action.NONE, "tier": None, "reason": reason, "evidence": evidence}
            )
        reason = f"{len(facts)} facts with their sources, {merged} of them known before"
        return proposal.model_copy(update={"reason": reason, "evidence": proposal.evidence | {"merged": merged}})


def _ungrounded(fact: StatedFact, source: Source, said: str) -> str:
    """Why a fact is the model's and not the document's, in words; empty where it is the document's."""
    if flat(fact.quote) not in said:
        return "the document does not hold the quoted passage"
    # What the document does not say is the model's invention, however true.
    return source.coverage(f"{fact.subject} {fact.value}").fault(GROUNDED)


def _written(fact: Fact) -> str:
    return json.dumps([fact.subject, fact.relation, fact.value, fact.quote], ensure_ascii=False)


def facts_in(decision: Decision) -> list[Fact]:
    """The facts that a model read in a document, from its decision's evidence."""
    stated, documents = decision.evidence.get("stated"), decision.evidence.get("documents")
    if not isinstance(stated, list) or not isinstance(documents, list):
        return []
    names = ("subject", "relation", "value", "quote")
    return [Fact(**dict(zip(names, json.loads(s), strict=True)), documents=tuple(documents)) for s in stated]
