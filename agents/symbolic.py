"""Symbolic exercises with coefficients from a document: derivatives, antiderivatives, expanding, factoring, equations.

The results come from the rules of school algebra written out here; the verifier checks them with sympy.
"""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import gcd

import numpy as np

from .arithmetic import Pool
from .exercise import Exercise, pick

Maker = Callable[[Pool, np.random.Generator], Exercise | None]


def polynomial(coefficients: Sequence[int] | Sequence[int | Fraction] | Sequence[Fraction], x: str = "x") -> str:
    """Coefficients from the highest power down, as one writes them: `3x^2 - x + 5`."""
    written = ""
    for power, c in zip(range(len(coefficients) - 1, -1, -1), map(Fraction, coefficients), strict=True):
        if c == 0:
            continue
        sign = ("-" if c < 0 else "") if not written else (" - " if c < 0 else " + ")
        written += sign + term(abs(c), power, x)
    return written or "0"


def term(c: int | Fraction, power: int, x: str = "x") -> str:
    """`c x^power` for a positive `c`."""
    letter = "" if power == 0 else x if power == 1 else f"{x}^{power}"
    number = f"({c})" if Fraction(c).denominator > 1 and letter else str(c)
    return number if not letter else letter if c == 1 else f"{number}{letter}"


def exercise(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """One exercise of a random kind; None where the numbers do not suffice for it."""
    return _MAKERS[int(rng.integers(len(_MAKERS)))](numbers, rng)


def _draw(numbers: Pool, rng: np.random.Generator, count: int, high: int, low: int = 2) -> list[int] | None:
    drawn = [numbers.draw(rng, low, high) for _ in range(count)]
    return None if None in drawn else [n if rng.random() < 0.65 else -n for n in drawn if n is not None]


def _derivative(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    degree = int(rng.integers(2, 6))
    c = _draw(numbers, rng, degree + 1, 30)
    if c is None:
        return None
    c = [v if i == 0 or rng.random() < 0.7 else 0 for i, v in enumerate(c)]
    result = [v * p for v, p in zip(c[:-1], range(degree, 0, -1), strict=True)]
    steps = [
        f"The derivative of {polynomial([v, *[0] * p])} is {polynomial([v * p, *[0] * (p - 1)])}."
        for v, p in zip(c[:-1], range(degree, 0, -1), strict=True)
        if v
    ]
    if c[-1]:
        steps.append(f"The constant {c[-1]} has derivative 0.")
    rule = "The power rule takes ax^n to nax^(n-1), term by term."
    ask = pick(rng, ("Differentiate f(x) = {}.", "Find the derivative of f(x) = {}.", "What is f'(x) for f(x) = {}?"))
    return _made(ask.format(polynomial(c)), [rule, *steps], polynomial(result), "derivative", c)


def _chain(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 3, 20)
    if drawn is None:
        return None
    a, k, b = drawn[0], abs(drawn[1]), drawn[2]
    inner = polynomial([k, b])
    outer, rate, sign = (("sin", "cos", 1), ("cos", "sin", -1), ("exp", "exp", 1))[int(rng.integers(3))]
    steps = [
        f"The inner function is {inner}, with derivative {k}.",
        f"The derivative of {outer}(u) is {'-' if sign < 0 else ''}{rate}(u).",
        f"By the chain rule the factor is {a} * {k} = {a * k}{', with the sign turned' if sign < 0 else ''}.",
    ]
    ask = pick(rng, ("Differentiate f(x) = {}.", "Find the derivative of f(x) = {}."))
    return _made(ask.format(f"{a}*{outer}({inner})"), steps, f"{sign * a * k}*{rate}({inner})", "chain rule", drawn)


def _antiderivative(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    degree = int(rng.integers(1, 5))
    c = _draw(numbers, rng, degree + 1, 40)
    if c is None:
        return None
    result = [Fraction(v, p + 1) for v, p in zip(c, range(degree, -1, -1), strict=True)]
    steps = [
        f"An antiderivative of {polynomial([v, *[0] * p])} is {polynomial([r, *[0] * (p + 1)])}."
        for v, r, p in zip(c, result, range(degree, -1, -1), strict=True)
    ]
    ask = pick(rng, ("Integrate f(x) = {}.", "Find the antiderivative of f(x) = {}."))
    return _made(ask.format(polynomial(c)), steps, f"{polynomial([*result, 0])} + C", "antiderivative", c)


def _expand(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 4, 15)
    if drawn is None:
        return None
    a, b, c, d = drawn[0], drawn[1], abs(drawn[2]), drawn[3]
    left, right = polynomial([a, b]), polynomial([c, d])
    result = polynomial([a * c, a * d + b * c, b * d])
    steps = [
        f"The x^2 term: {_times(a, c)}.",
        f"The x term: {_times(a, d)} and {_times(b, c)}, together {a * d} + {_bracket(b * c)} = {a * d + b * c}.",
        f"The constant: {_times(b, d)}.",
    ]
    ask = pick(rng, ("Expand ({})({}).", "Multiply out ({})({})."))
    return _made(ask.format(left, right), steps, result, "expand", drawn)


def _factor(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 2, 20)
    if drawn is None or drawn[0] == -drawn[1]:
        return None
    p, q = drawn
    quadratic = polynomial([1, p + q, p * q])
    steps = [
        f"Two numbers are wanted with sum {p + q} and product {p * q}.",
        f"{p} + {_bracket(q)} = {p + q} and {_times(p, q)}.",
    ]
    ask = pick(rng, ("Factor {}.", "Factorise {}.", "Write {} as a product."))
    return _made(ask.format(quadratic), steps, f"({polynomial([1, p])})({polynomial([1, q])})", "factor", drawn)


def _linear(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 3, 40)
    if drawn is None:
        return None
    a, b, x = abs(drawn[0]), drawn[1], drawn[2]
    c = a * x + b
    steps = [
        f"{'Subtract' if b > 0 else 'Add'} {abs(b)} on both sides: {polynomial([a, 0])} = {c - b}.",
        f"Divide both sides by {a}: x = {x}.",
        f"Check: {a} * {_bracket(x)} + {_bracket(b)} = {c}.",
    ]
    ask = pick(rng, ("Solve {} = {} for x.", "Find x such that {} = {}.", "Solve the equation {} = {}."))
    return _made(ask.format(polynomial([a, b]), c), steps, f"x = {x}", "linear equation", drawn)


def _quadratic(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 2, 20)
    if drawn is None or drawn[0] == drawn[1]:
        return None
    low, high = sorted(drawn)
    quadratic = polynomial([1, -(low + high), low * high])
    factors = f"({polynomial([1, -low])})({polynomial([1, -high])})"
    steps = [
        f"Factor the left side: {quadratic} = {factors}.",
        "A product is zero when one of its factors is zero.",
        f"{polynomial([1, -low])} = 0 gives x = {low}, and {polynomial([1, -high])} = 0 gives x = {high}.",
    ]
    ask = pick(rng, ("Solve {} = 0 for x.", "Find all x such that {} = 0.", "Solve the equation {} = 0."))
    return _made(ask.format(quadratic), steps, f"x = {low} or x = {high}", "quadratic equation", drawn)


def _value(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 4, 12)
    if drawn is None:
        return None
    *c, x = drawn
    square = c[0] * x * x
    steps = [
        f"{_bracket(x)} * {_bracket(x)} = {x * x}.",
        f"{c[0]} * {x * x} = {square}, and {c[1]} * {_bracket(x)} = {c[1] * x}.",
        f"{square} + {_bracket(c[1] * x)} + {_bracket(c[2])} = {square + c[1] * x + c[2]}.",
    ]
    question = f"What is f({x}) for f(x) = {polynomial(c)}?"
    return _made(question, steps, str(square + c[1] * x + c[2]), "value of a polynomial", drawn)


def _common_factor(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    drawn = _draw(numbers, rng, 3, 30)
    if drawn is None:
        return None
    k, a, b = abs(drawn[0]), *drawn[1:]
    if gcd(a, b) > 1:
        return None
    steps = [f"Both coefficients have the factor {k}: {k} * {_bracket(a)} = {k * a} and {k} * {_bracket(b)} = {k * b}."]
    return _made(f"Factor {polynomial([k * a, k * b])}.", steps, f"{k}({polynomial([a, b])})", "common factor", drawn)


_MAKERS: tuple[Maker, ...] = (
    _derivative,
    _chain,
    _antiderivative,
    _expand,
    _factor,
    _linear,
    _quadratic,
    _value,
    _common_factor,
)


def _bracket(n: int) -> str:
    return f"({n})" if n < 0 else str(n)


def _times(a: int, b: int) -> str:
    return f"{a} * {_bracket(b)} = {a * b}"


def _made(question: str, steps: Sequence[str], answer: str, topic: str, used: Sequence[int]) -> Exercise:
    return Exercise(question, tuple(steps), answer, topic, tuple(str(abs(u)) for u in used))
