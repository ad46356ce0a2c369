"""Typed payloads: what a refined document says, as chat messages, pairs, a worked problem, a section, or a code task.

A document's text stays what is held; a payload is a reading of it that loses nothing. Each names its parts and keeps
the glue between them (labels, blank lines) word for word, so `render` gives the very text back.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from typing import Literal

from .record import Record

Span = tuple[int, int]


class _Payload(Record):
    glue: tuple[str, ...]
    """What stands before, between and after the parts, in order."""

    def parts(self) -> tuple[str, ...]:
        """The parts in the order of the text."""
        raise NotImplementedError


class Message(Record):
    """One turn of a conversation."""

    speaker: str
    content: str


class Pair(Record):
    """A question with its answer."""

    question: str
    answer: str


class Chat(_Payload):
    """A conversation."""

    form: Literal["chat"] = "chat"
    messages: tuple[Message, ...]

    def parts(self) -> tuple[str, ...]:
        """Speakers and what they say."""
        return tuple(p for m in self.messages for p in (m.speaker, m.content))


class QA(_Payload):
    """Questions with their answers; an answer holds its working, where there is one."""

    form: Literal["qa"] = "qa"
    pairs: tuple[Pair, ...]

    def parts(self) -> tuple[str, ...]:
        """Questions and answers."""
        return tuple(p for pair in self.pairs for p in (pair.question, pair.answer))


class Section(_Payload):
    """A section of a textbook with its exercises."""

    form: Literal["textbook"] = "textbook"
    explanation: str
    exercises: tuple[Pair, ...]

    def parts(self) -> tuple[str, ...]:
        """The explanation, then questions and answers."""
        return (self.explanation, *(p for e in self.exercises for p in (e.question, e.answer)))


class Task(_Payload):
    """A function to write, with a solution and its tests."""

    form: Literal["task"] = "task"
    task: str
    solution: str
    tests: str

    def parts(self) -> tuple[str, ...]:
        """Task (with its analysis), solution, tests."""
        return (self.task, self.solution, self.tests)


class Prose(_Payload):
    """Text of no further form."""

    form: Literal["text"] = "text"
    text: str

    def parts(self) -> tuple[str, ...]:
        """All of it."""
        return (self.text,)


Payload = Chat | QA | Section | Task | Prose

_ASKED = r"^(?:Question: |Q: |Problem: |Exercise: |Task: |\*\*Question\.\*\* |问题：)"
_ANSWERED = r"\n+(?:Answer: ?|A: ?|Solution: ?|Working: ?|\*\*Answer\.\*\* |答案：)"
_QUESTION = re.compile(_ASKED, re.MULTILINE)
_TURN = re.compile(_ANSWERED)
_EXERCISE = re.compile(r"^## (?:Exercise|练习) \d+\n\n", re.MULTILINE)
_SOLVED = re.compile(r"\n\n(?:Solution: |解：)")
_SPOKEN = re.compile(r"(?:^|(?<=\n\n))([^\n:\uff1a]{1,60})(?:: |\uff1a)")
_TASK = re.compile(
    r"Task: (.*?)\n\n```python\n(.*?)\n```\n\nTests:\n\n```python\n(.*?)\n```\n?",
    re.DOTALL,
)


def payload_of(text: str, kind: str) -> Payload:
    """The reading of a document's text by its kind; prose where it has not the form of its kind."""
    reader = _READERS.get(kind)
    found = reader(text) if reader else None
    return found or Prose(glue=("", ""), text=text)


def render(payload: Payload) -> str:
    """The text that a payload was read from."""
    parts = payload.parts()
    return "".join(a + b for a, b in zip(payload.glue, (*parts, ""), strict=True))


