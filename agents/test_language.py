"""Test language: the part of Python in which tests can be judged apart from the process that runs the solution.

Tests see the solution through plain data. What needs more than that (classes of their own, whether two objects are the
same one) or could reach the process that runs the tests (frames, modules of the system) is named here, and such tests
are not run: they can neither pass nor fail.
"""

import ast
import builtins
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from . import python_source
from .jail.modules import BUILTINS, MODULES

_ATTRIBUTES = frozenset({"__name__", "__doc__", "_asdict", "_fields", "_replace"})
"""Attributes with an underscore before them that tests may read."""
_FRAMES = frozenset([
    "tb_frame", "tb_next", "tb_lasti", "f_back", "f_locals", "f_globals", "f_builtins", "f_code", "f_trace",
    "gi_frame", "gi_code", "gi_yieldfrom", "cr_frame", "cr_code", "cr_await", "cr_origin", "ag_frame", "ag_code",
    "ag_await",
])  # fmt: skip
_FOREIGN = {
    ast.ClassDef: "define a class",
    ast.Match: "match patterns",
    ast.AsyncFunctionDef: "are asynchronous",
    ast.Await: "are asynchronous",
    ast.AsyncFor: "are asynchronous",
    ast.AsyncWith: "are asynchronous",
    ast.TryStar: "handle groups of exceptions",
}
_BUILTIN = frozenset(dir(builtins))


class NotJudgeable(Exception):
    """Tests cannot be judged by plain data; the text says why, as the end of a sentence about them."""


@dataclass(frozen=True)
class Script:
    """What the process of the tests is given."""

    tests: str
    names: tuple[str, ...]
    """Names that the solution may define."""
    imports: str
    """Imports of the solution that the tests rely on, as code."""
    functions: tuple[str, ...]
    """Test functions that the tests do not call themselves."""
    calls: tuple[str, ...]
    """Expressions whose values are reported."""


def script(solution: str, tests: str, calls: Sequence[str] = ()) -> Script:
    """What tests and calls need of a solution.

    Raises:
        NotJudgeable: they leave the test language, or rest on a builtin that the solution replaces.
        SyntaxError: they are no Python.
    """
    trees = [_parsed(tests), *map(_parsed, calls)]
    for tree in trees:
        fault = next(_faults(tree), "")
        if fault:
            raise NotJudgeable(f"the tests {fault}")
    if any(isinstance(n, ast.NamedExpr) for t in trees[1:] for n in ast.walk(t)):
        raise NotJudgeable("a call binds a name, which could be one of the solution's")
    loaded = {n.id for t in trees for n in ast.walk(t) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    solved = python_source.parse(solution) or ast.Module([], [])
    bound = {name for node in _top(solved) for name in _bound(node)}
    replaced = sorted(loaded & bound & _BUILTIN)
    if replaced:
        raise NotJudgeable(f"the solution replaces the builtin {replaced[0]}, which the tests use")
    imports = [part for node in _top(solved) for part in _imports(node, loaded)]
    names = sorted(loaded - _BUILTIN - {"__name__"} - {name for i in imports for name in _bound(i)})
    return Script(tests, tuple(names), "\n".join(map(ast.unparse, imports)), _uncalled(trees[0], loaded), tuple(calls))


def bound_names(tree: ast.Module) -> Iterator[str]:
    """Every name that is bound anywhere in a module: by definitions, parameters, assignments, imports, handlers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
            yield node.id
        elif isinstance(node, ast.alias):
            yield node.asname or node.name.partition(".")[0]
        elif (isinstance(node, ast.ExceptHandler) and node.name) or (
            isinstance(node, ast.MatchAs | ast.MatchStar) and node.name
        ):
            yield node.name


def _parsed(code: str) -> ast.Module:
    tree = python_source.parse(code)
    if tree is None:
        raise SyntaxError("the tests cannot be parsed as Python")
    return tree


def _faults(tree: ast.Module) -> Iterator[str]:
    """What is outside of the test language, in words."""
    for node in ast.walk(tree):
        if type(node) in _FOREIGN:
            yield _FOREIGN[type(node)]
        elif isinstance(node, ast.Import):
            yield from (f"import {a.name}" for a in node.names if a.name not in MODULES)
        elif isinstance(node, ast.ImportFrom):
            if node.level or node.module not in MODULES:
                yield f"import {node.module}"
            listed = MODULES.get(node.module or "", ())
            yield from (f"import {node.module}.{a.name}" for a in node.names if listed and a.name not in (*listed, "*"))
        elif isinstance(node, ast.Attribute):
            if node.attr in _FRAMES or (node.attr.startswith("_") and node.attr not in _ATTRIBUTES):
                yield f"read .{node.attr}"
        elif isinstance(node, ast.Name):
            yield from _faults_of_name(node)
        elif isinstance(node, ast.Compare):
            yield from _faults_of_identity(node)


def _faults_of_name(node: ast.Name) -> Iterator[str]:
    if (node.id.startswith("__") and node.id != "__name__") or (
        isinstance(node.ctx, ast.Load) and node.id in _BUILTIN - BUILTINS - {"__name__"}
    ):
        yield f"use {node.id}"


def _faults_of_identity(node: ast.Compare) -> Iterator[str]:
    """Values that come from another process are copies, so only what exists once can be compared by identity."""
    sides = [node.left, *node.comparators]
    for op, left, right in zip(node.ops, sides, sides[1:], strict=False):
        if isinstance(op, ast.Is | ast.IsNot) and not (_single(left) or _single(right)):
            yield f"ask whether two objects are one ({ast.unparse(node)[:60]})"


def _single(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id in BUILTINS)


def _top(tree: ast.Module) -> Iterator[ast.stmt]:
    """The statements of a module, those inside its `if`, `try`, `for`, `while` and `with` too."""
    rest: list[ast.AST] = list(tree.body)
    while rest:
        node = rest.pop(0)
        if isinstance(node, ast.stmt):
            yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.expr):
            rest += ast.iter_child_nodes(node)


def _bound(node: ast.stmt) -> Iterator[str]:
    """The names that a statement binds itself."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (a.asname or a.name.partition(".")[0] for a in node.names)
    else:
        for part in ast.iter_child_nodes(node):
            if isinstance(part, ast.expr):
                yield from (n.id for n in ast.walk(part) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))


def _imports(node: ast.stmt, loaded: set[str]) -> Iterator[ast.stmt]:
    """The parts of an import that bind names which tests use, of modules that tests may import."""
    if isinstance(node, ast.Import):
        used = [a for a in node.names if a.name in MODULES and (a.asname or a.name.partition(".")[0]) in loaded]
        if used:
            yield ast.Import(used)
    elif isinstance(node, ast.ImportFrom) and not node.level and node.module in MODULES:
        listed = MODULES[node.module]
        used = [a for a in node.names if (a.asname or a.name) in loaded and (not listed or a.name in listed)]
        if used:
            yield ast.ImportFrom(node.module, used, 0)


def _uncalled(tree: ast.Module, loaded: set[str]) -> tuple[str, ...]:
    """Functions like those that pytest collects: without parameters, and not called by the tests themselves."""
    functions = [n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test")]
    return tuple(f.name for f in functions if f.name not in loaded and not ast.unparse(f.args))
