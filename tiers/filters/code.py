"""Rules for program text: does it parse, was it generated, minified, or is it data in disguise."""

import ast
import sys
import textwrap
import warnings
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from ..split import source_file
from .batch import Batch, Reasons, over, under

GENERATED = (
    r"(?i)auto-?generated|automatically generated|\b(?:is|was) generated (?:by|from|using|with)\b"
    r"|\bdo not (?:edit|modify) (?:this|directly|manually|by hand)|\bdo not edit\b"
)
"""What generators write at the head of their output ..."""
HEAD = 1_000
"""... which is this many characters."""
LITERAL_LINE = (
    r"(?m)^[ \t]*(?:[-+()\[\]{}, \t:]|[bru]?\"(?:[^\"\\\n]|\\.)*\"|[bru]?'(?:[^'\\\n]|\\.)*'"
    r"|0x[0-9a-fA-F]+|[0-9._eEjL]+)+(?:#.*)?$"
)
VERSION = f"Python {sys.version_info.major}.{sys.version_info.minor}"
ENCODED = r"[A-Za-z0-9+/=]{120,}|(?:\\x[0-9a-fA-F]{2}){16,}"


def parses(batch: Batch, config: CleanConfig) -> Reasons:
    """Whole Python files must be Python; a piece of one (named with `#`) may begin in the middle."""
    made: list[str | None] = [None] * len(batch)
    for i in np.flatnonzero(batch.is_code):
        if batch.source[i].endswith(".py"):
            made[i] = syntax_fault(batch.text[i].as_py())
    return pa.array(made, pa.string())


def syntax_fault(source: str) -> str | None:
    """Why a text is not Python of this version, or None."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # invalid escapes in other people's code
            ast.parse(textwrap.dedent(source))
    except SyntaxError as error:
        return f"does-not-parse: {error.msg} at line {error.lineno} ({VERSION})"
    except (ValueError, RecursionError, MemoryError) as error:  # NUL, or nesting beyond the parser's stack
        return f"does-not-parse: {type(error).__name__} ({VERSION})"
    return None


def generated(batch: Batch, config: CleanConfig) -> Reasons:
    """Written by a program."""
    said = pc.count_substring_regex(pc.utf8_slice_codeunits(batch.text, 0, HEAD), GENERATED)
    return over("generated", said.to_numpy(zero_copy_only=False), 0, batch.is_code)


def long_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """Minified, or data: lines too long on average."""
    mean = batch.counts["character"] / (batch.counts["line"] + 1)
    return over("long-lines", mean, config.max_mean_line, batch.is_code)


def long_line(batch: Batch, config: CleanConfig) -> Reasons:
    """Minified, or data: one line too long."""
    return over("long-line", _longest(batch), config.max_line, batch.is_code)


def few_letters(batch: Batch, config: CleanConfig) -> Reasons:
    """Symbols and numbers only."""
    return under("few-letters", batch.counts["letter"] / batch.visible, config.min_letters_code, batch.is_code)


def digits(batch: Batch, config: CleanConfig) -> Reasons:
    """A table of numbers."""
    return over("many-digits", batch.counts["digit"] / batch.visible, config.max_digits, batch.is_code)


def literals(batch: Batch, config: CleanConfig) -> Reasons:
    """A table of anything."""
    written = np.maximum(batch.matches(r"(?m)^.*[^\s].*$"), 1)
    held = batch.matches(LITERAL_LINE) - (batch.counts["line"] + 1 - written)  # blank lines match as well
    applies = batch.is_code & np.array([source_file(s).endswith(".py") for s in batch.source], bool) & (written >= 10)
    return over("literal-lines", np.maximum(held, 0) / written, config.max_literal_lines, applies)


def encoded(batch: Batch, config: CleanConfig) -> Reasons:
    """Files packed into strings."""
    return over("encoded-data", batch.matched(ENCODED), config.max_encoded, np.ones(len(batch), bool))


def _longest(batch: Batch) -> Any:
    """[n] characters of the longest line."""
    lists = pc.split_pattern(batch.text, "\n")
    rows = np.repeat(np.arange(len(batch)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    longest = np.zeros(len(batch))
    np.maximum.at(longest, rows, pc.utf8_length(lists.flatten()).to_numpy(zero_copy_only=False))
    return longest


RULES = (parses, generated, long_lines, long_line, few_letters, digits, literals, encoded)
