"""The rules that clean L0 into L1, a family a file."""

from . import code, repetition, syntax, text
from .batch import Batch, Rule
from .published import FAMILIES

RULES: tuple[Rule, ...] = (*text.RULES, *syntax.RULES, *code.RULES, *repetition.RULES)
"""All rules, in the order in which the first to refuse gives the reason."""

__all__ = ["Batch", "FAMILIES", "RULES", "Rule"]
