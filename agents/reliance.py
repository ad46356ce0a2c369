"""Reliance: whether the answer of a solution rests on an equation of its working.

A solution with a false equation may still have the right answer: a slip of the pen (`8*3 = 240` for `80*3 = 240`), or
a line that leads nowhere. Only an equation whose result leads to the answer speaks against the answer.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from .calculation import NUMBER, Unsolved, calculate
from .equations import Equation, normal


def numbers(text: str) -> frozenset[Fraction]:
    """The numbers that a text writes in digits, without their signs."""
    return frozenset(map(Fraction, re.findall(NUMBER, normal(text))))


def rests_on(answer: Fraction, equation: Equation, question: str, working: str, written: Sequence[Equation]) -> bool:
    """Whether `answer` rests on a false equation: its stated result leads there, and its right value is used nowhere.

    Args:
        answer: the final result.
        question: what is asked; a result that stands there need not come from the equation.
        equation: one of `written`.
        working: the text that holds the equations.
        written: its equations, in their order.
    """
    sides = [_value(side) for side in equation.text.split(" = ")]
    if sides[0] is None or sides[-1] is None or sides[0] == answer or sides[0] in numbers(working):
        return False
    if sides[-1] in numbers(question):
        return False
    results = {sides[-1]}
    for later in written[written.index(equation) + 1 :]:
        first, *_, last = later.text.split(" = ")
        value = _value(last)
        if value is not None and results & numbers(first):
            results.add(value)
    return answer in results


def _value(text: str) -> Fraction | None:
    try:
        return calculate(text)
    except Unsolved:
        return None
