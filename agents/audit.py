"""Audit: for a few documents the judge has to say why, with a quote; both are held against the text and its grade."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ..prompts import Prompt
from ..tiers.decision import Usage
from ..tiers.document import Document
from ..tiers.errors import AgentError, SpendingError
from ..tiers.record import Record
from .chat import UselessAnswer
from .faithful import flat

if TYPE_CHECKING:
    from .agent import Agent

FAR = 0.25
"""A stated grade on the other side of one half than the judged one, and further from it than this, contradicts it."""
SHORT = 6
"""A quote of fewer characters would be found in any text."""


class Rationale(Record):
    """What a judge says for its grade."""

    grade: float
    reason: str = Field(min_length=1, max_length=2_000)
    quote: str = Field(min_length=1, max_length=2_000)


@dataclass(frozen=True)
class Audit:
    """Draws documents by a hash of seed and id, and asks for the rationale of one of their grades, drawn alike."""

    share: float
    """Of the documents; 0 asks for none, 1 for all."""
    seed: int = 0

    def draws(self, document: Document) -> bool:
        """Whether `document` is among those asked about."""
        return self._drawn(document, "document") < self.share

    def ask(
        self, judge: "Agent", document: Document, grades: Mapping[Prompt, float]
    ) -> tuple[str, dict[str, Any], Usage]:
        """The judge's rationale for one of its grades: in words what came of it, the evidence, and what it cost.

        Raises:
            SpendingError: the provider refuses to serve for money.
        """
        asked = [p for p in grades if p.question]
        if not asked:
            return "no rubric could be audited", {}, Usage()
        rubric = asked[int(self._drawn(document, "rubric") * len(asked))]
        prompt = judge.prompts.get("audit-score", document.domain)
        told: dict[str, Any] = {"audit_rubric": rubric.rubric, "audit_prompt": prompt.ref}
        low, high = _scale(rubric)
        values: dict[str, Any] = {"question": rubric.question, "low": low, "high": high}
        try:
            answer = judge.ask(prompt, Rationale, {"document": document.text}, **values)
        except SpendingError:
            raise
        except AgentError as error:
            told["audit"] = f"no useful answer: {error}"
            cost = error.usage if isinstance(error, UselessAnswer) else Usage()
        else:
            said = answer.value
            told["audit"] = _verdict(said, (said.grade - low) / (high - low), grades[rubric], document)
            told |= {"audit_grade": said.grade, "audit_reason": said.reason[:500], "audit_quote": said.quote[:500]}
            cost = answer.usage
        return f"audit of {rubric.rubric}: {told['audit']}", told, cost

    def _drawn(self, document: Document, what: str) -> float:
        named = f"{self.seed}\0{what}\0{document.id}"
        return int.from_bytes(hashlib.blake2b(named.encode(), digest_size=8).digest(), "big") / 2**64


def _scale(rubric: Prompt) -> tuple[int, int]:
    """Least and greatest grade: of a yes or no, 0 and 10."""
    grades = [int(o) for o in rubric.options if o.strip().isdecimal()]
    return (min(grades), max(grades)) if grades else (0, 10)


def _verdict(said: Rationale, stated: float, judged: float, document: Document) -> str:
    quote = flat(said.quote)
    if len(quote) < min(SHORT, len(flat(document.text))):
        return f"the quote is too short to show anything: {quote!r}"
    if quote not in flat(document.text):
        return "the quote is not in the document"
    if not 0 <= stated <= 1:
        return f"the stated grade {said.grade:g} is outside the scale"
    if (stated >= 0.5) != (judged >= 0.5) and abs(stated - judged) > FAR:
        return f"states {stated:.2f}, but judged {judged:.2f}"
    return f"agrees ({stated:.2f} stated, {judged:.2f} judged)"
