"""The edit program: what an editor may ask for, how it is applied, and what it makes of a text."""

import difflib
from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from ..tiers.record import Record
from . import edit_guards as guards
from .edit_guards import EditRefused

MAX_DIFF = 4000


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


class Keep(Record):
    """Lines `first` to `last` stay, as all lines do that are not named."""

    op: Literal["keep"]
    first: int = Field(ge=1)
    last: int = Field(ge=1)


class EditProgram(Record):
    """What an editor answers: the lines it does not name are kept."""

    edits: tuple[Annotated[Keep | Remove | Replace | Add, Field(discriminator="op")], ...] = Field(
        default=(), max_length=500
    )
    reason: str = Field(max_length=2_000)


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
            deleted, nothing left; a number, formula or statement changed; words of another language or author.
    """
    lines = lines_of(text)
    after = rewritten(program, lines, min(len(lines), shown_lines or len(lines)))
    _guard_edits(program, lines)
    result = "\n".join(after)
    if not result.strip():
        raise EditRefused("nothing would be left of the document")
    guards.guard_amount(_removed(lines, program), sum(map(_ink, lines)))
    if code:
        guards.guard_code(text, result)
    else:
        guards.guard_whole(text, result)
    _guard_new_words(program, text, code)
    diff = difflib.unified_diff(lines, after, n=0, lineterm="") if len(lines) < 5_000 else iter(())
    listed = [line for line in diff if not line.startswith(("---", "+++"))]
    return Edited(
        result,
        "\n".join(listed)[:MAX_DIFF],
        sum(line.startswith("-") for line in listed),
        sum(line.startswith("+") for line in listed),
    )


def rewritten(program: EditProgram, lines: list[str], known: int) -> list[str]:
    """The lines after the program, whatever it changes.

    Raises:
        EditRefused: a range outside the first `known` lines, or a line used twice.
    """
    new: dict[int, list[str]] = {}
    added: dict[int, list[str]] = {}
    for edit in program.edits:
        if isinstance(edit, Add):
            if edit.after > known:
                raise EditRefused(f"line {edit.after} is not within the {known} lines shown")
            added.setdefault(edit.after, []).extend(lines_of(edit.text))
            continue
        if not edit.first <= edit.last <= known:
            raise EditRefused(f"lines {edit.first}-{edit.last} are not within the {known} lines shown")
        touched = range(edit.first, edit.last + 1)
        taken = [i for i in touched if i in new]
        if taken:
            raise EditRefused(f"line {taken[0]} is edited twice")
        new.update({i: [lines[i - 1]] if isinstance(edit, Keep) else [] for i in touched})
        if isinstance(edit, Replace):
            new[edit.first] = lines_of(edit.text)
    return added.get(0, []) + [
        out for i, line in enumerate(lines, 1) for out in (*new.get(i, [line]), *added.get(i, []))
    ]


def _removed(lines: list[str], program: EditProgram) -> int:
    """Characters that go."""
    removed = 0
    for edit in program.edits:
        if isinstance(edit, Remove | Replace):
            old = sum(map(_ink, lines[edit.first - 1 : edit.last]))
            removed += max(0, old - _ink(edit.text)) if isinstance(edit, Replace) else old
    return removed


def _ink(line: str) -> int:
    """Characters other than white space: a blank line is nothing to lose."""
    return sum(map(len, line.split()))


def _guard_edits(program: EditProgram, lines: list[str]) -> None:
    """Each step by itself keeps the numbers, formulas and snippets of its lines."""
    for edit in program.edits:
        if isinstance(edit, Add):
            guards.guard_added(edit.text)
        elif isinstance(edit, Replace):
            before = "\n".join(lines[edit.first - 1 : edit.last])
            guards.guard_replaced(before, edit.text, f"lines {edit.first}-{edit.last}")


def _guard_new_words(program: EditProgram, text: str, code: bool) -> None:
    lines = lines_of(text)
    for edit in program.edits:
        if isinstance(edit, Add):
            guards.guard_script(edit.text, text, "", f"after line {edit.after}")
        elif isinstance(edit, Replace):
            where = f"lines {edit.first}-{edit.last}"
            guards.guard_script(edit.text, text, "\n".join(lines[edit.first - 1 : edit.last]), where)
            if not code:
                guards.guard_words(edit.text, text, where)
