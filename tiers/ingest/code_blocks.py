"""Program text of a page keeps its lines and indentation on the way through trafilatura, which folds white space.

Each block becomes a paragraph in which stand-ins take the place of white space; afterwards they are put back. The
stand-ins are characters that the page does not hold, from a block of Unicode that hardly any page uses.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from .blocks import BLOCKS

PREFORMATTED = ("pre", "xmp", "listing", "plaintext")
CODE_TABLES = re.compile(
    r"\b(?:highlight\w*|rouge-table|syntaxhighlighter|hljs-ln|crayon-table|js-file-line-container|diff-table|codetable)\b"
)
CODE_CELLS = re.compile(r"\b(?:code|rouge-code|blob-code(?:-inner)?|hljs-ln-code|crayon-code|js-file-line)\b")
GUTTERS = re.compile(
    r"\b(?:linenos?|linenodiv|gutter|gl|line-?numbers?(?:-rows)?|blob-num|hljs-ln-numbers|hljs-ln-n|rouge-gutter|"
    r"crayon-nums?|code-gutter|ln-num|lineNumbers?|js-line-number)\b"
)
LINES = BLOCKS - {"td", "th"}
"""Elements that stand on lines of their own inside of a block."""
HIEROGLYPHS = range(0x14400, 0x14647)
"""Anatolian hieroglyphs: printable, so trafilatura keeps them."""


@dataclass(frozen=True, slots=True)
class StandIns:
    """Characters that stand for white space and for the ends of a block."""

    space: str
    tab: str
    line: str
    edge: str

    def hide(self, code: str) -> str:
        """Program text without white space, its ends marked."""
        table = str.maketrans({" ": self.space, "\t": self.tab, "\n": self.line})
        return self.edge + code.translate(table) + self.edge

    def restore(self, text: str) -> str:
        """The text with white space again; each block stands apart from what is around it."""
        table = str.maketrans({self.space: " ", self.tab: "\t", self.line: "\n", self.edge: ""})
        parts = re.split(rf"\s*{self.edge}(.*?){self.edge}\s*", text, flags=re.S)
        blocks = [part.translate(table) for part in parts]
        blocks[::2] = [part.strip("\n") if i else part.rstrip("\n") for i, part in enumerate(blocks[::2])]
        return "\n\n".join(block for block in blocks if block.strip())


def hide_code(tree: Any, html: str) -> StandIns | None:
    """Replace every block of program text by a paragraph without white space.

    Args:
        tree: an lxml tree, changed in place.
        html: the page, which must not hold a stand-in.

    Returns:
        What stands for white space; None where there is no such block.
    """
    nodes = list(_code_nodes(tree))
    texts = [(node, text) for node in nodes if (text := block_text(node)).strip()]
    if not texts:
        return None
    free = (chr(code) for code in HIEROGLYPHS if chr(code) not in html)
    marks = StandIns(next(free), next(free), next(free), next(free))
    for node, text in texts:
        node.clear(keep_tail=True)
        node.text = marks.hide(text)
        if node.tag != "code":
            node.tag = "p"
    return marks


def _code_nodes(tree: Any) -> Iterator[Any]:
    """Outermost elements that hold lines of program text: tables of lines, `pre`, `code` with breaks in it."""
    taken: set[Any] = set()
    for node in tree.iter("table", "code", *PREFORMATTED):
        if any(parent in taken for parent in node.iterancestors()):
            continue
        if node.tag in PREFORMATTED or (node.tag == "table" and _is_code_table(node)) or _is_block(node):
            taken.add(node)
            yield node


def _is_block(node: Any) -> bool:
    return node.tag == "code" and next(node.iter("br", "div", "p", "li"), None) is not None


def _is_code_table(table: Any) -> bool:
    """Whether a table holds a program, a cell or a row a line, beside a column of line numbers or by its class."""
    cells = [cell for cell in table.iter("td") if CODE_CELLS.search(cell.get("class") or "")]
    if not cells or next(cells[0].iter("table"), None) is not None:
        return False
    named = CODE_TABLES.search(" ".join(n.get("class") or "" for n in (table, *list(table.iterancestors())[:3])))
    return bool(named) or any(_is_gutter(cell) for cell in table.iter("td"))


def _is_gutter(node: Any) -> bool:
    return bool(GUTTERS.search(node.get("class") or "")) or node.get("data-line-number") is not None


def block_text(node: Any) -> str:
    """The lines of a block of program text, without line numbers, buttons and white space at their ends."""
    if node.tag == "table":
        cells = [cell for cell in node.iter("td") if CODE_CELLS.search(cell.get("class") or "")]
        inner = [pre for cell in cells for pre in cell.iter(*PREFORMATTED)]
        return "\n".join(map(block_text, inner or cells))
    lines = Lines()
    lines.add(node)
    text = "".join(lines.parts).replace("\r\n", "\n").replace("\r", "\n").replace("\xa0", " ")
    if node.tag == "pre":
        text = text.removeprefix("\n")
    return re.sub(r"[ \t\f\v]+$", "", text, flags=re.M).rstrip("\n")


class Lines:
    """Collects the text of an element: `br` and the ends of inner blocks are line ends, a block without text a line."""

    def __init__(self) -> None:
        self.parts: list[str] = []

    def add(self, node: Any) -> None:
        """Append an element's text, but not what follows it."""
        self._text(node.text)
        for child in node:
            if isinstance(child.tag, str):
                self._child(child)
            block = child.tag in LINES
            self._text(child.tail if not block or (child.tail or "").strip() or child.tag == "br" else "")

    def _child(self, child: Any) -> None:
        if child.tag == "br":
            self.parts.append("\n")
        elif child.tag not in ("script", "style", "button") and not _is_gutter(child):
            block = child.tag in LINES
            if block and not self._at_start:
                self.parts.append("\n")
            count = len(self.parts)
            self.add(child)
            if block and (len(self.parts) == count or not self._at_start):
                self.parts.append("\n")

    def _text(self, text: str | None) -> None:
        if text:
            self.parts.append(text)

    @property
    def _at_start(self) -> bool:
        return not self.parts or self.parts[-1].endswith("\n")
