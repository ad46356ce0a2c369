"""Wire: plain data of exact types as JSON trees, sent in frames over pipes; nothing that is received can run."""

import builtins
import json
import os
import struct
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any

MAX_FRAME = 1 << 20
"""Bytes of one message."""
LEFT = "left before its end"
"""What is said of a solution that closed its pipe."""
_SMALL = 1 << 53
"""Integers below it are written as JSON numbers; larger ones in hexadecimal, which takes linear time."""


class NotPlain(Exception):
    """A value is no plain data, or a message is not well formed."""


class Closed(Exception):
    """The other side has closed the pipe."""


Reference = Callable[[Any], list[Any]]
Resolve = Callable[[list[Any]], Any]
_SEQUENCES: dict[type, str] = {kind: kind.__name__ for kind in (list, tuple, set, frozenset, deque)}
_MAPPINGS: dict[type, str] = {kind: kind.__name__ for kind in (dict, OrderedDict, Counter, defaultdict)}
_NAMED: dict[str, type] = {kind.__name__: kind for kind in (*_SEQUENCES, *_MAPPINGS)}


def unknown(value: Any) -> list[Any]:
    """No value has a reference.

    Raises:
        NotPlain: always.
    """
    raise NotPlain(f"a value of type {type(value).__name__} is no plain data")


def encode(value: Any, reference: Reference = unknown) -> Any:
    """The JSON tree of `value`; what is no plain data of an exact type is written as its `reference`.

    Raises:
        NotPlain: from `reference`.
        RecursionError: it is nested too deeply, or holds itself.
    """
    kind = type(value)
    if value is None or kind is bool or kind is str or kind is float:
        return value
    if kind is int:
        return value if -_SMALL < value < _SMALL else ["int", hex(value)]
    if kind in _SEQUENCES:
        return [_SEQUENCES[kind], *[encode(v, reference) for v in value]]
    if kind in _MAPPINGS:
        return [_MAPPINGS[kind], *[[encode(k, reference), encode(v, reference)] for k, v in value.items()]]
    return _encode_rare(value, kind) or reference(value)


def _encode_rare(value: Any, kind: type) -> list[Any] | None:
    if value is ... or value is NotImplemented:
        return ["constant", "Ellipsis" if value is ... else "NotImplemented"]
    if kind is bytes or kind is bytearray:
        return [kind.__name__, value.hex()]
    if kind is complex:
        return ["complex", value.real, value.imag]
    if kind is range:
        return ["range", *map(encode, (value.start, value.stop, value.step))]
    if kind is Fraction:
        return ["Fraction", encode(value.numerator), encode(value.denominator)]
    if kind is Decimal:
        return ["Decimal", str(value)]
    return None


def decode(tree: Any, resolve: Resolve | None = None) -> Any:
    """The value that a JSON tree states, of exact types; references are looked up by `resolve`.

    Raises:
        NotPlain: it states none.
        RecursionError: it is nested too deeply.
    """
    if tree is None or type(tree) in (bool, str, float, int):
        return tree
    try:
        name, *rest = tree
        if name in _NAMED:
            kind = _NAMED[name]
            if kind in _SEQUENCES:
                return kind([decode(v, resolve) for v in rest])
            pairs = [(decode(k, resolve), decode(v, resolve)) for k, v in rest]
            return defaultdict(None, pairs) if kind is defaultdict else kind(dict(pairs))
        if name in _RARE:
            return _RARE[name](*rest)
        if resolve is not None:
            return resolve(tree)
    except (TypeError, ValueError, ArithmeticError, LookupError) as error:
        raise NotPlain("a message is not well formed") from error
    raise NotPlain("a message holds a reference where none may stand")


def _integer(tree: Any) -> int:
    value = decode(tree)
    if type(value) is not int:
        raise NotPlain("an integer was expected")
    return value


_RARE: dict[str, Callable[..., Any]] = {
    "int": lambda text: int(text, 16),
    "constant": lambda name: {"Ellipsis": ..., "NotImplemented": NotImplemented}[name],
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": complex,
    "range": lambda *ends: range(*map(_integer, ends)),
    "Fraction": lambda *parts: Fraction(*map(_integer, parts)),
    "Decimal": Decimal,
}


def builtin_exception(name: object) -> type[BaseException] | None:
    """The builtin exception class of this name."""
    found = getattr(builtins, name, None) if isinstance(name, str) else None
    return found if isinstance(found, type) and issubclass(found, BaseException) else None


def send(sink: int, message: Any) -> None:
    """Writes one frame.

    Raises:
        NotPlain: it would be longer than `MAX_FRAME`.
        Closed: nobody reads any more.
    """
    body = json.dumps(message).encode()
    if len(body) > MAX_FRAME:
        raise NotPlain(f"a message of more than {MAX_FRAME:,} bytes")
    rest = memoryview(struct.pack("<I", len(body)) + body)
    try:
        while rest:
            rest = rest[os.write(sink, rest) :]
    except OSError as error:
        raise Closed("the other side has left") from error


def receive(source: int) -> Any:
    """Reads one frame.

    Raises:
        NotPlain: it is too long or no JSON.
        Closed: nobody writes any more.
    """
    (size,) = struct.unpack("<I", _exactly(source, 4))
    if size > MAX_FRAME:
        raise NotPlain(f"a message of more than {MAX_FRAME:,} bytes")
    try:
        return json.loads(_exactly(source, size))
    except (ValueError, RecursionError) as error:
        raise NotPlain("a message is not well formed") from error


def _exactly(source: int, size: int) -> bytes:
    parts, left = [], size
    while left:
        try:
            part = os.read(source, left)
        except OSError as error:
            raise Closed("the other side has left") from error
        if not part:
            raise Closed("the other side has left")
        parts.append(part)
        left -= len(part)
    return b"".join(parts)
