"""Code task: a function to write, a solution and tests; made by rules too, and put to the proof by broken solutions."""

import ast
import re
from collections.abc import Sequence

import numpy as np
from pydantic import Field

from ..tiers.record import Record
from . import predict, python_source, questions
from .mutants import mutants
from .sandbox import Program
from .test_language import bound_names

LEAST_ASSERTS = 2
MAX_MUTANTS = 12
KILLED = 0.5
"""Least share of broken solutions that tests must fail: some of those are no different in what they return."""


class CodeTask(Record):
    """A task with its solution and tests, as code without fences."""

    task: str = Field(min_length=20, max_length=4_000)
    analysis: str = Field(max_length=4_000)
    solution: str = Field(min_length=10, max_length=8_000)
    tests: str = Field(min_length=10, max_length=4_000)


_OPENED, _BETWEEN, _CLOSED = "\n\n```python\n", "\n```\n\nTests:\n\n```python\n", "\n```"


def write(made: CodeTask) -> str:
    """The text of a document with the task, what there is to say about it, its solution and its tests."""
    analysis = f"{made.analysis.strip()}\n\n" if made.analysis.strip() else ""
    solution, tests = bare(made.solution), bare(made.tests)
    return f"Task: {made.task.strip()}\n\n{analysis}".rstrip() + f"{_OPENED}{solution}{_BETWEEN}{tests}{_CLOSED}\n"


def bare(code: str) -> str:
    """Code without the fence that some models put around it."""
    fenced = re.fullmatch(r"\s*```\w*\n(.*?)\n```\s*", code, re.DOTALL)
    return (fenced[1] if fenced else code).strip("\n").rstrip()


def read(text: str) -> tuple[str, str] | None:
    """Solution and tests of a text of this form; None where it has another."""
    said, opened, code = text.partition(_OPENED)
    solution, between, rest = code.partition(_BETWEEN)
    tests, closed, end = rest.rpartition(_CLOSED)
    whole = said.startswith("Task: ") and opened and between and closed and not end.strip()
    return (solution, tests) if whole else None


def fault(solution: str, tests: str) -> str:
    """What can be seen to be wrong without running anything, in words; empty where nothing is."""
    solved, tested = python_source.parse(solution), python_source.parse(tests)
    if solved is None or tested is None:
        return f"the {'solution' if solved is None else 'tests'} cannot be parsed as Python"
    names = {f.name for f in python_source.functions(solved)} | {
        n.name for n in solved.body if isinstance(n, ast.ClassDef)
    }
    if not names:
        return "the solution defines no function"
    asserts = [n for n in ast.walk(tested) if isinstance(n, ast.Assert)]
    if len(asserts) < LEAST_ASSERTS:
        return f"{len(asserts)} assertions are too few to test anything"
    called = {n.id for a in asserts for n in ast.walk(a) if isinstance(n, ast.Name)}
    if not names & called:
        return f"no assertion calls what the solution defines ({', '.join(sorted(names)[:3])})"
    top = {n.name for n in solved.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    redefined = top & set(bound_names(tested))
    return f"the tests define {sorted(redefined)[0]} themselves" if redefined else ""


def programs(solution: str, tests: str) -> list[Program]:
    """What has to be run: the solution under its tests, which has to pass, then broken ones, which have to fail."""
    return [Program(solution=code, tests=tests) for code in (solution, *mutants(solution, MAX_MUTANTS))]


def made_by_rules(function: predict.PureFunction, words: Sequence[str], rng: np.random.Generator) -> CodeTask | None:
    """A task from a function with a docstring: its words are the task, its calls the tests; None where it has none."""
    described = questions.summary(ast.get_docstring(function.node) or "")
    calls = predict.calls(function, words, rng, wanted=5) if described else None
    if calls is None or len(calls.results) < 3:
        return None
    signature = f"{function.node.name}({', '.join(a.arg for a in function.node.args.args)})"
    tests = "\n".join(f"assert {asked} == {value}" for asked, value in calls.results)
    made = CodeTask(
        task=f"Write a Python function `{signature}`. {described}", analysis="", solution=function.source, tests=tests
    )
    return None if fault(made.solution, made.tests) else made
