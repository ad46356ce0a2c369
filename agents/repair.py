"""Repair: the form of a damaged document mended, every letter and figure of it as it was."""

import html
import re
from difflib import SequenceMatcher

from .edit_guards import EditRefused, open_fences, open_formulas
from .edit_program import EditProgram, lines_of, rewritten
from .edit_rules import DAMAGED

_HYPHENATED = re.compile(r"[a-z]{2}-\n[a-z]{2}")
_LOST = "\ufffd"
MAX_COMPARED = 20_000
"""Letters of a text in which lost ones may be put back: to find them takes the square of that."""


def damage(text: str) -> str:
    """What can be seen to be broken in the form of a text, in words; empty where nothing is."""
    latex = len(re.findall(r"\\[A-Za-z]+", text)) >= 3
    for broken, what in (
        (_LOST in text or DAMAGED.search(text), "broken encoding"),
        (open_formulas(text), "a formula that does not close"),
        (open_fences(text), "a code block that does not close"),
        (latex and text.count("{") != text.count("}"), "braces that do not match"),
        (len(_HYPHENATED.findall(text)) >= 3, "words broken at the ends of lines"),
    ):
        if broken:
            return what
    return ""


def repaired(program: EditProgram, text: str, shown_lines: int) -> str:
    """`text` after the program.

    Raises:
        EditRefused: a range outside the lines shown, a line used twice, or other letters or figures than before.
    """
    lines = lines_of(text)
    after = "\n".join(rewritten(program, lines, min(len(lines), shown_lines)))
    fault = changed(text, after)
    if fault:
        raise EditRefused(fault)
    return after


def changed(before: str, after: str) -> str:
    """What a repair did beyond the form, in words; empty where it did nothing.

    Letters and figures must be the same, white space and signs aside, as they are or as broken encoding meant them; a
    letter that was lost altogether may be put back.
    """
    new = _substance(after)
    meant = [_substance(before), _substance(_decoded(before))]
    if new in meant or _substance(_decoded(after)) == meant[1]:
        return ""
    if _LOST in before and len(meant[0]) <= MAX_COMPARED:
        blocks = SequenceMatcher(None, meant[0], new, autojunk=False).get_matching_blocks()
        same = sum(b.size for b in blocks)
        put_back = new_letters = len(new) - same
        if same == len(meant[0]) and new_letters <= 2 * before.count(_LOST) and put_back:
            return ""
    at = next(
        (i for i, (a, b) in enumerate(zip(meant[1], new, strict=False)) if a != b), min(map(len, (meant[1], new)))
    )
    return f"words or figures would change, not only the form ({meant[1][at : at + 20]!r} to {new[at : at + 20]!r})"


def _substance(text: str) -> str:
    return "".join(filter(str.isalnum, html.unescape(text)))


def _decoded(text: str) -> str:
    import ftfy

    return str(ftfy.fix_text(text[:200_000]))
