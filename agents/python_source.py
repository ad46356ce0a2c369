"""Reading Python source that may be broken or hostile: parsed, never executed."""

import ast
import threading
import warnings

_MAX_CHARS = 200_000
_PARSING = threading.Lock()  # catch_warnings changes global state


def parse(text: str) -> ast.Module | None:
    """The syntax tree, or None when `text` is no Python, too long or too deeply nested."""
    if len(text) > _MAX_CHARS:
        return None
    with _PARSING, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "invalid escape sequence" is the document's affair
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def meaning(tree: ast.Module) -> str | None:
    """A text that two sources share when they do the same: the tree without docstrings; None when it is too deep."""
    try:
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list):
                node.body = [s for s in body if not _is_bare_string(s)]  # type: ignore[attr-defined]
        return ast.dump(tree)
    except RecursionError:
        return None


def _is_bare_string(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def functions(tree: ast.Module) -> list[ast.FunctionDef]:
    """The functions at the top of the file and the methods of its top classes, in order."""
    found: list[ast.FunctionDef] = []
    for node in tree.body:
        inner = node.body if isinstance(node, ast.ClassDef) else [node]
        found += [n for n in inner if isinstance(n, ast.FunctionDef)]
    return found
