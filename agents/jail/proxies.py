"""Proxies: what tests hold of objects that live in the process of the solution; only plain data comes from there."""

from collections.abc import Callable
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


class Proxy:
    """An object of the solution. Whether it equals something is for its own code to say, so tests cannot ask that.

    Nor can they ask how far it is from a value of theirs: `abs(f(1) - 7) < 1e-9` would be decided by its `__sub__`.
    An object that was calculated from another and from plain data is `mixed`, and no number is taken from it.
    """

    __slots__ = ("_ask", "_doubt", "_mixed", "_number")

    def __init__(self, number: int, ask: Ask, doubt: Doubt) -> None:
        for name, value in (("_number", number), ("_ask", ask), ("_doubt", doubt), ("_mixed", False)):
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name in PREDICATES:
            raise self._doubt(f"the tests ask .{name}() of an object of the solution, whose own code would decide")
        return self._ask("getattr", self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        self._ask("setattr", self, name, value)

    def __delattr__(self, name: str) -> None:
        self._ask("delattr", self, name)


def _passed_on(operation: str, kind: type | None) -> Callable[..., Any]:
    def method(self: Proxy, *args: Any, **kwargs: Any) -> Any:
        if self._mixed and operation in _NUMERIC:
            raise self._doubt(_WITH_PLAIN)
        result = self._ask(operation, self, *args, **kwargs)
        if kind is not None and type(result) is not kind:
            raise self._doubt(f"{operation}() of an object gave no {kind.__name__}")
        return result

    return method


def _calculated(operation: str, *, reflected: bool = False) -> Callable[..., Any]:
    def method(self: Proxy, other: Any) -> Any:
        result = self._ask(operation, other, self) if reflected else self._ask(operation, self, other)
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
