"""Textbook: knowledge that a source states, taught and practised; how a section is written down and read back."""

import re

from pydantic import Field

from ..tiers.record import Record
from .exercise import Exercise
from .faithful import flat


class KnowledgePoint(Record):
    """One piece of knowledge with the passage that states it."""

    name: str = Field(min_length=1, max_length=200)
    statement: str = Field(min_length=1, max_length=1_000)
    quote: str = Field(min_length=1, max_length=2_000)


class Knowledge(Record):
    """What a source teaches."""

    points: tuple[KnowledgePoint, ...] = Field(max_length=10)


class TextbookExercise(Record):
    """An exercise with its solution."""

    question: str = Field(min_length=5, max_length=2_000)
    steps: str = Field(min_length=1, max_length=4_000)
    answer: str = Field(min_length=1, max_length=400)


class Textbook(Record):
    """A section of a textbook."""

    title: str = Field(min_length=1, max_length=300)
    explanation: str = Field(min_length=40, max_length=12_000)
    exercises: tuple[TextbookExercise, ...] = Field(min_length=1, max_length=6)


def stated(knowledge: Knowledge, source: str) -> list[KnowledgePoint]:
    """The points whose quotes stand in `source`."""
    said = flat(source)
    return [p for p in knowledge.points if len(flat(p.quote)) >= 6 and flat(p.quote) in said]


def passages(points: list[KnowledgePoint]) -> str:
    """Points with their quotes, as they are shown to a model."""
    return "\n\n".join(f"{p.name}: {p.statement}\n> {flat(p.quote)}" for p in points)


_ENGLISH, _CHINESE = ("Exercise", "Solution: ", "Answer: "), ("练习", "解：", "答案：")
_EXERCISE = re.compile(r"^## (?:Exercise|练习) \d+\n", re.MULTILINE)


def write(made: Textbook, domain: str = "") -> str:
    """The text of a section."""
    heading, solved, answered = _CHINESE if domain == "zh" else _ENGLISH
    parts = [f"# {' '.join(made.title.split())}\n\n{_plain(made.explanation)}"]
    for n, e in enumerate(made.exercises, 1):
        answer = " ".join(e.answer.split())
        parts.append(f"## {heading} {n}\n\n{_plain(e.question)}\n\n{solved}{_plain(e.steps)}\n{answered}{answer}")
    return "\n\n".join(parts) + "\n"


def _plain(text: str) -> str:
    """`text` without headings of our own form, so that it is read back as it was written."""
    return re.sub(r"^## (?=(?:Exercise|练习) \d)", "", text.strip(), flags=re.MULTILINE)


def explanation(text: str) -> str:
    """The part of a section that teaches."""
    return _EXERCISE.split(text)[0].strip()


def exercises(text: str) -> list[Exercise]:
    """The exercises of a section; one that is not of the form has no answer."""
    found = []
    for piece in _EXERCISE.split(text)[1:]:
        _, solved, answered = _CHINESE if _CHINESE[1] in piece else _ENGLISH
        question, _, solution = piece.partition(f"\n{solved}")
        steps, _, answer = solution.rpartition(f"\n{answered}")
        found.append(Exercise(question.strip(), tuple(steps.split("\n")), answer.strip()))
    return found
