"""The edit program: what an editor may ask for, how it is applied, and what it may not change."""

import difflib
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ..tiers.record import Record
from . import python_source

MAX_REMOVED = 0.5
"""Largest share of a document's characters that edits may remove."""
MAX_DIFF = 4000
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


class Remove(Record):
    """Lines `first` to `last`, counted from 1, go."""

    op: Literal["remove"]
    first: int = Field(ge=1)
    last: int = Field(ge=1)


class Replace(Record):
    """Lines `first` to `last` become `text`; its numbers stay as they are."""

    op: Literal["replace"]
    first: int = Field(ge=1)
    last: int = Field(ge=1)
    text: str = Field(max_length=20_000)


class Add(Record):
    """`text` comes after line `after` (0: before the first); it brings no numbers."""

    op: Literal["add"]
    after: int = Field(ge=0)
    text: str = Field(max_length=2_000)


class EditProgram(Record):
    """What an editor answers: the lines it does not name are kept."""

    edits: tuple[Annotated[Remove | Replace | Add, Field(discriminator="op")], ...] = Field(default=(), max_length=500)
    reason: str = Field(max_length=2_000)


class EditRefused(ValueError):
    """The program does not fit the text, or changes what it should not; says which."""


@dataclass(frozen=True)
class Edited:
    """What a program made of a text."""

    text: str
    diff: str
    """Unified, without the file heads, cut at MAX_DIFF characters."""
    removed_lines: int
    added_lines: int


def lines_of(text: str) -> list[str]:
    """Lines as programs count them: separated by line feeds only, whatever else Unicode calls a line."""
    return text.split("\n")


def apply(program: EditProgram, text: str, *, code: bool, shown_lines: int | None = None) -> Edited:
    """`text` after the program; with `code`, comments and docstrings may change and nothing else.

    Raises:
        EditRefused: a range outside the text (or beyond `shown_lines`), a line used twice, most of the document
            deleted, a number or a statement changed, nothing left.
    """
    lines = lines_of(text)
    after = _rewritten(program, lines, min(len(lines), shown_lines or len(lines)))
    result = "\n".join(after)
    if not result.strip():
        raise EditRefused("nothing would be left of the document")
    _guard_amount(lines, program)
    if code:
        _guard_code(text, result, lines, program)
    diff = difflib.unified_diff(lines, after, n=0, lineterm="") if len(lines) < 5_000 else iter(())
    listed = [line for line in diff if not line.startswith(("---", "+++"))]
    return Edited(
        result,
        "\n".join(listed)[:MAX_DIFF],
        sum(line.startswith("-") for line in listed),
        sum(line.startswith("+") for line in listed),
    )


def _rewritten(program: EditProgram, lines: list[str], known: int) -> list[str]:
    new: dict[int, list[str]] = {}
    added: dict[int, list[str]] = {}
    for edit in program.edits:
        if isinstance(edit, Add):
            _guard_added(edit, known)
            added.setdefault(edit.after, []).extend(lines_of(edit.text))
            continue
        if not edit.first <= edit.last <= known:
            raise EditRefused(f"lines {edit.first}-{edit.last} are not within the {known} lines shown")
        taken = [i for i in range(edit.first, edit.last + 1) if i in new]
        if taken:
            raise EditRefused(f"line {taken[0]} is edited twice")
        new.update({i: [] for i in range(edit.first, edit.last + 1)})
        if isinstance(edit, Replace):
            _guard_numbers(edit, lines[edit.first - 1 : edit.last])
            new[edit.first] = lines_of(edit.text)
    return added.get(0, []) + [
        out for i, line in enumerate(lines, 1) for out in (*new.get(i, [line]), *added.get(i, []))
    ]


def _guard_added(edit: Add, known: int) -> None:
    if edit.after > known:
        raise EditRefused(f"line {edit.after} is not within the {known} lines shown")
    if _NUMBER.search(edit.text):
        raise EditRefused("added text brings numbers that the document may not hold")


def _guard_numbers(edit: Replace, before: Sequence[str]) -> None:
    """The same numbers in the same order: a swap of two figures is as wrong as a new one."""
    old, new = _NUMBER.findall("\n".join(before)), _NUMBER.findall(edit.text)
    if old != new:
        changed = list((Counter(old) - Counter(new)) or (Counter(new) - Counter(old))) or ["their order"]
        raise EditRefused(f"lines {edit.first}-{edit.last}: numbers would change ({', '.join(changed[:5])})")


def _guard_amount(lines: list[str], program: EditProgram) -> None:
    total = sum(map(_ink, lines))
    removed = 0
    for edit in program.edits:
        if not isinstance(edit, Add):
            old = sum(map(_ink, lines[edit.first - 1 : edit.last]))
            removed += max(0, old - _ink(edit.text)) if isinstance(edit, Replace) else old
    if removed > MAX_REMOVED * total:
        raise EditRefused(f"would delete {removed / max(total, 1):.0%} of the document, more than {MAX_REMOVED:.0%}")


def _ink(line: str) -> int:
    """Characters other than white space: a blank line is nothing to lose."""
    return sum(map(len, line.split()))


def _guard_code(before: str, after: str, lines: list[str], program: EditProgram) -> None:
    tree = python_source.parse(before)
    if tree is None:
        _guard_unparsed(lines, program)
        return
    edited = python_source.parse(after)
    meaning = python_source.meaning(tree)
    if edited is None or meaning is None or python_source.meaning(edited) != meaning:
        raise EditRefused("code would change, not only comments and docstrings")


def _guard_unparsed(lines: list[str], program: EditProgram) -> None:
    """Where no parser can say what is code, only whole comments and blank lines may go."""
    for edit in program.edits:
        touched = lines[edit.first - 1 : edit.last] if not isinstance(edit, Add) else []
        made = [] if isinstance(edit, Remove) else lines_of(edit.text)
        for line in (*touched, *made):
            bare = line.strip()
            if bare and not bare.startswith(("#", "//", "/*", "*", "--", ";")):
                raise EditRefused(f"cannot tell whether {bare[:60]!r} is code")
