"""Answers that a model wrote itself, judged: numbers, mathematics, words, and programs that somebody else runs."""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ..tiers.answers import closing, same_answer
from .score import Benchmark, Item

CODE = ("function", "program")
"""Checks that need programs to be run."""
Execute = Callable[[Sequence[tuple[str, str]]], Sequence[bool]]
"""Runs solutions, each with its tests, where they can do no harm; says of each whether it passed."""
_NUMBER = re.compile(r"-?\d[\d,]*(?:\.\d+)?(?:/\d+)?")
_NAMED = re.compile(
    r"(?:answer\s+is|answer\s*:|答案(?:是|为|[:：]))\s*([^\n]+?)(?:\.\s|\.?$|。)", re.IGNORECASE | re.MULTILINE
)
_FORMULA = re.compile(r"\$\$([^$]+)\$\$|\$([^$]+)\$|\\\((.+?)\\\)|\\\[(.+?)\\\]", re.DOTALL)
_MARKED = re.compile(r"####\s*(.+)")


def right(benchmark: Benchmark, said: Sequence[str], execute: Execute | None) -> list[float]:
    """1 or 0 for each written answer, in the order of the benchmark's items.

    Args:
        benchmark: whose `check` says how.
        said: what the model wrote after each prompt.
        execute: runs what a model wrote under the tests of the item; needed for code alone.

    Raises:
        ValueError: code, and nothing to run it with.
    """
    if benchmark.check in CODE:
        if execute is None:
            raise ValueError(f"{benchmark.name} wants programs to be run, and nothing was given that runs them")
        programs = [_program(benchmark, item, text) for item, text in zip(benchmark.items, said, strict=True)]
        return [float(ok) for ok in execute(programs)]
    same = {"number": _same_number, "math": _same_expression, "text": _same_text}[benchmark.check]
    return [float(same(text, item.target)) for item, text in zip(benchmark.items, said, strict=True)]


def _program(benchmark: Benchmark, item: Item, text: str) -> tuple[str, str]:
    """What is run, and its tests: a function goes on where its prompt ends, a program stands alone."""
    return (item.text if benchmark.check == "function" else "") + text + "\n", item.target + "\n"


def _same_number(said: str, target: str) -> bool:
    """The number behind `####`, or else the last one, equals the target."""
    marked = _MARKED.search(said)
    numbers = _NUMBER.findall(marked.group(1) if marked else said)
    return bool(numbers) and _value(numbers[0 if marked else -1]) == _value(target)


def _value(number: str) -> Fraction | str:
    try:
        return Fraction(number.replace(",", "").strip())
    except (ValueError, ZeroDivisionError):
        return number.strip()


def _same_expression(said: str, target: str) -> bool:
    """The last boxed or final expression states the same as the target."""
    return any(same_answer(candidate, target) for candidate in _final(said))


def _final(text: str) -> list[str]:
    """What is meant as the result: the last box, or else what follows `answer is`, the last formula, the last line."""
    start = max(text.rfind("\\boxed{"), text.rfind("\\fbox{"))
    if start >= 0:
        return [text[start : closing(text, text.index("{", start)) + 1]]
    named = _NAMED.findall(text)
    formulas = _FORMULA.findall(text)
    lines = [line for line in text.splitlines() if line.strip()]
    return [c for c in (named[-1:] or ["".join(f) for f in formulas[-1:]] or lines[-1:]) if c.strip()]


def _same_text(said: str, target: str) -> bool:
    """The first line, case and surrounding marks aside."""
    first = said.strip().splitlines()[0] if said.strip() else ""
    return first.strip(" .\"'()").casefold() == target.strip(" .\"'()").casefold()
