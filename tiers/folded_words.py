"""Folded words of many texts at once as 64-bit hashes: what quotations are compared by.

A run of letters and digits is a word, and so is each character of a script without spaces. Words are found and hashed
as bytes, so that no Python object is made for a word. Hashes of several words in a row are differences of a running
polynomial sum modulo 2^64: every length costs the same.
"""

import re
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .folding import folded
from .numerals import WORDS, composed
from .tokens import Hashes, Ints

Bools = np.ndarray[Any, np.dtype[np.bool_]]
Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_WIDE = 0xE0
"""Lead bytes from here on begin characters of three bytes or four: Chinese, Japanese, Korean and scripts like them."""
_BYTE, _BYTE_INVERSE = 0x100000001B3, pow(0x100000001B3, -1, 1 << 64)
_WORD, _WORD_INVERSE = 0x9E3779B97F4A7C15, pow(0x9E3779B97F4A7C15, -1, 1 << 64)
_NUMBER_BITS = 14
_PARTS = re.compile(r"[^\W_]+")
_BOUNDARY = re.compile(rb"[\n.?!:;|>#*\"_()\[\]{}=]")


_LONGEST: dict[int, Hashes] = {}


def powers(base: int, count: int) -> Hashes:
    """[count] powers of a base modulo 2^64, kept from call to call."""
    if len(_LONGEST.get(base, ())) < count:
        factors = np.full(1 << max(count, 1).bit_length(), base, np.uint64)
        factors[0] = 1
        _LONGEST[base] = np.cumprod(factors, dtype=np.uint64)
    return _LONGEST[base][:count]


def _word_bytes() -> Bools:
    word = np.zeros(256, bool)
    for first, last in ("09", "az"):
        word[ord(first) : ord(last) + 1] = True
    word[128:] = True
    return word


_IS_WORD = _word_bytes()


class RunHashes:
    """Hashes of words in a row, from any place on and of any length: one running sum answers for all."""

    def __init__(self, words: Hashes) -> None:
        """`words`: [t] hashes of single words, end to end."""
        self._sums = np.zeros(len(words) + 1, np.uint64)
        np.cumsum(words * powers(_WORD_INVERSE, len(words)), out=self._sums[1:])
        self._factors = powers(_WORD, len(words) + 1)

    def every(self, n: int) -> Hashes:
        """[t - n + 1] hash of every n words in a row."""
        count = max(len(self._sums) - n, 0)
        return np.asarray((self._sums[n : n + count] - self._sums[:count]) * self._factors[:count], np.uint64)

    def at(self, starts: Ints, sizes: Ints | int) -> Hashes:
        """[k] hash of so many words from each start on."""
        return np.asarray((self._sums[starts + sizes] - self._sums[starts]) * self._factors[starts], np.uint64)


