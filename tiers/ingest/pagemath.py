"""Mathematics in a page, however it was put there, as LaTeX between dollars before the main text is taken."""

import re
from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs, urlsplit

from .asciimath import asciimath_to_latex
from .exponents import replace_by_text
from .mathml import latex_of

MARKS = re.compile(
    r"<(?:\w+:)?math\b|math/(?:tex|asciimath|mml)|class=[\"'][^\"']*\b(?:katex|mathjax|latex|mwe-math|tex(?=[\s\"']))|"
    r"asciimath|am_chtml|am_htmlormml|<mjx-|latex\.php\?"
)
"""A page without any of these, in lower case, has no marked mathematics, and is not parsed twice ..."""
WORDS = (
    *("<math", ":math", "math/", "mathjax", "mwe-math", "asciimath", "am_html", "am_chtml", "katex", "latex", "<mjx-"),
    *('"tex', "'tex", ' tex"', " tex'", " tex "),
)
"""... and one without these has no mark: strings are found many times faster than the expression."""
ASCII_SCRIPTS = re.compile(r"asciimath|AM_CHTML|AM_HTMLorMML", re.I)
BACKTICKS = re.compile(r"`([^`\n]{1,400})`")
WRAPPED_LINE = re.compile(r"(?<!\\)%\s+")
"""TeX written over several lines (attributes have lost the line ends): on one line it would hide the rest."""
EQUATION_TABLES = ("ltx_equation", "ltx_equationgroup", "ltx_eqn_table", "equation", "eqnarray")
VERBATIM = frozenset({"code", "pre", "script", "style", "textarea", "kbd", "samp"})
RENDERED = ("MathJax_Preview", "MathJax_Display", "MathJax_SVG", "MathJax_CHTML", "MathJax", "mjx-chtml")


def has_math(html: str) -> bool:
    """Whether a page may hold marked mathematics."""
    lower = html.lower()
    return any(word in lower for word in WORDS) and MARKS.search(lower) is not None


def write_math(tree: Any) -> int:
    r"""Replace every formula in an lxml tree by its LaTeX, `$...$` or `$$...$$`.

    Known are MathML, KaTeX, MathJax (scripts, rendered, assistive), Wikipedia's and WordPress's images, and AsciiMath
    between backquotes where the page loads it. Text between dollars or `\(...\)` stands already and stays.

    Returns:
        How many were replaced.

    Raises:
        RecursionError: a formula nests too deeply.
    """
    asciimath = _loads_asciimath(tree)  # looked for first: scripts are replaced below
    count = sum(found(tree) for found in FOUND) + (_asciimath(tree) if asciimath else 0)
    for node in _of_class(tree, *EQUATION_TABLES):
        if node.tag == "table":
            _unroll(node)
    return count


def _katex(tree: Any) -> int:
    return sum(
        _replace(node, _inner_math(node), _is_display(node)) for node in _of_class(tree, "katex-display", "katex")
    )


def _wikipedia(tree: Any) -> int:
    return sum(_replace(node, _inner_math(node), _is_display(node)) for node in _of_class(tree, "mwe-math-element"))


def _mathjax(tree: Any) -> int:
    """Version 3 keeps MathML inside its element; version 2 keeps TeX in a script beside what it rendered."""
    count = sum(
        _replace(node, _inner_math(node), node.get("display") == "true") for node in list(tree.iter("mjx-container"))
    )
    scripts = [node for node in tree.iter("script") if (node.get("type") or "").lower().startswith("math/")]
    if scripts:
        for node in _of_class(tree, *RENDERED):
            _drop(node)
    else:
        count += sum(_replace(node, _data_mathml(node), _is_display(node)) for node in _of_class(tree, "MathJax"))
    return count + sum(_script(node) for node in scripts)


def _script(node: Any) -> int:
    kind, said = node.get("type").lower(), "".join(node.itertext()).strip()
    if kind.startswith("math/asciimath"):
        said = asciimath_to_latex(said)
    elif kind.startswith("math/mml"):
        said = _parsed(said)
    said = re.sub(r"^%\s*<!\[CDATA\[|%?\s*\]\]>$", "", said).strip()
    return _replace(node, said, "mode=display" in kind.replace(" ", ""))


