"""Overlap with benchmark text: a document that quotes a test item must not be trained on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .clean import batches, verdicts
from .config import DecontaminateConfig
from .overlap import rephrased
from .tokens import CJK, Hashes, Ints, Tokens, ladder, ngrams, tokenize

CLEAN = "no benchmark text"
QUOTED = 160
MIN_VARIETY = 4
"""An n-gram of fewer different words (`0 0 0 0`, a ruler of `x x x`) quotes nothing."""
CJK_FACTOR = 2
"""A character of Chinese is about half a word: twice as many must agree."""
SIEVE_BITS = 24


@dataclass(frozen=True)
class Blocklist:
    """N-grams of one length, sorted."""

    n: int
    hashes: Hashes
    """[g] distinct, ascending."""
    texts: Ints
    """[g] the first benchmark text that has it."""
    sizes: Ints
    """[texts] how many of these n-grams each text owns."""
    sieve: Any
    """[2^SIEVE_BITS] whether any hash ends in these bits: most n-grams of documents go no further."""

    @classmethod
    def of(cls, n: int, hashes: Hashes, texts: Ints, count: int) -> "Blocklist":
        """The list of some n-grams and their owners among `count` texts."""
        sieve = np.zeros(1 << SIEVE_BITS, bool)
        sieve[_low(hashes)] = True
        return cls(n, hashes, texts, np.bincount(texts, minlength=count), sieve)


@dataclass(frozen=True)
class Hits:
    """Where documents hold blocked n-grams."""

    rows: Ints
    """[h] document."""
    places: Ints
    """[h] first word, counted from the document's beginning."""
    grams: Ints
    """[h] index into the blocklist."""


def decontaminate(
    docs: pa.Table,
    texts: Sequence[str],
    config: DecontaminateConfig | None = None,
    background: pa.ChunkedArray | None = None,
) -> pa.Table:
    """Refuse documents that share 13 words in a row with a benchmark text.

    After GPT-3 (arXiv 2005.14165, appendix C): case and punctuation aside; n-grams that many documents hold (licence
    headers, import blocks) do not count, unless the document holds much of one benchmark text. A benchmark text of
    8 to 12 words must stand whole; shorter ones are not looked for, as they say too little to be a quotation. Chinese,
    Japanese and Korean characters count half a word. Rephrased items are looked for where the config says so.

    Args:
        docs: id, text.
        texts: what benchmarks consist of, feedback and hidden alike.
        config: lengths and limits.
        background: ordinary texts, which say what words are common; None for those of `docs`.

    Returns:
        id, kept, reason, one row a document in the same order; the reason quotes the words found.
    """
    settings = config or DecontaminateConfig()
    return refuse(docs, texts, blocklists(texts, settings), settings, background)


def refuse(
    docs: pa.Table,
    texts: Sequence[str],
    lists: Sequence[Blocklist],
    settings: DecontaminateConfig,
    background: pa.ChunkedArray | None = None,
) -> pa.Table:
    """`decontaminate` with `blocklists` of the texts, for documents that come in parts."""
    reasons: list[str | None] = [None] * docs.num_rows
    for blocked, hits in zip(lists, _scan(docs, lists), strict=True):
        held = _held(hits, len(blocked.hashes))
        telling = (held[hits.grams] <= settings.common) | (_containment(hits, blocked) >= settings.containment)
        rows, first = np.unique(hits.rows[telling], return_index=True)
        for row, i in zip(rows.tolist(), np.flatnonzero(telling)[first].tolist(), strict=True):
            reasons[row] = reasons[row] or _quote(docs["text"][row].as_py(), blocked, hits, i)
    for row, reason in rephrased(docs["text"], texts, settings, docs["text"] if background is None else background):
        reasons[row] = reasons[row] or reason
    return verdicts(docs, pa.chunked_array([pa.array(reasons, pa.string())]), CLEAN)


