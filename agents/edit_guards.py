"""What an edit may not change: how much there is, numbers, formulas, code, the language, and most of the words."""

import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from ..tiers.answers.numerals import NUMERAL
from . import python_source
from .comments import code_lines
from .words import script_of, words

MAX_REMOVED = 0.5
"""Largest share of a document's characters that edits may remove."""
OWN_WORDS = 0.5
"""Least share of a replacement's words that must stand in the document: an edit is no rewriting."""
_NUMBER = re.compile(
    r"(?:(?<![\w.)\]])-)?\d+(?:[.,]\d+)*(?:\s?[%\uff05\u2030])?|(?<![\u00c2\u00c3])[\u00b2\u00b3\u00b9\u00bc-\u00be\u2070\u2074-\u2079]"
)
"""In digits of any script, with sign and percent; raised ones and fractions too, but none that is broken encoding."""
_FORMULA = re.compile(
    r"\$\$.{0,4000}?\$\$|\$[^$\n]{1,1000}\$|\\\(.{0,1000}?\\\)|\\\[.{0,4000}?\\\]"
    r"|\\begin\{(?P<name>(?:equation|align|gather|multline|eqnarray|displaymath|math|array|[bBpvV]?matrix|cases|split"
    r"|tikzcd)\*?)\}.{0,8000}?\\end\{(?P=name)\}",
    re.DOTALL,
)
_COMMAND = re.compile(r"\\[A-Za-z]+")
_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)
_FENCED = re.compile(r"^ {0,3}(```|~~~)[^\n]*\n(.*?)^ {0,3}\1", re.DOTALL | re.MULTILINE)
_SPAN = re.compile(r"(?<![`:])`([^`\n]+)`(?!`)")


class EditRefused(ValueError):
    """The program does not fit the text, or changes what it should not; says which."""


def figures(text: str) -> list[str]:
    """The numbers of a text in their order: digits of any script with sign and percent, and Chinese numerals."""
    plain = "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text.replace("\u2212", "-"))
    found = [(m.start(), "".join(m[0].split())) for m in _NUMBER.finditer(plain)]
    found += [(m.start(), m[0]) for m in NUMERAL.finditer(plain)]
    return [said for _, said in sorted(found)]


def formulas(text: str) -> list[str]:
    """The formulas of a text in LaTeX, without white space, in their order."""
    return ["".join(m[0].split()) for m in _FORMULA.finditer(text)]


def snippets(text: str) -> list[str]:
    """The code that stands in a text: fenced blocks, then spans between back-quotes."""
    fenced = ["\n".join(line.rstrip() for line in m[2].split("\n")) for m in _FENCED.finditer(text)]
    return fenced + [m[1].strip() for m in _SPAN.finditer(_FENCED.sub("", text))]


def guard_replaced(before: str, after: str, where: str) -> None:
    """Numbers, formulas and snippets of replaced lines stay as they are and in their order.

    Raises:
        EditRefused: one does not.
    """
    for name, of in (("numbers", figures), ("formulas", formulas), ("commands of LaTeX", _COMMAND.findall)):
        old, new = of(before), of(after)
        if old != new:
            raise EditRefused(f"{where}: {name} would change ({_changed(old, new)})")
    if snippets(before) != snippets(after):
        raise EditRefused(f"{where}: code would change ({_changed(snippets(before), snippets(after))})")


def _changed(old: Sequence[str], new: Sequence[str]) -> str:
    """What two lists do not share: a swap of two figures is as wrong as a new one."""
    changed = list((Counter(old) - Counter(new)) or (Counter(new) - Counter(old))) or ["their order"]
    return ", ".join(c[:60] for c in changed[:5])


def guard_added(text: str) -> None:
    """Added text is a heading or a break: it brings no numbers, formulas or code.

    Raises:
        EditRefused: it brings some.
    """
    for name, found in (("numbers", figures(text)), ("formulas", formulas(text)), ("code", snippets(text))):
        if found:
            raise EditRefused(f"added text brings {name} that the document may not hold ({', '.join(found[:3])[:80]})")


def guard_script(new: str, text: str, before: str, where: str) -> None:
    """New text is in the language of the document or of the lines that it replaces, as far as its letters tell.

    Raises:
        EditRefused: it is not.
    """
    said, wanted = script_of(new), script_of(text)
    if said and wanted and said not in (wanted, script_of(before)):
        raise EditRefused(f"{where}: another language: in {said} script, the document is in {wanted}")


def guard_words(new: str, text: str, where: str) -> None:
    """A replacement is mostly in the document's own words (those of broken encoding, as they were meant).

    Raises:
        EditRefused: it is not.
    """
    said = words(new)
    held = _held(said, text)
    if len(said) >= 4 and held < OWN_WORDS * len(said):
        held = max(held, _held(said, _repaired(text)))
        if held < OWN_WORDS * len(said):
            raise EditRefused(f"{where}: rewrites: only {held} of its {len(said)} words stand in the document")


def _held(said: Sequence[str], text: str) -> int:
    known = set(words(text))
    return sum(word in known for word in said)


def _repaired(text: str) -> str:
    import ftfy

    return str(ftfy.fix_text(text[:100_000]))


def guard_amount(removed: int, total: int) -> None:
    """At most MAX_REMOVED of a document goes.

    Raises:
        EditRefused: more would.
    """
    if removed > MAX_REMOVED * total:
        raise EditRefused(f"would delete {removed / max(total, 1):.0%} of the document, more than {MAX_REMOVED:.0%}")


def guard_whole(before: str, after: str) -> None:
    """Of formulas and fenced blocks whole ones may go, but none is cut, changed or left open.

    Raises:
        EditRefused: one is.
    """
    for name, of in (("formula", formulas), ("piece of code", snippets)):
        new = list((Counter(of(after)) - Counter(of(before))).elements())
        if new:
            raise EditRefused(f"a {name} would change to {new[0][:80]!r}")
    for name, open_ends in (("a formula", open_formulas), ("a code block", open_fences)):
        if open_ends(after) and not open_ends(before):
            raise EditRefused(f"{name} would be left open")


def open_formulas(text: str) -> bool:
    """Whether a display or an environment of LaTeX does not close."""
    begun = Counter(re.findall(r"\\begin\{([a-z]+\*?)\}", text))
    return text.count("$$") % 2 == 1 or begun != Counter(re.findall(r"\\end\{([a-z]+\*?)\}", text))


def open_fences(text: str) -> bool:
    """Whether a fenced block of code does not close."""
    return len(_FENCE.findall(text)) % 2 == 1


def guard_code(before: str, after: str) -> None:
    """Of source code comments and docstrings may change and nothing else.

    Python is compared by its syntax tree; of other languages every line that is no comment must stay.

    Raises:
        EditRefused: something else would.
    """
    tree = python_source.parse(before)
    if tree is None:
        old, new = code_lines(before), code_lines(after)
        if old != new:
            lost = list((Counter(old) - Counter(new)) or (Counter(new) - Counter(old)))
            raise EditRefused(f"cannot tell whether {lost[0].strip()[:60] if lost else 'a moved line'!r} is code")
        return
    edited = python_source.parse(after)
    meaning = python_source.meaning(tree)
    if edited is None or meaning is None or python_source.meaning(edited) != meaning:
        raise EditRefused("code would change, not only comments and docstrings")
