"""Expressions of the pure subset: evaluated over the syntax tree, each step for fuel."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from .pure_values import (
    BLIND,
    BUILTINS,
    CHEAP,
    COMPARISONS,
    MATH,
    METHODS,
    OPERATORS,
    SCALARS,
    UNARY,
    PureError,
    bounded,
    weigh,
)


@dataclass
class Scope:
    """Names and their values, inside another scope."""

    names: dict[str, Any]
    outer: "Scope | None" = None

    def find(self, name: str) -> Any:
        """The value of `name` here, further out, or among the builtins."""
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        if name in BUILTINS:
            return BUILTINS[name]
        raise PureError(f"the name {name!r} is not known")


class Expressions:
    """Evaluates expressions; a subclass adds statements and functions."""

    def __init__(self, fuel: int) -> None:
        self.fuel = fuel
        self._handlers: dict[type[ast.expr], Callable[[Any, Scope], Any]] = {
            ast.Constant: lambda n, s: n.value,
            ast.Name: lambda n, s: s.find(n.id),
            ast.BinOp: lambda n, s: self.combine(type(n.op), self.value(n.left, s), self.value(n.right, s)),
            ast.UnaryOp: lambda n, s: UNARY[type(n.op)](self.value(n.operand, s)),
            ast.BoolOp: self._either,
            ast.Compare: self._compare,
            ast.IfExp: lambda n, s: self.value(n.body if self.value(n.test, s) else n.orelse, s),
            ast.Call: self._call,
            ast.Attribute: self._attribute,
            ast.Subscript: self._subscript,
            ast.List: lambda n, s: self.values(n.elts, s),
            ast.Tuple: lambda n, s: tuple(self.values(n.elts, s)),
            ast.Set: lambda n, s: set(map(self.key, self.values(n.elts, s))),
            ast.Dict: self._dict,
            ast.ListComp: lambda n, s: list(self._comprehend(n.generators, n.elt, s)),
            ast.GeneratorExp: lambda n, s: list(self._comprehend(n.generators, n.elt, s)),
            ast.SetComp: lambda n, s: set(map(self.key, self._comprehend(n.generators, n.elt, s))),
            ast.DictComp: self._dict_comprehension,
            ast.JoinedStr: lambda n, s: "".join(self._piece(v, s) for v in n.values),
            ast.Lambda: lambda n, s: self.function(n, s),
        }

    def burn(self, amount: int = 1) -> None:
        """Uses up fuel.

        Raises:
            PureError: none is left.
        """
        self.fuel -= amount
        if self.fuel < 0:
            raise PureError("the code takes too many steps")

    def value(self, node: ast.expr, scope: Scope) -> Any:
        """What `node` evaluates to."""
        self.burn()
        handler = self._handlers.get(type(node))
        if handler is None:
            raise PureError(f"{type(node).__name__} is not in the subset")
        return bounded(handler(node, scope))

    def values(self, nodes: Sequence[ast.expr], scope: Scope) -> list[Any]:
        """What each of `nodes` evaluates to."""
        return [self.value(n, scope) for n in nodes]

    def walk(self, node: ast.expr, scope: Scope) -> Iterator[Any]:
        """The elements of what `node` gives, each for one unit of fuel (a list that grows meanwhile burns on)."""
        items = self.value(node, scope)
        if not isinstance(items, (str, list, tuple, dict, set, range)):
            raise PureError(f"{type(items).__name__} cannot be walked")
        for item in items:
            self.burn()
            yield item

    def key(self, value: Any) -> Any:
        """`value`, cheap enough to be hashed."""
        self.burn(weigh(value) // 4)
        return value

    def combine(self, op: type[ast.operator], a: Any, b: Any) -> Any:
        """`a op b`."""
        for side in (a, b):
            if not isinstance(side, (int, float)):
                self.burn(weigh(side) // 4)
        return bounded(OPERATORS[op](a, b))

    def store(self, target: ast.expr, value: Any, scope: Scope) -> None:
        """Assigns `value` to a name, to several, or into a list or dict."""
        self.burn()
        if isinstance(target, ast.Name):
            scope.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            if not isinstance(value, (str, list, tuple, range)) or len(value) != len(target.elts):
                raise PureError("the values do not fit the names")
            for each, part in zip(target.elts, value, strict=True):
                self.store(each, part, scope)
        elif isinstance(target, ast.Subscript) and not isinstance(target.slice, ast.Slice):
            holder = self.value(target.value, scope)
            if not isinstance(holder, (list, dict)):
                raise PureError("only lists and dicts can be assigned into")
            holder[self.key(self.value(target.slice, scope))] = value
            bounded(holder)
        else:
            raise PureError(f"cannot assign to {type(target).__name__}")

    def function(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> Callable[..., Any]:
        """The function that `node` defines in `scope`."""
        raise NotImplementedError

    def _either(self, node: ast.BoolOp, scope: Scope) -> Any:
        wanted = isinstance(node.op, ast.Or)
        for operand in node.values[:-1]:
            value = self.value(operand, scope)
            if bool(value) is wanted:
                return value
        return self.value(node.values[-1], scope)

    def _compare(self, node: ast.Compare, scope: Scope) -> bool:
        left = self.value(node.left, scope)
        for op, operand in zip(node.ops, node.comparators, strict=True):
            right = self.value(operand, scope)
            for side in () if isinstance(op, (ast.Is, ast.IsNot)) else (left, right):
                if type(side) not in (int, float, bool) and not callable(side):
                    self.burn(weigh(side) // 4)
            if not COMPARISONS[type(op)](left, right):
                return False
            left = right
        return True

    def _attribute(self, node: ast.Attribute, scope: Scope) -> Any:
        """Only `math.` has attributes that are values; methods exist in calls alone."""
        if isinstance(node.value, ast.Name) and node.value.id == "math" and node.attr in MATH:
            return MATH[node.attr]
        raise PureError(f"the attribute {node.attr!r} is not in the subset")

    def _call(self, node: ast.Call, scope: Scope) -> Any:
        self.burn(5)
        receiver: list[Any] = []
        function = node.func
        is_math = (
            isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name) and function.value.id == "math"
        )
        if isinstance(function, ast.Attribute) and not is_math:
            receiver = [self.value(function.value, scope)]
            name = function.attr
            called = METHODS.get((type(receiver[0]), name))
        else:
            called = self.value(function, scope)
            name = getattr(called, "__name__", "")
        if called is None or not callable(called):
            raise PureError("what is called is not in the subset")
        args = self.values(node.args, scope)
        kwargs = {k.arg: self.value(k.value, scope) for k in node.keywords if k.arg}
        if len(kwargs) != len(node.keywords):
            raise PureError("star arguments are not in the subset")
        looked = [] if name in BLIND else [a for a in (*args, *kwargs.values()) if not callable(a)]
        self.burn(sum(map(weigh, looked)) // 4)
        if receiver and name not in CHEAP:
            self.burn(weigh(receiver[0]) // 4)
        result = called(*receiver, *args, **kwargs)
        if receiver and type(receiver[0]) is not str:
            bounded(receiver[0])
        return result

    def _subscript(self, node: ast.Subscript, scope: Scope) -> Any:
        holder = self.value(node.value, scope)
        if not isinstance(holder, (str, list, tuple, dict, range)):
            raise PureError(f"{type(holder).__name__} cannot be indexed")
        if isinstance(node.slice, ast.Slice):
            parts = (node.slice.lower, node.slice.upper, node.slice.step)
            cut = slice(*(None if p is None else self.value(p, scope) for p in parts))
            self.burn(len(holder) // 16)
            return holder[cut]
        return holder[self.key(self.value(node.slice, scope))]

    def _dict(self, node: ast.Dict, scope: Scope) -> dict[Any, Any]:
        if None in node.keys:
            raise PureError("star arguments are not in the subset")
        return {
            self.key(self.value(k, scope)): self.value(v, scope)
            for k, v in zip(node.keys, node.values, strict=True)
            if k is not None
        }

    def _dict_comprehension(self, node: ast.DictComp, scope: Scope) -> dict[Any, Any]:
        pair = ast.Tuple(elts=[node.key, node.value], ctx=ast.Load())
        return {self.key(k): v for k, v in self._comprehend(node.generators, pair, scope)}

    def _comprehend(self, loops: Sequence[ast.comprehension], result: ast.expr, scope: Scope) -> Iterator[Any]:
        if not loops:
            yield self.value(result, scope)
            return
        inner = Scope({}, scope)
        for item in self.walk(loops[0].iter, scope):
            self.store(loops[0].target, item, inner)
            if all(self.value(condition, inner) for condition in loops[0].ifs):
                yield from self._comprehend(loops[1:], result, inner)

    def _piece(self, node: ast.expr, scope: Scope) -> str:
        if not isinstance(node, ast.FormattedValue):
            return str(self.value(node, scope))
        value = self.value(node.value, scope)
        spec = "" if node.format_spec is None else self.value(node.format_spec, scope)
        if re.search(r"\d{3}", spec) or (spec and type(value) not in SCALARS):
            raise PureError("a format is too wide")
        self.burn(weigh(value) // 4)
        if node.conversion in (ord("r"), ord("a")):
            value = repr(value) if node.conversion == ord("r") else ascii(value)
        return format(value, spec)