def blocklists(texts: Sequence[str], settings: DecontaminateConfig) -> list[Blocklist]:
    """Lists by length, ascending: full-length n-grams, and for each shorter text its words as one n-gram."""
    tokens = tokenize(pa.array(texts, pa.large_string()))
    counts = np.diff(tokens.offsets)
    characters = pc.match_substring_regex(tokens.words, f"^{CJK}$").to_numpy(zero_copy_only=False)
    share = np.bincount(tokens.rows, weights=characters, minlength=len(counts)) / np.maximum(counts, 1)
    factor = np.where(share >= 0.5, CJK_FACTOR, 1)
    length = np.where(counts >= settings.min_tokens * factor, np.minimum(counts, settings.ngram * factor), 0)
    return [_blocklist(tokens, n, length == n) for n in sorted(set(length.tolist()) - {0})]


def _blocklist(tokens: Tokens, n: int, wanted: Any) -> Blocklist:
    hashes, starts, rows = ngrams(tokens.hashes, tokens.offsets, n)
    mine = wanted[rows]
    hashes, starts, rows = hashes[mine], starts[mine], rows[mine]
    telling = _variety(tokens.hashes, starts, n) >= MIN_VARIETY
    unique, first = np.unique(hashes[telling], return_index=True)
    return Blocklist.of(n, unique, rows[telling][first], len(wanted))


def _variety(hashes: Hashes, starts: Ints, n: int) -> Ints:
    """[g] how many different words each n-gram has."""
    words = np.sort(hashes[starts[:, None] + np.arange(n)], axis=1)
    return np.asarray(1 + np.count_nonzero(np.diff(words, axis=1), axis=1), np.int64)


def _low(hashes: Hashes) -> Ints:
    return np.asarray(hashes & np.uint64((1 << SIEVE_BITS) - 1), np.int64)


def _scan(docs: pa.Table, lists: Sequence[Blocklist]) -> list[Hits]:
    """All hits of each list, the documents read once, a batch at a time."""
    found: list[list[Hits]] = [[Hits(*(np.zeros(0, np.int64),) * 3)] for _ in lists]
    base = 0
    for part in batches(docs) if lists else ():
        tokens = tokenize(part["text"])
        grams = ladder(tokens.hashes, tokens.offsets, [blocked.n for blocked in lists])
        for blocked, held, (hashes, starts, rows) in zip(lists, found, grams, strict=True):
            maybe = np.flatnonzero(blocked.sieve[_low(hashes)])
            place = np.minimum(np.searchsorted(blocked.hashes, hashes[maybe]), len(blocked.hashes) - 1)
            real = blocked.hashes[place] == hashes[maybe] if len(blocked.hashes) else maybe > maybe
            hit = maybe[real]
            held.append(Hits(rows[hit] + base, starts[hit] - tokens.offsets[rows[hit]], place[real]))
        base += part.num_rows
    return [
        Hits(*(np.concatenate([getattr(h, name) for h in held]) for name in ("rows", "places", "grams")))
        for held in found
    ]


def _held(hits: Hits, grams: int) -> Ints:
    """[g] how many documents hold each blocked n-gram."""
    pairs = np.unique(hits.rows * max(grams, 1) + hits.grams)
    return np.asarray(np.bincount(pairs % max(grams, 1), minlength=grams), np.int64)


def _containment(hits: Hits, blocked: Blocklist) -> Any:
    """[h] share of the hit benchmark text's n-grams that the hitting document holds."""
    many, count = max(len(blocked.hashes), 1), len(blocked.sizes)
    pairs = np.unique(hits.rows * many + hits.grams)
    keys = pairs // many * count + blocked.texts[pairs % many]
    unique, counts = np.unique(keys, return_counts=True)
    mine = hits.rows * count + blocked.texts[hits.grams]
    return counts[np.searchsorted(unique, mine)] / blocked.sizes[blocked.texts[hits.grams]]


def _quote(text: str, blocked: Blocklist, hits: Hits, i: int) -> str:
    """The reason: which words of which benchmark text."""
    words = tokenize(pa.array([text], pa.large_string())).phrase(int(hits.places[i]), blocked.n)
    return f"overlaps benchmark text {blocked.texts[hits.grams[i]]} in {blocked.n} words: {words[:QUOTED]!r}"
