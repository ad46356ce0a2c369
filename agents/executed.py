"""What is checked by running it: predictions of what calls return, and tasks whose tests a solution has to pass."""

import ast
from collections.abc import Sequence

from ..tiers.document import Document
from . import code_task, predict
from .finding import Finding
from .sandbox import Outcome

KINDS = ("predict", "task")


def programs(document: Document) -> list[str]:
    """What has to be run to check a document; nothing where it holds nothing to run."""
    if document.kind == "predict":
        read = predict.read(document.text)
        return [_printing(*read)] if read else []
    task = code_task.read(document.text)
    return code_task.programs(*task) if task and not code_task.fault(*task) else []


def found(document: Document, outcomes: Sequence[Outcome]) -> Finding:
    """What the outcomes of a document's programs say about it."""
    return _predicted(document, outcomes) if document.kind == "predict" else _solved(document, outcomes)


def _printing(code: str, claims: Sequence[tuple[str, str]]) -> str:
    """A program that prints each call's value, one a line."""
    shown = "".join(f"print(repr({asked}).replace(chr(10), ' '))\n" for asked, _ in claims)
    return f"{code}\n\n{shown}"


def _predicted(document: Document, outcomes: Sequence[Outcome]) -> Finding:
    if not outcomes:
        return Finding("it holds no code with calls and their values", ())
    if not outcomes[0].ok:
        return Finding(f"running it failed: {outcomes[0].error[:200]}", ())
    _, claims = predict.read(document.text) or ("", [])
    got = outcomes[0].output.split("\n")[: len(claims)]
    for (asked, stated), value in zip(claims, got, strict=False):
        if not _same_value(stated, value):
            return Finding(f"{asked} returns {value[:120]}, not {stated[:120]}", (f"{len(claims)} calls executed",))
    if len(got) < len(claims):
        return Finding("running it gave fewer values than it states", ())
    return Finding("", (f"{len(claims)} calls executed in the sandbox",))


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
    failing = sum(not b.ok for b in broken)
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


def _same_value(stated: str, got: str) -> bool:
    """Whether two texts write the same value (sets and dicts in any order)."""
    if stated.strip() == got.strip():
        return True
    try:
        one, other = ast.literal_eval(stated.strip()[:2_000]), ast.literal_eval(got.strip()[:2_000])
        return type(one) is type(other) and bool(one == other)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return False
