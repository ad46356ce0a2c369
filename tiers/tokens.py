"""Words of many texts at once as 64-bit hashes, and n-grams of them: for repetition, dedup and decontamination."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

Hashes = np.ndarray[Any, np.dtype[np.uint64]]
Ints = np.ndarray[Any, np.dtype[np.int64]]

CJK = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]"
"""Scripts written without spaces between words (and Hangul, whose words are as short): each character is a word."""
PRIME = np.uint64(0x9E3779B97F4A7C15)


@dataclass(frozen=True)
class Tokens:
    """Words of n texts, end to end."""

    words: pa.Array
    """[t] lower-case words."""
    hashes: Hashes
    """[t] xxh3-64 of each word: the same on every machine and in every process."""
    offsets: Ints
    """[n + 1] where each text's words begin."""

    @cached_property
    def rows(self) -> Ints:
        """[t] which text each word belongs to."""
        return np.repeat(np.arange(len(self.offsets) - 1), np.diff(self.offsets))

    @cached_property
    def sums(self) -> Ints:
        """[t + 1] characters of all words before each."""
        return np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)

    @cached_property
    def chars(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """[n] characters of a text's words, at least 1."""
        return np.maximum(np.diff(self.sums[self.offsets]), 1).astype(float)

    @cached_property
    def lengths(self) -> Ints:
        """[t] characters of each word."""
        return np.asarray(pc.utf8_length(self.words).to_numpy(zero_copy_only=False), np.int64)

    def part(self, rows: np.ndarray[Any, np.dtype[np.bool_]]) -> "Tokens":
        """Words of the texts for which a mask [n] holds."""
        mine = np.repeat(rows, np.diff(self.offsets))
        offsets = np.concatenate([[0], np.cumsum(np.diff(self.offsets)[rows])]).astype(np.int64)
        return Tokens(self.words.filter(pa.array(mine)), self.hashes[mine], offsets)

    def phrase(self, start: int, n: int) -> str:
        """The n words from position `start` on."""
        return " ".join(self.words.slice(start, n).to_pylist())


LETTERS = r"[^\pL\pN]+"
"""Between words that are letters and digits in a row: case, punctuation and layout do not matter."""
SPACES = r"\s+"
"""Between words as people count them; a URL is one."""


def tokenize(texts: pa.Array | pa.ChunkedArray, between: str = LETTERS) -> Tokens:
    """Lower-case words of n texts; a CJK character is a word.

    Args:
        texts: [n] strings.
        between: what separates words (RE2).
    """
    flat = texts.combine_chunks() if isinstance(texts, pa.ChunkedArray) else texts
    spaced = spread_cjk(pc.utf8_lower(flat.cast(pa.large_string())))
    clean = pc.utf8_trim(pc.replace_substring_regex(spaced, between, " "), " ")
    lists = pc.split_pattern(clean, " ")
    words = lists.flatten()
    real = pc.not_equal(words, "")  # an empty text splits into one empty word
    counts = pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64)
    counts[pc.equal(clean, "").to_numpy(zero_copy_only=False)] = 0
    words = words.filter(real)
    return Tokens(words, hash_words(words), np.concatenate([[0], np.cumsum(counts)]).astype(np.int64))


def spread_cjk(texts: pa.Array) -> pa.Array:
    """The texts with spaces around every CJK character."""
    having = pc.match_substring_regex(texts, CJK)
    if not pc.any(having).as_py():
        return texts
    spaced = pc.replace_substring_regex(texts.filter(having), f"({CJK})", r" \1 ")
    return pc.replace_with_mask(texts, having, spaced)


def hash_words(words: pa.Array) -> Hashes:
    """[t] xxh3-64 of each word, each different word hashed once."""
    encoded = words.dictionary_encode()
    unique = np.fromiter(
        (xxhash.xxh3_64_intdigest(w) for w in encoded.dictionary.cast(pa.large_binary()).to_pylist()), np.uint64
    )
    return unique[encoded.indices.to_numpy(zero_copy_only=False)] if len(unique) else np.zeros(0, np.uint64)


def ngrams(hashes: Hashes, offsets: Ints, n: int) -> tuple[Hashes, Ints, Ints]:
    """Hash every n words in a row that lie in one text.

    Returns:
        Hashes [g], start positions [g] in `hashes`, and rows [g].
    """
    return next(ladder(hashes, offsets, (n,)))


def ladder(hashes: Hashes, offsets: Ints, lengths: Sequence[int]) -> Iterator[tuple[Hashes, Ints, Ints]]:
    """N-grams as from `ngrams` for several lengths, ascending, each hash grown from the shorter one.

    The hash is a polynomial of the words' hashes modulo 2^64, mixed.
    """
    rows = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    grown = hashes.copy()
    for n in range(1, max(lengths, default=0) + 1):
        if n > 1:
            grown = grown[: max(len(hashes) - n + 1, 0)] * PRIME + hashes[n - 1 :][: len(grown)]
        if n in lengths:
            starts = np.flatnonzero(rows[: len(grown)] == rows[n - 1 :][: len(grown)])
            yield mix(grown[starts]), starts, rows[starts]


def mix(hashes: Hashes) -> Hashes:
    """Finaliser of splitmix64: every bit of the input moves every bit of the output."""
    x = (hashes ^ (hashes >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))
