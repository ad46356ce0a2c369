"""Pure: a small interpreter for functions that depend on nothing but their arguments; hostile code is harmless in it.

It walks the syntax tree. There are no imports, no attributes but whitelisted methods, no exceptions to catch and no
foreign objects; every step and every element walked costs fuel. It tells a synthesizer what a function returns; the
verifier does not believe it and runs the function in the sandbox.
"""

import ast
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from .pure_expressions import Expressions, Scope
from .pure_values import PureError, bounded, weigh

FUEL = 20_000
MAX_DEPTH = 25
_FAILURES = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RuntimeError,  # among them RecursionError
    TypeError,
    ValueError,
)


class _Break(Exception):
    pass


class _Continue(Exception):
    pass


class _Return(Exception):
    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


@dataclass(eq=False)
class _Function:
    """A function that the code defines."""

    machine: "_Machine"
    node: ast.FunctionDef | ast.Lambda
    outer: Scope
    defaults: dict[str, Any]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self.machine.enter(self, args, kwargs)


def call(
    function: ast.FunctionDef, args: Sequence[Any], helpers: Sequence[ast.FunctionDef] = (), fuel: int = FUEL
) -> Any:
    """What `function` returns for `args` (which it may change), with `helpers` defined before it.

    Raises:
        PureError: whatever goes wrong, from a name it does not know to fuel that runs out.
    """
    machine = _Machine(fuel)
    scope = Scope({})
    try:
        machine.block([*helpers, function], scope)
        result = scope.names[function.name](*args)
        weigh(result)
        return bounded(result)
    except (_Break, _Continue, _Return) as error:
        raise PureError("a loop or return statement stands where none may") from error
    except _FAILURES as error:
        raise PureError(f"{type(error).__name__}: {str(error)[:200]}") from error


class _Machine(Expressions):
    """Runs statements over `Expressions`."""

    def __init__(self, fuel: int) -> None:
        super().__init__(fuel)
        self._depth = 0
        self._statements: dict[type[ast.stmt], Callable[[Any, Scope], None]] = {
            ast.FunctionDef: self._define,
            ast.Return: self._return,
            ast.Assign: self._assign,
            ast.AnnAssign: self._annotated,
            ast.AugAssign: self._augmented,
            ast.Expr: lambda n, s: self._discard(self.value(n.value, s)),
            ast.If: lambda n, s: self.block(n.body if self.value(n.test, s) else n.orelse, s),
            ast.For: self._for,
            ast.While: self._while,
            ast.Break: self._break,
            ast.Continue: self._continue,
            ast.Pass: lambda n, s: None,
            ast.Assert: self._assert,
        }

    def block(self, body: Sequence[ast.stmt], scope: Scope) -> None:
        """Runs statements one after the other."""
        for node in body:
            self.burn()
            handler = self._statements.get(type(node))
            if handler is None:
                raise PureError(f"{type(node).__name__} is not in the subset")
            handler(node, scope)

    def enter(self, function: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function of the code."""
        self.burn(5)
        if self._depth >= MAX_DEPTH:
            raise PureError("the code calls itself too deeply")
        scope = Scope(_bind(function, args, kwargs), function.outer)
        self._depth += 1
        try:
            if isinstance(function.node, ast.Lambda):
                return self.value(function.node.body, scope)
            self.block(function.node.body, scope)
        except _Return as returned:
            return returned.value
        finally:
            self._depth -= 1
        return None

    def function(self, node: ast.FunctionDef | ast.Lambda, scope: Scope) -> Callable[..., Any]:
        """The function that `node` defines in `scope`, with its defaults evaluated."""
        spec = node.args
        if spec.vararg or spec.kwarg:
            raise PureError("star arguments are not in the subset")
        names = [a.arg for a in (*spec.posonlyargs, *spec.args)]
        defaults = dict(zip(names[len(names) - len(spec.defaults) :], self.values(spec.defaults, scope), strict=True))
        for arg, default in zip(spec.kwonlyargs, spec.kw_defaults, strict=True):
            if default is not None:
                defaults[arg.arg] = self.value(default, scope)
        return _Function(self, node, scope, defaults)

    def _define(self, node: ast.FunctionDef, scope: Scope) -> None:
        if node.decorator_list:
            raise PureError("decorators are not in the subset")
        scope.names[node.name] = self.function(node, scope)

    def _return(self, node: ast.Return, scope: Scope) -> NoReturn:
        raise _Return(None if node.value is None else self.value(node.value, scope))

    def _assign(self, node: ast.Assign, scope: Scope) -> None:
        value = self.value(node.value, scope)
        for target in node.targets:
            self.store(target, value, scope)

    def _annotated(self, node: ast.AnnAssign, scope: Scope) -> None:
        if node.value is not None:
            self.store(node.target, self.value(node.value, scope), scope)

    def _augmented(self, node: ast.AugAssign, scope: Scope) -> None:
        if isinstance(node.target, ast.Name) and node.target.id not in scope.names:
            raise PureError(f"{node.target.id!r} is not a local name")
        old = self.value(node.target, scope)
        new = self.combine(type(node.op), old, self.value(node.value, scope))
        if isinstance(old, list) and isinstance(new, list):
            old[:] = new  # `+=` changes the list for everybody who holds it
            new = old
        self.store(node.target, new, scope)

    def _discard(self, value: Any) -> None:
        return

    def _for(self, node: ast.For, scope: Scope) -> None:
        for item in self.walk(node.iter, scope):
            self.store(node.target, item, scope)
            if not self._turn(node.body, scope):
                return
        self.block(node.orelse, scope)

    def _while(self, node: ast.While, scope: Scope) -> None:
        while self.value(node.test, scope):
            if not self._turn(node.body, scope):
                return
        self.block(node.orelse, scope)

    def _turn(self, body: Sequence[ast.stmt], scope: Scope) -> bool:
        """One turn of a loop; False when it broke out."""
        try:
            self.block(body, scope)
        except _Continue:
            return True
        except _Break:
            return False
        return True

    def _break(self, node: ast.Break, scope: Scope) -> NoReturn:
        raise _Break

    def _continue(self, node: ast.Continue, scope: Scope) -> NoReturn:
        raise _Continue

    def _assert(self, node: ast.Assert, scope: Scope) -> None:
        if not self.value(node.test, scope):
            raise PureError("an assertion fails")


def _bind(function: _Function, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    spec = function.node.args
    positional = [a.arg for a in (*spec.posonlyargs, *spec.args)]
    wanted = {*positional, *(a.arg for a in spec.kwonlyargs)}
    if len(args) > len(positional):
        raise PureError("too many arguments")
    bound = {**function.defaults, **dict(zip(positional, args, strict=False)), **kwargs}
    if set(bound) != wanted:
        raise PureError("the arguments do not fit the function")
    return bound
