"""Arithmetic questions: generated problems whose operands are kept for one split each."""

from collections.abc import Iterator
from typing import Literal

from .config import EvalConfig
from .draw import rank
from .score import Item

SPLITS: tuple[Literal["feedback", "hidden"], ...] = ("feedback", "hidden")
SHARES = 8
"""One in eight of all operand pairs is asked in `feedback`, another in `hidden`; six stay free for training data."""

Problem = tuple[int, str, int]


def reserved(left: int, operator: str, right: int) -> Literal["feedback", "hidden"] | None:
    """Which split asks for this problem, if any: training data that is generated must leave it out.

    Depends on nothing but the problem (no seed), and sees `12 + 35` and `35 + 12` as the same.
    """
    first, second = sorted((left, right)) if operator in "+*" else (left, right)
    share = rank(0, "arithmetic", first, operator, second) % SHARES
    return SPLITS[share] if share < len(SPLITS) else None


def answer(problem: Problem) -> int:
    """The right result of a problem."""
    left, operator, right = problem
    return {"+": left + right, "-": left - right, "*": left * right}[operator]


def items(split: Literal["feedback", "hidden"], config: EvalConfig, seed: int) -> list[Item]:
    """`config.arithmetic_items` questions `12 + 35 =`, as many of each operator, clustered by it and the tens digit."""
    drawn: list[tuple[int, int, Problem]] = []
    for place, operator in enumerate("+-*"):
        kept = [p for p in _problems(operator) if reserved(*p) == split]
        kept.sort(key=lambda p: rank(seed, split, *p))
        drawn += [(turn, place, problem) for turn, problem in enumerate(kept)]
    return [_item(problem, config.choices, seed) for _, _, problem in sorted(drawn)[: config.arithmetic_items]]


def _problems(operator: str) -> Iterator[Problem]:
    """Two-digit sums and differences, and products of a digit with up to two digits; each unordered pair once."""
    if operator == "*":
        yield from ((left, "*", right) for left in range(2, 100) for right in range(2, min(left, 9) + 1))
        return
    yield from ((left, operator, right) for left in range(10, 100) for right in range(10, left + 1))


def _item(problem: Problem, choices: int, seed: int) -> Item:
    """The question with its near misses: off by one or ten, neighbours' carries, digits swapped."""
    left, operator, right = problem
    text, right_answer = f"{left} {operator} {right} =", answer(problem)
    swapped = int(str(right_answer)[::-1])
    misses = {right_answer + off for off in (-11, -10, -9, -2, -1, 1, 2, 9, 10, 11)} | {swapped}
    # Answers of another length could be told from the question's form alone, so they come last.
    wrong = sorted(
        (m for m in misses if m >= 0 and m != right_answer),
        key=lambda m: (len(str(m)) != len(str(right_answer)), rank(seed, text, m)),
    )[: choices - 1]
    place = rank(seed, text) % choices
    options = [*wrong[:place], right_answer, *wrong[place:]]
    return Item(
        id=f"arithmetic-{left}{operator}{right}",
        cluster=f"arithmetic/{operator}/{left // 10}",
        text=text,
        choices=tuple(f" {option}" for option in options),
        answer=place,
    )
