"""Whether words follow one another as in real text: hashed pairs and triples of words.

The table holds log-likelihood ratios against shuffled text (pairs) and against a Markov chain (triples), a naive Bayes
model (Manning, Raghavan and Schuetze, Introduction to Information Retrieval, 2008, section 13.2).
`benchmarks/fit_word_order.py` fits it and writes `word_order.json`.
"""

import base64
import json
import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Keys = NDArray[np.uint64]
Places = NDArray[np.int64]

BITS = 16
"""Each of the two tables has 2^BITS buckets."""
SPACE, LETTER, DIGIT, HAN, SIGN = range(5)
_MIX = np.uint64(0x9E3779B97F4A7C15)
_SHIFT = np.uint64(29)


@dataclass(frozen=True, slots=True)
class Tokens:
    """Words, numbers, single Chinese characters and single signs of a text, in order."""

    classes: Keys
    """[n] short words themselves; of longer ones the length and the last three letters; numbers by their length."""
    words: Keys
    """[n] hash of the whole token."""
    kinds: NDArray[np.uint8]
    """[n] LETTER, DIGIT, HAN or SIGN."""
    lengths: Places
    """[n] characters."""


@dataclass(frozen=True, slots=True)
class OrderModel:
    """Log-likelihood ratios by bucket, in nats."""

    pairs: NDArray[np.float32]
    triples: NDArray[np.float32]

    def scores(self, tokens: Tokens) -> tuple[float, float]:
        """Mean ratio of the pairs (real against shuffled) and of the triples (real against a Markov chain)."""
        pairs, triples = buckets(tokens.classes)
        return _mean(self.pairs[pairs]), _mean(self.triples[triples])


def _mean(values: NDArray[np.float32]) -> float:
    return float(values.mean()) if len(values) else 0.0


def tokens(text: str) -> Tokens:
    """The tokens of a text; case and white space (so the layout of lines) make no difference."""
    points = np.frombuffer(text.lower().encode("utf-32-le", "replace"), np.uint32)
    kinds = _kinds()[np.minimum(points, 0xFFFF)]
    if not len(points) or not kinds.any():
        nothing = np.zeros(0, np.uint64)
        return Tokens(nothing, nothing, np.zeros(0, np.uint8), np.zeros(0, np.int64))
    first = np.ones(len(points), bool)
    first[1:] = (kinds[1:] != kinds[:-1]) | (kinds[1:] >= HAN)
    edges = np.flatnonzero(first)
    lengths = np.diff(np.append(edges, len(points)))
    place = np.arange(len(points)) - np.repeat(edges, lengths)
    letters = (points.astype(np.uint64) + np.uint64(1)) * (place.astype(np.uint64) * np.uint64(2) + np.uint64(0x5851F))
    hashes = np.add.reduceat(_mixed(letters), edges)
    real = kinds[edges] != SPACE
    edges, lengths, hashes = edges[real], lengths[real], hashes[real]
    return Tokens(_classes(points, edges, lengths, kinds[edges]), hashes, kinds[edges], lengths)


def _classes(points: NDArray[np.uint32], edges: Places, lengths: Places, kinds: NDArray[np.uint8]) -> Keys:
    ends = edges + lengths - 1
    key = np.minimum(lengths, 8).astype(np.uint64)
    for back in range(4):
        inside = (lengths > back) & ((back < 3) | (lengths == 4))
        letter = np.where(inside, points[np.maximum(ends - back, 0)], 0).astype(np.uint64)
        key = key * np.uint64(65599) + letter
    digits = kinds == DIGIT
    key[digits] = np.minimum(lengths[digits], 3).astype(np.uint64)
    return _mixed(key)


def buckets(classes: Keys) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Buckets of the n-1 pairs and of the n-2 triples of n tokens."""
    pairs = classes[:-1] * np.uint64(3) + _mixed(classes[1:])
    triples = pairs[:-1] * np.uint64(5) + _mixed(classes[2:] + np.uint64(7))
    return _bucket(pairs), _bucket(triples)


def _mixed(keys: Keys) -> Keys:
    mixed = keys * _MIX
    return (mixed ^ (mixed >> _SHIFT)) * _MIX


def _bucket(keys: Keys) -> NDArray[np.int64]:
    return (_mixed(keys) >> np.uint64(64 - BITS)).astype(np.int64)


@cache
def _kinds() -> NDArray[np.uint8]:
    """Kind of each code point of the basic plane; the last entry stands for all beyond it."""
    kinds = [
        SPACE if c.isspace() else LETTER if c.isalpha() else DIGIT if c.isdigit() else SIGN
        for c in map(chr, range(0x10000))
    ]
    table = np.array(kinds, np.uint8)
    for low, high in ((0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFAFF)):
        table[low : high + 1] = HAN
    return table


@cache
def model() -> OrderModel:
    """The table in `word_order.json`."""
    stored = json.loads((Path(__file__).parent / "word_order.json").read_text(encoding="utf-8"))
    pairs, triples = (_unpacked(stored[name], stored["step"]) for name in ("pairs", "triples"))
    return OrderModel(pairs, triples)


def packed(values: NDArray[np.float32], step: float) -> str:
    """A table as text: steps from -7 to 7, two to a byte, compressed."""
    levels = (np.clip(np.rint(values / step), -7, 7) + 8).astype(np.uint8)
    return base64.b85encode(zlib.compress((levels[::2] * 16 + levels[1::2]).tobytes(), 9)).decode()


def _unpacked(stored: str, step: float) -> NDArray[np.float32]:
    data = np.frombuffer(zlib.decompress(base64.b85decode(stored)), np.uint8)
    levels = np.stack([data // 16, data % 16], axis=1).reshape(-1)
    return (levels.astype(np.float32) - 8) * np.float32(step)
