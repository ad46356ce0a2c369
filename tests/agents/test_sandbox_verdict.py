"""Nothing that a solution does makes wrong answers pass; right ones pass however tests ask for them."""

# ruff: noqa: E501 -- a program stands in one line

import pytest

from coevo.agents.sandbox import Limits, Outcome, Program, Sandbox

REFUSAL = Sandbox().refusal()
pytestmark = pytest.mark.skipif(bool(REFUSAL), reason=REFUSAL or "the sandbox works")
QUICK = Sandbox(Limits(seconds=0.8, memory=128 << 20))
TESTS = "SECRET = 4711\nexpected = SECRET + 1\nassert f(1) == 4712\nassert f(2) == expected\nassert f(3) is not None\n"
"""What every attack below has to pass without knowing the answer."""
FRAMES = (
    "import sys\ndef frames():\n    at = sys._getframe()\n    while at:\n        yield at\n        at = at.f_back\n"
)
GIVE = "def f(x): return 0\n"
ATTACKS = {
    "exit with every number that a frame holds": FRAMES
    + "import os\ndef f(x):\n    for at in frames():\n        for v in at.f_locals.values():\n"
    "            if type(v) is int: os._exit(v & 255)\n",
    "exit while the program loads": "import os\nos._exit(0)\n" + GIVE,
    "exit politely while the program loads": "import sys\nsys.exit(0)\n" + GIVE,
    "exit when called": "import os\ndef f(x): os._exit(0)\n",
    "answer with what is found in frames": FRAMES
    + "def f(x):\n    for at in frames():\n        for v in at.f_locals.values():\n"
    "            if v == 4712: return v\n            if type(v) is dict and 'expected' in v: return v['expected']\n",
    "answer with what the collector knows": "import gc\ndef f(x):\n    for o in gc.get_objects():\n"
    "        if type(o) is dict and 'expected' in o: return o['expected']\n",
    "answer with what refers to the argument": "import gc\ndef f(x):\n    for o in gc.get_referrers(x):\n"
    "        if type(o) is dict: return o.get('expected')\n",
    "read the script from caches": "import linecache, inspect, sys\ndef f(x):\n    text = ''.join(map(str, linecache.cache))\n"
    "    return 4712 if 'SECRET' in text + str(sys.argv) + str(sys.orig_argv) else 0\n",
    "read the script from memory": "import ctypes\nmany = list(range(40))\nfirst, second = b'SECRE', b'T = 4711'\ndef f(x):\n"
    "    for at in range(id(many), id(many) + (1 << 20), 4096):\n        page = ctypes.string_at(at, 4096)\n"
    "        if any(p.startswith(second) for p in page.split(first)[1:]): return 4712\n",
    "read the script from files": "import glob\ndef f(x):\n    for n in range(64):\n        try:\n"
    "            if 'SECRET' in open(n, closefd=False).read(): return 4712\n        except Exception: pass\n"
    "    return len(glob.glob('/proc/*'))\n",
    "a result that equals everything": "class R:\n    def __eq__(self, o): return True\n    def __bool__(self): return True\n"
    "    def __hash__(self): return 4712\n    def __repr__(self): return '4712'\ndef f(x): return R()\n",
    "an int that equals everything": "class R(int):\n    def __eq__(self, o): return True\n    def __index__(self): return 4712\n"
    "def f(x): return R(1)\n",
    "a text that equals everything": "class R(str):\n    def __eq__(self, o): return True\n    __hash__ = str.__hash__\ndef f(x): return R()\n",
    "a dict that equals everything": "class R(dict):\n    def __eq__(self, o): return True\ndef f(x): return R()\n",
    "a float that equals everything": "class R(float):\n    def __eq__(self, o): return True\ndef f(x): return R()\n",
    "a result that lies about its class": "class R:\n    __class__ = int\n    def __eq__(self, o): return True\ndef f(x): return R()\n",
    "a type that equals everything": "class M(type):\n    def __eq__(self, o): return True\n    __hash__ = type.__hash__\n"
    "class R(metaclass=M): pass\ndef f(x): return R\n",
    "nan": "def f(x): return float('nan')\n",
    "every number at once": "def f(x): return set(range(9999))\n",
    "a solution that is no function": "class F:\n    def __call__(self, x): return self\n    def __eq__(self, o): return True\nf = F()\n",
    "jump over the assertions": "import sys\ndef jump(frame, event, arg):\n    try: frame.f_lineno = frame.f_lineno + 1\n"
    "    except Exception: pass\n    return jump\nsys.settrace(jump)\ndef f(x):\n    sys._getframe(1).f_trace = jump\n    return 0\n",
    "a profiler that exits": "import sys, os\ndef leave(*a): os._exit(0)\ndef f(x):\n    sys.setprofile(leave)\n    return 0\n",
    "exit handlers": "import atexit, os\natexit.register(os._exit, 0)\ndef f(x): raise SystemExit(0)\n",
    "an alarm that exits": "import os, signal\nsignal.signal(signal.SIGALRM, lambda *a: os._exit(0))\n"
    "signal.setitimer(signal.ITIMER_REAL, 0.01)\ndef f(x):\n    while True: pass\n",
    "replace what compares": "import builtins, json, operator, sys\nfor name in ('len', 'isinstance', 'print', 'repr', 'eval'):\n"
    "    setattr(builtins, name, lambda *a, **k: 4712)\njson.dumps = lambda *a, **k: '{\"value\": 4712}'\n" + GIVE,
    "replace the exception": "import builtins\nbuiltins.AssertionError = type('A', (BaseException,), {'__init__': lambda *a: None})\n" + GIVE,
    "replace modules": "import sys\nfor name in list(sys.modules):\n    sys.modules[name] = None\n" + GIVE,
    "replace the server's methods": "import gc, types\ndef f(x):\n    for o in gc.get_objects():\n"
    "        if type(o).__name__ == 'Solution': o._answer = lambda m: {'ok': True, 'value': True, 'error': '', 'doubt': ''}\n    return 0\n",
    "forge messages": "import os, struct, json\ndef forge(fd, message):\n    body = json.dumps(message).encode()\n"
    "    try: os.write(fd, struct.pack('<I', len(body)) + body + b'\\n' + body + b'\\n')\n    except OSError: pass\n"
    "def f(x):\n    for fd in range(64):\n        for m in ({'ok': True, 'error': '', 'doubt': '', 'values': [], 'output': ''}, {'value': True}):\n"
    "            forge(fd, m)\n    return 0\n",
    "call what it was not given": "import os, struct, json\nbody = json.dumps({'ask': 0, 'args': [['tuple'], ['dict']]}).encode()\n"
    "def f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, struct.pack('<I', len(body)) + body)\n        except OSError: pass\n",
    "messages that are none": "import os\ndef f(x):\n    for fd in range(3, 64):\n        try: os.write(fd, b'\\x05\\x00\\x00\\x00' + b'[[[[[' * 99)\n"
    "        except OSError: pass\n",
    "close every file": "import os\ndef f(x):\n    os.closerange(0, 256)\n    return 0\n",
    "print the verdict": "def f(x):\n    print('ok passed True {\"ok\": true}')\n    return 0\n",
    "sleep": "import time\ndef f(x): time.sleep(60)\n",
    "never end": "def f(x):\n    while True: pass\n",
    "call itself": "def f(x): return f(x)\n",
    "take all memory": "def f(x): return 'x' * (1 << 40)\n",
    "a result that is too long": "def f(x): return 'x' * (8 << 20)\n",
    "a result that holds itself": "def f(x):\n    a = []\n    a.append(a)\n    return a\n",
    "a result of endless depth": "def f(x):\n    a = ()\n    for _ in range(100_000): a = (a,)\n    return a\n",
    "a result that doubles": "def f(x):\n    a = (1,)\n    for _ in range(64): a = (a, a)\n    return a\n",
    "an exception for the tests": "def f(x): raise AssertionError\n",
    "an exception for the harness": "def f(x): raise BaseException\n",
    "an exception that nobody catches": "def f(x): raise KeyboardInterrupt\n",
    "an exception that equals": "class E(Exception):\n    def __eq__(self, o): return True\ndef f(x): return E()\n",
    "a generator that never ends": "def f(x):\n    while True: yield 4712\n",
    "another process": "import os\ndef f(x):\n    if os.fork() == 0: os._exit(0)\n",
    "a thread": "import threading, os\ndef f(x): threading.Thread(target=os._exit, args=(0,)).start()\n",
    "a signal to the parent": "import os\ndef f(x): os.kill(os.getppid(), 9)\n",
    "the function removes itself": "def f(x):\n    global f\n    del f\n",
    "the name as an exception class": "class f(AssertionError):\n    def __new__(cls, *a): return 4712\n",
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    """One run of all attacks, each before an honest neighbour."""
    honest = Program(solution="def f(x): return 4712", tests=TESTS)
    programs = [p for code in ATTACKS.values() for p in (Program(solution=code, tests=TESTS), honest)]
    results = QUICK.run(programs)
    assert all(o.ok for o in results[1::2]), "a neighbour was harmed"
    return dict(zip(ATTACKS, results[::2], strict=True))


@pytest.mark.parametrize("attack", ATTACKS)
def test_no_attack_of_a_solution_passes(attack: str, outcomes: dict[str, Outcome]) -> None:
    outcome = outcomes[attack]
    assert not outcome.ok and (outcome.error or outcome.doubt), outcome


OVERREACHING = [
    "import os\nos._exit(0)",
    "import sys\nsys.exit(0)",
    "__import__('os')._exit(0)",
    "raise SystemExit(0)",
    "exit(0)",
    "eval('1')",
    "open('/dev/null')",
    "f.__class__",
    "f.__call__.__func__.__globals__",
    "(lambda: 0).__globals__",
    "(i for i in ()).gi_frame.f_back",
    "from operator import attrgetter\nattrgetter('__globals__')(f)",
    "from string import Formatter\nFormatter().get_field('0.__class__', (f,), {})",
    "import typing\ntyping.get_type_hints(f)",
    "import functools\nfunctools.update_wrapper(f, f)",
    "import random\nrandom._os._exit(0)",
    "import json\njson.decoder",
    "import collections\ncollections.sys",
    "import math as m\nm.__loader__",
    "from re import enum",
    "type('A', (), {})",
    "type(type(1))('A', (), {})",
    "class A:\n    def __eq__(self, other): return True\nassert A() == f(1)",
    "match f:\n    case A(__globals__=g): pass",
    "getattr(f, '_ask')",
    "f._ask",
    "f._number = 3",
    "try:\n    f == 3\nexcept BaseException:\n    pass",
    "for _ in range(3):\n    try:\n        import os\n    except BaseException:\n        pass",
]


@pytest.mark.parametrize("tests", OVERREACHING)
def test_tests_that_reach_for_their_process_are_not_judged(tests: str) -> None:
    solution = "def f(x): return x"
    first = "assert f(1) == 1\n"
    (outcome,) = QUICK.run([Program(solution=solution, tests=first + tests)])
    assert not outcome.ok, outcome
    assert outcome.doubt or outcome.error.startswith(("SystemExit", "AttributeError")), outcome


STACK = "class Stack:\n    def __init__(self): self.items = []\n    def push(self, x): self.items.append(x)\n"
STACK += "    def pop(self):\n        if not self.items: raise Empty('nothing')\n        return self.items.pop()\n"
STACK += "    def __len__(self): return len(self.items)\n    def __iter__(self): return iter(self.items)\n"
STACK += "    def __getitem__(self, i): return self.items[i]\nclass Empty(LookupError): pass\n"
ANSWERED = {
    "def f(x): return x + 1": "assert f(1) == 2\nassert type(f(1)) is int and isinstance(f(1), int)",
    "def f(x): return (x, [x], {x: {x}}, None, 1.5, True, b'a', 2 ** 99, 1j, frozenset())": "assert f(1) == "
    "(1, [1], {1: {1}}, None, 1.5, True, b'a', 2 ** 99, 1j, frozenset())\nassert f(1)[3] is None",
    "def g(x): return x * 2": "def check(candidate):\n    for n in range(5):\n        assert candidate(n) == n * 2\ncheck(g)",
    "def h(x): return x * 3": "def test_it():\n    assert h(2) == 6",
    "def f(xs): xs.sort()": "xs = [3, 1, 2]\nsame = xs\nassert f(xs) is None\nassert same == [1, 2, 3]",
    "def f(d, k):\n    d['n'].append(k)": "inner = []\nd = {'n': inner}\nf(d, k=4)\nf(d, 5)\nassert inner == [4, 5]",
    "def f(x):\n    if x < 0: raise ValueError('negative')\n    return x": "try:\n    f(-1)\n    assert False\n"
    "except ValueError as e:\n    assert str(e) == 'negative'\nimport pytest\nwith pytest.raises(ValueError, match='neg'):\n    f(-1)",
    "def f(n):\n    for i in range(n): yield i": "assert list(f(3)) == [0, 1, 2]\nassert sum(f(4)) == 6\nassert next(f(1)) == 0",
    "def f(g, xs): return [g(x) for x in xs]": "assert f(lambda x: x * 2, [1, 2]) == [2, 4]\nassert f(str, [1]) == ['1']",
    "def f(n): return lambda x: x + n": "add = f(3)\nassert add(4) == 7",
    "import math\ndef f(x): return math.sqrt(x)": "assert math.isclose(f(2.0), 1.41421356, rel_tol=1e-6)",
    "def f(x): print('said', x)": "import io, contextlib\nout = io.StringIO()\nwith contextlib.redirect_stdout(out):\n    f(3)\n"
    "assert out.getvalue() == 'said 3\\n'",
    "from collections import Counter\ndef f(s): return Counter(s)": "assert f('aab') == {'a': 2, 'b': 1}",
    "LIMIT = 3\ndef f(x): return min(x, LIMIT)": "assert f(9) == LIMIT",
    STACK: "s = Stack()\ns.push(3)\ns.push(4)\nassert len(s) == 2 and list(s) == [3, 4] and s[0] == 3\nassert s.pop() == 4\n"
    "assert s.items == [3]\ns.pop()\ntry:\n    s.pop()\n    assert False\nexcept Empty as e:\n    assert isinstance(e, LookupError)",
    "class P:\n    def __init__(self, x): self.x = x\n    def __add__(self, o): return P(self.x + o.x)\n"
    "    def __str__(self): return f'P({self.x})'": "assert (P(1) + P(2)).x == 3\nassert str(P(1) + P(4)) == 'P(5)'",
}  # fmt: skip


def test_right_solutions_pass_however_they_are_asked_and_empty_ones_fail() -> None:
    right = [Program(solution=code, tests=tests) for code, tests in ANSWERED.items()]
    for program, outcome in zip(right, QUICK.run(right), strict=True):
        assert outcome.ok, (program.tests, outcome)
    empty = [Program(solution="def f(*a, **k): return None\ng = h = P = Stack = f", tests=p.tests) for p in right]
    for program, outcome in zip(empty, QUICK.run(empty), strict=True):
        assert not outcome.ok, (program.tests, outcome)


@pytest.mark.parametrize(
    ("solution", "tests", "doubt"),
    [
        ("class P: pass\ndef f(): return P()", "assert f() == f()", "whose own code would decide"),
        ("class P: pass\ndef f(): return P()", "assert f()", "whose own code would decide"),
        (
            "class P(list):\n    def __contains__(self, x): return True\ndef f(): return P()",
            "assert 5 in f()",
            "whose own code",
        ),
        ("class P: pass\ndef f(): return P()", "assert callable(f())", "ask callable()"),
        ("class P: pass\ndef f(): return P()", "assert hasattr(f(), '__iter__')", "ask hasattr()"),
        (
            "class P: pass\ndef f(): return P()",
            "from collections.abc import Iterator\nassert isinstance(f(), Iterator)",
            "ask isinstance()",
        ),
        ("def f(x): return x", "a = [1]\nassert f(a) is a", "whether two objects are one"),
        ("def len(x): return 3\ndef f(x): return x", "assert len(f(1)) == 3", "replaces the builtin len"),
        ("def f(x): return x", "class A: pass\nassert f(1) == 1", "define a class"),
        ("def f(x): return x", "assert f(object()) is not None", "use object"),
        ("def f(x): return x", "import numpy\nassert f(1) == 1", "import numpy"),
        ("def f(x): return 'x' * (2 << 20)", "assert len(f(1)) == 2 << 20", "too long"),
    ],
)
def test_what_plain_data_cannot_show_is_not_judged(solution: str, tests: str, doubt: str) -> None:
    (outcome,) = QUICK.run([Program(solution=solution, tests=tests)])
    assert not outcome.ok and not outcome.error and doubt in outcome.doubt, outcome


LIAR = "class R:\n    def __init__(self, *a): pass\n    def _zero(self, *a): return 0\n"
LIAR += "".join(f"    __{name}__ = __r{name}__ = _zero\n" for name in ("add", "sub", "mul", "truediv", "mod", "pow"))
LIAR += "    def __abs__(self): return 0\n    __neg__ = __abs__\n    def __len__(self): return 0\n"
LIAR += "    def startswith(self, *a): return True\n    issubset = isdigit = is_integer = startswith\ndef f(x): return R()\n"
CHAINED = LIAR.replace("def _zero(self, *a): return 0", "def _zero(self, *a): return R()")


NEAR = (
    "assert abs(f(1) - 4712) < 1e-9", "assert abs(4712 - f(1)) < 1e-9", "assert (f(1) - 4712) ** 2 < 1e-9",
    "assert f(1) - 4712 == 0", "assert abs(f(1) / 4712) < 1e-6", "assert len(f(1) - {4712}) == 0",
    "assert abs(-(f(1) - 4712)) < 1e-9", "assert f(1).startswith('4712')", "assert f(1).issubset({4712})",
    "assert f(1).isdigit()", "assert f(1).is_integer()", "assert abs(f(1) - f(2) * 4712) == 0",
)  # fmt: skip
PATIENT = Sandbox(Limits(seconds=10.0))


@pytest.mark.parametrize("solution", [LIAR, CHAINED])
def test_an_object_does_not_say_how_near_it_is_to_the_value_of_a_test(solution: str) -> None:
    outcomes = PATIENT.run([Program(solution=solution, tests=tests) for tests in NEAR])
    for tests, outcome in zip(NEAR, outcomes, strict=True):
        assert not outcome.ok and "whose own code would decide" in outcome.doubt, (tests, outcome)


ANSWERING = """class R:
    def __getattr__(self, name):
        if name.startswith('__'): raise AttributeError(name)
        return lambda *a: {'count': 1, 'index': 0, 'find': 0, 'rfind': 0, 'get': 1, 'compare': 0}.get(name, EMPTY.get(name))
EMPTY = {'difference': set(), 'symmetric_difference': set(), 'intersection': {4712}, 'union': {4712}, 'strip': '',
         'replace': '', 'removeprefix': '', 'split': ['', ''], 'partition': ('', '4712', ''), 'pop': 4712}
def f(x): return R()
"""
COMPARED_BY_METHOD = (
    "f(1).count(4712) == 1", "f(1).index(4712) == 0", "f(1).find('4712') == 0", "f(1).rfind('4712') == 0",
    "f(1).get(4712) == 1", "f(1).compare(4712) == 0", "f(1).difference({4712}) == set()", "f(1).union({4712}) == {4712}",
    "f(1).symmetric_difference({4712}) == set()", "f(1).intersection({4712}) == {4712}", "f(1).strip('4712') == ''",
    "f(1).replace('4712', '') == ''", "f(1).removeprefix('4712') == ''", "f(1).split('4712') == ['', '']",
    "f(1).partition('4712') == ('', '4712', '')", "f(1).pop(4712) == 4712",
)  # fmt: skip


def test_an_object_that_a_function_returns_answers_no_method_of_plain_data() -> None:
    programs = [Program(solution=ANSWERING, tests=f"assert {asked}") for asked in COMPARED_BY_METHOD]
    for asked, outcome in zip(COMPARED_BY_METHOD, PATIENT.run(programs), strict=True):
        assert not outcome.ok and "whose own code would decide" in outcome.doubt, (asked, outcome)


def test_an_object_of_a_class_that_the_tests_name_has_methods_of_its_own() -> None:
    tests = (
        "b = Bag()\nb.append(3)\nb.append(3)\nassert b.count(3) == 2 and b.copy().index(3) == 0 and b.get(9) is None"
    )
    bag = "class Bag:\n    def __init__(self, xs=()): self.xs = list(xs)\n    def append(self, x): self.xs.append(x)\n"
    bag += "    def count(self, x): return self.xs.count(x)\n    def index(self, x): return self.xs.index(x)\n"
    bag += "    def copy(self): return Bag(self.xs)\n    def get(self, x): return x if x in self.xs else None\n"
    (outcome,) = PATIENT.run([Program(solution=bag, tests=tests)])
    assert outcome.ok, outcome


LOOPS = (
    "for got, right in zip(map(f, [1, 2]), [4712, 4712]):\n    assert got == right",
    "assert all(v == 4712 for v in map(f, [1, 2]))",
    "assert all(map(lambda x: f(x) == 4712, [1, 2]))",
    "assert list(filter(lambda x: f(x) != 4712, [1, 2])) == []",
)


@pytest.mark.parametrize("raised", ["StopIteration", "type('S', (StopIteration,), {})"])
def test_a_solution_ends_no_loop_of_the_tests(raised: str) -> None:
    programs = [Program(solution=f"def f(x): raise {raised}", tests=tests) for tests in LOOPS]
    for tests, outcome in zip(LOOPS, PATIENT.run(programs), strict=True):
        assert not outcome.ok and (outcome.doubt or outcome.error), (tests, outcome)


def test_objects_of_one_solution_calculate_with_one_another() -> None:
    vector = "class V:\n    def __init__(self, *x): self.x = x\n    def __mul__(self, n):\n"
    vector += (
        "        return V(*[a * n for a in self.x]) if type(n) is int else sum(a * b for a, b in zip(self.x, n.x))\n"
    )
    vector += "    def __abs__(self): return (self * self) ** 0.5\n"
    tests = "v = V(3, 4)\nassert abs(v) == 5.0 and v * v == 25 and list((v * 2).x) == [6, 8]"
    (outcome,) = PATIENT.run([Program(solution=vector, tests=tests)])
    assert outcome.ok, outcome


def test_tests_that_ask_nothing_prove_nothing() -> None:
    (outcome,) = QUICK.run([Program(solution="def f(x): return x", tests="assert 1 == 1\nassert f")])
    assert not outcome.ok


SEARCH = """
import ctypes, gc, os
first, second = b"tree", b"house"
def f(x):
    libc, (source, sink), count = ctypes.CDLL(None), os.pipe(), 0
    for region in sorted({id(o) >> 18 for o in gc.get_objects()}):
        for at in range(region << 18, (region + 1) << 18, 4096):
            if libc.write(sink, ctypes.c_void_p(at), 4096) == 4096:  # a page that is not mapped is refused
                page = os.read(source, 4096)
                count += any(piece.startswith(second) for piece in page.split(first)[1:])
    return count
"""


def test_a_process_knows_nothing_of_other_programs() -> None:
    """A solution that searches its memory finds neither what the program before it held nor its own tests."""
    other = Program(solution="x = 'treehouse'\ndef f(x): return x", tests="assert f('treehouse') == 'treehouse'")
    own = Program(solution=SEARCH, tests="expected = 'treehouse'\nassert f(1) == 0")
    control = Program(solution=SEARCH + "x = 'tree' + 'house'\n", tests="assert f(1) > 0")
    outcomes = Sandbox().run([other, own, control])
    assert [o.ok for o in outcomes] == [True] * 3, outcomes
