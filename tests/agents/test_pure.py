"""The pure interpreter computes what Python computes, and hostile code is harmless in it."""

import ast
import time
from typing import Any

import pytest

from coevo.agents.pure import call
from coevo.agents.pure_values import PureError


def run(source: str, *args: Any) -> Any:
    nodes = [n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef)]
    return call(nodes[-1], args, nodes[:-1])


PROGRAMS = [
    ("def f(n):\n    a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a", (30,)),
    ("def f(xs):\n    return sorted(xs, key=lambda t: -t), {k: v for k, v in enumerate(xs) if v % 2}", ([3, 1, 2],)),
    ("def f(s):\n    return f'{s!r:>10}|' + '%05.2f' % 3.14159 + ','.join(c.upper() for c in s)", ("ab",)),
    ("def g(x):\n    return x * 2\n\n\ndef f(x, k=3, *, z=1):\n    return g(x) + k + z", (4,)),
    (
        "def f(n):\n    while True:\n        n -= 1\n        if n % 7: continue\n        break\n    return n",
        (50,),
    ),
    (
        "def f(xs):\n    ys = xs\n    ys += [9]\n    xs[0] = 7\n    return xs, ys is xs, xs[::-1], 3 in xs, not xs",
        ([1, 2, 3],),
    ),
    ("def f(n):\n    return 1 if n < 2 else n * f(n - 1)", (12,)),
    (
        "def f(s):\n    d = {}\n    for c in s:\n        d[c] = d.get(c, 0) + 1\n    return sorted(d.items())",
        ("hello",),
    ),
    ("def f(a, b):\n    return [(x, y) for x in range(a) for y in range(b) if x != y and (x or y)]", (3, 3)),
]


@pytest.mark.parametrize(("source", "args"), PROGRAMS)
def test_it_computes_what_python_computes(source: str, args: tuple[Any, ...]) -> None:
    names: dict[str, Any] = {}
    exec(source, names)
    copy = ast.literal_eval(repr(args))
    assert run(source, *args) == names["f"](*copy)


ATTACKS = [
    "while True: pass",
    "x = []\n    while True: x = [x, x]",
    "a = (1,)\n    b = (1,)\n    for i in range(60):\n        a = (a, a)\n        b = (b, b)\n    return a == b",
    "a = (1,)\n    for i in range(60): a = (a, a)\n    return {a: 1}",
    "a = []\n    a.append(a)\n    return repr(a)",
    "x = [1]\n    for i in x: x.append(i)",
    "return f()",
    "return (lambda g: g(g))(lambda g: g(g))",
    "return 10 ** 10 ** 10",
    "x = 2\n    while True: x = x * x",
    "return 1 << 10 ** 10",
    "return 'a' * 10 ** 9",
    "return [0] * 10 ** 9",
    "return list(range(10 ** 12))",
    "return sum([[1]] * 3, [])",
    "return round(5, -10 ** 9)",
    "return int('9' * 9000)",
    "return '%1000000000d' % 1",
    "return '%*d' % (10 ** 9, 1)",
    "return f'{1:1000000000}'",
    "return 'a'.zfill(10 ** 10)",
    "return 'ab'.join(['b' * 9999] * 9999)",
    "return ('a' * 9999).replace('a', 'b' * 9999)",
    "return [x for x in range(9999) for y in range(9999)]",
    "d = {}\n    for i in range(9999): d[i * (2 ** 61 - 1)] = 1\n    return d",
    "return ''.__class__.__mro__[1].__subclasses__()",
    "return f.__globals__",
    "return '{0.__class__}'.format(1)",
    "return str.__subclasses__()",
    "return __import__('os').system('true')",
    "import os\n    return os",
    "return open('/etc/passwd').read()",
    "return eval('1')",
    "return getattr(1, 'real')",
    "return str(lambda: 1)",
    "return print",
    "try:\n        return 1\n    finally:\n        pass",
    "return " + "-" * 900 + "1",
    "raise SystemExit",
]


@pytest.mark.parametrize("body", ATTACKS)
def test_hostile_code_ends_soon_and_reaches_nothing(body: str) -> None:
    began = time.process_time()
    with pytest.raises(PureError):
        run(f"def f():\n    {body}")
    assert time.process_time() - began < 2.0
