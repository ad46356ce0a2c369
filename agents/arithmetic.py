"""Arithmetic exercises made from the numbers of a document: drills, written methods step by step, and sums in words."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from . import word_problems
from .exercise import Exercise, pick

_DIGITS = re.compile(r"(?<![\d.])\d{1,9}(?![\d.]*\d)")
MAX_POOL = 60


@dataclass(frozen=True)
class Pool:
    """Numbers that stand in a document, as they are or as a run of their digits."""

    numbers: tuple[int, ...]

    def draw(self, rng: np.random.Generator, low: int, high: int) -> int | None:
        """A number from `low` to `high`, or None."""
        fit = [n for n in self.numbers if low <= n <= high]
        return fit[int(rng.integers(len(fit)))] if fit else None


def pool(text: str) -> Pool:
    """The first different numbers from 2 to 9999 in `text`, and runs of two or three digits of all its numbers."""
    found: dict[int, None] = {}
    for run in _DIGITS.findall(text[:20_000]):
        pieces = [run, *(run[i : i + n] for n in (3, 2) for i in range(len(run) - n + 1))]
        for piece in pieces:
            if piece[0] != "0" and 2 <= int(piece) <= 9999:
                found[int(piece)] = None
        if len(found) >= MAX_POOL:
            break
    return Pool(tuple(found)[:MAX_POOL])


Reserved = Callable[[int, str, int], object]
"""Whether a benchmark asks for `left operator right`; what is true here is never written."""
Maker = Callable[[Pool, np.random.Generator], Exercise | None]


def addition(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """Column addition with carries."""
    a, b = numbers.draw(rng, 11, 9999), numbers.draw(rng, 11, 9999)
    if a is None or b is None:
        return None
    steps, carry = [], 0
    for place, (x, y) in enumerate(_columns(a, b)):
        total = x + y + carry
        plus = f" + {carry}" if carry else ""
        tail = f", write {total % 10} and carry {total // 10}" if total > 9 else ""
        steps.append(f"{_PLACES[place]}: {x} + {y}{plus} = {total}{tail}.")
        carry = total // 10
    return Exercise(_ask(rng, f"{a} + {b}"), tuple(steps), str(a + b), "column addition", (str(a), str(b)))


def subtraction(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """Column subtraction with borrowing."""
    a, b = numbers.draw(rng, 21, 9999), numbers.draw(rng, 11, 9999)
    if a is None or b is None or a == b:
        return None
    a, b = max(a, b), min(a, b)
    steps, borrowed = [], 0
    for place, (x, y) in enumerate(_columns(a, b)):
        less = f" - {borrowed}" if borrowed else ""
        ten, result = (10, x + 10 - y - borrowed) if x - borrowed < y else (0, x - y - borrowed)
        top = f"{x + ten} - {y}{less} = {result}"
        steps.append(f"{_PLACES[place]}: {'borrow 1, ' if ten else ''}{top}.")
        borrowed = ten // 10
    return Exercise(_ask(rng, f"{a} - {b}"), tuple(steps), str(a - b), "column subtraction", (str(a), str(b)))


def multiplication(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """Multiplication by the parts of one factor."""
    a, b = numbers.draw(rng, 3, 999), numbers.draw(rng, 11, 99)
    if a is None or b is None:
        return None
    tens, ones = b - b % 10, b % 10
    parts = [p for p in (tens, ones) if p]
    steps = [f"{a} * {p} = {a * p}." for p in parts]
    if len(parts) == 2:
        steps = [f"Split {b} = {tens} + {ones}.", *steps, f"{a * tens} + {a * ones} = {a * b}."]
    return Exercise(_ask(rng, f"{a} * {b}"), tuple(steps), str(a * b), "multiplication by parts", (str(a), str(b)))


def division(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """Long division with a remainder, digit by digit."""
    a, b = numbers.draw(rng, 30, 9999), numbers.draw(rng, 2, 12)
    if a is None or b is None:
        return None
    steps: list[str] = []
    rest = 0
    for digit in str(a):
        current = rest * 10 + int(digit)
        fits, rest = divmod(current, b)
        if fits or steps:
            steps.append(f"{b} goes into {current} {_times(fits)}: {current} - {b} * {fits} = {rest}.")
    steps.append(f"Check: {b} * {a // b} + {rest} = {a}.")
    question = pick(
        rng, ("Divide {a} by {b} with remainder.", "What are quotient and remainder of {a} divided by {b}?")
    ).format(a=a, b=b)
    answer = f"{a // b} remainder {rest}"
    return Exercise(question, tuple(steps), answer, "long division", (str(a), str(b)))


def expression(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """An expression whose parts have to be worked out in the right order."""
    a, b, c = (numbers.draw(rng, 2, most) for most in (99, 12, 20))
    if a is None or b is None or c is None:
        return None
    form = int(rng.integers(3))
    if form == 0:
        text, steps, value = (
            f"{a} + {b} * {c}",
            (f"First the product: {b} * {c} = {b * c}.", f"Then {a} + {b * c} = {a + b * c}."),
            a + b * c,
        )
    elif form == 1:
        text = f"({a} + {b}) * {c}"
        steps, value = (f"First the bracket: {a} + {b} = {a + b}.", f"Then {a + b} * {c} = {(a + b) * c}."), (a + b) * c
    else:
        text = f"{a} * {c} - {b}"
        steps, value = (f"First the product: {a} * {c} = {a * c}.", f"Then {a * c} - {b} = {a * c - b}."), a * c - b
    return Exercise(_ask(rng, text), steps, str(value), "order of operations", (str(a), str(b), str(c)))


def fraction(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """A sum of two fractions over a common denominator."""
    drawn = [numbers.draw(rng, 2, 24) for _ in range(4)]
    if None in drawn:
        return None
    p, q, r, s = (int(n or 0) for n in drawn)
    total = Fraction(p, q) + Fraction(r, s)
    steps = (
        f"Bring both to the denominator {q} * {s} = {q * s}.",
        f"{p}/{q} = {p * s}/{q * s} and {r}/{s} = {r * q}/{q * s}.",
        f"{p * s} + {r * q} = {p * s + r * q}, so the sum is {p * s + r * q}/{q * s} = {total}.",
    )
    return Exercise(_ask(rng, f"{p}/{q} + {r}/{s}"), steps, str(total), "fractions", tuple(map(str, drawn)))


def percentage(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """A percentage of a number."""
    p, n = numbers.draw(rng, 2, 95), numbers.draw(rng, 20, 9999)
    if p is None or n is None:
        return None
    value = Fraction(p * n, 100)
    question = pick(rng, ("What is {p}% of {n}?", "Find {p} percent of {n}.", "Work out {p}% of {n}.")).format(p=p, n=n)
    steps = (f"{p} * {n} = {p * n}.", f"{p * n} / 100 = {_decimal(value)}.")
    return Exercise(question, steps, _decimal(value), "percentage", (str(p), str(n)))


MAKERS: tuple[tuple[Maker, float], ...] = (
    (addition, 0.2),
    (subtraction, 0.18),
    (multiplication, 0.14),
    (division, 0.1),
    (expression, 0.1),
    (fraction, 0.04),
    (percentage, 0.04),
    (word_problems.make, 0.2),
)
"""What makes an exercise, and how often."""


def exercise(numbers: Pool, rng: np.random.Generator) -> Exercise | None:
    """One exercise of a random kind; None where the numbers do not suffice for it."""
    at = int(np.searchsorted(np.cumsum([w for _, w in MAKERS]), rng.random() * 0.999))
    return MAKERS[at][0](numbers, rng)


def drill(numbers: Pool, rng: np.random.Generator, reserved: Reserved | None = None) -> str | None:
    """A column of up to twelve short sums with their results, none of them `reserved`."""
    lines: list[str] = []
    for _ in range(int(rng.integers(8, 17))):
        a, b, op = numbers.draw(rng, 2, 999), numbers.draw(rng, 2, 999), pick(rng, ("+", "+", "-", "*"))
        if a is None or b is None:
            return None
        if op == "-":
            a, b = max(a, b), min(a, b)
        if op == "*" and min(a, b) > 12:
            op = "+"
        if reserved is None or not reserved(a, op, b):
            lines.append(f"{a} {op} {b} = {eval_step(a, op, b)}")
    distinct = list(dict.fromkeys(lines))[:12]
    return "\n".join([pick(rng, _HEADS), *distinct]) + "\n" if len(distinct) >= 4 else None


def eval_step(a: int, op: str, b: int) -> int:
    """`a op b` for +, - and *."""
    return a + b if op == "+" else a - b if op == "-" else a * b


_PLACES = ("Ones", "Tens", "Hundreds", "Thousands", "Ten thousands")
_HEADS = (
    "Mental arithmetic:",
    "Sums and their results:",
    "Practice:",
    "Check these by heart:",
    "Worked sums:",
    "Number facts:",
)
_ASKS = ("What is {}?", "Compute {}.", "Work out {}.", "Calculate {}.", "Find the value of {}.", "Evaluate {}.")


def _ask(rng: np.random.Generator, expression: str) -> str:
    return pick(rng, _ASKS).format(expression)


def _columns(a: int, b: int) -> list[tuple[int, int]]:
    """Digit pairs from the right."""
    width = max(len(str(a)), len(str(b)))
    return [(int(x), int(y)) for x, y in zip(reversed(f"{a:0{width}}"), reversed(f"{b:0{width}}"), strict=True)]


def _times(n: int) -> str:
    return "once" if n == 1 else "zero times" if n == 0 else f"{n} times"


def _decimal(value: Fraction) -> str:
    """An exact decimal of at most two places."""
    hundredths = int(value * 100)
    return str(hundredths // 100) if hundredths % 100 == 0 else f"{hundredths / 100:.2f}".rstrip("0")