def messages(payload: Payload) -> list[dict[str, str]]:
    """The payload as chat turns of `user` and `assistant`, as tuning libraries want them; empty for mere prose.

    In a conversation the first speaker is the user, everybody else the assistant; turns of one role in a row are one,
    as most chat templates want roles to alternate.
    """
    if isinstance(payload, Chat):
        first = payload.messages[0].speaker
        spoken = groupby(payload.messages, key=lambda m: m.speaker == first)
        return [_turn("\n\n".join(m.content for m in turns), user) for user, turns in spoken]
    if isinstance(payload, Task):
        return [_turn(payload.task, True), _turn(f"```python\n{payload.solution}\n```", False)]
    pairs = payload.pairs if isinstance(payload, QA) else payload.exercises if isinstance(payload, Section) else ()
    return [turn for pair in pairs for turn in (_turn(pair.question, True), _turn(pair.answer, False))]


def _turn(content: str, user: bool) -> dict[str, str]:
    return {"role": "user" if user else "assistant", "content": content}


def _cut(text: str, spans: Sequence[Span]) -> tuple[tuple[str, ...], list[str]]:
    """The glue around some spans, and the spans' own text."""
    ends = [0, *(end for _, end in spans)]
    starts = [*(start for start, _ in spans), len(text)]
    return tuple(text[a:b] for a, b in zip(ends, starts, strict=True)), [text[a:b] for a, b in spans]


def _stripped(text: str, start: int, end: int) -> Span:
    """A span without the space around it."""
    inside = text[start:end]
    left = len(inside) - len(inside.lstrip())
    return start + left, max(start + left, end - (len(inside) - len(inside.rstrip())))


def _pair_spans(text: str, opened: Iterable[re.Match[str]], turn: re.Pattern[str]) -> list[Span] | None:
    """Spans of questions and answers; None where there is no question, or one without an answer."""
    begun = list(opened)
    if not begun:
        return None
    spans: list[Span] = []
    for match, end in zip(begun, [*(m.start() for m in begun[1:]), len(text)], strict=True):
        answered = turn.search(text, match.end(), end)
        if answered is None:
            return None
        spans += [_stripped(text, match.end(), answered.start()), _stripped(text, answered.end(), end)]
    return spans


def _pairs(parts: Sequence[str]) -> tuple[Pair, ...]:
    return tuple(Pair(question=q, answer=a) for q, a in zip(parts[::2], parts[1::2], strict=True))


def _qa(text: str) -> Payload | None:
    spans = _pair_spans(text, _QUESTION.finditer(text), _TURN)
    if spans is None:
        return None
    glue, parts = _cut(text, spans)
    return QA(glue=glue, pairs=_pairs(parts))


def _section(text: str) -> Payload | None:
    opened = list(_EXERCISE.finditer(text))
    spans = _pair_spans(text, opened, _SOLVED)
    if spans is None:
        return None
    glue, parts = _cut(text, [_stripped(text, 0, opened[0].start()), *spans])
    return Section(glue=glue, explanation=parts[0], exercises=_pairs(parts[1:]))


def _task(text: str) -> Payload | None:
    match = _TASK.fullmatch(text)
    if match is None:
        return None
    glue, parts = _cut(text, [match.span(n) for n in (1, 2, 3)])
    return Task(glue=glue, task=parts[0], solution=parts[1], tests=parts[2])


def _chat(text: str) -> Payload | None:
    opened = list(_SPOKEN.finditer(text))
    if len(opened) < 2 or opened[0].start() > 0 or len({m[1] for m in opened}) < 2:
        return None
    ends = [*(m.start() for m in opened[1:]), len(text)]
    spans = [s for m, end in zip(opened, ends, strict=True) for s in (m.span(1), _stripped(text, m.end(), end))]
    glue, parts = _cut(text, spans)
    said = zip(parts[::2], parts[1::2], strict=True)
    return Chat(glue=glue, messages=tuple(Message(speaker=who, content=what) for who, what in said))


_READERS: dict[str, Callable[[str], Payload | None]] = {
    "qa": _qa,
    "problem": _qa,
    "arithmetic": _qa,
    "symbolic": _qa,
    "predict": _qa,
    "dialogue": _chat,
    "textbook": _section,
    "task": _task,
}
