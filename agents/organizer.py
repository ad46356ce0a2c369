"""Organizer (L4): takes the facts out of verified documents, merges what is said twice and flags contradictions."""

from collections.abc import Iterable, Sequence

from pydantic import Field

from ..prompts import Prompt, PromptSet
from ..tiers.decision import Action, Decision, Usage
from ..tiers.document import Document
from ..tiers.errors import AgentError, SpendingError
from ..tiers.record import Record
from ..tiers.tier import Tier
from .agent import Agent
from .chat import Chat
from .facts import Fact, Knowledge, facts_of
from .faithful import Source


class StatedFact(Record):
    """A fact as a model states it."""

    subject: str = Field(min_length=1, max_length=400)
    relation: str = Field(min_length=1, max_length=80)
    value: str = Field(min_length=1, max_length=600)


class StatedFacts(Record):
    """An organizer's answer."""

    facts: tuple[StatedFact, ...] = Field(max_length=8)


class Organizer(Agent):
    """PROMOTE to L4 with the facts as evidence, REFUSE what contradicts, NONE for what states no fact or no new one.

    Facts are compared within one call and with those `known`, so give all verified documents of a round at once.
    """

    role = "organizer"
    stage = "organize"
    rule = "rule:facts"
    batch_size = 1 << 30

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

    def batch(self, documents: Sequence[Document], /) -> list[Decision]:
        """One decision a document, in their order."""
        read = [self._facts(d) for d in documents]
        everything = Knowledge.of([*self.knowledge.facts.values(), *(f for facts, *_ in read for f in facts)])
        return [self._decided(d, *r, everything) for d, r in zip(documents, read, strict=True)]

    def _facts(self, document: Document) -> tuple[list[Fact], Prompt | None, Usage, AgentError | None]:
        if self.offline:
            return facts_of(document), None, Usage(), None
        prompt = self.prompts.get("organize-facts", document.domain)
        try:
            answer = self.ask(prompt, StatedFacts, {"document": document.text})
        except SpendingError:
            raise
        except AgentError as error:
            return [], prompt, Usage(), error
        origin = (document.id, *document.parents)
        stated = [Fact(**f.model_dump(), documents=origin) for f in answer.value.facts]
        # What the document does not say is the model's invention, however true.
        source = Source(document.text)
        grounded = [f for f in stated if not source.coverage(f"{f.subject} {f.value}").fault(0.8)]
        return grounded, prompt, answer.usage, None

    def _decided(
        self,
        document: Document,
        facts: list[Fact],
        prompt: Prompt | None,
        usage: Usage,
        error: AgentError | None,
        everything: Knowledge,
    ) -> Decision:
        if error is not None:
            return self.failed(document, error)
        if not facts:
            return self.nothing(document, "it states no fact that can be organised", prompt=prompt, usage=usage)
        for fact in facts:
            for other in everything.against(fact):
                reason = (
                    f"contradiction: {fact.statement[:150]!r}, but {other.documents[0]} states {other.value[:80]!r}"
                )
                return self.decision(document, Action.REFUSE, reason, prompt=prompt, usage=usage)
        if self.knowledge.holds(facts):
            first = self.knowledge.facts[facts[0].key].documents[0]
            for fact in facts:
                self.knowledge.add(fact)
            return self.nothing(document, f"all it states is held already, by {first}", prompt=prompt, usage=usage)
        return self._promoted(document, facts, prompt, usage)

    def _promoted(self, document: Document, facts: list[Fact], prompt: Prompt | None, usage: Usage) -> Decision:
        merged = sum(f.key in self.knowledge.facts for f in facts)
        for fact in facts:
            self.knowledge.add(fact)
        evidence: dict[str, list[str] | int] = {
            "facts": [f.statement for f in facts],
            "documents": list(facts[0].documents),
            "merged": merged,
        }
        reason = f"{len(facts)} facts with their sources, {merged} of them known before"
        return self.decision(
            document, Action.PROMOTE, reason, tier=Tier.L4, evidence=evidence, prompt=prompt, usage=usage
        )
