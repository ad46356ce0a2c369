"""Named things: what a config calls by a name of ours, or by `module:Class` from the Python path or the working one."""

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ..tiers.errors import InputError

T = TypeVar("T")


def named(
    name: str, known: Mapping[str, Callable[..., T]], what: str, lacks: Callable[[type], str] = lambda _: ""
) -> Callable[..., T]:
    """The factory called `name` among those `known`, or the class at `module:Class`, which is not called here.

    Args:
        name: as the user wrote it.
        known: ours, by name.
        what: what is named, as errors say it.
        lacks: what a class of the user's own is missing to be one; empty where nothing is.

    Raises:
        InputError: no such name (the nearest is told), nothing can be imported there, or it is no class of this kind.
    """
    if ":" in name:
        return _imported(name, what, lacks)
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    hint = f"did you mean {near[0]!r}? " if near else ""
    raise InputError(f"unknown {what} {name!r}: {hint}known are {', '.join(known)}, or module:Class of your own")


def _imported(name: str, what: str, lacks: Callable[[type], str]) -> Callable[..., Any]:
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)  # last, so that it hides nothing that is installed
    try:
        there = getattr(importlib.import_module(module), attribute)
    except (Exception, SystemExit) as e:  # a user's module may do anything when it is imported
        why = f"{type(e).__name__}: {e}"
        raise InputError(
            f"{what} {name!r} wants an importable module:Class, got {why}; looked in the working folder {here} and on "
            f"the Python path {os.pathsep.join(p for p in sys.path if p != here)}: go to the module's folder or add it "
            "to PYTHONPATH"
        ) from e
    if not inspect.isclass(there):
        raise InputError(f"{what} {name!r} wants a class, got {type(there).__name__} (it was not called)")
    missing = lacks(there)
    if missing:
        raise InputError(f"{what} {name!r} is not of that kind: {missing} (it was not called)")
    return there
