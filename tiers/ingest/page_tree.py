"""A page as a tree from which no text is missing: deep nesting, early ends and template scripts included."""

import re
from collections import Counter
from typing import Any

from .blocks import BLOCKS

EARLY_ENDS = re.compile(r"</(?:html|body)\s*>", re.I)
"""Optional end tags. Browsers ignore them when more content follows; libxml2 ends the document there."""
MAX_DEPTH = 150
"""Elements kept open at once in a page that is too deep for libxml2, whose limit is 256."""
VOID = frozenset({
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track", "wbr",
    "frame", "keygen", "basefont", "bgsound"
})  # fmt: skip
TOKEN = re.compile(
    r"<!--.*?-->|<(?P<raw>script|style|textarea|title)\b.*?</(?P=raw)\s*>"
    r"|<(?P<end>/?)(?P<name>[a-z][\w:-]*)(?:\"[^\"]*\"|'[^']*'|[^\"'>])*>",
    re.I | re.S,
)
TEMPLATE = re.compile(r"text/(?:x-[\w.-]*(?:template|tmpl|handlebars|mustache|html)[\w.-]*|html|template|ng-template)$")
"""Media types of scripts whose content is markup that the page shows."""
MARKUP = re.compile(r"\A\s*+(?:<!\[CDATA\[\s*+)?+(?![\[{](?!\{)).*?<[a-z]", re.I | re.S)
"""Content that is no JSON, which some pages keep in such scripts, and holds an element."""
SLOT = re.compile(r"\{\{.*?\}\}|<%.*?%>|\$\{[^}]*\}", re.S)
"""Where a template's engine fills in a value: not text of the page."""


def page_tree(html: str) -> Any:
    """The page's elements as lxml has them, or None where there are none.

    Raises:
        ValueError: lxml refuses a character of the page.
    """
    html = EARLY_ENDS.sub("", html)
    tree, too_deep = _parsed(html)
    if too_deep:
        tree, _ = _parsed(flattened(html))
    if tree is not None:
        _open_templates(tree)
    return tree


def flattened(html: str) -> str:
    """The page without the tags that nest deeper than `MAX_DEPTH`; a block's tag leaves a line break."""
    opened: list[tuple[str, bool]] = []
    names: Counter[str] = Counter()
    kept = 0

    def shallow(match: re.Match[str]) -> str:
        nonlocal kept
        name = (match["name"] or "").lower()
        if not name or name in VOID:
            return match[0]
        gap = "<br>" if name in BLOCKS else ""
        if not match["end"]:
            keep = kept < MAX_DEPTH
            if match[0].endswith("/>"):
                return match[0] if keep else gap
            opened.append((name, keep))
            names[name] += 1
            kept += keep
            return match[0] if keep else gap
        if not names[name]:
            return gap
        while True:  # what was opened since ends with it
            last, keep = opened.pop()
            names[last] -= 1
            kept -= keep
            if last == name:
                return match[0] if keep else gap

    return TOKEN.sub(shallow, html)


def _parsed(html: str) -> tuple[Any, bool]:
    """The tree, and whether libxml2 cut it at its limit of depth."""
    from lxml import etree
    from lxml.html import HTMLParser, document_fromstring

    parser = HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, collect_ids=False)
    try:
        tree = document_fromstring(html.encode("utf-8", "replace"), parser=parser)
    except etree.ParserError:  # nothing in it
        return None, False
    return tree, any(error.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for error in parser.error_log)


def _open_templates(tree: Any) -> None:
    """Put the markup that a template script holds in the script's place."""
    from lxml import etree
    from lxml.html import fragment_fromstring

    for script in list(tree.iter("script")):
        if not TEMPLATE.match((script.get("type") or "").strip().lower()) or not MARKUP.search(script.text or ""):
            continue
        try:
            content = fragment_fromstring(SLOT.sub("", script.text), create_parent="div")
        except (etree.ParserError, ValueError):  # no markup
            continue
        content.tail = script.tail
        if script.getparent() is not None and not any(node.tag == "template" for node in script.iterancestors()):
            script.getparent().replace(script, content)
