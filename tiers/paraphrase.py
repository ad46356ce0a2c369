"""Rephrased benchmark items: what n-grams cannot see, found by the weight of rare words and word pairs in common.

Words are cut to their first five letters and names taken apart (`findMaxValue` is find, max, value), so that another
ending, another order or another style of writing hides little. Texts are read in windows of two sizes; a window and an
item are compared by the cosine of their inverse document frequencies, over stems and pairs of stems. Features that many
items or documents have carry little and are left out of the product, which is what makes it fast. A translation, or a
text that keeps no word, is out of reach; an encoder of meaning (`decontaminate.encoder`) is for those.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from . import byte_tokens
from .byte_tokens import CHUNK_BYTES
from .tokens import Ints

BITS = 22
STEM = 5
"""Bytes of a word that count."""
WINDOWS = (48, 144)
"""Words in a window; windows overlap by half. Most items have one of these lengths within a factor of two."""
MOST_ITEMS = 100
"""Features that more items have (and more than one in a hundred) are left out of the product: they tell little."""
MOST_DOCUMENTS = 0.05
"""So are features that a larger share of documents has."""
BACKGROUND = 20_000
"""Most documents that frequencies are counted in."""
LEAST_FEATURES = 32
"""An item of fewer different stems and pairs (about 17 words) says too little to be known again in other words."""
SHARED = 12
"""And so many of them a window must share: one rare phrase is no rephrasing."""

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Match:
    """The window of a document that is most like some item."""

    row: int
    item: int
    similarity: float
    begin: int
    """First byte of the window in the document."""
    end: int


@dataclass(frozen=True)
class _Windows:
    """Sparse rows: the distinct features of each window, ascending."""

    offsets: Ints
    buckets: Ints
    texts: Ints
    """[w] which text each window is of."""
    begins: Ints
    """[w] first byte within the text."""
    ends: Ints

    def features(self, window: int) -> Ints:
        """The distinct features of one window."""
        return self.buckets[self.offsets[window] : self.offsets[window + 1]]


class Paraphrases:
    """Benchmark items, ready to be looked for."""

    def __init__(self, items: Sequence[str], background: pa.Array | pa.ChunkedArray) -> None:
        """Weigh the features of `items`, rare ones in `items` and `background` the most."""
        step = max(1, -(-len(background) // BACKGROUND))
        sample = background.take(pa.array(np.arange(0, len(background), step)))
        counted, texts = np.zeros(1 << BITS, np.int64), 0
        for found in _windows(sample, (CHUNK_BYTES,)):
            counted += np.bincount(found.buckets, minlength=1 << BITS)
            texts += len(found.texts)
        own = _concatenated(list(_windows(pa.array(items, pa.large_string()), (CHUNK_BYTES,))))
        of_items = np.bincount(own.buckets, minlength=1 << BITS)
        self._weight = np.log((texts + len(items) + 1) / (counted + of_items + 1)).astype(np.float32)
        rare = counted <= max(MOST_DOCUMENTS * texts, 10)
        self._kept = rare & (of_items > 0) & (of_items <= max(len(items) / 100, MOST_ITEMS))
        self._own, self._count = own, len(items)

    @cached_property
    def _items(self) -> Any:
        """[2^BITS, items] weights of the features that are kept, each item's whole length 1."""
        from scipy.sparse import csc_array

        long_enough = np.diff(self._own.offsets) >= LEAST_FEATURES
        values = self._values(self._own) * np.repeat(long_enough, np.diff(self._own.offsets))
        kept = self._kept[self._own.buckets] & (values > 0)
        texts = np.repeat(self._own.texts, np.diff(self._own.offsets))[kept]
        cells = (values[kept], (self._own.buckets[kept], texts))
        return csc_array(cells, shape=(1 << BITS, self._count)).tocsr()

    def _values(self, found: _Windows) -> Floats:
        """[z] weights of the features, each window's of length 1."""
        weight = self._weight[found.buckets]
        row = np.repeat(np.arange(len(found.texts)), np.diff(found.offsets))
        norm = np.sqrt(np.bincount(row, weights=np.square(weight), minlength=len(found.texts)))
        return np.asarray(weight / np.maximum(norm, 1e-6)[row], np.float32)

    def matches(self, texts: pa.Array | pa.ChunkedArray, least: float) -> list[Match]:
        """For each text of which a window is at least so like an item, the most alike; in the order of the texts."""
        best: dict[int, Match] = {}
        for found in _windows(texts, WINDOWS):
            for match in self._of(found, least):
                if match.row not in best or match.similarity > best[match.row].similarity:
                    best[match.row] = match
        return [best[row] for row in sorted(best)]

    def _of(self, found: _Windows, least: float) -> Iterator[Match]:
        from scipy.sparse import csr_array

        values = self._values(found)
        kept = self._kept[found.buckets]
        sums = np.concatenate([[0], np.cumsum(kept)])
        shape = (len(found.texts), 1 << BITS)
        product = csr_array((values[kept], found.buckets[kept], sums[found.offsets]), shape) @ self._items
        hits = np.flatnonzero(product.data >= least)
        windows = np.searchsorted(product.indptr, hits, side="right") - 1
        for place, window in zip(hits.tolist(), windows.tolist(), strict=True):
            item = int(product.indices[place])
            if len(np.intersect1d(found.features(window), self._features(item), assume_unique=True)) >= SHARED:
                row, begin, end = (int(a[window]) for a in (found.texts, found.begins, found.ends))
                yield Match(row, item, float(product.data[place]), begin, end)

    def _features(self, item: int) -> Ints:
        window = int(np.searchsorted(self._own.texts, item))  # an item is one window, a text without a word none
        return self._own.features(window)


