"""Kinds: what a model can be asked to write, the form of its answer, and the text that is made of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import Field

from ..tiers.record import Record
from . import code_task, questions, textbook
from .code_task import CodeTask
from .edit_program import EditProgram
from .textbook import Textbook


class Item(Record):
    """One question with its answer."""

    question: str = Field(min_length=5, max_length=4_000)
    answer: str = Field(min_length=1, max_length=4_000)


class Items(Record):
    """Questions with their answers."""

    items: tuple[Item, ...] = Field(max_length=20)


class Problem(Record):
    """A problem, its working and its bare result."""

    question: str = Field(min_length=5, max_length=4_000)
    steps: str = Field(min_length=1, max_length=8_000)
    answer: str = Field(min_length=1, max_length=400)


class Problems(Record):
    """Problems with their solutions."""

    items: tuple[Problem, ...] = Field(max_length=20)


class Turn(Record):
    """What one speaker says."""

    speaker: str = Field(min_length=1, max_length=60, pattern=r"^[^\n:\uff1a]+$")
    text: str = Field(min_length=1, max_length=4_000)


class Dialogue(Record):
    """A conversation."""

    turns: tuple[Turn, ...] = Field(min_length=4, max_length=40)


class Rewriting(Record):
    """The content of a source, written anew."""

    title: str = Field(max_length=300)
    text: str = Field(min_length=1, max_length=20_000)


@dataclass(frozen=True)
class Kind:
    """One kind of document that a model writes."""

    answer: type[Record]
    texts: Callable[[Any, str], Iterable[str]]
    """The documents that an answer makes, in the domain of its source."""
    stated: Callable[[str], str] | None = None
    """The part of such a document that says only what its source says; None where it goes beyond it."""


def _whole(text: str) -> str:
    return text


def _pairs(items: Items, domain: str) -> Iterator[str]:
    """All pairs in one document."""
    asked, answered = questions.LABELS_ZH if domain == "zh" else questions.LABELS[0]
    if items.items:
        said = (f"{asked}{i.question.strip()}\n{answered}{i.answer.strip()}" for i in items.items)
        yield "\n\n".join(said) + "\n"


def _worked(items: Items, _: str) -> Iterator[str]:
    yield from (f"Question: {i.question.strip()}\nSolution: {i.answer.strip()}\n" for i in items.items)


def _predicted(items: Items, _: str) -> Iterator[str]:
    yield from (f"Question: {i.question.strip()}\n{i.answer.strip()}\n" for i in items.items)


def _problems(problems: Problems, _: str) -> Iterator[str]:
    for i in problems.items:
        answer = " ".join(i.answer.split())
        yield f"Question: {i.question.strip()}\nSolution: {i.steps.strip()}\nAnswer: {answer}\n"


def _dialogue(dialogue: Dialogue, domain: str) -> Iterator[str]:
    colon = "：" if domain == "zh" else ": "
    if len({t.speaker for t in dialogue.turns}) >= 2:
        yield "\n\n".join(f"{t.speaker.strip()}{colon}{t.text.strip()}" for t in dialogue.turns) + "\n"


def _rewriting(rewriting: Rewriting, _: str) -> Iterator[str]:
    title = " ".join(rewriting.title.split()).lstrip("# ")
    text = rewriting.text.strip()
    yield f"# {title}\n\n{text}\n" if title and title not in text[: len(title) + 4] else f"{text}\n"


KINDS: Mapping[str, Kind] = {
    "arithmetic": Kind(Items, _worked),
    "symbolic": Kind(Items, _worked),
    "predict": Kind(Items, _predicted),
    "qa": Kind(Items, _pairs, _whole),
    "problem": Kind(Problems, _problems),
    "dialogue": Kind(Dialogue, _dialogue, _whole),
    "rewrite": Kind(Rewriting, _rewriting, _whole),
    "textbook": Kind(Textbook, lambda made, domain: [textbook.write(made, domain)], textbook.explanation),
    "task": Kind(CodeTask, lambda made, _: [code_task.write(made)]),
    "repair": Kind(EditProgram, lambda *_: []),
}
"""By name; a repair is an edit program over its source, so the source makes its text."""

BY_RULES: Mapping[str, Mapping[str, float]] = {
    "math": {"arithmetic": 0.55, "symbolic": 0.3, "qa": 0.15},
    "code": {"predict": 0.5, "qa": 0.5},
    "en": {"qa": 1.0},
}
"""What rules make for each domain unless told otherwise; where a kind runs out, the others of its domain fill up."""

_PROSE = {"qa": 0.35, "rewrite": 0.25, "dialogue": 0.15, "textbook": 0.15, "repair": 0.1}
BY_MODEL: Mapping[str, Mapping[str, float]] = {
    "math": {"problem": 0.3, "textbook": 0.2, "rewrite": 0.15, "dialogue": 0.1, "symbolic": 0.15, "repair": 0.1},
    "code": {"task": 0.4, "predict": 0.2, "qa": 0.2, "rewrite": 0.1, "dialogue": 0.1},
    "en": _PROSE,
    "zh": _PROSE,
}
"""What a model makes; a repair is drawn for damaged documents only."""
RULED = ("predict", "task", "symbolic", "qa", "arithmetic")
"""Kinds that rules can make, from those that a corpus has little material for to those without end."""
