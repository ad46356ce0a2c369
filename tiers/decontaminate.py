"""Overlap with benchmark items: a document that quotes a test item must not be trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from .benchmark_item import BenchmarkItem, Role, as_items
from .clean import batches, verdicts
from .config import DecontaminateConfig
from .folded_words import FoldedWords, folded_words, hash_of
from .overlap import rephrased
from .quotable import LEAST_ALONE, Grams, Quotable, Segments
from .tokens import Hashes, Ints

CLEAN = "no benchmark text"
QUOTED = 160
NEAR, NEAREST = 80, 16
"""Words around a short question within which an answer stands beside it: of two and more words, of one word."""
_LETTERS = np.array([hash_of(letter) for letter in "abcdefghijklmnopqrstuvwxyz"], np.uint64)


@dataclass(frozen=True)
class Hits:
    """Where documents hold blocked n-grams."""

    rows: Ints
    """[h] document."""
    places: Ints
    """[h] first word, counted from the document's beginning."""
    grams: Ints
    """[h] index into `Grams`."""


@dataclass(frozen=True)
class Whole:
    """A segment that a document holds from its first word to its last."""

    row: int
    place: int
    """First word, counted from the document's beginning."""
    segment: int
    beside: str
    """Why a short one counts; empty for those that are long enough."""


def decontaminate(
    docs: pa.Table,
    items: Sequence[str | BenchmarkItem],
    config: DecontaminateConfig | None = None,
    background: pa.ChunkedArray | None = None,
) -> pa.Table:
    """Refuse documents that quote a benchmark item.

    After GPT-3 (arXiv 2005.14165, appendix C): a document that shares 13 words in a row with a question is refused,
    but n-grams that many documents hold (licence headers, import blocks) do not count, unless the document holds much
    of one segment. So it is for passages, answers and choices, which ordinary texts may hold in part. A segment of 8
    to 12 words must stand whole. So must a shorter question, which counts if it is a sentence of five words and more by
    itself or if another part of the item stands beside it; a short question about a passage needs such a part however
    long it is. Chinese, Japanese and Korean characters count half a word. Rephrased items are looked for where the
    config says so.

    Args:
        docs: id, text.
        items: what benchmarks ask, feedback and hidden alike; a plain text is a question.
        config: lengths and limits.
        background: ordinary texts, which say what words are common; None for those of `docs`.

    Returns:
        id, kept, reason, one row a document in the same order; the reason quotes the words in common.
    """
    settings = config or DecontaminateConfig()
    asked = as_items(items)
    texts = [item.text for item in asked]
    return refuse(docs, texts, Quotable(Segments.of(asked), settings), settings, background)


def refuse(
    docs: pa.Table,
    texts: Sequence[str],
    quotable: Quotable,
    settings: DecontaminateConfig,
    background: pa.ChunkedArray | None = None,
) -> pa.Table:
    """`decontaminate` with items made ready, for documents that come in parts."""
    reasons: list[str | None] = [None] * docs.num_rows
    by_length, wholes = _scan(docs, quotable)
    for n, (grams, hits) in enumerate(zip(quotable.grams, by_length, strict=True)):
        for row, i in _telling(grams, hits, quotable, n, settings):
            owner = int(grams.owners[hits.grams[i]])
            reasons[row] = reasons[row] or _quote(docs, row, int(hits.places[i]), grams.n, owner, quotable, "")
    for hit in wholes:
        size = int(quotable.parts.lengths[hit.segment])
        reasons[hit.row] = reasons[hit.row] or _quote(docs, hit.row, hit.place, size, hit.segment, quotable, hit.beside)
    for row, reason in rephrased(docs["text"], texts, settings, docs["text"] if background is None else background):
        reasons[row] = reasons[row] or reason
    return verdicts(docs, pa.chunked_array([pa.array(reasons, pa.string())]), CLEAN)


def _scan(docs: pa.Table, quotable: Quotable) -> tuple[list[Hits], list[Whole]]:
    """All hits of each length, the documents read once, a batch at a time."""
    by_length: list[list[Hits]] = [[Hits(*(np.zeros(0, np.int64),) * 3)] for _ in quotable.grams]
    wholes: list[Whole] = []
    base = 0
    for part in batches(docs) if quotable.grams or quotable.anchors else ():
        words = folded_words(part["text"])
        for grams, held in zip(quotable.grams, by_length, strict=True):
            at, place = _places(words, grams)
            rows = words.rows[at]
            held.append(Hits(rows + base, at - words.offsets[rows], place))
        for anchor in quotable.anchors:
            wholes += _wholes(words, anchor, quotable, base)
        base += part.num_rows
    joined = [
        Hits(*(np.concatenate([getattr(h, name) for h in held]) for name in ("rows", "places", "grams")))
        for held in by_length
    ]
    return joined, sorted(wholes, key=lambda hit: (hit.row, hit.place))


