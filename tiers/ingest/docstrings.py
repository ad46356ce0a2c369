"""The docstrings of a Python file, by name, without running it."""

import ast
import inspect
import warnings
from collections.abc import Iterator

MIN_CHARS = 200
"""Shorter ones say too little to stand alone."""
ADDERS = frozenset({"add_newdoc", "add_newdoc_for_scalar_type", "add_docstr", "add_docstr_all"})
"""Calls by which numpy, scipy and torch document what is written in C."""

Scope = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef


def docstrings(source: str) -> Iterator[tuple[str, str]]:
    """Qualified name and cleaned text of each docstring of at least `MIN_CHARS` characters.

    Raises:
        SyntaxError: the file is not Python of this version.
        ValueError: it holds NUL bytes.
        RecursionError: it nests too deeply.
    """
    if not _promises(source):
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # invalid escapes in other people's code
        tree = ast.parse(source)
    for name, text in _walk(tree, ""):
        cleaned = inspect.cleandoc(text).strip()
        if len(cleaned) >= MIN_CHARS:
            yield name, cleaned


def _promises(source: str) -> bool:
    """Whether a file may hold a long docstring; parsing takes most of the time, so files without are not parsed."""
    return any(len(inside) >= MIN_CHARS for quote in ('"""', "'''") for inside in source.split(quote)[1::2])


def topics(source: str) -> Iterator[tuple[str, str]]:
    """Name and text of each help topic in `pydoc_data/topics.py`, which is one dict."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                name, text = _constant(key), _constant(value)
                if name and text:
                    yield name, text


def _walk(scope: Scope, prefix: str) -> Iterator[tuple[str, str]]:
    text = ast.get_docstring(scope, clean=False)
    if text:
        yield prefix or "__doc__", text
    for node in scope.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _walk(node, f"{prefix}.{node.name}" if prefix else node.name)
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            yield from _added(node.value)


def _added(call: ast.Call) -> Iterator[tuple[str, str]]:
    """The text in `add_newdoc("module", "name", "text")` and its like."""
    function = call.func
    called = (
        function.id if isinstance(function, ast.Name) else function.attr if isinstance(function, ast.Attribute) else ""
    )
    if called not in ADDERS:
        return
    texts: list[str] = []
    for node in (n for argument in call.args for n in ast.walk(argument)):
        text = _constant(node)
        if text:
            texts.append(text)
    names = [ast.unparse(a) for a in call.args[:1] if isinstance(a, ast.Attribute)] + [
        t for t in texts if t.isidentifier()
    ]
    longest = max(texts, key=len, default="")
    if longest:
        yield names[-1] if names else called, longest


def _constant(node: ast.AST | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""
