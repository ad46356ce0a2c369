"""Program text of a page keeps its lines and indentation on the way through trafilatura, which folds white space.

Each block becomes a paragraph of as many characters, which stand in for those of the program and are put back
afterwards. The stand-ins come from blocks of Unicode that hardly any page uses, and the page holds none of them.
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
CODED = (9, 10, *range(32, 127))
"""Characters that are hidden: white space, which trafilatura folds, and ASCII, as it drops lines such as "Print"."""
RARE = (*range(0x14400, 0x14647), *range(0x12000, 0x1239A))
"""Anatolian hieroglyphs and cuneiform: printable, so trafilatura keeps them."""


@dataclass(frozen=True, slots=True)
class StandIns:
    """Characters that stand for those of program text, and one for the ends of a block."""

    hidden: dict[int, str]
    """Code point of a character of program text -> what stands for it."""
    edge: str

    @classmethod
    def unused(cls, html: str) -> "StandIns":
        """Stand-ins that a page does not hold."""
        present = set(html)
        free = (chr(code) for code in RARE if chr(code) not in present)
        return cls({code: next(free) for code in CODED}, next(free))

    def hide(self, code: str) -> str:
        """Program text as one word, its ends marked."""
        return self.edge + code.translate(self.hidden) + self.edge

    def restore(self, text: str) -> str:
        """The text with its program text; each block stands apart from what is around it."""
        shown = {ord(mark): chr(code) for code, mark in self.hidden.items()} | {ord(self.edge): ""}
        parts = re.split(rf"\s*{self.edge}(.*?){self.edge}\s*", text, flags=re.S)
        blocks = [part.translate(shown) for part in parts]
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
    marks = StandIns.unused(html)
    for node, text in texts:
        node.clear(keep_tail=True)
        node.text = marks.hide(text)
        if node.tag != "code":
            node.tag = "p"
        for figure in node.iterancestors("figure"):  # trafilatura drops figures
            figure.tag = "div"
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
