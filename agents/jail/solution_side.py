"""Solution side: the process that runs a solution; it answers requests with plain data and knows nothing else.

Whatever the solution does to this process, it can only send other answers: it has no pipe but the one to the tests.
"""

import builtins
import io
import operator
import random
import sys
import types
from collections.abc import Callable
from typing import Any

from .modules import BUILTINS
from .wire import Closed, NotPlain, builtin_exception, decode, encode, receive, send


class _Output(io.StringIO):
    """Standard output, held until the next answer takes it along."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def write(self, text: str) -> int:
        self._left -= len(text)
        if self._left < 0:
            raise OSError("wrote too much")
        return super().write(text)

    def taken(self) -> str:
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


class _Callback:
    """A function of the tests, which the solution was given."""

    def __init__(self, solution: "Solution", number: int) -> None:
        self._solution, self._number = solution, number

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._solution.call_back(self._number, args, kwargs)


def _call(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return function(*args, **kwargs)


_BINARY = [
    "add", "sub", "mul", "matmul", "truediv", "floordiv", "mod", "pow", "lshift", "rshift", "and_", "or_", "xor",
    "contains", "getitem", "delitem",
]  # fmt: skip
OPERATIONS: dict[str, Callable[..., Any]] = {
    "call": _call, "getattr": getattr, "setattr": setattr, "delattr": delattr, "len": len, "iter": iter, "next": next,
    "reversed": reversed, "str": str, "repr": repr, "format": format, "abs": abs, "round": round, "neg": operator.neg,
    "pos": operator.pos, "invert": operator.invert, "setitem": operator.setitem,
    **{name: getattr(operator, name) for name in _BINARY},
}  # fmt: skip
"""What the tests may ask for besides `load` and `globals`."""


class Solution:
    """Answers requests about one program."""

    def __init__(self, code: str, requests: int, answers: int, output: int) -> None:
        self._code, self._requests, self._answers = code, requests, answers
        self._objects: list[Any] = []
        self._callbacks: dict[int, _Callback] = {}
        self._module = types.ModuleType("__main__")
        self._output = _Output(output)

    def serve(self) -> None:
        """Answers until the tests are over."""
        sys.modules["__main__"] = self._module
        sys.stdin, sys.stdout, sys.stderr = io.StringIO(""), self._output, _Output(self._output._left)
        while True:
            self._sent(self._answer(receive(self._requests)))

    def _sent(self, answer: dict[str, Any]) -> None:
        try:
            send(self._answers, answer)
        except NotPlain:  # an exception without a name says that the answer is too long
            send(self._answers, {"raise": [], "args": [], "text": "", "out": ""})

    def call_back(self, number: int, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """What a function of the tests returns; requests that it makes meanwhile are answered."""
        encoded = [encode(args, self._reference), encode(kwargs, self._reference)]
        send(self._answers, {"ask": number, "args": encoded, "out": self._output.taken()})
        message = receive(self._requests)
        while "ask" in message:
            self._sent(self._answer(message))
            message = receive(self._requests)
        if "raise" in message:
            kinds = [k for k in map(builtin_exception, message["raise"]) if k]
            raise kinds[0](*message["args"])
        return decode(message["value"], self._resolve)

    def _answer(self, message: Any) -> dict[str, Any]:
        sent = message["args"]
        args, kwargs = (decode(tree, self._resolve) for tree in sent)
        try:
            answer: dict[str, Any] = {"value": self._encoded(self._done(message["ask"], args, kwargs))}
        except (Closed, NotPlain):
            raise
        except BaseException as error:
            answer = _raised(error)
        try:
            after = [encode(args, self._reference), encode(kwargs, self._reference)]
        except RecursionError:
            after = sent
        if after != sent:
            answer["after"] = after
        return answer | {"out": self._output.taken()}

    def _encoded(self, value: Any) -> Any:
        try:
            return encode(value, self._reference)
        except RecursionError:
            return self._reference(value)

    def _done(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if name == "load":
            exec(compile(self._code, "<solution>", "exec"), self._module.__dict__)
            return None
        if name == "globals":
            return {n: self._module.__dict__[n] for n in args if n in self._module.__dict__}
        return OPERATIONS[name](*args, **kwargs)

    def _reference(self, value: Any) -> list[Any]:
        if isinstance(value, _Callback):
            return ["callback", value._number]
        name = value.__name__ if type(value) in (type, types.BuiltinFunctionType) else ""
        if name in BUILTINS and getattr(builtins, name) is value:
            return ["builtin", name]
        number = next((i for i, held in enumerate(self._objects) if held is value), len(self._objects))
        if number == len(self._objects):
            self._objects.append(value)
        kinds = _ancestors(value) if isinstance(value, type) and issubclass(value, BaseException) else []
        return ["object", number, kinds]

    def _resolve(self, tree: list[Any]) -> Any:
        kind, which = tree[:2]
        if kind == "callback":
            return self._callbacks.setdefault(which, _Callback(self, which))
        return getattr(builtins, which) if kind == "builtin" else self._objects[which]


def _ancestors(kind: type) -> list[str]:
    return [k.__name__ for k in kind.__mro__]


def _raised(error: BaseException) -> dict[str, Any]:
    """An exception as its names and its text; its arguments where they are plain."""
    try:
        args = [encode(a) for a in error.args]
    except (NotPlain, RecursionError):
        args = [str(error)]
    return {"raise": _ancestors(type(error)), "args": args, "text": str(error)[:300].replace("\n", " ")}


def main(requests: int, answers: int, output: int) -> None:
    """Serves the program that the first message holds, until nobody asks any more.

    Processes of one driver share the state of `random`; each draws its own numbers.
    """
    random.seed()
    Solution(receive(requests)["code"], requests, answers, output).serve()