def _windows(texts: pa.Array | pa.ChunkedArray, sizes: Sequence[int]) -> Iterator[_Windows]:
    """Windows of consecutive texts, a chunk of them at a time."""
    base = 0
    for data, starts in byte_tokens.chunks(texts):
        yield _of_chunk(data, starts, sizes, base)
        base += len(starts) - 1


def _of_chunk(data: Any, starts: Ints, sizes: Sequence[int], base: int) -> _Windows:
    at, ends = byte_tokens.stem_starts(data)
    row = np.searchsorted(starts, at, side="right") - 1
    words = byte_tokens.hashes(data, at, np.minimum(ends, at + STEM))
    single = byte_tokens.bucket(words, 1, BITS)
    double = byte_tokens.bucket(byte_tokens.pairs(words), 2, BITS) if len(words) > 1 else single[:0]
    found = [_cut(row, single, double, at, ends, starts, size) for size in sizes]
    whole = _concatenated(found)
    return replace(whole, texts=whole.texts + base)


def _cut(row: Ints, single: Ints, double: Ints, at: Ints, ends: Ints, starts: Ints, size: int) -> _Windows:
    """Windows of `size` words that overlap by half; a text of up to one and a half is one window."""
    counts = np.bincount(row, minlength=len(starts) - 1)
    first = np.concatenate([[0], np.cumsum(counts)])[:-1]
    half = max(size // 2, 1)
    many = np.where(counts <= size + half, np.minimum(counts, 1), -(-(counts - half) // half))
    text = np.repeat(np.arange(len(counts)), many)
    nth = np.arange(len(text)) - np.repeat(np.cumsum(many) - many, many)
    begin = first[text] + nth * half
    last = np.repeat(first + counts, many)
    end = np.where(np.repeat(counts <= size + half, many), last, np.minimum(begin + size, last))
    length = end - begin
    window = np.repeat(np.arange(len(text)), length)
    place = np.arange(len(window)) - np.repeat(np.cumsum(length) - length, length) + begin[window]
    paired = place + 1 < end[window]
    keys = np.concatenate([window << BITS | single[place], window[paired] << BITS | double[place[paired]]])
    keys.sort()
    keys = keys[np.flatnonzero(np.diff(keys, prepend=-1))]
    offsets = np.searchsorted(keys >> BITS, np.arange(len(text) + 1))
    return _Windows(offsets, keys & ((1 << BITS) - 1), text, at[begin] - starts[text], ends[end - 1] - starts[text])


def _concatenated(parts: list[_Windows]) -> _Windows:
    """Windows of several parts one after another; texts keep their numbers within the part."""
    if not parts:
        nothing = np.zeros(0, np.int64)
        return _Windows(np.zeros(1, np.int64), nothing, nothing, nothing, nothing)
    lengths = np.concatenate([np.diff(p.offsets) for p in parts])
    rest = (np.concatenate([getattr(p, name) for p in parts]) for name in ("buckets", "texts", "begins", "ends"))
    return _Windows(np.concatenate([[0], np.cumsum(lengths)]), *rest)
