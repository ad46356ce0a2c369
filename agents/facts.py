"""Facts: what verified documents state, with where it comes from; merged, and held against one another."""

import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ..tiers.answers.numerals import HAN
from ..tiers.document import Document
from ..tiers.record import Record
from . import exercise, predict, questions

_FIGURES = re.compile(r"\d+(?:[.,]\d+)*")
MAX_FACTS = 8
"""Most facts that are taken from one document."""
FUNCTIONAL = frozenset(
    {"equals", "has the answer", "returns", "等于", "返回", "成立于", "出生于", "was founded in", "was born in"}
)
"""Relations that give a subject one value: two different ones contradict."""
ANSWERS = ("is answered by", "has the answer")
_ARTICLE = re.compile(r"^(?:the|an?)\s+(?=\S)", re.IGNORECASE)
_COPULA = {"is a": "is", "is an": "is", "is the": "is", "are the": "are", "是一种": "是", "是一个": "是", "为": "是"}


class Fact(Record):
    """One statement and the documents that make it."""

    subject: str
    relation: str
    value: str
    documents: tuple[str, ...]
    """Ids of the documents that state it, and of those they were made from."""
    quote: str = ""
    """The passage of the first document that states it, where a model gave one."""

    @property
    def statement(self) -> str:
        """The fact as a sentence."""
        gap = "" if re.match(f"[{HAN}]", self.relation) else " "
        return f"{self.subject}{gap}{self.relation}{gap}{self.value}"

    @property
    def plain(self) -> str:
        """The fact as it is read: a question is followed by its answer."""
        return f"{self.subject} {self.value}" if self.relation in ANSWERS else self.statement

    @property
    def asked(self) -> str:
        """Key by which a reader takes facts for one: of questions whose answer names all that they name, the answer."""
        names = re.findall(r"`([^`]+)`", self.subject)
        told = self.relation == "is answered by" and names and all(f"`{n}`" in self.value for n in names)
        return _key(self.value) if told else self.key

    @property
    def about(self) -> str:
        """Key of subject and relation, whatever the spelling."""
        return _key(self.subject, _COPULA.get(self.relation, self.relation))

    @property
    def key(self) -> str:
        """Key of the whole statement, whatever the spelling."""
        return _key(self.subject, _COPULA.get(self.relation, self.relation), self.value)

    def contradicts(self, other: "Fact") -> bool:
        """Whether both cannot be true, as far as can be seen: one subject and relation, two values.

        Two values contradict where the relation has only one, or where they differ in their numbers alone.
        """
        if self.about != other.about or self.key == other.key:
            return False
        if self.relation in FUNCTIONAL:
            return True
        numbered = [(_FIGURES.sub("#", normal(f.value)), _FIGURES.findall(normal(f.value))) for f in (self, other)]
        return bool(self.quote and other.quote) and numbered[0][0] == numbered[1][0] and bool(numbered[0][1])


def _key(*parts: str) -> str:
    plain = "\0".join(normal(p) for p in parts)
    return hashlib.blake2b(plain.encode(), digest_size=8).hexdigest()


def normal(text: str) -> str:
    """`text` without differences of spelling that mean nothing."""
    folded = unicodedata.normalize("NFKC", text.encode("utf-8", "replace").decode())
    plain = _ARTICLE.sub("", " ".join(folded.split()).strip(" .;,\u3002\u300a\u300b\u201c\u201d\"'"))
    return plain if "`" in plain else plain.casefold()


def facts_of(document: Document) -> list[Fact]:
    """What the rules find that a document states, at most MAX_FACTS."""
    reader = _definitions_zh if document.domain == "zh" else _definitions
    stated = _READERS.get(document.kind, reader)(document.text)
    origin = (document.id, *document.parents)
    made = [Fact(subject=s[:400], relation=r, value=v[:600], documents=origin) for s, r, v in stated if s and v]
    return list({fact.key: fact for fact in made}.values())[:MAX_FACTS]


Triple = tuple[str, str, str]


def _exercise(text: str) -> Iterable[Triple]:
    read = exercise.read(text)
    if read is not None:
        return [(read.question, "has the answer", _ordered(read.answer))]
    sums = re.findall(r"^([-+*/()\d. ]{3,60}) = (-?\d[\d./]{0,30})$", text, re.MULTILINE)
    return [(left.strip(), "equals", right) for left, right in sums]


def _ordered(answer: str) -> str:
    """Solutions and factors in one order: `(x + 3)(x + 2)` and `(x + 2)(x + 3)` are one answer."""
    if re.fullmatch(r"(?:\([^()]{1,60}\)){2,8}", answer):
        return "".join(sorted(re.findall(r"\([^()]*\)", answer)))
    return " or ".join(sorted(answer.split(" or ")))


def _calls(text: str) -> Iterable[Triple]:
    read = predict.read(text)
    if read is None:
        return []
    code, claims = read
    which = hashlib.blake2b(code.encode("utf-8", "replace"), digest_size=4).hexdigest()
    return [(f"`{asked}` (code {which})", "returns", f"`{value}`") for asked, value in claims]


def _pairs(text: str) -> Iterable[Triple]:
    return [(p.question, "is answered by", p.answer) for p in questions.read(text) if p.answer]


def _definitions(text: str) -> Iterable[Triple]:
    for subject, verb, sentence in questions.definitions(text):
        yield subject, verb, sentence.partition(f" {verb} ")[2]


def _definitions_zh(text: str) -> Iterable[Triple]:
    for subject, verb, sentence in questions.definitions_zh(text):
        yield subject, verb, sentence.partition(verb)[2]


_READERS: dict[str, Callable[[str], Iterable[Triple]]] = {
    "arithmetic": _exercise,
    "symbolic": _exercise,
    "predict": _calls,
    "qa": _pairs,
}


@dataclass
class Knowledge:
    """Facts by key, with what is known about each subject and relation."""

    facts: dict[str, Fact] = field(default_factory=dict)
    values: dict[str, dict[str, Fact]] = field(default_factory=dict)
    """By `Fact.about`, the different facts."""

    @classmethod
    def of(cls, facts: Iterable[Fact]) -> "Knowledge":
        """All `facts`, merged."""
        made = cls()
        for fact in facts:
            made.add(fact)
        return made

    def add(self, fact: Fact) -> None:
        """Takes in a fact; one that is there gets the new one's documents as well."""
        held = self.facts.get(fact.key)
        if held is not None:
            documents = tuple(dict.fromkeys((*held.documents, *fact.documents)))
            fact = held.model_copy(update={"documents": documents})
        self.facts[fact.key] = fact
        self.values.setdefault(fact.about, {})[fact.key] = fact

    def against(self, fact: Fact) -> list[Fact]:
        """Facts that give the same subject another value, so that both cannot be true."""
        return [f for f in self.values.get(fact.about, {}).values() if fact.contradicts(f)]

    def holds(self, facts: Sequence[Fact]) -> bool:
        """Whether every one of some facts (at least one) is there already."""
        return bool(facts) and all(f.key in self.facts for f in facts)
