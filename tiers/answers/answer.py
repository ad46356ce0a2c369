"""Answer: what a text states as a result, read as a whole: items in a list, each with name, value and unit."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from . import wording
from .grammar import FUNCTIONS, Tree, Unread, parse
from .units import Unit, counted, unit

MAX_ITEMS = 40
_LETTER = "A-Za-z\u0370-\u03ff"
_NAME = re.compile(
    rf"(?P<name>[{_LETTER}]'*(?:\s*_\s*(?:\{{[^{{}}]*\}}|\w))?'*(?:\s*\(\s*[{_LETTER}](?:\s*,\s*[{_LETTER}])*\s*\))?"
    r"|\\angle\s*[A-Z]{1,3}|[A-Z]{2,3})\s*(?:=(?!=)|\u2208)\s*(?P<rest>.+)",
    re.DOTALL,
)
_LABEL = re.compile(r"(?:[A-Za-z][A-Za-z ]{2,40}|[\u4e00-\u9fff]{2,12})\s*(?:[=:]|(?<=[为是]))\s*(?=\S)")
_SPLIT = re.compile(r"\s*(?:(?:[,;]\s*)?(?:\bor\b|\band\b|\\text\s*\{\s*(?:or|and)\s*\}|[或和])|[,;])\s*")
_WORDS = re.compile(r"[^\W\d_]{2,}(?:[ '-]+[^\W\d_]+)*\.?")
_PIECE = re.compile(r"(\d+(?:\.\d+)?)\s*(\\text\s*\{[^{}]*\}|[^\W\d_]+|[\u00b0']+)[\s,]*(?:and\s+)?")
_CURRENCY = re.compile(
    r"(?:US|A|C)?([$\u20ac\u00a3\u20b9\u00a5])\s*([-+]?\s*(?:\d+(?:\.\d+)?|\.\d+)(?:\s*(?:thousand|million|billion|[kKmM])\b)?)(?!\s*\$)"
)
_FUNCTION = re.compile("|".join(sorted(FUNCTIONS - {"sqrt", "abs"})))
_SCIENTIFIC = re.compile(r"(?<![\w.])(\d+(?:\.\d*)?|\.\d+)[eE]([-+]?\d{1,4})(?![\w.])")
_OUTWARD = re.compile(r"([\[\]])([^\[\]()\s,;][^\[\]()]*[,;][^\[\]()]+)([\[\]])")
_DESCRIBED = re.compile(r"[\u2983{]\s*(?P<name>[a-z])\s*[|:]\s*(?P<condition>[^|{}]*(?P=name)[^|{}]*)[\u2984}]")
"""A set of numbers by its condition: `{x | x > 2}`."""
_OPENING, _CLOSED = "([{\u2983\u27e8", ")]}\u2984\u27e9"


@dataclass(frozen=True)
class Item:
    """One result: its tree, the unit and name it is given, and how else it may be read (`5m` as a product).

    `kind` is empty for mathematics; a date, a clock time and a proportion have kinds of their own.
    """

    tree: Tree
    unit: Unit | None = None
    name: str = ""
    kind: str = ""
    otherwise: Tree | None = None


@dataclass(frozen=True)
class Answer:
    """The items of an answer, in the order in which they are written."""

    items: tuple[Item, ...]


def read(text: str, *, latex: bool = False) -> Answer:
    """What a bare answer (`bare`) states; in LaTeX a letter behind a number is a factor rather than a unit.

    Raises:
        Unread: it is not understood as a whole; words are not.
    """
    described = _DESCRIBED.fullmatch(text)
    text = described["condition"] if described else text
    written = wording.numbers(_one_sign(_CURRENCY.sub(_behind, _ungrouped(text)))).strip()
    special = wording.special(written)
    whole = Item(special[1:], kind=special[0]) if special else _several_units(written)
    if whole is not None:
        return Answer((whole,))
    parts = list(_parts(written))
    if len(parts) > MAX_ITEMS:
        raise Unread("a list of too many items")
    return Answer(tuple(item for part in parts for item in _signs_chosen(_item(part, latex))))


def _behind(match: re.Match[str]) -> str:
    sign = "\u5143" if match[1] == "\u00a5" else match[1]
    return f"{match[2]} {sign} "


def _one_sign(text: str) -> str:
    """`2 x 3`, `10**3`, `1e3` with the usual signs, `0.1666...` recurring, `USD 5` as `5 USD`, `]1,2[` as (1,2)."""
    text = _OUTWARD.sub(lambda m: f"{'(' if m[1] == ']' else '['}{m[2]}{')' if m[3] == '[' else ']'}", text)
    text = _SCIENTIFIC.sub(r"(\1*10^{\2})", text)
    text = re.sub(r"(?<=[\d)])(?:\s+[xX]\s+(?=[\d(])|[xX](?=10\s*\^))", " * ", text.replace("**", "^"))
    text = re.sub(r"(?<![\d.])(\d*\.\d*?)(\d)\2{2,}\.{3}$", r"\1\\overline{\2}", text)
    return re.sub(r"\b(USD|EUR|GBP|RMB|CNY)\s*(\d+(?:\.\d+)?)$", r"\2 \1", text)


def _ungrouped(text: str) -> str:
    """Digits without what groups them by thousands: `1,234` outside of brackets, `1 234`, `1.234,5`, `1.234.567`."""
    if re.fullmatch(r"[-+]?\d{1,3}(?:(?:\.\d{3})+,\d+|(?:\.\d{3}){2,})", text):
        return text.replace(".", "").replace(",", ".")
    if re.fullmatch(r"[-+]?\d{1,3}(?:[ '_]\d{3})+(?:\.\d+)?", text):
        return re.sub("[ '_]", "", text)

    def joined(match: re.Match[str]) -> str:
        before = text[: match.start()]
        return (
            match[0] if any(before.count(o) > before.count(c) for o, c in ("()", "[]")) else match[0].replace(",", "")
        )

    return re.sub(r"(?<![\d.,])\d{1,3}(?:,\d{3})+(?!\d)(?!,\d)", joined, text)


def _parts(text: str) -> Iterator[str]:
    """The items of a list; a comma inside brackets does not divide."""
    start, depth = 0, 0
    for place, char in enumerate(text):
        depth += (char in _OPENING) - (char in _CLOSED)
        match = _SPLIT.match(text, place) if depth <= 0 and place >= start else None
        if match and match[0].strip() and (not match[0].strip().isalpha() or place == 0 or text[place - 1] != "\\"):
            yield text[start:place]
            start = match.end()
    yield text[start:]


def _item(text: str, latex: bool) -> Item:
    text = text.strip()
    if not text:
        raise Unread("an empty item")
    named = _NAME.fullmatch(text)
    if named and "=" not in named["rest"]:
        inner = _item(named["rest"], latex)
        name = re.sub(r"[\s{}]", "", named["name"])
        return Item(inner.tree, inner.unit, name, inner.kind, inner.otherwise)
    label = _LABEL.match(text)
    if label and any(c.isdigit() for c in text[label.end() :]):
        return _item(text[label.end() :], latex)
    special = wording.special(text)
    if special:
        return Item(special[1:], kind=special[0])
    return _measured(text, latex) or Item(_algebra(text))


def _algebra(text: str) -> Tree:
    if _WORDS.fullmatch(text) and "\u03c0" not in text and text not in FUNCTIONS | {"pi"}:
        raise Unread(f"{text[:20]!r} is a word")
    return parse(text)


def _measured(text: str, latex: bool) -> Item | None:
    """A value with a unit behind it; the longest text that is a unit counts."""
    bracketed = re.fullmatch(r"([-+\d./ ]+)\(([^()\d]{2,40})\)", text)
    if bracketed:
        return Item(parse(bracketed[1]), unit(bracketed[2]) or counted(bracketed[2]))
    if re.fullmatch(r"[-+\d./ ]+%", text):
        return Item(("call", "percent", parse(text[:-1])))
    depth = 0
    for place, char in enumerate(text):
        begins = depth == 0 and place and (char in "\\$\u20ac\u00a3\u20b9\u00b0/\u00a2" or char.isalpha())
        inside = text[place - 1 : place].isalpha() and char.isalpha() and char.isascii()
        if begins and not inside and re.search(r"[\d\u03c0]", text[:place]):
            found = _split_at(text, place, latex)
            if found:
                return found
        depth += (char in _OPENING) - (char in _CLOSED)
    return None


def _split_at(text: str, place: int, latex: bool) -> Item | None:
    number, behind = text[:place], text[place:]
    if behind[0] == "\u00b0" and _FUNCTION.search(number):
        return None  # the angle of a function
    measure = unit(re.sub(r"^/\s*", "per ", behind) if behind[0] == "/" else behind)
    if measure is None or (behind[0] == "/" and not behind[1:].strip()[:1].isalpha()):
        return None
    letters = re.sub(r"[\s{}^\d-]", "", behind)
    explicit = "\\text" in behind or not letters.isascii() or not letters.isalpha()
    short = measure.doubtful or (len(letters) <= 3 and any(p.startswith("thing") for p, _ in measure.powers))
    doubtful = not explicit and short and (latex or not number.endswith(" ") or len(letters) == 2)
    try:
        tree = parse(number)
    except Unread:
        return None
    if not doubtful:
        return Item(tree, measure)
    try:
        product = parse(text)
    except Unread:
        return Item(tree, measure)
    literal = re.fullmatch(r"(?:[-+\s\d./]|\\frac\s*(?:\d|\{\d+\})\s*(?:\d|\{\d+\}))+", number)
    return Item(tree, measure, otherwise=product) if literal and "-" not in number.strip()[1:] else None


def _several_units(text: str) -> Item | None:
    """`1 hour 30 minutes`: amounts of one dimension in units that get smaller, as one value."""
    pieces = list(_PIECE.finditer(text))
    if len(pieces) < 2 or "".join(p[0] for p in pieces) != text:
        return None
    total, last = Fraction(0), None
    for piece in pieces:
        name = piece[2].replace("''", "arcsecond").replace("'", "arcminute")
        measure = _smaller(last, name) or unit(name)
        amount = Fraction(piece[1])
        if measure is None or (last and (measure.powers != last.powers or amount * measure.factor >= last.factor)):
            return None
        total, last = total + amount * measure.factor, measure
    assert last is not None
    value = total / last.factor
    return Item(("/", ("num", str(value.numerator)), ("num", str(value.denominator))), last)


def _smaller(last: Unit | None, name: str) -> Unit | None:
    """`分` behind a unit: the hundredth of a yuan, or a minute."""
    sizes = {(("yuan", 1),): Fraction(1, 100), (("time", 1),): Fraction(60)}
    return Unit(sizes[last.powers], last.powers) if name == "\u5206" and last and last.powers in sizes else None


def _signs_chosen(item: Item) -> list[Item]:
    r"""`2 \pm 1` as its two values; all signs of one item go together."""
    if not _ambiguous(item.tree):
        return [item]
    return [Item(_chosen(item.tree, upper), item.unit, item.name) for upper in (True, False)]


def _ambiguous(tree: Tree) -> bool:
    return tree[0] in ("\u00b1", "\u2213") or any(isinstance(t, tuple) and t and _ambiguous(t) for t in tree[1:])


def _chosen(tree: Tree, upper: bool) -> Tree:
    sign = {"\u00b1": "+" if upper else "-", "\u2213": "-" if upper else "+"}.get(tree[0], tree[0])
    return (sign, *(_chosen(t, upper) if isinstance(t, tuple) and t else t for t in tree[1:]))
