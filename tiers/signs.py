"""Words and signs of texts: what two texts of mathematics or code that share their words may still differ in.

Words alone do not tell `x^2+5x+6` from `x^2-5x+6`. A text with formulae has, beside its words, a set of windows: each
operator, relation, exponent, bracket, LaTeX command and number with the token before it and the token after it. Layout
is no part of it: white space, `$` and the other delimiters, braces, LaTeX spacing, full-width characters.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .characters import BRACKET, DIGIT, LETTER, OPERATOR, PLANES, SPACE, characters
from .rows import as_array
from .tokens import PRIME, Hashes, Ints, mix

Mask = np.ndarray[Any, np.dtype[np.bool_]]
Kinds = np.ndarray[Any, np.dtype[np.uint8]]

LAYOUT = r"\\[,;:!> ]|\\(?:left|right|big[lr]?|bigg[lr]?|q?quad|displaystyle|limits)\b|\\[()\[\]]"
"""LaTeX that sets a formula and says nothing (in lower case)."""
RAISED = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾", "0123456789+-=()")
POWER = r"[\x{B2}\x{B3}\x{B9}\x{2070}\x{2074}-\x{207E}]"

SIGN = np.uint64(1)
"""Stands among the words of a formal text for every number and every LaTeX command: windows tell them apart."""
BACKSLASH = ord("\\")
DENSE = 0.06
"""A text is formal if this share of its tokens are operators and numbers: a date or two in prose is not a formula."""
CHARS = 1 << 17
"""Characters looked at together, about 50 bytes each; a longer text is looked at whole."""
LONGEST = 1 << 12
"""Characters of a word after which its hash takes the same factors again."""


@dataclass(frozen=True)
class Read:
    """What n texts say."""

    words: Hashes
    """[t] words (letters and digits in a row, or a CJK character) end to end, without signs and layout."""
    offsets: Ints
    """[n + 1] where each text's words begin."""
    windows: Hashes
    """[w] windows, end to end, the second of the same another than the first; a text that is not formal has none."""
    window_offsets: Ints
    """[n + 1] where each text's windows begin."""


def read(texts: pa.Array | pa.ChunkedArray) -> Read:
    """Words and windows of n texts."""
    flat = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    plain = _powers(_without_layout(pc.utf8_lower(flat.cast(pa.large_string()))))
    none = (np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros(0, np.uint64), np.zeros(0, np.int64))
    parts = [none, *(_read(part) for part in _portions(plain))]
    words, counts, windows, window_counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    return Read(words, _offsets(counts), windows, _offsets(window_counts))


def read_text(text: str) -> tuple[list[int], frozenset[int]]:
    """Words and windows of one text."""
    texts = read(as_array([text], pa.large_string()))
    return texts.words.tolist(), frozenset(texts.windows.tolist())


def common(similarity: Any, one: Any, other: Any) -> Any:
    """Share of the smaller of two sets that is in the larger: what was added to a text is no other sign.

    Args:
        similarity: their Jaccard similarity; numbers or arrays.
        one: size of the one ...
        other: ... and of the other; where a set is empty there is nothing to compare, and the share is 1.
    """
    least = np.minimum(one, other)
    both = similarity * (one + other) / (1 + similarity)
    return np.where(least > 0, np.minimum(both / np.maximum(least, 1), 1.0), 1.0)


def agree(signs: Any, words: Any, tolerance: float) -> Any:
    """Whether two texts differ in their signs no more than their words suggest.

    Where words agree, so must signs; where an edit took words along, it may take signs along. Of texts in which one
    word in x was replaced at random, the 5-grams have similarity (1 - 5/x) / (1 + 5/x) and share 1 - 3/x of the
    windows: for each .1 less of the former at most .04 less of the latter; edits that go by lines cost a little more.

    Args:
        signs: share of windows in common, from `common`.
        words: similarity of the 5-grams of words, 0 to 1.
        tolerance: how much smaller than the middle between `words` and 1 the share may be.
    """
    return signs >= (1 + words) / 2 - tolerance


