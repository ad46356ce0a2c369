"""Same: whether two texts state the same result.

Rules, in their order:

- Mathematics is read as a whole or not at all. What is not read is compared as words: without case and spacing.
- Rational numbers are compared exactly. Other expressions are the same where their values agree at random points.
- A decimal of six significant digits and more may be another number, rounded or cut off at its last digit.
- Units of one dimension are converted; units of two dimensions differ; a missing unit agrees with every unit, since
  a question often names it. A percent sign is a factor of 1/100, not a unit.
- The items of a list without brackets and of a set have no order; those of a tuple, an interval, a matrix have.
- `x = 5` agrees with `5`, but not with `y = 5`.
"""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from typing import TypeVar

from . import exact
from .answer import Answer, Item, read
from .bare import bare
from .grammar import Tree, Unread
from .process import WORKER

LONGEST = 2_000
MAX_CHARS = 600
SIGNIFICANT = 6
"""Digits from which on a decimal may be a rounded number."""
_SEQUENCE = frozenset({"seq", "matrix", "rel", "\u222a"})
T = TypeVar("T")


def same_answer(stated: str, got: str) -> bool:
    r"""Whether two answers state the same result, whatever they are dressed in (`\boxed`, dollar signs, `x =`)."""
    if max(len(stated), len(got)) > LONGEST:
        return _words(stated) == _words(got)
    one, other = bare(stated), bare(got)
    if not one or not other:
        return False
    if _close_up(one) == _close_up(other):
        return True
    if _choices(one) and _choices(one) == _choices(other):
        return True
    answers = [_read(bare_text, text) for bare_text, text in ((one, stated), (other, got))]
    if answers[0] is None or answers[1] is None:
        return _words(one) == _words(other)
    return _same(answers[0], answers[1])


def _read(text: str, written: str) -> Answer | None:
    if len(text) > MAX_CHARS:
        return None
    try:
        return read(text, latex="\\" in written or bool(re.search(r"\$[^$]*\$", written)))
    except (Unread, RecursionError):
        return None


def _close_up(text: str) -> str:
    """`text` without the spaces that divide nothing."""
    return re.sub(r"(?<![^\W_]) | (?![^\W_])", "", text)


def _choices(text: str) -> str:
    """Several choices in one word, in the order of their letters: `AC`, `A, C`, `(A)(C)`."""
    letters = re.sub(r"[\s,()]|\band\b", "", text) if re.fullmatch(r"(?:\(?[A-H]\)?(?:[\s,]|\band\b)*)+", text) else ""
    return letters if len(letters) > 1 and letters == "".join(sorted(set(letters))) else ""


def _words(text: str) -> str:
    closed = _close_up(" ".join(text.split())).casefold()
    closed = closed if re.search(r"\d", closed) else closed.strip("`.!")  # `0.333...` and `!5` mean more than digits
    closed = re.sub(
        "^(?:\u5468|\u793c\u62dc)(?=[\u4e00\u4e8c\u4e09\u56db\u4e94\u516d\u65e5\u5929]$)", "\u661f\u671f", closed
    )  # the day of a week
    choice = re.fullmatch(r"(?:option |choice |选项?)?\(?([a-z])\)?", closed)
    return choice[1] if choice else re.sub(r"^(?:the|an?) |\\text\{([^{}]*)\}", r"\1", closed)


def _same(one: Answer, other: Answer) -> bool:
    if len(one.items) != len(other.items):
        return _same_set(one, other)
    if len(one.items) == 1:
        return _same_item(one.items[0], other.items[0])
    distinct = [len({i.name for i in a.items} - {""}) == len(a.items) for a in (one, other)]
    if any(distinct) and not all(distinct):  # `a = 1, b = 2` against `1, 2`
        return all(map(_same_item, one.items, other.items))
    return _matched(one.items, other.items, _same_item)


