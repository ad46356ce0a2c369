"""The main text of an HTML page with its mathematics, and by which path it was found."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from .pagemath import has_math, write_math

MIN_CHARS = 40
"""Where a path finds less, the next one is asked; the most that any found is the text."""
NOT_TEXT = frozenset({
    "script", "style", "noscript", "template", "nav", "header", "footer", "aside", "form", "button", "select",
    "svg", "iframe", "head"
})  # fmt: skip
BLOCKS = frozenset({
    "p", "div", "li", "ul", "ol", "tr", "table", "section", "article", "main", "blockquote", "pre", "br",
    "hr", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "dl", "figure", "figcaption", "td", "th", "center"
})  # fmt: skip
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
    found = extract(html, fallbacks=False)
    return found.text, found.reason


def extract(html: str, *, fallbacks: bool = True) -> Extracted:
    """The text a reader came for, without navigation and scripts, mathematics as LaTeX.

    Args:
        html: the page.
        fallbacks: where the main path finds nothing, take more, then everything but navigation.
    """
    main, reason = _extractor()
    if main is None:
        return Extracted(None, reason)
    try:
        page, formulas = _with_math(html)
        paths = PATHS if fallbacks else PATHS[:1]
        found = Extracted("")
        for name, path in paths:
            text = path(main, page, html)
            text = SPACED.sub("\n\n", TRAILING.sub("", TABLE.sub(_laid_out, text))) if fallbacks else text
            if len(text) > len(found.text or ""):
                found = Extracted(text, "", name, formulas)
            if len(text) >= MIN_CHARS:
                break
    except (ValueError, RecursionError) as error:  # lxml refuses control characters and absurd nesting
        return Extracted(None, f"html: cannot be parsed ({type(error).__name__})")
    return found if found.text else Extracted(None, "html: no main text")


def _laid_out(table: re.Match[str]) -> str:
    """A table that only sets a page out, with one cell at most in each row, as lines; any other as it is."""
    rows = [[cell.strip() for cell in CELLS.split(row) if cell.strip(" \t-")] for row in table[0].split("\n")]
    if any(len(cells) > 1 for cells in rows):
        return table[0]
    return "\n".join(cells[0].replace("\\|", "|") for cells in rows if cells)


def _with_math(html: str) -> tuple[Any, int]:
    """The page as trafilatura takes it: as it is, or as a tree in which LaTeX stands for the formulas."""
    if not has_math(html):
        return html, 0
    tree = _tree(html)
    formulas = 0 if tree is None else write_math(tree)
    return (tree, formulas) if formulas else (html, 0)


def _tree(html: str) -> Any:
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    try:
        return document_fromstring(
            html.encode("utf-8", "replace"), parser=HTMLParser(encoding="utf-8", remove_comments=True)
        )
    except etree.ParserError:  # nothing in it
        return None


def _main(extractor: Any, page: Any, html: str) -> str:
    return extractor(page, include_comments=False, include_tables=True) or ""


def _recall(extractor: Any, page: Any, html: str) -> str:
    return extractor(page, include_comments=False, include_tables=True, favor_recall=True) or ""


def _body(extractor: Any, page: Any, html: str) -> str:
    """All text of the body but navigation, a block a line; what holds no tag at all is no page."""
    tree = _tree(html) if isinstance(page, str) else page
    if tree is None or not SKELETON.search(html):
        return ""
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


PATHS: tuple[tuple[str, Callable[[Any, Any, str], str]], ...] = (("main", _main), ("recall", _recall), ("body", _body))


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
