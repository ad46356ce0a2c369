"""Answers: what a text states as a result, and whether two texts state the same. One notion for agents and exams."""

from .bare import bare, closing
from .same import same_answer

__all__ = ["bare", "closing", "same_answer"]