def _same_set(one: Answer, other: Answer) -> bool:
    """A list against a set in braces or a union of intervals (`x<1 or x>2`), either way round."""
    for few, many in ((one, other), (other, one)):
        tree = few.items[0].tree
        if len(few.items) == 1 and tree[:2] == ("seq", "\u2983"):
            return _matched([Item(t) for t in tree[3:]], many.items, _same_item)
        if len(few.items) == 1 and tree[0] == "\u222a":
            return _matched(_union(tree), [_interval(i.tree) for i in many.items], _same_tree)
    return False


def _matched(one: Sequence[T], other: Sequence[T], agree: Callable[[T, T], bool]) -> bool:
    """Whether each has its like among the others, and none is left over."""
    left = list(other)
    for item in one:
        match = next((i for i, candidate in enumerate(left) if agree(item, candidate)), None)
        if match is None:
            return False
        left.pop(match)
    return not left


def _same_item(one: Item, other: Item) -> bool:
    if one.kind or other.kind:
        return one.kind == other.kind and one.tree == other.tree
    if one.name and other.name and one.name != other.name:
        return _same_equation(_equation(one), _equation(other))  # `y = x` and `x = y`
    if (one.name and other.name) or not (one.name or other.name):
        return _same_measured(one, other)
    # the name may be part of an equation on the other side
    return _same_measured(one, other) or _same_equation(_equation(one), _equation(other))


def _same_measured(one: Item, other: Item) -> bool:
    """Values with units; a doubtful unit (`5m`) counts against another unit alone, otherwise it is a factor."""
    doubtful = one.otherwise is not None or other.otherwise is not None
    if doubtful and not (one.unit and other.unit):
        return _same_tree(one.otherwise or one.tree, other.otherwise or other.tree)
    if one.unit is None or other.unit is None:
        return _same_tree(one.tree, other.tree)
    if one.unit.powers != other.unit.powers:
        return not (one.unit.powers and other.unit.powers) and _same_tree(one.tree, other.tree)
    ratio = one.unit.factor / other.unit.factor
    return _same_tree(one.tree if ratio == 1 else ("*", one.tree, _fraction(ratio)), other.tree)


def _fraction(number: Fraction) -> Tree:
    return ("/", ("num", str(number.numerator)), ("num", str(number.denominator)))


def _same_tree(one: Tree, other: Tree) -> bool:
    one, other = _interval(one), _interval(other)
    if one == other:
        return True
    if one[0] in _SEQUENCE or other[0] in _SEQUENCE:
        return _same_parts(one, other)
    if "based" in (one[0], other[0]):
        return False
    values = exact.value(one), exact.value(other)
    if values[0] is not None and values[1] is not None:
        return values[0] == values[1] or _rounded_fractions(one, other, values[0], values[1])
    if _infinite(one) or _infinite(other):
        return _infinite(one) == _infinite(other)
    if _holds(one, _SEQUENCE | {"based"}) or _holds(other, _SEQUENCE | {"based"}):
        return False
    return WORKER.same("same", one, other) or _rounded(one, other) or _rounded(other, one)


def _same_parts(one: Tree, other: Tree) -> bool:
    if one[0] != other[0]:
        return False
    if one[0] == "rel":
        return _same_relation(one, other)
    if one[0] == "\u222a":
        return _matched(_union(one), _union(other), _same_tree)
    if one[0] == "matrix":
        shape = [[len(row) for row in m[1:]] for m in (one, other)]
        rows = zip(one[1:], other[1:], strict=False)
        return shape[0] == shape[1] and all(_same_tree(a, b) for r, s in rows for a, b in zip(r, s, strict=True))
    if one[1:3] != other[1:3]:
        return False
    if one[1] == "\u2983":
        return _matched(one[3:], other[3:], _same_tree)
    return len(one) == len(other) and all(map(_same_tree, one[3:], other[3:]))


def _union(tree: Tree) -> list[Tree]:
    return [*_union(tree[1]), *_union(tree[2])] if tree[0] == "\u222a" else [_interval(tree)]


