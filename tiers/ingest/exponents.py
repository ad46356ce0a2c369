"""Superscripts and subscripts of a page as plain text that keeps its meaning: `10^9`, `x^{n+1}`, `a₁₂`, `1 3/4`."""

import re
from typing import Any

REFERENCE = re.compile(r"\b(?:reference|footnote|fn|fnref|noteref|cite|citation|endnote|ftn\w*)\b", re.I)
EXPONENT = re.compile(r"[-+−–]?[\d.,]*[-+−–*/·()\w\s,]*[+−–-]?")
"""What may stand in an exponent or index: numbers, signs, names of variables."""
MAX_CHARS = 24
ORDINALS = frozenset({
    "st", "nd", "rd", "th", "er", "re", "ère", "e", "ème", "eme", "nde", "nds", "ers", "o", "a", "os", "as",
    "º", "ª", "me", "mes", "lle", "ro", "do", "to", "vo", "mo",
})  # fmt: skip
"""Raised endings of ordinal numbers and titles in English and the Romance languages: "1<sup>st</sup>"."""
UNITS = frozenset({
    "m", "km", "cm", "mm", "dm", "nm", "µm", "μm", "ft", "in", "yd", "mi", "s", "sec", "min", "h", "hr", "kg",
    "g", "mol", "l", "ha", "au", "ly", "px", "pc", "V", "A", "K", "J", "N", "W",
})  # fmt: skip
FUNCTIONS = frozenset({
    "sin", "cos", "tan", "cot", "sec", "csc", "sinh", "cosh", "tanh", "log", "ln", "lg", "exp", "det", "lim",
    "max", "min",
})  # fmt: skip
BASE = re.compile(r"(?:(?P<word>[^\W\d_]+)|(?P<number>\d)|(?P<close>[)\]}|′'’]))$")
"""What an exponent can stand on, at the end of the text before it."""
SUBSCRIPTS = str.maketrans("0123456789+-−=()aehijklmnoprstuvx", "₀₁₂₃₄₅₆₇₈₉₊₋₋₌₍₎ₐₑₕᵢⱼₖₗₘₙₒₚᵣₛₜᵤᵥₓ")
INLINE = ("sup", "sub", "i", "em", "b", "strong", "var", "span", "font", "a")
FRACTION_BARS = ("/", "⁄", "∕")


def write_exponents(tree: Any) -> int:
    """Replace `sup` and `sub` elements by text, innermost first; notes, ordinals and the like stay as they are.

    A superscript on a number, a variable, a unit or a bracket becomes `^`, as trafilatura would glue it to its base. A
    subscript of digits or letters that Unicode has becomes those, any other `_`.

    Args:
        tree: an lxml tree, changed in place.

    Returns:
        How many elements were replaced.
    """
    return sum(_rewritten(node) for node in reversed(list(tree.iter("sup", "sub"))))


def _rewritten(node: Any) -> int:
    content = "".join(node.itertext()).strip()
    if not content or len(content) > MAX_CHARS or node.getparent() is None:
        return 0
    before = text_before(node)
    if _is_reference(node):  # a note's number must not become digits of the number before it
        text = f"[{content}]" if content.isdecimal() and before[-1:].isdecimal() else ""
    else:
        text = _fraction(node, content, before) or _plain(node, content, before)
    if not text:
        return 0
    replace_by_text(node, text)
    return 1


def _is_reference(node: Any) -> bool:
    """Whether it marks a note: it is or holds a link, or says so by its class or name."""
    names = " ".join(filter(None, (node.get("class"), node.get("id"), node.get("role"))))
    return bool(REFERENCE.search(names)) or next(node.iter("a"), None) is not None


def _fraction(node: Any, numerator: str, before: str) -> str:
    """`<sup>3</sup>/<sub>4</sub>` as 3/4, apart from a whole number before it; "" where it is none."""
    bar, below = (node.tail or "").strip(), node.getnext()
    if node.tag != "sup" or bar not in FRACTION_BARS or below is None or below.tag != "sub":
        return ""
    denominator = "".join(below.itertext()).strip()
    if not (numerator.isdecimal() and denominator.isdecimal()):
        return ""
    node.tail = ""
    replace_by_text(below, denominator)
    return (" " if before[-1:].isdecimal() else "") + f"{numerator}/"


def _plain(node: Any, content: str, before: str) -> str:
    """The element as text, "" where it is no exponent or index."""
    if not EXPONENT.fullmatch(content) and "^" not in content and "_" not in content:
        return ""
    base = BASE.search(before[-24:])
    after = (node.tail or "")[:1]
    if node.tag == "sub":
        return _index(content, after) if base else ""
    if base is None:
        isotope = content.isdecimal() and after.isupper() and not before[-1:].strip()
        return f"^{{{content}}}" if isotope else ""
    return _power(content, after) if _is_power(content, base) else ""


def _is_power(content: str, base: re.Match[str]) -> bool:
    """Whether a superscript raises its base, and is no ordinal ending, note or raised letter of a word."""
    word = base["word"]
    if content.isalpha():
        if content.lower() in ORDINALS and (base["number"] or word):
            return False
        return len(content) <= 2 and (word is None or len(word) == 1)
    return word is None or len(word) == 1 or word in UNITS or word in FUNCTIONS


def _power(content: str, after: str) -> str:
    content = re.sub(r"[−–]", "-", re.sub(r"\s+", " ", content))
    single = re.fullmatch(r"-?\d+|\w", content) and not after.isalnum()
    return f"^{content}" if single else f"^{{{content}}}"


def _index(content: str, after: str) -> str:
    if all(ord(character) in SUBSCRIPTS for character in content):
        return content.translate(SUBSCRIPTS)
    return f"_{content}" if len(content) == 1 and not after.isalnum() else f"_{{{content}}}"


def text_before(node: Any) -> str:
    """The text right before an element, inside of its parent."""
    previous = node.getprevious()
    while (
        previous is not None and not previous.tail and previous.tag in ("sup", "sub", "i", "em", "b", "strong", "var")
    ):
        text = "".join(previous.itertext())
        if text:
            return text
        previous = previous.getprevious()
    if previous is not None:
        return previous.tail or ""
    parent = node.getparent()
    return (parent.text or "") if parent is not None else ""


def replace_by_text(node: Any, text: str) -> None:
    """Put text in an element's place, keeping what follows it; the root stays."""
    parent = node.getparent()
    if parent is None:
        return
    text += node.tail or ""
    previous = node.getprevious()
    if previous is not None:
        previous.tail = (previous.tail or "") + text
    else:
        parent.text = (parent.text or "") + text
    parent.remove(node)
