"""Solving arithmetic from its text alone: an exact calculator, a reader of stories, a check of every written equation.

It shares nothing with the makers of exercises but the form of a question and its answer: numbers and operations are
read from the words again.
"""

import re
from fractions import Fraction

from .exercise import Exercise, read

MAX_TOKENS = 60
MAX_EQUATIONS = 200
_TOKEN = re.compile(r"\d{1,12}(?:\.\d{1,6})?|[-+*/\u00d7\u00f7\u00b7()]")
_FORMULA = re.compile(r"[-+*/\u00d7\u00f7\u00b7()\d.= ]{1,400}")
_NUMBER = re.compile(r"(?<![\d.])\d{1,12}(?![\d.]*\d)")


class Unsolved(ValueError):
    """The text is not understood, so nothing can be said about its answer."""


def calculate(text: str) -> Fraction:
    """The exact value of an expression of numbers, + - * / and brackets.

    Raises:
        Unsolved: anything else, a division by zero, or more than MAX_TOKENS tokens.
    """
    tokens = _TOKEN.findall(text)
    if not tokens or "".join(tokens) != "".join(text.split()) or len(tokens) > MAX_TOKENS:
        raise Unsolved(f"{text.strip()[:60]!r} is no expression of numbers")
    value = _sum(tokens)
    if tokens:
        raise Unsolved(f"{text.strip()[:60]!r} is no whole expression")
    return value


def _sum(tokens: list[str]) -> Fraction:
    value = _product(tokens)
    while tokens and tokens[0] in "+-":
        value = value + _product(tokens) if tokens.pop(0) == "+" else value - _product(tokens)
    return value


def _product(tokens: list[str]) -> Fraction:
    value = _atom(tokens)
    while tokens and tokens[0] in "*\u00d7\u00b7/\u00f7":
        divides = tokens.pop(0) in "/\u00f7"
        other = _atom(tokens)
        if divides and other == 0:
            raise Unsolved("a division by zero")
        value = value / other if divides else value * other
    return value


def _atom(tokens: list[str]) -> Fraction:
    token = tokens.pop(0) if tokens else ""
    if token == "-":
        return -_atom(tokens)
    if token == "(":
        value = _sum(tokens)
        if not tokens or tokens.pop(0) != ")":
            raise Unsolved("a bracket stays open")
        return value
    if not token[:1].isdigit():
        raise Unsolved(f"a number was wanted, got {token!r}")
    return Fraction(token)


def equations(text: str) -> list[tuple[str, bool]]:
    """Every equation between numbers that `text` writes (chains are one), and whether it holds."""
    found: list[tuple[str, bool]] = []
    for run in _FORMULA.findall(text):
        formula = run.strip().strip(".").strip()
        if "=" not in formula or not any(map(str.isdigit, formula)):
            continue
        try:
            values = {calculate(side.strip().rstrip(".")) for side in formula.split("=")}
        except Unsolved:
            found.append((formula, False))
        else:
            found.append((formula, len(values) == 1))
        if len(found) >= MAX_EQUATIONS:
            break
    return found


def solve(question: str) -> tuple[Fraction, Fraction | None]:
    """The result of a question, and the remainder where it asks for one.

    Raises:
        Unsolved: it is not understood.
    """
    asked = re.fullmatch(
        r"(?:what is|compute|work out|calculate|find the value of|evaluate) "
        r"([-+*/\u00d7\u00f7\u00b7()\d. ]{1,200}?)[?.]*",
        question.strip().lower(),
    )
    if asked:
        return calculate(asked[1]), None
    share = re.search(r"(\d{1,9}) ?(?:%|percent) of (\d{1,12})", question)
    if share:
        return Fraction(int(share[1]) * int(share[2]), 100), None
    divided = re.search(
        r"(?:divide (\d{1,12}) by (\d{1,12})|remainder of (\d{1,12}) divided by (\d{1,12}))", question.lower()
    )
    if divided:
        a, b = (int(g) for g in divided.groups() if g)
        return _with_remainder(a, b)
    return _story(question)