def _same_relation(one: Tree, other: Tree) -> bool:
    signs = [tuple(t[2::2]) for t in (one, other)]
    if signs[0] == signs[1] == ("=",):
        return _same_equation(one, other) or all(map(_same_tree, one[1::2], other[1::2]))
    turned = tuple({"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(s, s) for s in reversed(signs[1]))
    if signs[0] == signs[1] and all(map(_same_tree, one[1::2], other[1::2])):
        return True
    return signs[0] == turned and all(map(_same_tree, one[1::2], reversed(other[1::2])))


def _equation(item: Item) -> Tree | None:
    if item.name and len(item.name) == 1 and item.unit is None:
        return ("rel", ("sym", item.name), "=", item.tree)
    return item.tree if item.tree[0] == "rel" and item.tree[2::2] == ("=",) else None


def _same_equation(one: Tree | None, other: Tree | None) -> bool:
    """Whether two equations say the same up to a constant factor."""
    if one is None or other is None or any(_holds(t, _SEQUENCE | {"based"}) for e in (one, other) for t in e[1::2]):
        return False
    return WORKER.same("proportional", ("-", one[1], one[3]), ("-", other[1], other[3]))


def _interval(tree: Tree) -> Tree:
    """`1 < x <= 2` as the interval (1, 2]; other trees as they are."""
    if tree[0] != "rel":
        return tree
    sides, signs = list(tree[1::2]), list(tree[2::2])
    if any(s in (">", ">=") for s in signs):
        sides.reverse()
        signs = [{">": "<", ">=": "<="}.get(s, s) for s in reversed(signs)]
    if not all(s in ("<", "<=") for s in signs):
        return tree
    if len(sides) == 2 and sides[0][0] == "sym":
        return ("seq", "(", ")" if signs[0] == "<" else "]", ("neg", ("const", "inf")), sides[1])
    if len(sides) == 2 and sides[1][0] == "sym":
        return ("seq", "(" if signs[0] == "<" else "[", ")", sides[0], ("const", "inf"))
    if len(sides) == 3 and sides[1][0] == "sym":
        return ("seq", "(" if signs[0] == "<" else "[", ")" if signs[1] == "<" else "]", sides[0], sides[2])
    return tree


def _holds(tree: Tree, kinds: frozenset[str]) -> bool:
    return tree[0] in kinds or any(isinstance(t, tuple) and t and _holds(t, kinds) for t in tree[1:])


def _infinite(tree: Tree) -> int:
    """1 or -1 for plus or minus infinity, 0 for anything else."""
    if tree == ("const", "inf"):
        return 1
    return -1 if tree == ("neg", ("const", "inf")) else 0


def _decimal(tree: Tree) -> tuple[bool, str] | None:
    """Sign and digits of a tree that is a written decimal of enough digits to be a rounded number."""
    negative, inner = (tree[0] == "neg"), (tree[1] if tree[0] == "neg" else tree)
    if inner[0] != "num" or "." not in inner[1] or "overline" in inner[1]:
        return None
    digits = inner[1].replace(".", "").lstrip("0")
    return (negative, inner[1]) if len(digits) >= SIGNIFICANT else None


def _rounded_fractions(one: Tree, other: Tree, first: Fraction, second: Fraction) -> bool:
    return _is_rounding(one, second) or _is_rounding(other, first)


def _is_rounding(decimal: Tree, value: Fraction) -> bool:
    written = _decimal(decimal)
    if written is None:
        return False
    shift = 10 ** len(written[1].partition(".")[2])
    size = (-value if written[0] else value) * shift
    return Fraction(written[1]) * shift in (size.__floor__(), (size + Fraction(1, 2)).__floor__())


def _rounded(decimal: Tree, tree: Tree) -> bool:
    written = _decimal(decimal)
    if written is None:
        return False
    return WORKER.same("rounded", ("num", written[1]), ("neg", tree) if written[0] else tree)
