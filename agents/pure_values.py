"""What values, operators, builtins and methods the pure subset of Python has, each bounded in the work it may do."""

import ast
import math
import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

MAX_SIZE = 10_000
"""Most characters of a text, elements of a container, and nodes of a nested value."""
MAX_BITS = 4_096
"""Largest integer, in bits."""
SCALARS = (type(None), bool, int, float, str)
CONTAINERS = (list, tuple, dict, set, range)


class PureError(Exception):
    """The code leaves the pure subset, fails, or asks for more than its fuel or size limits."""


def weigh(value: Any) -> int:
    """Nodes of `value` counted as a comparison or `repr` would walk them: shared parts once for each mention.

    Raises:
        PureError: more than MAX_SIZE nodes (a cycle has endlessly many), or a value of a foreign type.
    """
    nodes, stack = 0, [value]
    while stack:
        item = stack.pop()
        nodes += 1 + (len(item) >> 4 if isinstance(item, str) else 0)
        if type(item) in (list, tuple, set):
            stack.extend(item)
        elif type(item) is dict:
            stack.extend(item.keys())
            stack.extend(item.values())
        elif type(item) is range:
            nodes += len(item) >> 3
        elif type(item) not in SCALARS:
            raise PureError(f"values of type {type(item).__name__} cannot be looked into")
        if nodes + len(stack) > MAX_SIZE:
            raise PureError("a value is too large")
    return nodes


def bounded(value: Any) -> Any:
    """`value`, when it is not too large by itself.

    Raises:
        PureError: an integer of too many bits, a text or container that is too long, or a foreign type.
    """
    kind = type(value)
    if kind is int:
        if value.bit_length() > MAX_BITS:
            raise PureError("an integer is too large")
    elif kind is str or kind in CONTAINERS:
        if len(value) > MAX_SIZE:
            raise PureError("a value is too long")
    elif kind not in SCALARS and not callable(value):
        raise PureError(f"values of type {kind.__name__} are not pure")
    return value


def _multiply(a: Any, b: Any) -> Any:
    for sequence, times in ((a, b), (b, a)):
        if isinstance(sequence, (str, list, tuple)) and isinstance(times, int) and len(sequence) * times > MAX_SIZE:
            raise PureError("a repetition is too long")
    return a * b


def _power(a: Any, b: Any) -> Any:
    if isinstance(a, int) and isinstance(b, int) and b > 0 and a.bit_length() * b > MAX_BITS:
        raise PureError("a power is too large")
    result = a**b
    if isinstance(result, complex):
        raise PureError("complex numbers are not in the subset")
    return result


def _shift(a: Any, b: Any) -> Any:
    if isinstance(b, int) and b > MAX_BITS:
        raise PureError("a shift is too large")
    return a << b


def _modulo(a: Any, b: Any) -> Any:
    if isinstance(a, str):
        if re.search(r"%[^%a-zA-Z]*(?:\d{3}|\*)", a) or len(a) > 1_000:
            raise PureError("a format is too wide")
        weigh(b)
    return a % b


OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: _multiply,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: _modulo,
    ast.Pow: _power,
    ast.LShift: _shift,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda a, b: a in b,
    ast.NotIn: lambda a, b: a not in b,
}


def _range(*bounds: int) -> range:
    made = range(*bounds)
    try:
        return made if len(made) <= MAX_SIZE else _too_long()
    except OverflowError:
        return _too_long()


def _too_long() -> range:
    raise PureError("a range is too long")


def _total(items: Iterable[Any], start: Any = 0) -> Any:
    values = list(items)
    if not all(isinstance(v, (int, float)) for v in (*values, start)):  # adding up lists takes quadratic time
        raise PureError("sum is for numbers")
    return sum(values, start)


def _text(make: Callable[[Any], str]) -> Callable[..., str]:
    def text(value: Any = "") -> str:
        if callable(value):  # would show an address
            raise PureError("a function has no text")
        return make(value)

    return text