def _places(words: FoldedWords, grams: Grams) -> tuple[Ints, Ints]:
    """Positions whose n words lie in one text and are among the grams, and the first place of each there."""
    hashes = words.runs.every(grams.n)
    at = grams.places(hashes)
    at = at[words.rows[at] == words.rows[at + grams.n - 1]]
    return at, np.searchsorted(grams.hashes, hashes[at])


def _telling(
    grams: Grams, hits: Hits, quotable: Quotable, length: int, settings: DecontaminateConfig
) -> list[tuple[int, int]]:
    """Row and first hit of each document whose hits refuse it."""
    owners = grams.owners[hits.grams]
    share = _containment(hits, grams, quotable.sizes[length])
    asked = ~quotable.from_passages[owners] & (_held(hits, len(grams.hashes))[hits.grams] <= settings.common)
    telling = np.flatnonzero(asked | (share >= settings.containment))
    rows, first = np.unique(hits.rows[telling], return_index=True)
    return list(zip(rows.tolist(), telling[first].tolist(), strict=True))


def _held(hits: Hits, grams: int) -> Ints:
    """[g] how many documents hold each blocked n-gram."""
    pairs = np.unique(hits.rows * max(grams, 1) + hits.grams)
    return np.asarray(np.bincount(pairs % max(grams, 1), minlength=grams), np.int64)


def _containment(hits: Hits, grams: Grams, sizes: Ints) -> Any:
    """[h] share of the hit segment's n-grams that the hitting document holds."""
    many, count = max(len(grams.hashes), 1), len(sizes)
    pairs = np.unique(hits.rows * many + hits.grams)
    keys = pairs // many * count + grams.owners[pairs % many]
    unique, counts = np.unique(keys, return_counts=True)
    mine = hits.rows * count + grams.owners[hits.grams]
    return counts[np.searchsorted(unique, mine)] / sizes[grams.owners[hits.grams]]


def _wholes(words: FoldedWords, anchor: Grams, quotable: Quotable, base: int) -> list[Whole]:
    """Segments that stand whole: their first words and their last, which cover them, at the right distance."""
    at, left = _places(words, anchor)
    right = np.searchsorted(anchor.hashes, anchor.hashes[left], side="right")
    each = right - left
    at = np.repeat(at, each)
    owners = anchor.owners[np.repeat(left, each) + np.arange(each.sum()) - np.repeat(np.cumsum(each) - each, each)]
    size = quotable.parts.lengths[owners]
    inside = at + size <= words.offsets[words.rows[at] + 1]
    at, owners, size = at[inside], owners[inside], size[inside]
    same = words.runs.at(at + size - anchor.n, anchor.n) == quotable.tails(owners, anchor.n)
    hits = []
    for place, segment in zip(at[same].tolist(), owners[same].tolist(), strict=True):
        row = int(words.rows[place])
        beside = _beside(words, row, place, segment, quotable)
        if beside is not None:
            hits.append(Whole(row + base, place - int(words.offsets[row]), segment, beside))
    return hits


def _beside(words: FoldedWords, row: int, place: int, segment: int, quotable: Quotable) -> str | None:
    """Empty where a whole segment counts by itself, else what of its item stands beside it; None: nothing does."""
    needs_more = bool(quotable.of_passage[segment])
    if quotable.weight[segment] >= 2 * quotable.config.min_tokens and not needs_more:
        return ""
    end = place + int(quotable.parts.lengths[segment])
    alone = quotable.weight[segment] >= LEAST_ALONE and quotable.parts.roles[segment] == Role.QUESTION
    if alone and not needs_more and words.stands_alone(row, place, end):
        return ", a question by itself"
    first, last = int(words.offsets[row]), int(words.offsets[row + 1])
    after = words.hashes[end : min(end + NEAR, last)]
    around = np.concatenate([words.hashes[max(first, place - NEAR) : place], after])
    for other in quotable.neighbours(segment):
        one = len(other) == 1
        if (one and other[0] in _LETTERS) or not len(other):
            continue
        if _holds(after[:NEAREST] if one else around, other):
            return ", its answer beside it" if one else ", more of the item beside it"
    return None


def _holds(words: Hashes, run: Hashes) -> bool:
    """Whether words stand in a row among others."""
    starts = np.flatnonzero(words[: max(len(words) - len(run) + 1, 0)] == run[0])
    return any(bool((words[s : s + len(run)] == run).all()) for s in starts.tolist())


def _quote(docs: pa.Table, row: int, place: int, n: int, segment: int, quotable: Quotable, beside: str) -> str:
    """The reason: which words of which benchmark text."""
    words = folded_words(pa.array([docs["text"][row].as_py()], pa.large_string())).phrase(place, n)
    item = int(quotable.parts.items[segment])
    return f"overlaps benchmark text {item} in {n} words{beside}: {words[:QUOTED]!r}"
