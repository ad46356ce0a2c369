"""Mutants: small wrong variants of Python code, which good tests tell from it (mutation testing, DeMillo 1978)."""

import ast
import copy
from collections.abc import Callable, Iterator

from . import python_source

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Is: ast.IsNot, ast.IsNot: ast.Is,
}  # fmt: skip
_COMBINED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv, ast.Pow: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.BitXor: ast.BitOr,
}  # fmt: skip


def mutants(code: str, most: int) -> list[str]:
    """Up to `most` variants: first all functions emptied, then single changes spread over the code."""
    tree = python_source.parse(code)
    if tree is None:
        return []
    try:
        places = [(i, change) for i, node in enumerate(ast.walk(tree)) for change in _changes(node)]
        step = max(1, -(-len(places) // max(1, most - 1)))
        single = [_changed(tree, i, change) for i, change in places[::step]]
        found = [ast.unparse(ast.fix_missing_locations(t)) for t in (_emptied(tree), *single)]
    except RecursionError:
        return []
    return list(dict.fromkeys(found))[:most]


Change = Callable[[ast.AST], None]


def _changes(node: ast.AST) -> Iterator[Change]:
    """What could be done wrong at one place."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in _COMPARED:
        yield lambda n: n.ops.__setitem__(0, _COMPARED[type(n.ops[0])]())  # type: ignore[attr-defined]
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _COMBINED:
        yield lambda n: setattr(n, "op", _COMBINED[type(n.op)]())  # type: ignore[attr-defined]
    elif isinstance(node, ast.BoolOp):
        yield lambda n: setattr(n, "op", ast.Or() if isinstance(n.op, ast.And) else ast.And())  # type: ignore[attr-defined]
    elif isinstance(node, ast.Constant) and type(node.value) in (int, float):
        yield lambda n: setattr(n, "value", n.value + 1)  # type: ignore[attr-defined]
    elif isinstance(node, ast.If | ast.While | ast.IfExp):
        yield lambda n: setattr(n, "test", ast.UnaryOp(ast.Not(), n.test))  # type: ignore[attr-defined]
    elif isinstance(node, ast.Return) and node.value is not None:
        yield lambda n: setattr(n, "value", ast.Constant(None))


def _changed(tree: ast.Module, place: int, change: Change) -> ast.Module:
    copied = copy.deepcopy(tree)
    change(list(ast.walk(copied))[place])
    return copied


def _emptied(tree: ast.Module) -> ast.Module:
    copied = copy.deepcopy(tree)
    for node in ast.walk(copied):
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("__"):
            node.body = [ast.Pass()]
    return copied
