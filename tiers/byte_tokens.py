"""Tokens of many texts at once, found and hashed as bytes: no Python object is made for a token or a text.

A run of letters and digits is a token, so is each punctuation mark and each character of three bytes or more (Chinese,
Japanese, Korean). A token's hash is a difference of running polynomial sums modulo 2^64, so its length costs nothing.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from .tokens import Hashes, Ints, mix

CHUNK_BYTES = 1 << 22
"""Texts are read in chunks of about this many bytes, so memory stays flat."""
CAP_BYTES = 1 << 16
"""Of a longer text the first 64 KB are read."""

Bytes = np.ndarray[Any, np.dtype[np.uint8]]

_PRIME = 0x100000001B3
_INVERSE = pow(_PRIME, -1, 1 << 64)
_SPACE, _MARK, _DIGIT, _SMALL, _CAPITAL = range(5)


def _classes() -> Bytes:
    kinds = np.full(256, _MARK, np.uint8)
    kinds[: ord(" ") + 1] = _SPACE
    kinds[127] = _SPACE
    kinds[ord("0") : ord("9") + 1] = _DIGIT
    kinds[ord("A") : ord("Z") + 1] = _CAPITAL
    kinds[ord("a") : ord("z") + 1] = _SMALL
    kinds[128:] = _SMALL
    kinds[ord("_")] = _SMALL
    return kinds


def _values() -> Hashes:
    """What each byte counts in a hash: its small letter's code and 1; a space nothing."""
    values = np.arange(1, 257, dtype=np.uint64)
    values[ord("A") : ord("Z") + 1] += np.uint64(32)
    values[_CLASSES == _SPACE] = 0
    return values


def _powers(base: int) -> Hashes:
    """Powers of a base modulo 2^64, one for each byte of the longest chunk."""
    factors = np.full(CHUNK_BYTES + 2 * CAP_BYTES, base, np.uint64)
    factors[0] = 1
    return np.cumprod(factors)


_CLASSES = _classes()
_VALUES = _values()
_POWERS = _powers(_PRIME)
_INVERSES = _powers(_INVERSE)


def chunks(texts: pa.Array | pa.ChunkedArray) -> Iterator[tuple[Bytes, Ints]]:
    """Bytes of consecutive texts, each ended by a newline, and [n + 1] where each begins; null is an empty text."""
    for array in texts.chunks if isinstance(texts, pa.ChunkedArray) else [texts]:
        flat = array.fill_null("").cast(pa.large_binary())
        if not len(flat):
            continue
        _, offsets, data = flat.buffers()
        where = np.frombuffer(offsets, np.int64)[flat.offset : flat.offset + len(flat) + 1]
        raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        size = np.minimum(np.diff(where), CAP_BYTES)
        chunk = np.cumsum(size + 1) // CHUNK_BYTES
        for rows in np.split(np.arange(len(size)), np.flatnonzero(np.diff(chunk)) + 1):
            yield _joined(raw, where[rows], size[rows])


def _joined(raw: Bytes, begins: Ints, size: Ints) -> tuple[Bytes, Ints]:
    starts = np.concatenate([[0], np.cumsum(size + 1)])
    out = np.full(starts[-1], ord("\n"), np.uint8)
    for at, begin, n in zip(starts.tolist(), begins.tolist(), size.tolist(), strict=False):
        out[at : at + n] = raw[begin : begin + n]
    return out, starts


def token_starts(data: Bytes) -> Ints:
    """[t] where tokens begin, punctuation marks among them."""
    kind = _CLASSES[data]
    word, wide = kind >= _DIGIT, data >= 0xE2  # a lead byte of a character of three bytes or four
    begins = wide | (kind == _MARK)
    begins[1:] |= word[1:] & ~word[:-1]
    begins[:1] |= word[:1]
    begins[3:] |= wide[:-3] & word[3:]
    return np.flatnonzero(begins & ((data & 0xC0) != 0x80))  # never inside a character


def stem_starts(data: Bytes) -> tuple[Ints, Ints]:
    """[t] where words begin and end, names taken apart at capitals, underscores and digits; no punctuation."""
    kind = _CLASSES[data]
    kind[data == ord("_")] = _MARK
    word, wide = kind >= _DIGIT, data >= 0xE2
    begins, capital, digit = wide.copy(), kind == _CAPITAL, kind == _DIGIT
    begins[:1] |= word[:1]
    begins[1:] |= word[1:] & (~word[:-1] | (capital[1:] & ~capital[:-1]) | (digit[1:] != digit[:-1]))
    begins[3:] |= wide[:-3] & word[3:]
    at = np.flatnonzero(begins & ((data & 0xC0) != 0x80))
    outside = np.append(np.flatnonzero(~word), len(data))
    ends = np.minimum(np.append(at[1:], len(data)), outside[np.searchsorted(outside, at)])
    return at, ends


def hashes(data: Bytes, at: Ints, ends: Ints) -> Hashes:
    """[t] hash of the bytes from `at` to `ends`, whatever their place; capitals count as small letters."""
    sums = np.zeros(len(data) + 1, np.uint64)
    np.cumsum(_VALUES[data] * _POWERS[: len(data)], out=sums[1:])
    return (sums[ends] - sums[at]) * _INVERSES[at]


def pairs(words: Hashes) -> Hashes:
    """[t - 1] hash of every two words in a row."""
    return np.asarray(words[:-1] * np.uint64(0x9E3779B97F4A7C15) + words[1:])


def bucket(found: Hashes, salt: int, bits: int) -> Ints:
    """[t] which of 2^bits buckets a hash falls into; another salt makes an independent choice."""
    return np.asarray(mix(found ^ np.uint64(salt << 56)) >> np.uint64(64 - bits), np.int64)
