"""The main text of an HTML page with its mathematics, and by which path it was found."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .blocks import BLOCKS, NOT_TEXT
from .code_blocks import StandIns, hide_code
from .exponents import write_exponents
from .page_tree import page_tree
from .pagemath import has_math, write_math

MIN_CHARS = 40
"""Where a path finds less, the next one is asked; the most that any found is the text."""
TRAILING = re.compile(r"[ \t\r\f\v]+$", re.M)
SPACED = re.compile(r"\n{3,}")
TABLE = re.compile(r"^\|[ -].*(?:\n\|[ -].*)*", re.M)
"""As trafilatura writes one."""
CELLS = re.compile(r"(?<!\\)\|")
SKELETON = re.compile(r"<[a-z!?/]", re.I)


@dataclass(frozen=True, slots=True)
class Extracted:
    """A page's main text, or why there is none."""

    text: str | None
    reason: str = ""
    path: str = "main"
    """What found it: main (trafilatura), recall (the same, taking more), body (all text but navigation)."""
    formulas: int = 0
    """How many pieces of marked mathematics became LaTeX."""


def main_text(html: str) -> tuple[str | None, str]:
    """The text a reader came for, by the main path only.

    Returns:
        The text and "", or None and the reason.
    """
    page = extract(html, fallbacks=False)
    return page.text, page.reason


def extract(html: str, *, fallbacks: bool = True) -> Extracted:
    """The text a reader came for, without navigation and scripts, mathematics as LaTeX.

    Args:
        html: the page.
        fallbacks: where the main path finds nothing, take more, then everything but navigation.
    """
    main, reason = _extractor()
    if main is None:
        return Extracted(None, reason)
    if not SKELETON.search(html):
        return Extracted(None, "html: no main text")
    try:
        page = _prepared(html)
        if page is None:
            return Extracted(None, "html: no main text")
        best = Extracted("")
        for name, path in PATHS if fallbacks else PATHS[:1]:
            text = page.text(path(main, page.tree), tidy=fallbacks)
            if len(text) > len(best.text or ""):
                best = Extracted(text, "", name, page.formulas)
            if len(text) >= MIN_CHARS:
                break
    except (ValueError, RecursionError) as error:  # lxml refuses control characters and absurd nesting
        return Extracted(None, f"html: cannot be parsed ({type(error).__name__})")
    return best if best.text else Extracted(None, "html: no main text")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A page in which plain text carries what markup meant."""

    tree: Any
    formulas: int
    code: StandIns | None

    def text(self, extracted: str, *, tidy: bool) -> str:
        """Extracted text with layout tables as lines, if `tidy`, and its program text as it was on the page."""
        if tidy:
            extracted = SPACED.sub("\n\n", TRAILING.sub("", TABLE.sub(_laid_out, extracted)))
        return self.code.restore(extracted) if self.code else extracted


def _prepared(html: str) -> Prepared | None:
    tree = page_tree(html)
    if tree is None:
        return None
    formulas = write_math(tree) if has_math(html) else 0
    write_exponents(tree)
    return Prepared(tree, formulas, hide_code(tree, html))


def _laid_out(table: re.Match[str]) -> str:
    """A table that only sets a page out, with one cell at most in each row, as lines; any other as it is."""
    rows = [[cell.strip() for cell in CELLS.split(row) if cell.strip(" \t-")] for row in table[0].split("\n")]
    if any(len(cells) > 1 for cells in rows):
        return table[0]
    return "\n".join(cells[0].replace("\\|", "|") for cells in rows if cells)


def _main(extractor: Any, tree: Any) -> str:
    return extractor(tree, include_comments=False, include_tables=True) or ""


def _recall(extractor: Any, tree: Any) -> str:
    return extractor(tree, include_comments=False, include_tables=True, favor_recall=True) or ""


def _body(extractor: Any, tree: Any) -> str:
    """All text of the body but navigation, a block a line."""
    parts: list[str] = []
    _gather(tree, parts)
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _gather(tree: Any, parts: list[str]) -> None:
    """Text in order, line ends around blocks; no recursion, as pages may nest deeply."""
    stack: list[Any] = [tree]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        if item.tail:
            stack.append(item.tail)
        if not isinstance(item.tag, str) or item.tag in NOT_TEXT:
            continue
        block = item.tag in BLOCKS
        stack += ["\n"] * block + list(item)[::-1] + [item.text or ""] + ["\n"] * block


PATHS: tuple[tuple[str, Callable[[Any, Any], str]], ...] = (("main", _main), ("recall", _recall), ("body", _body))


@cache
def _extractor() -> tuple[Any, str]:
    """`extract` of trafilatura, or None and what to do about it.

    Old pips overlook a dependency of trafilatura's (lxml_html_clean); a page is then quarantined with that reason, and
    sources without pages still work.
    """
    try:
        from trafilatura import extract as extractor
    except ImportError as error:
        return None, f"html: trafilatura cannot be imported ({str(error).splitlines()[0]}): pip install lxml_html_clean"
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # it logs every odd page; the reason is in our table
    return extractor, ""