def _round(value: Any, ndigits: int | None = None) -> Any:
    if ndigits is not None and abs(ndigits) > 100:
        raise PureError("too many digits to round to")
    return round(value, ndigits)


def _power3(a: Any, b: Any, modulus: int | None = None) -> Any:
    return _power(a, b) if modulus is None else pow(a, b, modulus)


BUILTINS: dict[str, Callable[..., Any]] = {
    **{f.__name__: f for f in (abs, all, any, bin, bool, chr, dict, divmod, float, hex, int, isinstance, len, list)},
    **{f.__name__: f for f in (max, min, oct, ord, set, sorted, tuple)},
    "enumerate": lambda items, start=0: list(enumerate(items, start)),
    "pow": _power3,
    "range": _range,
    "repr": _text(repr),
    "round": _round,
    "str": _text(str),
    "reversed": lambda items: list(reversed(items)),
    "sum": _total,
    "zip": lambda *items: list(zip(*items, strict=False)),
}
"""Builtins by name; those that Python makes lazy give lists."""

_MATH = """
    ceil copysign cos exp fabs floor fmod gcd hypot isclose isfinite isinf isnan isqrt log log10 log2 pi e sin sqrt tan
    tanh trunc atan atan2 degrees radians
""".split()  # noqa: SIM905
MATH: dict[str, Any] = {name: getattr(math, name) for name in _MATH}
"""What `math.` offers; nothing in it is large for small arguments."""


def _join(separator: str, parts: Iterable[str]) -> str:
    texts = list(parts)
    if not all(isinstance(t, str) for t in texts):
        raise PureError("join is for texts")
    if sum(map(len, texts)) + len(separator) * len(texts) > MAX_SIZE:
        raise PureError("a text is too long")
    return separator.join(texts)


def _replace(text: str, old: str, new: str, count: int = -1) -> str:
    if (len(text) + 1) * (len(new) + 1) > 50 * MAX_SIZE:
        raise PureError("a text is too long")
    return text.replace(old, new, count)


def _pad(name: str) -> Callable[..., str]:
    def pad(text: str, width: int, *fill: str) -> str:
        if width > MAX_SIZE:
            raise PureError("a text is too long")
        made: str = getattr(text, name)(width, *fill)
        return made

    return pad


def _extend(items: list[Any], more: Iterable[Any]) -> None:
    added = list(more)
    if len(items) + len(added) > MAX_SIZE:
        raise PureError("a list is too long")
    items.extend(added)


_PLAIN: dict[type, str] = {
    str: "lower upper strip lstrip rstrip split rsplit splitlines startswith endswith find rfind index rindex count "
    "isdigit isalpha isalnum isspace isupper islower title capitalize swapcase partition rpartition removeprefix "
    "removesuffix casefold isidentifier isnumeric isdecimal",
    list: "append pop insert index count reverse copy remove clear sort",
    tuple: "index count",
    dict: "get pop setdefault copy clear popitem",
    set: "add union intersection difference discard remove issubset issuperset isdisjoint symmetric_difference copy",
    int: "bit_length conjugate bit_count",
    float: "is_integer",
}
METHODS: dict[tuple[type, str], Callable[..., Any]] = {
    **{(kind, name): getattr(kind, name) for kind, named in _PLAIN.items() for name in named.split()},
    **{(str, name): _pad(name) for name in ("zfill", "ljust", "rjust", "center")},
    (str, "join"): _join,
    (str, "replace"): _replace,
    (list, "extend"): _extend,
    (dict, "items"): lambda d: list(d.items()),
    (dict, "keys"): lambda d: list(d.keys()),
    (dict, "values"): lambda d: list(d.values()),
}
"""Methods by exact type and name. No method gives access to attributes (no `format`) or to anything outside."""
CHEAP = frozenset({"append", "pop", "get", "add", "bit_length", "is_integer"})
"""Methods whose work does not grow with the receiver."""
BLIND = frozenset({"append", "len", "isinstance"})
"""Calls that do not look into their arguments."""
