"""Rules for LaTeX: what opens must close, and a list of macros is no text."""

from typing import Any

import numpy as np

from ..config import CleanConfig
from .batch import Batch, Mask, Reasons, over

MACRO_LINE = (
    r"^\\(?:(?:re)?newcommand|[egx]?def|let|usepackage|RequirePackage|documentclass|newtheorem|theoremstyle|"
    r"DeclareMathOperator|input|include|(?:re)?newenvironment|setlength|setcounter|providecommand)(?:[^a-zA-Z]|$)"
    r"|^\\[a-zA-Z]+(?:\[[^\]]*\])?\{[\w-]*[./][\w./-]*\}$"  # the name of a file
)
FEW_MACROS = 5
"""Lines of macros that a text may begin with, whatever its length."""
WHOLE, PIECE = 3, 16
"""Unmatched braces and environments borne in a whole text, and in one cut out of a longer one."""
SHARE = 0.05
"""Of all braces, borne as well: long texts quote single ones."""


def unbalanced(batch: Batch, config: CleanConfig) -> Reasons:
    """Braces or environments that do not close: a formula was lost or cut."""
    opened, closed = (batch.matches(rf"\{b}") - batch.matches(rf"(?:^|[^\\])\\\{b}") for b in "{}")
    begun, ended = batch.matches(r"\\begin\s*\{"), batch.matches(r"\\end\s*\{")
    pieces = np.array(["#" in name for name in batch.source], bool)
    borne = np.where(pieces, PIECE, WHOLE) + SHARE * (opened + closed)
    beyond = np.maximum(np.abs(opened - closed) + np.abs(begun - ended) - borne, 0)
    return over("latex-unbalanced", np.ceil(beyond), 0, _is_latex(batch))


def macros(batch: Batch, config: CleanConfig) -> Reasons:
    """A preamble: definitions line after line."""
    lines = batch.lines
    defining = lines.matching(MACRO_LINE)
    many = np.bincount(lines.rows, weights=defining, minlength=len(batch)) >= FEW_MACROS
    held = np.bincount(lines.rows, weights=lines.lengths * defining, minlength=len(batch))
    written = np.maximum(np.bincount(lines.rows, weights=lines.lengths, minlength=len(batch)), 1)
    share = np.minimum(lines.share(defining), held / written)  # a theorem is longer than the macros before it
    return over("latex-macros", share, 0.4, _is_latex(batch) & many)


def _is_latex(batch: Batch) -> Mask:
    found: Any = ~batch.is_code & (batch.matches(r"\\[a-zA-Z]+") > 0)
    return np.asarray(found, bool)


RULES = (unbalanced, macros)
