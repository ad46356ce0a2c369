"""Drafts: what speaks against a text that a model wrote, before it is proposed as a document."""

import re
from collections.abc import Callable

from ..tiers.document import Document
from . import code_task, exercise, predict, symbolic_check, textbook
from .calculation import Unsolved
from .faithful import Source
from .kinds import KINDS
from .novelty import COPIED, copied
from .words import other_script

MAX_CHARS = 12_000
_TALK = re.compile(
    r"</?document\b|\bas an AI\b|\b(?:number|seed) is your seed\b|^(?:sure|certainly|of course|okay)[,!.]"
    r"|^here (?:is|are) (?:the|your|a)\b|\bI(?:'m| am) (?:sorry|unable)\b|\bI can(?:no|')t (?:help|assist|write|do)\b"
    r"|\b(?:the|this) (?:source|given) (?:text|document|passage)\b"
    r"|\baccording to the (?:text|source|document|passage)\b"
    r"|(?:^|\n)(?:当然|好的|以下是|下面是)[,\uff0c\uff01\uff1a]|作为一(?:个|名)(?:AI|人工智能)|抱歉|根据(?:原文|上文|文本)|本文档|原文中",
    re.IGNORECASE,
)
"""Words about the writing instead of what was to be written."""
_ENUMERATION = re.compile(
    r"^\s*(?:#+\s*)?(?:[-*]\s+)?(?:(?:step|part|section|question|example|exercise)\s+)?\(?\d{1,2}[.):\uff1a\u3001]\s*"
    r"|^\s*(?:#+\s*)?[(\uff08]?第?[一二三四五六七八九十]{1,3}[步节章题、)\uff09.:\uff1a]",
    re.IGNORECASE | re.MULTILINE,
)
"""Numbers that count paragraphs and say nothing."""


def fault(kind: str, text: str, source: Document) -> str:
    """What speaks against a text of one kind that was written from `source`, in words; empty where nothing does."""
    if kind == "repair":  # checked against its source when it was applied
        return ""
    if len(text) > MAX_CHARS:
        return f"{len(text):,} characters, more than {MAX_CHARS:,}"
    talk = _TALK.search(text)
    if talk and talk[0].casefold() not in source.text.casefold():
        return f"it speaks of its making instead of its subject ({talk[0].strip()!r})"
    if kind == "task":
        made = code_task.read(text)
        return code_task.fault(*made) if made else "it has not the form of a task"
    formless = _FORMLESS[kind](text) if kind in _FORMLESS else ""
    if formless:
        return formless
    share = copied(text, source.text)
    if share >= COPIED:
        return f"it repeats its source: {share:.0%} of its word sequences stand there"
    stated = KINDS[kind].stated
    return _ungrounded(stated(text), source) if stated else other_script(text, source.text)


def _unanswered(text: str) -> str:
    read = exercise.read(text)
    return "" if read and read.answer else "it has not the form of a question with its working and an answer"


def _unknown_form(text: str) -> str:
    try:
        symbolic_check.check(text)
    except Unsolved as error:
        return str(error)
    return ""  # right or wrong is for the verifier to say


_FORMLESS: dict[str, Callable[[str], str]] = {
    "arithmetic": _unanswered,
    "symbolic": _unknown_form,
    "problem": _unanswered,
    "predict": lambda text: "" if predict.read(text) else "it holds no code with calls and their values",
    "textbook": lambda text: "" if textbook.exercises(text) else "it holds no exercise",
}


def _ungrounded(stated: str, source: Document) -> str:
    """What says only what its source says is in its language and brings no number."""
    foreign = other_script(stated, source.text)
    if foreign:
        return foreign
    known = Source(f"{source.source}\n{source.text}")
    new = known.coverage(without_enumeration(stated)).new_numbers
    return f"it brings numbers that its source does not hold: {', '.join(new[:5])}" if new else ""


def without_enumeration(text: str) -> str:
    """`text` without numbers that count its paragraphs."""
    return _ENUMERATION.sub(" ", text)
