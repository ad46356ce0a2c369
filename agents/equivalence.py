"""Equivalence: whether two answers of agents state the same result, and whether an answer is words."""

import re

from ..tiers.answers import bare, same_answer
from ..tiers.answers.numerals import HAN

__all__ = ["bare", "prose", "same_answer"]
_PROSE = re.compile(rf"[A-Za-z]{{3,}}|[{HAN}]{{2,}}")


def prose(answer: str) -> bool:
    """Whether an answer is words rather than mathematics."""
    return bool(_PROSE.search(re.sub(r"\\[A-Za-z]+|\b(?:sin|cos|tan|log|exp|sqrt|and)\b", " ", answer)))