def _with_remainder(a: int, b: int) -> tuple[Fraction, Fraction]:
    if b == 0:
        raise Unsolved("a division by zero")
    return Fraction(a // b), Fraction(a % b)


_GAINS = re.compile(r"\b(?:buys|finds|gets|receives|collects|gains|adds|earns|picks|wins)\b")
_LOSSES = re.compile(r"\b(?:sells|loses|uses|gives|eats|spends|breaks|taken|removed|donates)\b")


def _story(question: str) -> tuple[Fraction, Fraction | None]:
    """Reads a story sentence by sentence, keeping what there is by now."""
    sentences = [s.lower() for s in re.split(r"(?<=[.?!])\s+", question.strip()[:2_000]) if s]
    told, asked = sentences[:-1], sentences[-1] if sentences else ""
    if not told or not asked.startswith("how "):
        raise Unsolved("no story with a question at its end")
    amounts: list[Fraction] = []
    for sentence in told:
        numbers = [Fraction(n) for n in _NUMBER.findall(sentence)]
        if re.search(r"\bequally\b", sentence) and len(numbers) == 2 and "remain" in asked:
            return _with_remainder(int(numbers[0]), int(numbers[1]))
        _tell(sentence, numbers, amounts)
    if not amounts or _NUMBER.search(asked):
        raise Unsolved("the story is not understood")
    together = re.search(r"\b(?:together|in all|altogether|in total)\b", asked)
    if len(amounts) > 1 and not together:
        raise Unsolved("several amounts, and the question names none")
    return sum(amounts, Fraction(0)), None


def _tell(sentence: str, numbers: list[Fraction], amounts: list[Fraction]) -> None:
    """What one sentence does to the amounts so far."""
    if re.search(r"\b(?:each|per|every)\b", sentence) and len(numbers) >= 2 and not amounts:
        amounts.append(numbers[0] * numbers[1])
        if len(numbers) == 3 and re.search(r"\bpays with\b", sentence):
            amounts[0] = numbers[2] - amounts[0]
        elif len(numbers) != 2:
            raise Unsolved(f"{sentence[:60]!r} is not understood")
        return
    than = re.search(r"(\d{1,12}) (more|fewer|less) than", sentence)
    if than and len(amounts) == 1 and len(numbers) == 1:
        amounts.append(amounts[0] + numbers[0] if than[2] == "more" else amounts[0] - numbers[0])
        return
    if not amounts and len(numbers) == 2 and _GAINS.search(sentence):
        amounts.append(numbers[0] + numbers[1])
    elif not amounts and numbers and not _LOSSES.search(sentence) and not _GAINS.search(sentence):
        amounts.extend(numbers)
    elif len(amounts) == 1 and len(numbers) == 1 and _LOSSES.search(sentence):
        amounts[0] -= numbers[0]
    elif len(amounts) == 1 and len(numbers) == 1 and _GAINS.search(sentence):
        amounts[0] += numbers[0]
    else:
        raise Unsolved(f"{sentence[:60]!r} is not understood")


def claimed(answer: str) -> tuple[Fraction, Fraction | None]:
    """The result that an answer states: a number, a fraction, or `q remainder r`.

    Raises:
        Unsolved: it states none.
    """
    match = re.fullmatch(r"(-?\d{1,12}(?:\.\d{1,6})?(?:/\d{1,12})?)(?: remainder (\d{1,12}))?\.?", answer.strip())
    if not match:
        raise Unsolved(f"{answer.strip()[:60]!r} is no number")
    return calculate(match[1]), Fraction(match[2]) if match[2] else None


def check(text: str) -> tuple[str, list[str]]:
    """Whether the text is right: the fault in words (empty: none), and what was checked.

    Raises:
        Unsolved: neither a question that is understood nor equations alone.
    """
    exercise = read(text)
    written = equations("\n".join(exercise.steps) if exercise else text)
    wrong = [formula for formula, holds in written if not holds]
    done = [f"{len(written)} equations calculated"]
    if exercise is None:
        if len(written) < 2 or len(written) < text.count("="):
            raise Unsolved("neither a question nor a column of sums")
        return (f"{wrong[0]!r} does not hold" if wrong else ""), done
    return _check_answer(exercise, wrong, done)


def _check_answer(exercise: Exercise, wrong: list[str], done: list[str]) -> tuple[str, list[str]]:
    result, rest = solve(exercise.question)
    stated, stated_rest = claimed(exercise.answer)
    done.append(f"solved again from the words: {result}" + (f" remainder {rest}" if rest is not None else ""))
    if (stated, stated_rest or 0) != (result, rest or 0):
        return f"the answer is {exercise.answer!r}, the question gives {done[-1].partition(': ')[2]}", done
    return (f"{wrong[0]!r} does not hold" if wrong else ""), done
