"""What every character is to a reader of words and signs: tables by code point, made once a process."""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .tokens import CJK, Hashes, mix

SPACE, LETTER, DIGIT, IDEOGRAPH, OPERATOR, BRACKET = range(6)
"""Separators (white space, punctuation, `$`, braces); parts of a word; words and signs of one character each."""

OPERATORS = "+-*/=<>^&!%\\~\u00ac\u00b1\u00b7\u00d7\u00f7\u2032\u2033\u2044"
"""Signs in ASCII and Latin-1; the blocks of arrows and of mathematical operators come on top."""
FOLDED = (range(0x3400), range(0xF900, 0x10000), range(0x1D400, 0x1D800))
"""Code points that may be spelled otherwise; the others are scripts that have one form."""
BLOCKS = ((0x2190, 0x22FF), (0x27C0, 0x27FF), (0x2900, 0x2BFF))
BRACKETS = "|()[]"
SPELLINGS = {"\u2212": "-", "\u2013": "-", "\u22c5": "\u00b7"}
"""Minus, en dash and dot operator. What Unicode calls compatible (full-width, styled letters) comes on top."""
PLANES = 0x32000
"""Code points that are looked at; beyond them no letter is assigned."""


@dataclass(frozen=True)
class Characters:
    """By code point, PLANES of them."""

    kinds: np.ndarray[Any, np.dtype[np.uint8]]
    hashes: Hashes
    """The same for the spellings of one character."""


@cache
def characters() -> Characters:
    """The tables; they take a quarter of a second."""
    points = np.array([p for p in range(PLANES) if not 0xD800 <= p < 0xE000])
    texts = pa.array(_folded(points.tolist()), pa.string())
    kinds = np.zeros(PLANES, np.uint8)
    kinds[points[_matching(texts, r"^\pL$")]] = LETTER
    kinds[points[_matching(texts, r"^\pN$")]] = DIGIT
    kinds[points[_matching(texts, f"^{CJK}$")]] = IDEOGRAPH
    for low, high in BLOCKS:
        kinds[low : high + 1] = OPERATOR
    plain = np.frombuffer("".join(texts.to_pylist()).encode("utf-32-le"), np.uint32)
    kinds[points[np.isin(plain, [ord(c) for c in OPERATORS])]] = OPERATOR
    kinds[points[np.isin(plain, [ord(c) for c in BRACKETS])]] = BRACKET
    hashes = np.zeros(PLANES, np.uint64)
    hashes[points] = mix(plain.astype(np.uint64) + np.uint64(1))
    return Characters(kinds, hashes)


def _folded(points: list[int]) -> list[str]:
    """Each character as the one that it is a spelling of."""
    spelled = {p: _plain(chr(p)) for some in FOLDED for p in some}
    return [spelled[p] if p in spelled else chr(p) for p in points]


def _plain(character: str) -> str:
    """The character that this one is a spelling of, in lower case; itself where that would be several."""
    folded = SPELLINGS.get(character) or unicodedata.normalize("NFKC", character).lower()
    return folded if len(folded) == 1 else character


def _matching(texts: pa.Array, pattern: str) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(pc.match_substring_regex(texts, pattern).to_numpy(zero_copy_only=False), bool)
