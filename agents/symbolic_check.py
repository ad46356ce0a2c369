"""Checking symbolic answers with sympy: expressions are read by a small parser of our own, never evaluated as code."""

import ast
import re
from collections.abc import Callable
from math import comb
from typing import Any

from . import python_source
from .calculation import Unsolved
from .equations import equations
from .exercise import Exercise, read

MAX_CHARS = 300
MAX_NODES = 120
MAX_POWER = 12
MAX_NUMBER = 10**12
MAX_DEGREE = 24
MAX_TERMS = 500
"""Most terms that an expression may have when it is multiplied out."""
_FUNCTIONS = ("sin", "cos", "tan", "exp", "log", "sqrt")


def _sympy() -> Any:
    import sympy  # a second of start that only checks of symbolic answers need

    return sympy


def expression(text: str) -> Any:
    """The sympy expression that `text` writes, in x, with `^` for powers and products written side by side.

    Raises:
        Unsolved: it is none, or too large for bounded work.
    """
    return _build(_parsed(text))


def _parsed(text: str) -> ast.expr:
    written = _explicit(text.strip().rstrip("."))
    if len(written) > MAX_CHARS or not re.fullmatch(r"[\w\s+\-*/()^.]*", written, re.ASCII):
        raise Unsolved(f"{text[:60]!r} is no expression in x")
    tree = python_source.parse(written.replace("^", "**"))
    if (
        tree is None
        or len(tree.body) != 1
        or not isinstance(tree.body[0], ast.Expr)
        or sum(1 for _ in ast.walk(tree)) > MAX_NODES
    ):
        raise Unsolved(f"{text[:60]!r} is no expression in x")
    if _terms(tree.body[0].value) > MAX_TERMS:
        raise Unsolved(f"{text[:60]!r} has too many terms when multiplied out")
    return tree.body[0].value


def _terms(node: ast.expr) -> int:
    """An upper bound of the terms after multiplying out (a base counts as two, so that powers of powers add up)."""
    if isinstance(node, ast.UnaryOp):
        return _terms(node.operand)
    if isinstance(node, ast.Call):
        return 1 + sum(map(_terms, node.args))
    if not isinstance(node, ast.BinOp):
        return 1
    left, right = _terms(node.left), _terms(node.right)
    if isinstance(node.op, ast.Pow):
        power = node.right.value if isinstance(node.right, ast.Constant) and isinstance(node.right.value, int) else 0
        if left == 1 and isinstance(node.left, (ast.Name, ast.Constant)):
            return 1
        return comb(power + max(left, 2) - 1, power) if power <= MAX_POWER and left <= MAX_TERMS else MAX_TERMS + 1
    return left * right if isinstance(node.op, ast.Mult) else left + right


def _explicit(text: str) -> str:
    """Products written out: `3x(x + 1)` becomes `3*x*(x + 1)`."""
    text = re.sub(r"(?<![A-Za-z\d])(\d+)(?=[a-zA-Z(])", r"\1*", text)
    text = re.sub(r"\)\s*(?=[\w(])", ")*", text)
    return re.sub(r"(?<![a-zA-Z])x(?=\()", "x*", text)


def _build(node: ast.expr) -> Any:
    sympy = _sympy()
    if isinstance(node, ast.Constant) and type(node.value) is int and node.value <= MAX_NUMBER:
        return sympy.Integer(node.value)
    if isinstance(node, ast.Name) and node.id in ("x", "C"):
        return sympy.Symbol(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, (ast.USub, ast.UAdd)):
        value = _build(node.operand)
        return -value if isinstance(node.op, ast.USub) else value
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in _FUNCTIONS
        and len(node.args) == 1
        and not node.keywords
    ):
        return getattr(sympy, node.func.id)(_build(node.args[0]))
    if isinstance(node, ast.BinOp):
        return _combine(node, _build(node.left), _build(node.right))
    raise Unsolved("something stands there that is neither number, x nor an operation")


def _combine(node: ast.BinOp, left: Any, right: Any) -> Any:
    if isinstance(node.op, ast.Pow):
        if not right.is_Integer or not 0 <= int(right) <= MAX_POWER:
            raise Unsolved(f"a power that is no whole number up to {MAX_POWER}")
        return left**right
    if isinstance(node.op, ast.Div):
        if right == 0:
            raise Unsolved("a division by zero")
        return left / right
    for kind, combined in ((ast.Add, left + right), (ast.Sub, left - right), (ast.Mult, left * right)):
        if isinstance(node.op, kind):
            return combined
    raise Unsolved("an operation other than + - * / ^")


def same(a: Any, b: Any) -> bool:
    """Whether two expressions are equal for all x (exact; False where expanding does not show it)."""
    sympy = _sympy()
    return bool(sympy.expand(a - b) == 0)


def _differentiated(question: Any, answer: str) -> str:
    sympy = _sympy()
    right = sympy.diff(question, sympy.Symbol("x"))
    return "" if same(right, expression(answer)) else f"the derivative is {str(right)[:100]}"


