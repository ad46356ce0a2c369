"""Run-and-predict exercises: pure functions found in a document, and what calls of them return."""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from . import python_source
from .exercise import pick
from .pure import call
from .pure_values import BUILTINS, PureError

MAX_SOURCE = 1_500
MAX_VALUE = 160
MAX_TRIES = 40
"""Assignments of types to parameters that are tried on one function."""
_FOREIGN = (
    ast.Import, ast.ImportFrom, ast.Try, ast.With, ast.Raise, ast.ClassDef, ast.Yield, ast.YieldFrom, ast.Await,
    ast.Global, ast.Nonlocal, ast.AsyncFunctionDef, ast.Delete, ast.Starred, ast.NamedExpr,
)  # fmt: skip


@dataclass(frozen=True)
class PureFunction:
    """A function with the source of everything that it needs."""

    node: ast.FunctionDef
    helpers: tuple[ast.FunctionDef, ...]
    source: str


@dataclass(frozen=True)
class Calls:
    """Calls of one function and what they return, as Python writes it."""

    function: PureFunction
    results: tuple[tuple[str, str], ...]


def functions(text: str) -> list[PureFunction]:
    """The functions of `text` that use only their arguments, builtins of the pure subset, `math` and one another."""
    tree = python_source.parse(text)
    if tree is None:
        return []
    try:
        named = {n.name: n for n in tree.body if isinstance(n, ast.FunctionDef)}
        free = {name: _free_names(node) for name, node in named.items() if _plain(node)}
    except RecursionError:
        return []
    lines = text.split("\n")
    made = (_with_helpers(name, named, free, lines) for name in free)
    return [f for f in made if f is not None]


def _plain(node: ast.FunctionDef) -> bool:
    args = node.args
    wanted = len(args.posonlyargs) + len(args.args) - len(args.defaults)
    return (
        not node.decorator_list
        and not (args.vararg or args.kwarg or args.kwonlyargs)
        and 1 <= len(args.posonlyargs) + len(args.args) <= 5
        and wanted <= 3
        and not any(isinstance(n, _FOREIGN) for n in ast.walk(node))
        and any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))
    )


def _free_names(node: ast.FunctionDef) -> set[str]:
    loaded = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    stored = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
    args = {n.arg for n in ast.walk(node) if isinstance(n, ast.arg)}
    return loaded - stored - args - set(BUILTINS) - {node.name, "True", "False", "None"}


def _with_helpers(
    name: str, named: dict[str, ast.FunctionDef], free: dict[str, set[str]], lines: Sequence[str]
) -> PureFunction | None:
    needed = sorted(free[name] - {"math"}, key=lambda n: named[n].lineno if n in named else 0)
    if len(needed) > 2 or any(n not in free or free[n] - {"math", *needed} for n in needed):
        return None
    nodes = [*(named[n] for n in needed), named[name]]
    math = ["import math"] if any("math" in free[n.name] for n in nodes) else []
    source = "\n\n\n".join(math + ["\n".join(lines[n.lineno - 1 : n.end_lineno]).rstrip() for n in nodes])
    if len(source) > MAX_SOURCE or source.count("\n") < 1:
        return None
    return PureFunction(named[name], tuple(named[n] for n in needed), source)


def calls(function: PureFunction, words: Sequence[str], rng: np.random.Generator, wanted: int = 3) -> Calls | None:
    """Up to `wanted` calls with different results; None where no arguments were found that it takes."""
    for kinds in _assignments(function.node, rng):
        found: dict[str, str] = {}
        for _ in range(wanted + 3):
            args = [_value(kind, words, rng) for kind in kinds]
            shown = f"{function.node.name}({', '.join(map(repr, args))})"
            try:
                result = call(function.node, args, function.helpers)
            except PureError:
                break
            if _worth_asking(result):
                found[shown] = repr(result)
        if len(found) >= 2 and len(set(found.values())) >= 2:
            return Calls(function, tuple(found.items())[:wanted])
    return None


def _worth_asking(result: Any) -> bool:
    # A set's order, and so its text, differs from one run to the next.
    return (
        result is not None and not callable(result) and "{" not in repr(result)[:1] and len(repr(result)) <= MAX_VALUE
    )


_KINDS = ("int", "str", "ints", "float", "strs", "bool")
_HINTS = (
    (
        re.compile(
            r"^(?:s|t|text|string|str|name|line|word|key|prefix|suffix|path|fmt|char|ch|sep|msg|value_str|source)$|_str$|name$"
        ),
        "str",
    ),
    (
        re.compile(
            r"^(?:n|m|k|i|j|a|b|p|q|x|y|num|number|count|size|width|index|base|start|stop|end|step|limit|year|month|day|depth|level)$"
        ),
        "int",
    ),
    (
        re.compile(
            r"^(?:seq|items|values|data|nums|numbers|lst|array|arr|xs|ys|it|iterable|sequence|coeffs|poly|f|g|v|w)$"
        ),
        "ints",
    ),
    (re.compile(r"^(?:lines|words|names|keys|strings|parts|args|tokens)$"), "strs"),
    (re.compile(r"^(?:is_|has_|use_|flag|verbose|reverse|strict)"), "bool"),
)


