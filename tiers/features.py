"""Hashed n-grams of words and word shapes: the sparse features that the student selector is linear in.

Unigrams and bigrams of `byte_tokens` share 2^18 buckets (the hashing trick, Weinberger et al. 2009, arXiv 0902.2206);
word shapes (how long words, lines and sentences are) are hashed beside them, because style is what words alone do not
tell. Counts are damped to 1 + log and rows normalised to length 1.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from . import byte_tokens
from .tokens import Hashes, Ints

BITS = 18
BUCKETS = 1 << BITS
VERSION = f"words-1-2-shapes/{BITS}/1"

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Features:
    """Sparse rows, as in a CSR matrix of [n, BUCKETS]."""

    offsets: Ints
    """[n + 1] where each row begins."""
    buckets: Ints
    """[z] column of each entry, ascending within a row."""
    values: Floats
    """[z] entries; each row's have length 1 (an empty text has none)."""
    tokens: int
    """How many tokens were read."""


def features(texts: pa.Array | pa.ChunkedArray) -> Features:
    """Features of n texts.

    Args:
        texts: [n] strings; null is empty.
    """
    parts = [_of_chunk(data, starts) for data, starts in byte_tokens.chunks(texts)]
    lengths = np.concatenate([[0], *(np.diff(p.offsets) for p in parts)])
    buckets = np.concatenate([np.zeros(0, np.int64), *(p.buckets for p in parts)])
    values = np.concatenate([np.zeros(0, np.float32), *(p.values for p in parts)])
    return Features(np.cumsum(lengths), buckets, values, sum(p.tokens for p in parts))


def batches(texts: pa.Array | pa.ChunkedArray) -> Iterator[Features]:
    """Features of n texts in their order, a few megabytes of text at a time."""
    return (_of_chunk(data, starts) for data, starts in byte_tokens.chunks(texts))


def _of_chunk(data: np.ndarray[Any, np.dtype[np.uint8]], starts: Ints) -> Features:
    at = byte_tokens.token_starts(data)
    row = np.searchsorted(starts, at, side="right") - 1
    ends = np.minimum(np.append(at[1:], len(data)), starts[row + 1])
    keys = np.concatenate([*_words(data, at, ends, row), *_spans(data, starts, at, row)])
    keys.sort()
    return _normalised(keys, len(starts) - 1, len(at))


def _words(data: Any, at: Ints, ends: Ints, row: Ints) -> Iterator[Ints]:
    """Row and bucket of every word, pair of words and shape as one number, so that a sort brings equal ones together.

    The shape of a word is the class of its length, with the space after it, and of its first character.
    """
    base, words = row << BITS, byte_tokens.hashes(data, at, ends)
    yield base | _bucket(words, 1)
    if len(words) > 1:
        inside = row[1:] == row[:-1]
        yield base[1:][inside] | _bucket(byte_tokens.pairs(words)[inside], 2)
    first = data[at]
    capital, small = (first >= 65) & (first <= 90), (first >= 97) & (first <= 122)
    digit, other = (first >= 48) & (first <= 57), first >= 128
    kind = capital + 2 * small + 3 * digit + 4 * other
    yield base | _bucket(np.asarray(np.minimum(ends - at, 20) * 8 + kind, np.uint64), 3)


def _spans(data: Any, starts: Ints, at: Ints, row: Ints) -> Iterator[Ints]:
    """Keys of how many words stand in each line and in each sentence, in classes that grow by the square root of 2."""
    first = np.searchsorted(row, np.arange(len(starts)))
    for salt, marks in ((4, b"\n"), (5, b".!?")):
        ends = np.flatnonzero(np.isin(data, np.frombuffer(marks, np.uint8)))
        mine = np.searchsorted(starts, ends, side="right") - 1
        place = np.searchsorted(at, ends)
        length = place - np.maximum(np.concatenate([[0], place[:-1]]), first[mine])
        real = length > 0
        yield (mine[real] << BITS) | _bucket(np.floor(2 * np.log2(length[real])).astype(np.uint64), salt)


def _bucket(hashes: Hashes, salt: int) -> Ints:
    return byte_tokens.bucket(hashes, salt, BITS)


def _normalised(keys: Ints, rows: int, tokens: int) -> Features:
    """Features from sorted keys."""
    first = np.flatnonzero(np.diff(keys, prepend=-1))
    counts = np.diff(np.append(first, len(keys)))
    keys = keys[first]
    row, bucket = keys >> BITS, keys & (BUCKETS - 1)
    values = 1 + np.log(counts.astype(np.float32))
    norm = np.sqrt(np.bincount(row, weights=np.square(values), minlength=rows))
    offsets = np.searchsorted(row, np.arange(rows + 1))
    return Features(offsets, bucket, (values / norm[row]).astype(np.float32), tokens)