def _integrated(question: Any, answer: str) -> str:
    sympy = _sympy()
    stated = expression(answer)
    if not stated.has(sympy.Symbol("C")):
        return "the constant of integration is missing"
    return "" if same(sympy.diff(stated, sympy.Symbol("x")), question) else "its derivative is not the integrand"


def _expanded(question: Any, answer: str) -> str:
    sympy = _sympy()
    stated = expression(answer)
    if not same(stated, question):
        return f"the product is {str(sympy.expand(question))[:100]}"
    return "" if "(" not in answer else "brackets are left"


def _factored(question: Any, answer: str) -> str:
    sympy = _sympy()
    if not same(expression(answer), question):
        return f"the factors multiply to {str(sympy.expand(expression(answer)))[:100]}"
    x = sympy.Symbol("x")
    if not question.is_polynomial(x) or sympy.degree(question, x) > MAX_DEGREE:
        raise Unsolved(f"no polynomial up to degree {MAX_DEGREE}")
    content, parts = sympy.factor_list(question)
    wanted = sum(power for _, power in parts) + (content not in (1, -1))
    return "" if _factors(_parsed(answer)) >= wanted else "it can be factored further"


def _factors(node: ast.expr) -> int:
    """How many factors are written, a power as often as it says (sympy would multiply a number back in)."""
    if isinstance(node, ast.UnaryOp):
        return _factors(node.operand)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _factors(node.left) + _factors(node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
        return _factors(node.left) * int(node.right.value)  # type: ignore[arg-type]
    return 1


def _solved(question: Any, answer: str) -> str:
    sympy = _sympy()
    x = sympy.Symbol("x")
    stated = {
        expression(part.partition("=")[2]) for part in re.split(r"\bor\b|,", answer) if re.match(r"\s*x\s*=", part)
    }
    if not stated or not question.is_polynomial(x) or sympy.degree(question, x) > 4:
        raise Unsolved("no polynomial equation up to degree 4 with an answer x = ...")
    missed = [root for root in sorted(stated, key=str) if sympy.expand(question.subs(x, root)) != 0]
    if missed:
        return f"x = {missed[0]} does not satisfy the equation"
    roots = sympy.Poly(question, x).real_roots(multiple=False)
    return "" if len(roots) == len(stated) else f"the equation has {len(roots)} real solutions, not {len(stated)}"


_FORMS: tuple[tuple[re.Pattern[str], Callable[[Any, str], str]], ...] = (
    (re.compile(r"(?:differentiate|find the derivative of) f\(x\) = (.+?)[.?]?"), _differentiated),
    (re.compile(r"what is f'\(x\) for f\(x\) = (.+?)[.?]?"), _differentiated),
    (re.compile(r"(?:integrate|find the antiderivative of) f\(x\) = (.+?)[.?]?"), _integrated),
    (re.compile(r"(?:expand|multiply out) (.+?)[.?]?"), _expanded),
    (re.compile(r"(?:factor|factorise|factorize) (.+?)[.?]?|write (.+?) as a product[.?]?"), _factored),
    (
        re.compile(r"(?:solve the equation|solve|find x such that|find all x such that) (.+? = .+?)(?: for x)?[.?]?"),
        _solved,
    ),
)
_VALUE = re.compile(r"what is f\((-?\d{1,6})\) for f\(x\) = (.+?)[.?]?")


def check(text: str) -> tuple[str, list[str]]:
    """Whether the text is right: the fault in words (empty: none), and what was checked.

    Raises:
        Unsolved: the question has none of the known forms, or is too large.
    """
    exercise = read(text)
    if exercise is None or not exercise.answer:
        raise Unsolved("no question with an answer")
    try:
        fault, how = _answered(exercise)
    except RecursionError as error:
        raise Unsolved("the expression is nested too deeply") from error
    numbers = equations("\n".join(line for line in exercise.steps if not re.search(r"[a-zA-Z)]\s*\^|\dx|\bx\b", line)))
    wrong = [e.text for e in numbers if e.verdict == "wrong"]
    if not fault and wrong:
        fault = f"{wrong[0]!r} does not hold"
    return fault, [how, f"{len(numbers)} equations calculated"]


def _answered(exercise: Exercise) -> tuple[str, str]:
    sympy = _sympy()
    question = re.sub(r"^([A-Z])", lambda m: m[1].lower(), " ".join(exercise.question.split()))
    value = _VALUE.fullmatch(question)
    if value:
        result = expression(value[2]).subs(sympy.Symbol("x"), int(value[1]))
        fault = "" if same(result, expression(exercise.answer)) else f"the value is {result}"
        return fault, "value calculated by sympy"
    for form, judge in _FORMS:
        match = form.fullmatch(question)
        if match:
            asked = next(g for g in match.groups() if g)
            left, _, right = asked.partition("=")
            problem = expression(left) - expression(right) if right else expression(asked)
            return judge(problem, exercise.answer), f"{judge.__name__.strip('_')} by sympy"
    raise Unsolved(f"the question {question[:60]!r} has no known form")
