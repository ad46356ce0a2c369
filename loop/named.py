"""Named things: what a config calls by a name of ours, or by `module:Class` from anywhere on the path."""

import difflib
import importlib
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from ..tiers.errors import InputError

T = TypeVar("T")


def named(name: str, known: Mapping[str, Callable[..., T]], what: str) -> Callable[..., T]:
    """The factory called `name` among those `known`, or the one at `module:Class`.

    Args:
        name: as the user wrote it.
        known: ours, by name.
        what: what is named, as errors say it.

    Raises:
        InputError: no such name (the nearest is told), nothing can be imported there, or it cannot be called.
    """
    if ":" in name:
        return _imported(name, what)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"unknown {what} {name!r}: {hint}known are {', '.join(known)}, or module:Class of your own")


def _imported(name: str, what: str) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    try:
        found = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError, ValueError) as e:
        raise InputError(f"{what} {name!r} wants an importable module:Class: {e}") from e
    if not callable(found):
        raise InputError(f"{what} {name!r} wants a class, got {type(found).__name__}")
    return found  # type: ignore[no-any-return]