@dataclass(frozen=True)
class FoldedWords:
    """Words of n texts, end to end."""

    hashes: Hashes
    """[t] of each word: the same on every machine and in every process."""
    offsets: Ints
    """[n + 1] where each text's words begin."""
    wide: Bools
    """[t] whether the word is one character of a script without spaces."""
    digits: Bools
    """[t] whether the word begins with a digit."""
    begins: Ints
    """[t] first byte of each word in `data`."""
    ends: Ints
    data: Bytes
    """Bytes of all folded texts."""

    @cached_property
    def rows(self) -> Ints:
        """[t] which text each word belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @cached_property
    def runs(self) -> RunHashes:
        """Hashes of words in a row, those that go over the end of a text among them."""
        return RunHashes(self.hashes)

    def stands_alone(self, row: int, start: int, end: int) -> bool:
        """Whether words from `start` to `end` of a text are a sentence, a line or a cell by themselves."""
        first, last = int(self.offsets[row]), int(self.offsets[row + 1])
        before = self.data[self.ends[start - 1] : self.begins[start]].tobytes() if start > first else b"\n"
        after = self.data[self.ends[end - 1] : self.begins[end]].tobytes() if end < last else b"\n"
        return bool(_BOUNDARY.search(before) and _BOUNDARY.search(after))

    def phrase(self, start: int, n: int) -> str:
        """The n words from position `start` on, as they stand in the folded text."""
        raw = self.data[self.begins[start] : self.ends[start + n - 1]].tobytes()
        return " ".join(_PARTS.findall(raw.decode("utf-8", "replace")))


def folded_words(texts: pa.Array | pa.ChunkedArray) -> FoldedWords:
    """Words of n texts, folded; numbers that are written out count as their digits.

    Args:
        texts: [n] strings; null counts as empty.
    """
    data, bounds = _joined(folded(texts))
    word, wide = _IS_WORD[data], data >= _WIDE
    first = wide | word
    first[1:] = wide[1:] | (word[1:] & ~word[:-1])
    first[3:] |= wide[:-3] & word[3:] & ((data[3:] & 0xC0) != 0x80)
    fourth = data >= 0xF0
    first[4:] |= fourth[:-4] & word[4:]
    first &= (data & 0xC0) != 0x80  # never inside of a character
    begins = np.flatnonzero(first)
    outside = np.append(np.flatnonzero(~word), len(data))
    nexts = np.append(begins[1:], len(data))
    ends = np.minimum(nexts, outside[np.searchsorted(outside, begins)])
    words = FoldedWords(
        hashes=_hashed(data, begins, ends),
        offsets=np.searchsorted(begins, bounds).astype(np.int64),
        wide=wide[begins],
        digits=(data[begins] >= ord("0")) & (data[begins] <= ord("9")),
        begins=begins,
        ends=ends,
        data=data,
    )
    return _numbers_as_digits(words)


def _joined(texts: pa.Array) -> tuple[Bytes, Ints]:
    """Bytes of all texts, a blank after each, and [n + 1] where each begins."""
    if not len(texts):
        return np.zeros(0, np.uint8), np.zeros(1, np.int64)
    empty, blank = pa.scalar("", pa.large_string()), pa.scalar(" ", pa.large_string())
    spaced = pc.binary_join_element_wise(texts.cast(pa.large_string()), empty, blank)
    _, offsets, raw = spaced.buffers()
    bounds = np.frombuffer(offsets, np.int64)[spaced.offset : spaced.offset + len(spaced) + 1]
    data = np.frombuffer(raw, np.uint8)[bounds[0] : bounds[-1]]
    return data, bounds - bounds[0]


def _hashed(data: Bytes, begins: Ints, ends: Ints) -> Hashes:
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum((data.astype(np.uint64) + 1) * powers(_BYTE, len(data))[: len(data)], out=sums[1:])
    raw = (sums[ends] - sums[begins]) * powers(_BYTE_INVERSE, len(data) + 1)[begins]
    return np.asarray((raw ^ (raw >> np.uint64(29))) * np.uint64(0xBF58476D1CE4E5B9), np.uint64)


def hash_of(word: str) -> int:
    """The hash of one folded word."""
    data = np.frombuffer(word.encode(), np.uint8)
    return int(_hashed(data, np.zeros(1, np.int64), np.full(1, len(data)))[0])


_NUMBER_WORDS = {hash_of(word): word for word in WORDS}
_AND = hash_of("and")
_SIEVE = np.zeros(1 << _NUMBER_BITS, bool)
_SIEVE[[h >> (64 - _NUMBER_BITS) for h in _NUMBER_WORDS]] = True
_SORTED = np.sort(np.array(list(_NUMBER_WORDS), np.uint64))


@lru_cache(maxsize=1 << 16)
def _hash_of_number(value: int) -> int:
    return hash_of(str(value))


_SINGLE = np.array(
    [h if _NUMBER_WORDS[h] == "and" else _hash_of_number(composed([_NUMBER_WORDS[h]])[0][0]) for h in _SORTED.tolist()],
    np.uint64,
)
"""[number words] the hash of the digits that each stands for by itself."""


def _numbers_as_digits(words: FoldedWords) -> FoldedWords:
    maybe = np.flatnonzero(_SIEVE[(words.hashes >> np.uint64(64 - _NUMBER_BITS)).astype(np.int64)])
    place = np.minimum(np.searchsorted(_SORTED, words.hashes[maybe]), len(_SORTED) - 1)
    real = _SORTED[place] == words.hashes[maybe]
    at, single = maybe[real], _SINGLE[place[real]]
    if not len(at):
        return words
    hashes, ends, digits, kept = (
        words.hashes.copy(),
        words.ends.copy(),
        words.digits.copy(),
        np.ones(len(words.hashes), bool),
    )
    hashes[at] = single
    digits[at] = single != np.uint64(_AND)
    for run in _runs(words, at):
        start = run[0]
        for value, taken in composed([_NUMBER_WORDS[h] for h in words.hashes[run].tolist()]):
            if taken > 1:
                hashes[start], ends[start] = _hash_of_number(value), words.ends[start + taken - 1]
                kept[start + 1 : start + taken] = False
            start += taken
    before = np.concatenate([[0], np.cumsum(kept)])
    mine = (hashes[kept], before[words.offsets].astype(np.int64), words.wide[kept], digits[kept])
    return FoldedWords(*mine, words.begins[kept], ends[kept], words.data)


def _runs(words: FoldedWords, at: Ints) -> list[Ints]:
    """Positions of two and more number words in a row within one text."""
    near = (np.diff(at) == 1) & (np.diff(words.rows[at]) == 0)
    inside = np.concatenate([near, [False]]) | np.concatenate([[False], near])
    mine = at[inside]
    cuts = (np.diff(mine) != 1) | (np.diff(words.rows[mine]) != 0)
    return [run for run in np.split(mine, np.flatnonzero(cuts) + 1) if len(run)]
