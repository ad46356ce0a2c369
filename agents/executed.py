"""What is checked by running it: predictions of what calls return, and tasks whose tests a solution has to pass."""

import ast
from collections.abc import Sequence
from typing import Any

from ..tiers.document import Document
from . import checkable, code_task, predict
from .finding import Finding
from .jail import wire
from .sandbox import Outcome, Program

KINDS = ("predict", "task")


class Undecided(Exception):
    """Running it does not tell whether a document is right; the text says why."""


def programs(document: Document) -> list[Program]:
    """What has to be run to check a document; nothing where it holds nothing to run."""
    if document.kind == "predict":
        read = predict.read(document.text)
        if read is None or checkable.unread(document.text):
            return []
        calls = tuple(asked for asked, _ in read[1])
        seeds = range(checkable.SEEDS if checkable.uses_sets(read[0]) else 2)
        return [Program(solution=read[0], calls=calls[:: -1 if seed % 2 else 1], seed=seed) for seed in seeds]
    task = code_task.read(document.text)
    return code_task.programs(*task) if task and not code_task.fault(*task) else []


def finding(document: Document, outcomes: Sequence[Outcome]) -> Finding:
    """What the outcomes of a document's programs say about it.

    Raises:
        Undecided: they say nothing, because the program itself would have to be believed.
    """
    if outcomes and outcomes[0].doubt:
        raise Undecided(outcomes[0].doubt)
    return _predicted(document, outcomes) if document.kind == "predict" else _solved(document, outcomes)


def _predicted(document: Document, outcomes: Sequence[Outcome]) -> Finding:
    read = predict.read(document.text)
    if read is not None and (unread := checkable.unread(document.text)):
        raise Undecided(unread)
    if not outcomes or read is None:
        return Finding("it holds no code with calls and their values", ())
    if not outcomes[0].ok:
        return Finding(f"running it failed: {outcomes[0].error[:200]}", ())
    if changing := checkable.changing(read[0]):
        raise Undecided(changing)
    if not _repeated(*outcomes):
        raise Undecided("its calls return other values when they are made again, in another order")
    for (asked, stated), value in zip(read[1], outcomes[0].values, strict=True):
        if value is None and stated.strip() != "None":
            raise Undecided(f"{asked[:80]} returns nothing, and what it prints is not compared")
        if not _states(stated, value):
            return Finding(f"{asked} returns {_shown(value)}, not {stated[:120]}", (f"{len(read[1])} calls executed",))
    doubt = checkable.doubt(read[0], [asked for asked, _ in read[1]])
    if doubt:
        raise Undecided(doubt)
    return Finding("", (f"{len(read[1])} calls executed in the sandbox",))


def _solved(document: Document, outcomes: Sequence[Outcome]) -> Finding:
    task = code_task.read(document.text)
    if task is None:
        return Finding("it has not the form of a task with solution and tests", ())
    fault = code_task.fault(*task)
    if fault:
        return Finding(fault, ("solution and tests parsed",))
    solution, *broken = outcomes
    if not solution.ok:
        return Finding(f"its solution fails its tests: {solution.error[:200]}", ("run in the sandbox",), "0/1", 0.0)
    failing = sum(bool(b.error) for b in broken)
    told = f"{failing} of {len(broken)} broken solutions fail them"
    checks = (f"the solution passes its {task[1].count('assert ')} assertions in the sandbox", told)
    share = failing / len(broken) if broken else 0.0
    if not broken:
        return Finding("nothing in its solution could be broken, so its tests prove nothing", checks[:1], "1/1", 0.0)
    if broken[0].ok:
        return Finding("its tests pass even when the function does nothing", checks, "1/1", share)
    if share < code_task.KILLED:
        return Finding(f"its tests are too weak: only {told}", checks, "1/1", share)
    return Finding("", checks, share=share)


def _repeated(once: Outcome, *others: Outcome) -> bool:
    """Whether calls gave the same values under other seeds, every second time in reverse order."""
    ordered = [again.values[:: -1 if place % 2 == 0 else 1] for place, again in enumerate(others)]
    return all(again.ok for again in others) and all(all(map(alike, once.values, values)) for values in ordered)


def _states(stated: str, value: Any) -> bool:
    """Whether a text writes this value (sets and dicts in any order)."""
    if stated.strip() == _shown(value, 2_000):
        return True
    try:
        return alike(ast.literal_eval(stated.strip()[:2_000]), value)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False


def alike(one: Any, other: Any) -> bool:
    """Whether two values of plain data are equal, and of one type at every depth (`[1]` is not `[1.0]`).

    Raises:
        RecursionError: they are nested too deeply.
    """
    if isinstance(one, dict) and type(one) is type(other):
        return (
            len(one) == len(other)
            and set(_keys(one)) == set(_keys(other))
            and all(alike(v, other[k]) for k, v in one.items())
        )
    if type(one) in (set, frozenset) and type(one) is type(other):
        return set(_keys(one)) == set(_keys(other))
    return repr(wire.encode(one)) == repr(wire.encode(other))


def _keys(values: Any) -> list[str]:
    return [repr(wire.encode(v)) for v in values]


def _shown(value: Any, most: int = 120) -> str:
    """A value as Python writes it, cut off."""
    try:
        return repr(value)[:most]
    except ValueError:
        return "an integer of more digits than Python writes"