def _assignments(node: ast.FunctionDef, rng: np.random.Generator) -> Iterator[tuple[str, ...]]:
    """Types for the parameters without default, what the names and annotations suggest first."""
    params = [*node.args.posonlyargs, *node.args.args]
    params = params[: len(params) - len(node.args.defaults)] or params[:1]
    orders = [_order(p) for p in params]
    ranked = sorted(product(*(range(len(o)) for o in orders)), key=sum)[:MAX_TRIES]
    for ranks in ranked:
        yield tuple(o[r] for o, r in zip(orders, ranks, strict=True))


def _order(param: ast.arg) -> list[str]:
    annotation = ast.unparse(param.annotation).lower() if param.annotation else ""
    first = next(
        (
            kind
            for name, kind in (
                ("list[str", "strs"),
                ("list", "ints"),
                ("sequence", "ints"),
                ("str", "str"),
                ("bool", "bool"),
                ("int", "int"),
                ("float", "float"),
            )
            if name in annotation
        ),
        None,
    )
    first = first or next((kind for pattern, kind in _HINTS if pattern.search(param.arg)), None)
    return [*([first] if first else []), *(k for k in _KINDS if k != first)]


def _value(kind: str, words: Sequence[str], rng: np.random.Generator) -> Any:
    if kind == "int":
        return int(rng.integers(0, 13) if rng.random() < 0.6 else rng.integers(13, 200))
    if kind == "float":
        return round(float(rng.uniform(0.1, 20.0)), 1)
    if kind == "bool":
        return bool(rng.random() < 0.5)
    if kind == "str":
        return pick(rng, words) if rng.random() < 0.7 or len(words) < 2 else f"{pick(rng, words)} {pick(rng, words)}"
    size = int(rng.integers(1, 6))
    return [int(rng.integers(0, 30)) if kind == "ints" else pick(rng, words) for _ in range(size)]


def words_of(text: str) -> list[str]:
    """Words of a document to call its functions with."""
    found = dict.fromkeys(re.findall(r"\b[A-Za-z][a-z]{2,9}\b", text[:20_000]))
    return list(found)[:60] or ["abc", "text"]


_ASKS = (
    "What does `{call}` return?",
    "What is the value of `{call}`?",
    "Work out by hand what `{call}` gives.",
    "Predict the result of `{call}`.",
)


def write(made: Calls, rng: np.random.Generator) -> str:
    """The text of a document that shows the function and what the calls return."""
    code = f"```python\n{made.function.source}\n```"
    if rng.random() < 0.5:
        session = "\n".join(f">>> {asked}\n{result}" for asked, result in made.results)
        lead = pick(rng, ("A function and what it returns:", "This function", "Consider the following function."))
        lead = f"This function, `{made.function.node.name}`, was run a few times." if lead == "This function" else lead
        return f"{lead}\n\n{code}\n\n```pycon\n{session}\n```\n"
    parts = []
    for asked, result in made.results:
        parts.append(f"Question: {pick(rng, _ASKS).format(call=asked)}\nAnswer: `{result}`")
    lead = pick(
        rng, ("Read this Python code.", "Here is some Python code.", "Look at the code below and predict its results.")
    )
    return f"{lead}\n\n{code}\n\n" + "\n\n".join(parts) + "\n"


_CODE = re.compile(r"```python\n(.*?)\n```", re.DOTALL)
_ASKED = re.compile(
    r"^Question: [^`\n]{0,200}`([^`\n]{1,400})`[^`\n]{0,100}\n(?:[^\n]{0,500}\n){0,12}?Answer: `([^`\n]{1,400})`",
    re.MULTILINE,
)
_TYPED = re.compile(r"^>>> ([^\n]{1,400})\n([^\n>][^\n]{0,400})$", re.MULTILINE)


_CALLED = re.compile(r"`([A-Za-z_]\w{0,60}\([^`\n]{0,300}\))`")
_LAST = re.compile(r"^Answer: `([^`\n]{1,400})`\s*\Z", re.MULTILINE)


def read(text: str) -> tuple[str, list[tuple[str, str]]] | None:
    """The code of a text of this form and its claims (call, value); None where it has another."""
    code = _CODE.search(text[:20_000])
    if code is None:
        return None
    rest = text[code.end() :][:20_000]
    claims = _ASKED.findall(rest) + _TYPED.findall(rest)
    if not claims:
        asked, stated = _CALLED.search(rest), _LAST.search(rest)
        claims = [(asked[1], stated[1])] if asked and stated else []
    return (code[1], claims) if claims else None
