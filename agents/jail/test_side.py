"""Test side: the process that runs the tests of a solution, in which no code of the solution ever runs."""

import builtins
import importlib
import io
import sys
import traceback
from collections.abc import Callable
from types import ModuleType
from typing import Any

from .modules import BUILTINS, MODULES
from .proxies import Proxy, restore
from .wire import LEFT, Closed, NotPlain, builtin_exception, decode, encode, receive, send

MAX_VALUE = 20_000
"""Characters of a value that is reported."""


class Doubtful(BaseException):
    """The tests cannot be judged by plain data, or the solution is gone; no `except` of the tests undoes it."""


class Raises:
    """Stands in for `pytest.raises`."""

    def __init__(self, kind: Any, match: str | None = None) -> None:
        self._kind, self._match = kind, match
        self.value: BaseException | None = None

    def __enter__(self) -> "Raises":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> bool:
        import re

        if error is None:
            raise AssertionError("nothing was raised")
        if not isinstance(error, self._kind):
            return False
        if self._match is not None and not re.search(self._match, str(error)):
            raise AssertionError(f"{self._match!r} does not match {str(error)!r}")
        self.value = error
        return True


class Tests:
    """Runs one script of tests against the solution at the other end of two pipes."""

    def __init__(self, answers: int, requests: int) -> None:
        self._answers, self._requests = answers, requests
        self._proxies: dict[int, Any] = {}
        self._callbacks: list[Any] = []
        self._kinds: dict[str, type[BaseException]] = {}
        self._calls = 0
        self._doubt, self._lost = "", ""

    def verdict(self, job: dict[str, Any]) -> dict[str, Any]:
        """What became of the tests: `ok`, or an `error`, or a `doubt` where they cannot be judged."""
        values: list[Any] = []
        try:
            self._run(job, values)
            error = ""
            if job["tests"] and not self._calls:
                error = "the tests never call the solution"
        except BaseException as raised:
            error = _told(raised)
        doubt = "" if self._lost else self._doubt
        error = self._lost or ("" if doubt else error)
        output = sys.stdout.getvalue() if type(sys.stdout) is io.StringIO else ""
        return {"ok": not (error or doubt), "error": error, "doubt": doubt, "values": values, "output": output}

    def _run(self, job: dict[str, Any], values: list[Any]) -> None:
        if not self._loaded():
            return
        space: dict[str, Any] = {"__name__": "__main__", "__builtins__": self._builtins()}
        exec(compile(job["imports"], "<imports>", "exec"), space)
        space.update(self._ask("globals", *job["names"]))
        for name, value in space.items():
            if type(value) is Proxy and name[:1].isupper():  # a class, by the convention of Python
                object.__setattr__(value, "_own", True)
        exec(compile(job["tests"], "<tests>", "exec"), space)
        for name in job["functions"]:
            space[name]()
        for call in job["calls"]:
            values.append(self._reported(call, eval(compile(call, "<call>", "eval"), space)))

    def _reported(self, call: str, value: Any) -> Any:
        try:
            tree = encode(value)
            if len(str(tree)) <= MAX_VALUE:
                return tree
        except (NotPlain, RecursionError):
            pass
        raise self._doubtful(f"{call[:80]} gives no plain data that can be shown")

    def _loaded(self) -> bool:
        message = self._exchange("load", (), {})
        if "raise" in message:
            self._lost = f"{message['raise'][0]}: {message['text']}"
        return not self._lost

    # ---- the solution

    def _ask(self, operation: str, *args: Any, **kwargs: Any) -> Any:
        self._calls += operation != "globals"
        message = self._exchange(operation, args, kwargs)
        if "after" in message:
            for held, tree in zip((args, kwargs), message["after"], strict=True):
                restore(held, self._decoded(tree))
        if "raise" in message:
            error = self._exception(message)
            if isinstance(error, StopIteration) and operation != "next":  # it would end a loop of the tests
                raise self._doubtful("the solution raises StopIteration where nothing iterates over it")
            raise error
        return self._decoded(message["value"])

    def _exchange(self, operation: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """The answer to a request; calls of the tests' functions that come before it are made."""
        if self._lost or self._doubt:
            raise Doubtful(self._lost or self._doubt)
        done = False
        try:
            encoded = [encode(args, self._reference), encode(kwargs, self._reference)]
            send(self._requests, {"ask": operation, "args": encoded})
            message = self._received()
            while "ask" in message:
                send(self._requests, self._called(message))
                message = self._received()
            done = True
            return message
        except Closed as error:
            self._lost = LEFT
            raise Doubtful(self._lost) from error
        except NotPlain as error:
            raise self._doubtful(str(error)) from error
        finally:
            if not (done or self._lost or self._doubt):  # the two sides no longer agree whose turn it is
                self._doubt = "an exchange with the solution broke off"

    def _received(self) -> Any:
        message = receive(self._answers)
        if type(message) is not dict or not {"ask", "raise", "value"} & set(message):
            raise NotPlain("a message is not well formed")
        out = message.get("out", "")
        if type(out) is str and type(sys.stdout) is io.StringIO:
            sys.stdout.write(out)
        return message

    def _called(self, message: Any) -> dict[str, Any]:
        """What one of the tests' own functions gives to the solution."""
        number = message["ask"]
        if type(number) is not int or not 0 <= number < len(self._callbacks):
            raise NotPlain("the solution calls what it was not given")
        args, kwargs = (self._decoded(tree) for tree in message["args"])
        try:
            return {"value": encode(self._callbacks[number](*args, **kwargs), self._reference)}
        except (Closed, NotPlain):
            raise
        except Exception as error:
            return {"raise": [k.__name__ for k in type(error).__mro__], "args": [str(error)]}

    def _exception(self, message: Any) -> BaseException:
        for name in message["raise"]:
            kind = self._kinds.get(name) or builtin_exception(name)
            if kind is not None:
                try:
                    return kind(*[decode(a) for a in message["args"]])
                except Exception as error:
                    raise self._doubtful(f"a {name} of the solution cannot be raised again") from error
        raise self._doubtful("an answer of the solution is too long, or an exception that is none")

    def _doubtful(self, reason: str) -> Doubtful:
        self._doubt = self._doubt or reason
        return Doubtful(reason)

    # ---- values

    def _decoded(self, tree: Any) -> Any:
        try:
            return decode(tree, self._resolve)
        except RecursionError as error:
            raise NotPlain("a value is nested too deeply") from error

    def _reference(self, value: Any) -> list[Any]:
        if type(value) is Proxy:
            return ["object", value._number]
        name = getattr(value, "__name__", "")
        if name in BUILTINS and getattr(builtins, name) is value:
            return ["builtin", name]
        if not callable(value) or isinstance(value, type):
            raise NotPlain(f"the tests give the solution a value of type {type(value).__name__}")
        number = next((i for i, held in enumerate(self._callbacks) if held is value), len(self._callbacks))
        if number == len(self._callbacks):
            self._callbacks.append(value)
        return ["callback", number]

    def _resolve(self, tree: list[Any]) -> Any:
        kind, which = tree[:2]
        if kind == "builtin" and which in BUILTINS:
            return getattr(builtins, which)
        if kind == "callback":
            return self._callbacks[which]
        if kind != "object" or type(which) is not int:
            raise NotPlain("a message is not well formed")
        if which not in self._proxies:
            self._proxies[which] = self._exception_class(tree[2]) or Proxy(which, self._ask, self._doubtful)
        return self._proxies[which]

    def _exception_class(self, names: list[Any]) -> type[BaseException] | None:
        """A class of our own for an exception class of the solution, so that tests can expect it."""
        base = next(filter(None, (self._kinds.get(n) or builtin_exception(n) for n in names)), None)
        if base is None or type(names[0]) is not str:
            return None
        self._kinds[names[0]] = kind = type(names[0], (base,), {})
        return kind

    # ---- what the tests may use

    def _builtins(self) -> dict[str, Any]:
        space = {name: getattr(builtins, name) for name in BUILTINS}
        asked = {name: self._about(space[name]) for name in ("callable", "hasattr", "isinstance", "issubclass")}
        return space | asked | {"type": self._type, "__import__": self._import}

    def _about(self, question: Callable[..., bool]) -> Callable[..., bool]:
        """A question about an object; of a proxy the answer would be about the proxy."""

        def ask(value: Any, *more: Any) -> bool:
            if type(value) is Proxy:
                raise self._doubtful(f"the tests ask {question.__name__}() about an object of the solution")
            return question(value, *more)

        return ask

    def _type(self, value: Any, *more: Any) -> type:
        """The type of a value; `type` itself would make classes."""
        if more or isinstance(value, type | Proxy):
            raise self._doubtful("the tests make a class, or ask for the type of one or of an object of the solution")
        return type(value)

    def _import(self, name: str, space: object = None, local: object = None, fromlist: Any = (), level: int = 0) -> Any:
        if name not in MODULES or level:
            raise self._doubtful(f"the tests import {name}")
        if "." in name and not fromlist:
            return self._import(name.partition(".")[0])
        return self._facade(name)

    def _facade(self, name: str) -> ModuleType:
        """A module with the names of another that tests may use."""
        facade = ModuleType(name)
        if name == "pytest":
            facade.__dict__["raises"] = Raises
        else:
            module = importlib.import_module(name)
            public = MODULES[name] or [n for n in dir(module) if not n.startswith("_")]
            given = {n: getattr(module, n) for n in public}
            facade.__dict__.update((n, v) for n, v in given.items() if not isinstance(v, ModuleType))
        facade.__dict__["__getattr__"] = self._missing(name)
        return facade

    def _missing(self, module: str) -> Callable[[str], Any]:
        def missing(name: str) -> Any:
            if name.startswith("__"):
                raise AttributeError(name)
            raise self._doubtful(f"the tests use {module}.{name}")

        return missing


def _told(error: BaseException) -> str:
    """An exception in one line, with the line of the tests that raised it."""
    lines = [f.lineno for f in traceback.extract_tb(error.__traceback__, 1_000) if f.filename == "<tests>"]
    where = f" (line {lines[-1]} of the tests)" if lines else ""
    return f"{type(error).__name__}: {str(error)[:300]}".replace("\n", " ").removesuffix(": ") + where


def main(job: int, answers: int, requests: int, result: int) -> None:
    """Runs one job and reports it."""
    sys.stdin, sys.stdout, sys.stderr = io.StringIO(""), io.StringIO(), io.StringIO()
    script = receive(job)
    verdict = Tests(answers, requests).verdict(script)
    verdict["output"] = verdict["output"][: script["output"]]
    send(result, verdict)
