"""Texts that a record says are of some format: what is read out of each."""

import json
import re
from collections.abc import Callable
from typing import Any

from .latex import latex_body
from .mathml import latex_of

MAX_CELLS = 10_000


class Unreadable(ValueError):
    """The text is not of the format that it claims; the message is the reason."""


def notebook(text: str) -> str:
    """Cells of a Jupyter notebook in order: Markdown as it is, code in fences; outputs are left out.

    Raises:
        Unreadable: it is none.
    """
    try:
        book = json.loads(text)
        cells = book["cells"] if "cells" in book else [c for sheet in book["worksheets"] for c in sheet["cells"]]
        language = book.get("metadata", {}).get("kernelspec", {}).get("language", "python")
        return "\n\n".join(said for cell in cells[:MAX_CELLS] if (said := _cell(cell, language)))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise Unreadable(f"malformed notebook: {type(error).__name__}: {error}"[:200]) from error


def _cell(cell: dict[str, Any], language: str) -> str:
    lines = cell.get("source", cell.get("input", ""))
    said = (lines if isinstance(lines, str) else "".join(lines)).strip()
    return f"```{language}\n{said}\n```" if said and cell["cell_type"] == "code" else said


def xml_text(text: str) -> str:
    """Text of an XML document (CNXML, DocBook, PreTeXt), a block element a paragraph, MathML as LaTeX.

    Raises:
        Unreadable: it is not XML.
    """
    from lxml import etree

    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, huge_tree=False, remove_comments=True, recover=True
    )
    try:
        root = etree.fromstring(text.encode("utf-8", "replace"), parser)
        if root is None:
            raise Unreadable("malformed XML: nothing in it can be read")
        for node in [n for n in root.iter() if isinstance(n.tag, str) and n.tag.rpartition("}")[2] == "math"]:
            made = etree.Element("said")
            made.text, made.tail = f"${' '.join(latex_of(node).split())}$", node.tail
            if node.getparent() is not None:
                node.getparent().replace(node, made)
    except (etree.XMLSyntaxError, ValueError, RecursionError) as error:
        raise error if isinstance(error, Unreadable) else Unreadable(f"malformed XML: {str(error)[:150]}") from error
    parts: list[str] = []
    _paragraphs(root, parts)
    blocks = (" ".join(block.split()) for block in "".join(parts).split("\0"))
    return "\n\n".join(block for block in blocks if block)


def json_text(text: str) -> str:
    """What a JSON document says: its strings in order, a line each, but for identifiers and addresses.

    Raises:
        Unreadable: it is none.
    """
    try:
        stack, said = [json.loads(text)], []
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"malformed JSON: {error}"[:200]) from error
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack += [v for name, v in value.items() if name.lower() not in ("id", "uuid", "url", "hash")][::-1]
        elif isinstance(value, list):
            stack += value[::-1]
        elif isinstance(value, str) and value.strip():
            said.append(value.strip())
    return "\n".join(said)


INLINE = frozenset(
    [
        "said",
        "term",
        "emphasis",
        "link",
        "cite",
        "em",
        "strong",
        "sub",
        "sup",
        "code",
        "quote",
        "foreign",
        "m",
        "me",
        "xref",
        "fn",
        "c",
        "q",
        "url",
        "alert",
        "newline",
        "space",
    ]
)
HIDDEN = frozenset(["metadata", "head", "script", "style", "latex-image-preamble", "macros", "docinfo"])


def _paragraphs(root: Any, parts: list[str]) -> None:
    """Text in order with NUL between blocks; no recursion, as XML may nest deeply."""
    stack: list[Any] = [root]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            parts.append(item)
            continue
        stack.append(item.tail or "")
        name = item.tag.rpartition("}")[2] if isinstance(item.tag, str) else ""
        if not name or name in HIDDEN:
            continue
        edge = [] if name in INLINE else ["\0"]
        said = [f"${(item.text or '').strip()}$"] if name in ("m", "me") and not len(item) else [item.text or ""]
        stack += edge + list(item)[::-1] + said + edge


def front_matter(text: str) -> str:
    """Markdown without the YAML block of its head, which is data about the page."""
    return re.sub(r"\A\ufeff?---[ \t]*\n.*?\n(?:---|\.\.\.)[ \t]*\n", "", text, count=1, flags=re.S)


READERS: dict[str, Callable[[str], str]] = {
    "tex": latex_body,
    "latex": latex_body,
    "ipynb": notebook,
    "json": json_text,
    "cnxml": xml_text,
    "ptx": xml_text,
    "docbook": xml_text,
    "xml": xml_text,
    "md": front_matter,
    "markdown": front_matter,
}
"""By the record's `format` field; other formats are text as they stand."""
