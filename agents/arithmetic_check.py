"""Checking arithmetic by rule, which speaks only where it is sure; everything else is left to a model.

It accepts an answer that follows from the question by a form of question read as a whole, with all written equations
true. It refuses an answer that differs from such a result, or that rests on an equation which is wrong under every
plausible reading. It shares nothing with the makers of exercises but the form of a question and its answer.
"""

import re
from fractions import Fraction

from ..tiers.answers import bare
from ..tiers.answers.answer import read as read_answer
from ..tiers.answers.exact import value
from ..tiers.answers.grammar import Unread
from . import reliance, stories
from .calculation import Unsolved, calculate
from .equations import Equation, equations
from .exercise import Exercise, read

_EXPRESSION = re.compile(
    r"(?:what is|compute|work out|calculate|find the value of|evaluate|find) "
    r"([-+*/\u00d7\u00f7\u00b7()\d. ]{3,200}?)[?.= ]*"
)
_SHARE = re.compile(r"(?:what is|find|work out|calculate|compute) (\d{1,9}) ?(?:%|percent) of (\d{1,12})[?.]*")
_DIVIDED = re.compile(
    r"(?:divide (\d{1,12}) by (\d{1,12}) with remainder"
    r"|what are quotient and remainder of (\d{1,12}) divided by (\d{1,12}))[?.]*"
)
_REMAINDER = re.compile(r"(-?\d{1,12}) remainder (\d{1,12})\.?")
_HEADING = re.compile(r"[A-Za-z][^\d=]{0,60}:?")


def solve(question: str) -> stories.Result:
    """The result of a question, and the remainder where it asks for one.

    Raises:
        Unsolved: the question as a whole has no known form.
    """
    asked = " ".join(question.lower().split())
    expression = _EXPRESSION.fullmatch(asked)
    if expression:
        if re.search(r"[/\u00f7].*[\d)]\s*\(", expression[1]):
            raise Unsolved("a product without a sign behind a division is read in two ways")
        return calculate(expression[1]), None
    share = _SHARE.fullmatch(asked)
    if share:
        return Fraction(int(share[1]) * int(share[2]), 100), None
    divided = _DIVIDED.fullmatch(asked)
    if divided:
        dividend, divisor = (int(group) for group in divided.groups() if group)
        if divisor == 0:
            raise Unsolved("a division by zero")
        return Fraction(dividend // divisor), Fraction(dividend % divisor)
    return stories.read(question)


def claimed(answer: str) -> stories.Result:
    """The result that an answer states: a number, with or without unit, or `q remainder r`.

    Raises:
        Unsolved: it states none.
    """
    remainder = _REMAINDER.fullmatch(answer.strip())
    if remainder:
        return Fraction(remainder[1]), Fraction(remainder[2])
    try:
        items = read_answer(bare(answer)).items
    except (Unread, RecursionError) as error:
        raise Unsolved(f"{answer.strip()[:60]!r} is no number") from error
    number = value(items[0].tree) if len(items) == 1 and not items[0].kind else None
    if number is None or items[0].otherwise is not None or (items[0].unit is not None and items[0].unit.factor != 1):
        raise Unsolved(f"{answer.strip()[:60]!r} is no number")
    return number, None


def check(text: str, *, working: bool = True) -> tuple[str, list[str]]:
    """Whether the text is right: the fault in words (empty: none), and what was checked.

    Args:
        text: a document.
        working: whether the working can speak against the answer. Where a model can be asked, this is left to it.

    Raises:
        Unsolved: nothing is certain.
    """
    exercise = read(text)
    written = equations("\n".join(exercise.steps) if exercise else text)
    wrong = [e for e in written if e.verdict == "wrong"]
    checks = [f"{len(written)} equations calculated"]
    if exercise is None:
        return _check_column(text, written, wrong, checks)
    if not wrong:
        return _check_answer(exercise, written, checks)
    if not working:
        raise Unsolved(f"{wrong[0].text!r} does not hold, but the answer need not rest on it")
    relied = _relied_on(exercise, written, wrong)
    if relied:
        return f"{relied!r} does not hold", checks
    fault, checks = _check_answer(exercise, written, checks)  # the question as a whole is understood
    return fault or f"{wrong[0].text!r} does not hold", checks


def _relied_on(exercise: Exercise, written: list[Equation], wrong: list[Equation]) -> str:
    """The first false equation that the answer rests on; empty where there is none."""
    answer, steps = claimed(exercise.answer)[0], "\n".join(exercise.steps)
    return next((e.text for e in wrong if reliance.rests_on(answer, e, exercise.question, steps, written)), "")


def _check_column(
    text: str, written: list[Equation], wrong: list[Equation], checks: list[str]
) -> tuple[str, list[str]]:
    """A column of sums: nothing but equations, with a heading."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    sums = [line for line in lines if not _HEADING.fullmatch(line)]
    if len(written) < 2 or len(written) != len(sums) or len(lines) - len(sums) > 1:
        raise Unsolved("neither a question nor a column of sums")
    if wrong:
        return f"{wrong[0].text!r} does not hold", checks
    if any(e.verdict == "open" for e in written):
        raise Unsolved("a sum is right only in one reading")
    return "", checks


def _check_answer(exercise: Exercise, written: list[Equation], checks: list[str]) -> tuple[str, list[str]]:
    result, rest = solve(exercise.question)
    stated, stated_rest = claimed(exercise.answer)
    given = f"{result}" + (f" remainder {rest}" if rest is not None else "")
    checks.append(f"solved again from the words: {given}")
    if (stated, stated_rest or 0) != (result, rest or 0):
        if _in_another_form(result, rest, stated, stated_rest):
            raise Unsolved("the answer may be rounded, or be given with a remainder or without")
        return f"the answer is {exercise.answer!r}, the question gives {given}", checks
    if any(e.verdict == "open" for e in written):
        raise Unsolved("an equation of the working is right only in one reading")
    return "", checks


def _in_another_form(result: Fraction, rest: Fraction | None, stated: Fraction, stated_rest: Fraction | None) -> bool:
    """Whether a result that is no whole number is stated rounded, or with a remainder where none is asked for."""
    if (rest is None) != (stated_rest is None):
        return result.denominator != 1 or stated.denominator != 1
    places = next((k for k in range(13) if (stated * 10**k).denominator == 1), None)
    return result.denominator != 1 and places is not None and abs(stated - result) < Fraction(1, 10**places)
