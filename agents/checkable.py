"""Checkable: whether running the code of a prediction tells if everything that the prediction claims is right.

Not where a claim is not read, where a call asks nothing of the code, or where a value may be another one on another
machine or day.
"""

import ast
import re
from collections.abc import Iterator, Sequence

from . import predict, python_source

LONGEST = 20_000
SEEDS = 8
"""Seeds of hashing under which code with a set is run: the order of a set of two texts is the same in all of them once
in 128 times."""
_PURE = frozenset(
    """
    math cmath itertools functools operator collections collections.abc re string bisect heapq fractions decimal
    statistics textwrap typing dataclasses copy enum abc numbers json datetime struct base64 hashlib unicodedata
    difflib calendar array contextlib
    """.split()  # noqa: SIM905
)
"""Modules whose functions give the same everywhere."""
_CHANGING = frozenset(
    """
    hash id open input globals locals vars dir exec eval compile object memoryview __import__ __builtins__ __file__
    __hash__ __dict__ __subclasses__
    """.split()  # noqa: SIM905
)
_OF_MODULES = frozenset(
    """
    now today utcnow fromtimestamp timestamp astimezone localtime gmtime time time_ns monotonic perf_counter ctime
    getpid getppid getcwd environ getenv urandom cpu_count uname listdir getuid gethostname platform version
    version_info argv path executable node machine random randint choice shuffle sample uniform token_hex uuid4
    getsizeof
    """.split()  # noqa: SIM905
)
"""Names, and attributes, of what depends on the machine, the clock, chance or the process."""
_MARKS = re.compile(r"^(?:Question:|\u95ee\u9898\s*[:\uff1a]|>>> )", re.MULTILINE)
_ANSWERS = re.compile(r"^(?:Answer:|\u7b54\u6848\s*[:\uff1a])", re.MULTILINE)
_SESSION = re.compile(r"^```pycon\n.*?^```$", re.MULTILINE | re.DOTALL)
_BESIDE = re.compile(r"^>>> [^\n]*\n[^\n>][^\n]*\n(?!>>> |```|\n|\Z)", re.MULTILINE)


def unread(text: str) -> str:
    """Which part of a text of this form (`predict.read`) is not read as a claim about its code; empty for none."""
    read = predict.read(text)
    if read is None:
        return ""
    code, claims = read
    if len(text) > LONGEST:
        return f"it is longer than {LONGEST:,} characters"
    rest = text.partition(f"```python\n{code}\n```")[2]
    if "```" in _SESSION.sub("", rest):
        return "it holds more than one block of code"
    if not _all_read(rest, len(claims)):
        return "a question or a result in it has another form than those that are read"
    return ""


def uses_sets(code: str) -> bool:
    """Whether code makes a set, whose order is another one under another seed."""
    tree = python_source.parse(code)
    names = {"set", "frozenset"}
    return tree is not None and any(
        isinstance(n, ast.Set | ast.SetComp) or (isinstance(n, ast.Name) and n.id in names) for n in ast.walk(tree)
    )


def _all_read(rest: str, claims: int) -> bool:
    """Whether each question, each answer and each line of a session is one of the claims."""
    typed = len(re.findall("^>>> ", rest, re.MULTILINE))
    answers = len(_ANSWERS.findall(rest))
    return len(_MARKS.findall(rest)) in (claims, 0) and answers + typed == claims and not _BESIDE.search(rest)


def doubt(code: str, calls: Sequence[str]) -> str:
    """Why values that came out as they are stated do not show that calls of the code always return them."""
    tree = python_source.parse(code)
    return "" if tree is None else next(_doubts(tree, calls), "")


def changing(code: str) -> str:
    """Why another machine or day may give another value, so that no value is right or wrong; empty for no reason."""
    tree = python_source.parse(code)
    for node in ast.walk(tree) if tree is not None else ():
        name = node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""
        if name in _CHANGING or (isinstance(node, ast.Attribute) and name in _OF_MODULES):
            return f"it uses {name}, which gives other values on another machine or day"
    return ""


def _doubts(tree: ast.Module, calls: Sequence[str]) -> Iterator[str]:
    defined = {n.name for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    for node in ast.walk(tree):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or "."] if isinstance(node, ast.ImportFrom) else []
        yield from (
            f"it imports {name}, which need not give the same everywhere" for name in names if name not in _PURE
        )
    for call in calls:
        asked = python_source.parse(call)
        nodes = list(ast.walk(asked)) if asked else []
        called = {n.func.id for n in nodes if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
        chosen = any(isinstance(n, ast.IfExp | ast.BoolOp | ast.Lambda) for n in nodes)
        if asked and (chosen or not called & defined):
            yield f"{call[:80]} asks nothing of the code alone"
