"""What is looked for of benchmark items: n-grams of long segments, short segments as a whole, and their neighbours."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa

from .benchmark_item import BenchmarkItem, Role, segments
from .config import DecontaminateConfig
from .folded_words import Bools, RunHashes, folded_words
from .tokens import Hashes, Ints

MIN_VARIETY = 4
"""An n-gram of fewer different words (`0 0 0 0`, a ruler of `x x x`) quotes nothing."""
MIN_WORDS = 3
"""So does one of fewer different words that are neither numbers nor letters (`1 2 3 4 5`, `x + y + z`)."""
LEAST_ALONE = 10
"""Half words of the shortest question that counts alone where it stands by itself: five words."""
LEAST = 4
"""Words of the shortest segment that is looked for as a whole."""
WIDE_FACTOR = 2
"""A character of Chinese is about half a word: twice as many must agree."""
MIN_SIEVE, MAX_SIEVE = 16, 27


@dataclass(frozen=True)
class Grams:
    """Hashes of so many words in a row, sorted, for look-up in many documents."""

    n: int
    hashes: Hashes
    """[g] ascending; a hash may stand more than once."""
    owners: Ints
    """[g] segment."""
    sieve: Bools
    """[2^bits] whether any hash begins with these bits: most hashes of documents go no further."""

    @classmethod
    def of(cls, n: int, hashes: Hashes, owners: Ints) -> "Grams":
        """Sorted, with their sieve."""
        order = np.argsort(hashes, kind="stable")
        bits = min(max(len(hashes).bit_length() + 4, MIN_SIEVE), MAX_SIEVE)
        sieve = np.zeros(1 << bits, bool)
        sieve[(hashes >> np.uint64(64 - bits)).astype(np.int64)] = True
        return cls(n, hashes[order], owners[order], sieve)

    def places(self, hashes: Hashes) -> Ints:
        """Which of many hashes may be among these."""
        shift = np.uint64(64 - (len(self.sieve).bit_length() - 1))
        maybe = np.flatnonzero(self.sieve[(hashes >> shift).astype(np.int64)])
        at = np.minimum(np.searchsorted(self.hashes, hashes[maybe]), len(self.hashes) - 1)
        return maybe[self.hashes[at] == hashes[maybe]] if len(self.hashes) else maybe[:0]


@dataclass(frozen=True)
class Segments:
    """Words of the segments of all items, end to end."""

    words: Hashes
    offsets: Ints
    """[s + 1] where each segment begins."""
    items: Ints
    """[s] item, ascending."""
    roles: Ints
    """[s] `Role`."""
    wide: Ints
    """[s] how many words are characters of a script without spaces."""
    telling: Bools
    """[w] whether a word is neither a number nor one letter."""

    @classmethod
    def of(cls, items: Sequence[BenchmarkItem]) -> "Segments":
        """Of items, as `benchmark_item.segments` splits them."""
        pieces = [(n, role, piece) for n, item in enumerate(items) for role, piece in segments(item)]
        folded = folded_words(pa.array([piece for _, _, piece in pieces], pa.large_string()))
        wide = np.concatenate([[0], np.cumsum(folded.wide)])
        return cls(
            folded.hashes,
            folded.offsets,
            np.array([n for n, _, _ in pieces], np.int64),
            np.array([int(role) for _, role, _ in pieces], np.int64),
            np.diff(wide[folded.offsets]).astype(np.int64),
            ~folded.digits & (folded.ends - folded.begins > 1),
        )

    @classmethod
    def from_table(cls, table: pa.Table) -> "Segments":
        """As `table` wrote them."""
        lists = table["words"].combine_chunks()
        telling = table["telling"].combine_chunks()
        offsets = lists.offsets.to_numpy().astype(np.int64)
        items, roles, wide = (table[name].to_numpy() for name in ("item", "role", "wide"))
        says = telling.flatten().to_numpy(zero_copy_only=False)
        return cls(lists.flatten().to_numpy(), offsets - offsets[:1], items, roles, wide, says)

    def table(self) -> pa.Table:
        """A row by segment."""
        offsets = pa.array(self.offsets, pa.int64())
        lists = pa.LargeListArray.from_arrays(offsets, pa.array(self.words, pa.uint64()))
        telling = pa.LargeListArray.from_arrays(offsets, pa.array(self.telling, pa.bool_()))
        names = ["words", "telling", "item", "role", "wide"]
        return pa.table([lists, telling, pa.array(self.items), pa.array(self.roles), pa.array(self.wide)], names)

    def of_segment(self, segment: int) -> Hashes:
        """The words of one."""
        return self.words[self.offsets[segment] : self.offsets[segment + 1]]

    @cached_property
    def lengths(self) -> Ints:
        """[s] words."""
        return np.diff(self.offsets)


class Quotable:
    """Segments of items, ready to be looked for."""

    def __init__(self, parts: Segments, config: DecontaminateConfig) -> None:
        """Index segments by what a document must share with them."""
        self.parts, self.config = parts, config
        size, mostly_wide = parts.lengths, 2 * parts.wide >= parts.lengths
        self.n = np.where(mostly_wide, WIDE_FACTOR, 1) * config.ngram
        asks = (parts.roles == Role.QUESTION) | (parts.roles == Role.CONTEXT)
        says = self._says_something()
        self.whole = np.asarray(asks & (size >= LEAST) & (size < self.n) & says, bool)
        passages = parts.items[parts.roles == Role.CONTEXT]
        self.of_passage = (parts.roles == Role.QUESTION) & np.isin(parts.items, passages)
        """[s] questions about a passage, which many items ask in the same words."""
        self.sought = np.unique(parts.items[asks & (size >= LEAST) & says])
        """Items of which something is looked for; the others say too little to be told from ordinary text."""
        self.weight = 2 * (size - parts.wide) + parts.wide
        """[s] in half words."""
        lengths = sorted({int(n) for n in np.unique(self.n[size >= self.n])})
        self.grams = [self._grams(n) for n in lengths]
        self.sizes = [np.bincount(grams.owners, minlength=len(size)) for grams in self.grams]
        self.anchors = [self._anchors(k) for k in self._anchor_lengths()]

    def _anchor_lengths(self) -> list[int]:
        """Two n-grams of one of these lengths cover any segment: each is at least half of the next."""
        most = int(self.parts.lengths[self.whole].max(initial=0))
        lengths = [LEAST]
        while 2 * lengths[-1] <= most:
            lengths.append(2 * lengths[-1])
        return lengths if self.whole.any() else []

    @cached_property
    def _runs(self) -> RunHashes:
        return RunHashes(self.parts.words)

    def _grams(self, n: int) -> Grams:
        own = np.flatnonzero((self.n == n) & (self.parts.lengths >= n))
        counts = self.parts.lengths[own] - n + 1
        owners = np.repeat(own, counts)
        inner = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        starts = self.parts.offsets[owners] + inner
        rich = self._rich(starts, n)
        hashes, first = np.unique(self._runs.at(starts[rich], n), return_index=True)
        return Grams.of(n, hashes, owners[rich][first])

    def _rich(self, starts: Ints, n: int) -> Bools:
        """Whether n-grams have enough different words, and enough of them no numbers."""
        kept = np.zeros(len(starts), bool)
        for begin in range(0, len(starts), 1 << 18):  # memory stays flat
            at = starts[begin : begin + (1 << 18), None] + np.arange(n)
            words = np.sort(self.parts.words[at], axis=1)
            named = np.sort(np.where(self.parts.telling[at], self.parts.words[at], np.uint64(0)), axis=1)
            variety = 1 + np.count_nonzero(np.diff(words, axis=1), axis=1)
            telling = np.count_nonzero(np.diff(named, axis=1), axis=1) + (named[:, 0] > 0)
            kept[begin : begin + (1 << 18)] = (variety >= MIN_VARIETY) & (telling >= MIN_WORDS)
        return kept

    def _says_something(self) -> Bools:
        """[s] whether a segment has `MIN_WORDS` different words that are neither numbers nor letters."""
        at = np.flatnonzero(self.parts.telling)
        owners = np.searchsorted(self.parts.offsets, at, side="right") - 1
        order = np.lexsort((self.parts.words[at], owners))
        words, rows = self.parts.words[at][order], owners[order]
        new = np.ones(len(rows), bool)
        new[1:] = (words[1:] != words[:-1]) | (rows[1:] != rows[:-1])
        return np.bincount(rows[new], minlength=len(self.parts.lengths)) >= MIN_WORDS

    def _anchors(self, k: int) -> Grams:
        size = self.parts.lengths
        own = np.flatnonzero(self.whole & (size >= k) & (size < 2 * k))
        return Grams.of(k, self._runs.at(self.parts.offsets[own], k), own)

    def tails(self, owners: Ints, k: int) -> Hashes:
        """Hash of the last k words of segments."""
        return self._runs.at(self.parts.offsets[owners + 1] - k, k)

    def neighbours(self, segment: int) -> list[Hashes]:
        """Words of the other segments of the same item; the right answer and choices, question and context."""
        item = self.parts.items[segment]
        first, last = np.searchsorted(self.parts.items, [item, item + 1])
        return [self.parts.of_segment(s) for s in range(first, last) if s != segment]

    @property
    def from_passages(self) -> Bools:
        """[s] whether a segment counts only where a document holds much of it."""
        return np.asarray(self.parts.roles != Role.QUESTION, bool)
