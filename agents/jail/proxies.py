"""Proxies: what tests hold of objects that live in the process of the solution; only plain data comes from there."""

from collections import Counter, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

Ask = Callable[..., Any]
Doubt = Callable[[str], BaseException]


PREDICATES = frozenset(
    name
    for kind in (str, bytes, set, float)
    for name in dir(kind)
    if name.startswith("is") or name in ("startswith", "endswith")
)
"""Methods by which plain data says yes or no; an object that stands in for plain data would answer for itself."""

METHODS = frozenset(
    name
    for kind in (str, bytes, list, tuple, dict, set, int, float, complex, deque, Counter, Decimal, Fraction, range)
    for name in dir(kind)
    if not name.startswith("_")
)
"""Methods of plain data. A function that has to return plain data could return an object that answers them all: a
`count` of 1 for every value, a `difference` that is always empty."""


class Proxy:
    """An object of the solution. Whether it equals something is for its own code to say, so tests cannot ask that.

    Nor can they ask how far it is from a value of theirs: `abs(f(1) - 7) < 1e-9` would be decided by its `__sub__`.
    An object that was calculated from another and from plain data is `mixed`, and no number is taken from it.
    An object is `own` where the tests reached it by way of a class that they name (`Stack()`); any other one stands
    where plain data may be expected, so its `METHODS` are given no plain data to compare it with.
    """

    __slots__ = ("_ask", "_doubt", "_method", "_mixed", "_number", "_own")

    def __init__(self, number: int, ask: Ask, doubt: Doubt, *, own: bool = False) -> None:
        state = {"_number": number, "_ask": ask, "_doubt": doubt, "_mixed": False, "_own": own, "_method": ""}
        for name, value in state.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in PREDICATES:
            raise self._doubt(f"the tests ask .{name}() of an object of the solution, whose own code would decide")
        value = _inherited(self, self._ask("getattr", self, name))
        if type(value) is Proxy and not self._own and name in METHODS:
            object.__setattr__(value, "_method", name)
        return value

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._ask("delattr", self, name)


def _inherited(parent: Proxy, value: Any) -> Any:
    """`value`, which is `own` where `parent` is."""
    if type(value) is Proxy and parent._own:
        object.__setattr__(value, "_own", True)
    return value


def _passed_on(operation: str, kind: type | None) -> Callable[..., Any]:
    def method(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        if self._mixed and operation in _NUMERIC:
            raise self._doubt(_WITH_PLAIN)
        if operation == "call" and self._method and (args or kwargs):
            raise self._doubt(
                f"the tests compare by .{self._method}() of an object of the solution, whose own code would decide"
            )
        result = _inherited(self, self._ask(operation, self, *args, **kwargs))
        if kind is not None and type(result) is not kind:
            raise self._doubt(f"{operation}() of an object gave no {kind.__name__}")
        return result

    return method


def _calculated(operation: str, *, reflected: bool = False) -> Callable[..., Any]:
    def method(self: Proxy, other: Any) -> Any:
        result = _inherited(self, self._ask(operation, other, self) if reflected else self._ask(operation, self, other))
        if type(other) is Proxy and not (self._mixed or other._mixed):
            return result
        if type(result) is not Proxy:
            raise self._doubt(_WITH_PLAIN)
        object.__setattr__(result, "_mixed", True)
        return result

    return method


def _undecided(what: str) -> Callable[..., Any]:
    def method(self: Proxy, *args: Any) -> Any:
        raise self._doubt(f"the tests {what} an object of the solution, whose own code would decide")

    return method


_ASKED: dict[str, type | None] = {
    "call": None, "iter": None, "next": None, "reversed": None, "len": int, "str": str, "repr": str, "format": str,
    "getitem": None, "setitem": None, "delitem": None, "abs": None, "round": None, "neg": None,
    "pos": None, "invert": None,
}  # fmt: skip
_NUMERIC = frozenset({"abs", "round", "neg", "pos", "invert", "len", "next"})
_WITH_PLAIN = "the tests calculate with an object of the solution and plain data, whose own code would decide"
_ARITHMETIC = [
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and", "or", "xor",
]  # fmt: skip
_UNDECIDED = {
    "compare": "eq ne lt le gt ge contains", "take the truth of": "bool", "hash": "hash",
    "convert": "int float complex index", "check the type of": "instancecheck subclasscheck", "enter": "enter exit",
}  # fmt: skip
for _name, _kind in _ASKED.items():
    setattr(Proxy, f"__{_name}__", _passed_on(_name, _kind))
for _name in _ARITHMETIC:
    _operation = f"{_name}_" if _name in ("and", "or") else _name
    setattr(Proxy, f"__{_name}__", _calculated(_operation))
    setattr(Proxy, f"__r{_name}__", _calculated(_operation, reflected=True))
for _what, _names in _UNDECIDED.items():
    for _name in _names.split():
        setattr(Proxy, f"__{_name}__", _undecided(_what))


def restore(held: Any, after: Any) -> None:
    """Changes the containers of `held` in place to what a call has made of its copies.

    A container stays the object that it was where the other one has a container of its type in its place.
    """
    if type(held) is not type(after):
        return
    if type(held) in (list, tuple) or type(held).__name__ == "deque":
        new = [_merged(a, b) for a, b in zip(held, after, strict=False)] + list(after)[len(held) :]
        if type(held) is list:
            held[:] = new
        elif type(held) is not tuple:
            held.clear()
            held.extend(new)
    elif isinstance(held, dict):
        new_items = {k: _merged(held[k], v) if k in held else v for k, v in after.items()}
        held.clear()
        held.update(new_items)
    elif type(held) in (set, bytearray):
        held.clear()
        held.update(after) if type(held) is set else held.extend(after)


def _merged(held: Any, after: Any) -> Any:
    """`held`, changed in place, where it is a container like `after`; otherwise `after`."""
    if type(held) is type(after) and (isinstance(held, dict) or type(held) in (list, set, bytearray)):
        restore(held, after)
        return held
    if type(held) is type(after) is tuple and len(held) == len(after):
        return tuple(_merged(a, b) for a, b in zip(held, after, strict=True))
    return after