def _portions(texts: pa.Array) -> Iterator[pa.Array]:
    """The texts, some at a time."""
    lengths = pc.binary_length(texts).fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64)
    cuts = np.flatnonzero(np.diff((np.cumsum(lengths) - lengths) // CHARS)) + 1
    for low, high in zip([0, *cuts.tolist()], [*cuts.tolist(), len(texts)], strict=True):
        yield texts.slice(low, high - low)


def _read(texts: pa.Array) -> tuple[Hashes, Ints, Hashes, Ints]:
    """Words, their number in each text, windows, their number in each text."""
    table, n = characters(), len(texts)
    plain = texts.fill_null("")
    points = np.frombuffer("\n".join(plain.to_pylist()).encode("utf-32-le"), np.uint32).astype(np.intp)
    np.putmask(points, points >= PLANES, SPACE)
    ends = np.cumsum(pc.utf8_length(plain).to_numpy(zero_copy_only=False).astype(np.int64) + 1)
    kinds = _kinds(points, table.kinds)
    seen = np.flatnonzero(kinds)
    kinds, points = kinds[seen], points[seen]
    starts = _starts(seen, kinds, points)
    hashes = _hashes(table.hashes[points], starts)
    lasts = np.append(starts[1:], len(seen))[: len(starts)] - 1
    rows = np.repeat(np.arange(n), np.diff(np.searchsorted(seen[starts], ends), prepend=0))
    operator = (kinds[starts] == OPERATOR) | (points[starts] == BACKSLASH)
    sign = operator | (kinds[starts] == BRACKET)
    opening, closing = kinds[starts] == DIGIT, kinds[lasts] == DIGIT
    number = opening | closing
    formal = np.bincount(rows[number | operator], minlength=n)
    dense = formal >= DENSE * np.maximum(np.bincount(rows, minlength=n), 1)
    windows, window_rows = _windows(hashes, rows, (number | sign) & dense[rows])
    spoken = ~sign | (kinds[starts] == LETTER)
    words = np.where(dense[rows] & ((opening & closing) | operator), SIGN, hashes)
    return words[spoken], np.bincount(rows[spoken], minlength=n), windows, np.bincount(window_rows, minlength=n)


def _starts(seen: Ints, kinds: Kinds, points: Ints) -> Ints:
    """[t] where tokens begin among the characters that are part of one, from their places, kinds and code points."""
    word, command = kinds <= DIGIT, points == BACKSLASH
    first = np.ones(len(seen), bool)
    first[1:] = ~(word[1:] & word[:-1] & (seen[1:] == seen[:-1] + 1)) | command[1:]
    if command.any():  # a digit after the letters of a command is a token of its own
        inside = command[first][np.cumsum(first) - 1]
        first[1:] |= inside[1:] & (kinds[1:] == DIGIT) & (kinds[:-1] == LETTER)
    return np.flatnonzero(first)


def _kinds(points: Any, table: Kinds) -> Kinds:
    """[c] kind of each character where it stands.

    A LaTeX command is one token, a tie a space; an apostrophe after a variable is a sign; the hyphen and the slash in
    words count like brackets, for prose has them too.
    """
    kinds = table[points]
    wordy = np.concatenate([[False, False], (kinds == LETTER) | (kinds == DIGIT), [False, False]])
    before = np.concatenate([np.zeros(1, np.uint8), kinds[:-1]])
    joints = np.flatnonzero((points == ord("-")) | (points == ord("/")))
    inside = (before[joints] == LETTER) & wordy[joints + 3] & (wordy[joints] | wordy[joints + 4])
    kinds[joints[inside]] = BRACKET
    slashes = np.flatnonzero(points == BACKSLASH)
    kinds[slashes[wordy[slashes + 3]]] = LETTER
    ties = np.flatnonzero(points == ord("~"))
    kinds[ties[(before[ties] == LETTER) | (before[ties] == DIGIT) | np.isin(points[ties - 1], _ENDS)]] = SPACE
    quotes = np.flatnonzero(points == ord("'"))
    primes = quotes[(before[quotes] == LETTER) & ~wordy[quotes] & ~wordy[quotes + 3]]
    twice = np.isin(quotes, primes + 1) & ~wordy[quotes + 3]
    kinds[np.concatenate([primes, quotes[twice]])] = OPERATOR
    return np.asarray(kinds, np.uint8)


_ENDS = [ord(c) for c in ".,)}]"]


def _hashes(values: Hashes, starts: Ints) -> Hashes:
    """[t] hash of each token, a polynomial of its characters' hashes modulo 2^64, mixed."""
    if not len(starts):
        return values
    lengths = np.diff(starts, append=len(values))
    place = np.arange(len(values)) - np.repeat(starts, lengths)
    return mix(np.add.reduceat(values * _FACTORS[place & (LONGEST - 1)], starts))


_FACTORS = np.cumprod(np.full(LONGEST, PRIME, np.uint64))


def _windows(hashes: Hashes, rows: Ints, centre: Mask) -> tuple[Hashes, Ints]:
    """Windows around the tokens that a mask [t] names, the first, second ... of the same told apart; their rows."""
    middle = np.flatnonzero(centre)
    padded, owner = np.concatenate([[0], hashes, [0]]).astype(np.uint64), np.concatenate([[-1], rows, [-1]])
    mine = owner[middle + 1]
    before = np.where(owner[middle] == mine, padded[middle], 0).astype(np.uint64)
    after = np.where(owner[middle + 2] == mine, padded[middle + 2], 0).astype(np.uint64)
    found = mix((before * PRIME + hashes[middle]) * PRIME + after)
    return mix(found + _repeats(mix(found + mine.astype(np.uint64))) * PRIME), mine


def _repeats(keys: Hashes) -> Hashes:
    """[k] how many equal keys were counted before each."""
    order = np.argsort(keys)
    new = np.ones(len(keys), bool)
    new[1:] = keys[order][1:] != keys[order][:-1]
    firsts = np.flatnonzero(new)
    repeats = np.zeros(len(keys), np.uint64)
    repeats[order] = np.arange(len(keys)) - np.repeat(firsts, np.diff(firsts, append=len(keys)))
    return repeats


def _offsets(counts: Any) -> Ints:
    return np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)


def _powers(texts: pa.Array) -> pa.Array:
    """The texts with superscripts as powers."""
    having = pc.match_substring_regex(texts, POWER)
    if not pc.any(having).as_py():
        return texts
    raised = pc.replace_substring_regex(texts.filter(having), f"({POWER}+)", r"^\1").to_pylist()
    changed = pa.array([text.translate(RAISED) for text in raised], texts.type)
    return pc.replace_with_mask(texts, having, changed)


def _without_layout(texts: pa.Array) -> pa.Array:
    """The texts with a space for LaTeX that only sets a formula."""
    having = pc.match_substring(texts, "\\")
    if not pc.any(having).as_py():
        return texts
    return pc.replace_with_mask(texts, having, pc.replace_substring_regex(texts.filter(having), LAYOUT, " "))
