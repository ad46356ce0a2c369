"""Text search: BM25 (Robertson and Zaragoza 2009) over words, and the fusion of two rankings."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .tokens import Ints, tokenize

K1, B = 1.2, 0.75
FUSION = 60
"""Reciprocal rank fusion (Cormack, Clarke and Buettcher 2009): 1 / (60 + rank), summed over rankings."""

Floats = np.ndarray[Any, np.dtype[np.float64]]


class TextIndex:
    """Texts by their words."""

    def __init__(self, texts: pa.Array | pa.ChunkedArray) -> None:
        tokens = tokenize(texts)
        length = np.diff(tokens.offsets)
        self._n = len(length)
        order = np.lexsort((tokens.rows, tokens.hashes))
        words, rows = tokens.hashes[order], tokens.rows[order]
        first = np.flatnonzero(
            np.concatenate([[True], (words[1:] != words[:-1]) | (rows[1:] != rows[:-1])])[: len(words)]
        )
        tf = np.diff(np.append(first, len(words))).astype(np.float64)
        self._words, self._rows = words[first], rows[first]
        longer = length[self._rows] / max(float(length.mean()) if self._n else 0.0, 1e-9)
        self._weights = tf * (K1 + 1) / (tf + K1 * (1 - B + B * longer))

    def scores(self, query: str) -> Floats:
        """[n] BM25 of each text; 0 where no word is shared."""
        found = np.zeros(self._n)
        for word in np.unique(tokenize(pa.array([query], pa.large_string())).hashes):
            a, b = np.searchsorted(self._words, word), np.searchsorted(self._words, word, side="right")
            rarity = np.log(1 + (self._n - (b - a) + 0.5) / (b - a + 0.5))
            found[self._rows[a:b]] += rarity * self._weights[a:b]
        return found


def fused(rankings: Sequence[Ints], n: int) -> Floats:
    """[n] fused score of each text; a text that a ranking leaves out gets nothing from it."""
    found = np.zeros(n)
    for ranking in rankings:
        found[ranking] += 1 / (FUSION + 1 + np.arange(len(ranking)))
    return found