def _mathml(tree: Any) -> int:
    found = [
        node for node in tree.iter() if isinstance(node.tag, str) and re.search(r"(?:^|[}:])math$", node.tag, re.I)
    ]
    return sum(_replace(node, latex_of(node), _is_display(node)) for node in found if node.getparent() is not None)


def _images(tree: Any) -> int:
    return sum(_replace(node, _image(node), False) for node in list(tree.iter("img")))


def _image(node: Any) -> str:
    """LaTeX of an image of a formula, "" where it is another image."""
    query = urlsplit(node.get("src") or "")
    if "latex" in query.path and query.query:
        said = parse_qs(query.query).get("latex", [""])[0]
        if said:
            return said
    marked = {"latex", "tex", "math", "equation"} & set((node.get("class") or "").split())
    return (node.get("alt") or "").strip().strip("$") if marked else ""


FOUND: tuple[Callable[[Any], int], ...] = (_katex, _wikipedia, _mathjax, _mathml, _images)


def _loads_asciimath(tree: Any) -> bool:
    scripts = (f"{node.get('src') or ''} {node.text or ''}" for node in tree.iter("script"))
    return any(ASCII_SCRIPTS.search(said) for said in scripts)


def _asciimath(tree: Any) -> int:
    """Backquoted text outside of code."""
    count = 0
    for node in list(tree.iter()):
        inside = isinstance(node.tag, str) and not _verbatim(node)
        if inside and node.text and "`" in node.text:
            node.text, n = BACKTICKS.subn(_backquoted, node.text)
            count += n
        parent = node.getparent()
        if node.tail and "`" in node.tail and parent is not None and not _verbatim(parent):
            node.tail, n = BACKTICKS.subn(_backquoted, node.tail)
            count += n
    return count


def _backquoted(match: re.Match[str]) -> str:
    return f"${asciimath_to_latex(match[1])}$"


def _verbatim(node: Any) -> bool:
    return node.tag in VERBATIM or any(a.tag in VERBATIM for a in node.iterancestors())


def _of_class(tree: Any, *names: str) -> Iterable[Any]:
    """Outermost elements of the classes."""
    wanted = set(names)
    found = [n for n in tree.iter() if isinstance(n.tag, str) and wanted & set((n.get("class") or "").split())]
    held = set(found)
    return [n for n in found if n.tag not in ("body", "html") and not any(a in held for a in n.iterancestors())]


def _inner_math(node: Any) -> str:
    for inner in node.iter():
        if isinstance(inner.tag, str) and inner.tag.rpartition("}")[2] in ("math", "m:math"):
            return latex_of(inner)
    image = next(node.iter("img"), None)
    return (image.get("alt") or "").strip() if image is not None else ""


def _data_mathml(node: Any) -> str:
    return _inner_math(node) or _parsed(node.get("data-mathml") or "")


def _parsed(mathml: str) -> str:
    """LaTeX of MathML given as a string, "" where it is none."""
    from lxml import etree, html

    if not mathml.strip():
        return ""
    try:
        return latex_of(html.fromstring(mathml))
    except (etree.ParserError, ValueError):  # empty, or characters that no page may have
        return ""


def _is_display(node: Any) -> bool:
    classes = (node.get("class") or "").split()
    inner = next((n for n in node.iter() if isinstance(n.tag, str) and n.get("display") == "block"), None)
    return (
        "katex-display" in classes or "MathJax_Display" in classes or inner is not None or node.get("mode") == "display"
    )


def _unroll(table: Any) -> None:
    """A table that only sets out an equation, as a paragraph a row."""
    rows = [" ".join("".join(row.itertext()).split()) for row in table.iter("tr")]
    tail = table.tail
    table.clear()
    table.tag, table.tail = "div", tail
    for row in rows:
        if row:
            line = table.makeelement("p")
            line.text = row
            table.append(line)


def _replace(node: Any, latex: str, display: bool) -> int:
    """Put LaTeX in an element's place; an element without any stays."""
    latex = " ".join(WRAPPED_LINE.sub("", latex).split())
    if not latex:
        return 0
    if latex.startswith(r"{\displaystyle") and latex.endswith("}"):
        latex = latex[len(r"{\displaystyle") : -1].strip()
    replace_by_text(node, f"$${latex}$$" if display else f"${latex}$")
    return 1


def _drop(node: Any) -> None:
    replace_by_text(node, "")
