"""Exact and near duplicates: one of each group stays, and the others' reasons name it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from rensa import RMinHash

from .clean import batches, verdicts
from .config import DedupConfig
from .errors import InputError
from .tokens import PRIME, Hashes, Ints, mix, ngrams, tokenize

Signatures = np.ndarray[Any, np.dtype[np.uint32]]

UNIQUE = "no duplicate"
SEED = 1
CHUNK = 65_536


@dataclass(frozen=True)
class Sketches:
    """What n texts are compared by."""

    exact: Hashes
    """[n] hash of the text, case and white space aside."""
    signatures: Signatures
    """[n, permutations] MinHash."""
    comparable: Any
    """[n] whether the text has an n-gram at all."""


def dedup(docs: pa.Table, config: DedupConfig | None = None, held: pa.Table | None = None) -> pa.Table:
    """Find texts that are equal but for case and white space, then those that share most of their word 5-grams.

    MinHash (Broder 1997) signatures by rensa, banded (rensa's index answers whether a text has a double, not which);
    candidate pairs are verified on their whole signatures. Of a group the longest text stays (of equally long ones the
    first by source, then by id). A text goes only if it is like one that stays, so no chain of small steps joins two
    different texts.

    Args:
        docs: id, text, source; of all domains together, as a copy is a copy in any. Memory: 4 bytes a permutation
            and text.
        config: similarity and sketch.
        held: sketches (`sketch`) of texts that were kept before: they stay, whatever is like them goes.

    Returns:
        id, kept, reason, one row a text in the same order.

    Raises:
        InputError: the bands do not divide the permutations, or the held were sketched otherwise.
    """
    settings = config or DedupConfig()
    return dedup_sketches(sketch(docs, settings), settings, held)


def sketch(docs: pa.Table, config: DedupConfig | None = None) -> pa.Table:
    """What `dedup_sketches` compares texts by: a few hundred bytes each, made shard by shard, kept for later batches.

    Args:
        docs: id, text, source.
        config: n-gram and permutations.

    Returns:
        id, source, size (bytes), exact (hash), signature (null where the text has no n-gram), in the same order.
    """
    settings = config or DedupConfig()
    made = _sketches(docs, settings)
    width = 4 * settings.permutations
    data = pa.py_buffer(np.ascontiguousarray(made.signatures))
    signatures = pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), docs.num_rows, [None, data])
    return pa.table(
        {
            "id": docs["id"],
            "source": docs["source"],
            "size": pc.binary_length(docs["text"]).cast(pa.int64()),
            "exact": pa.array(made.exact, pa.uint64()),
            "signature": pc.if_else(pa.array(made.comparable), signatures, pa.scalar(None, signatures.type)),
        }
    )


def dedup_sketches(new: pa.Table, config: DedupConfig | None = None, held: pa.Table | None = None) -> pa.Table:
    """`dedup` on sketches; arguments and result as there, with sketches for the texts."""
    settings = config or DedupConfig()
    check_bands(settings)
    before = held.num_rows if held is not None else 0
    if held is not None and held["signature"].type != pa.binary(4 * settings.permutations):
        raise InputError(f"what is held was not sketched with {settings.permutations} permutations: sketch it again")
    reasons = refusals(new if held is None else pa.concat_tables([held, new]), before, settings)
    return verdicts(new, pa.chunked_array([reasons.slice(before)]), UNIQUE)


def check_bands(settings: DedupConfig) -> None:
    """Raise InputError where the bands do not divide the permutations."""
    if settings.permutations % settings.bands:
        raise InputError(f"wanted bands that divide {settings.permutations} permutations, got {settings.bands}: try 20")


def refusals(sketches: pa.Table, before: int, settings: DedupConfig) -> pa.Array:
    """[n] why each of n sketched texts is a duplicate, or null; the first `before` are held already and stay."""
    rank = _ranks(sketches, before)
    found = unpacked(sketches, settings)
    leader = _leaders(found.exact, rank)
    leader[:before] = np.arange(before)
    own = leader == np.arange(sketches.num_rows)
    near = _near(found, np.flatnonzero(own), rank, settings, before)
    ids, sources = sketches["id"].combine_chunks(), sketches["source"].combine_chunks()
    reasons: list[str | None] = [None] * sketches.num_rows
    for i in np.flatnonzero(~own).tolist():
        reasons[i] = f"exact duplicate of {ids[leader[i]]} ({sources[leader[i]]})"
    for i, (j, share) in near.items():
        reasons[i] = f"near duplicate of {ids[j]} ({sources[j]}): similarity {share:.2f} >= {settings.threshold:g}"
    return pa.array(reasons, pa.string())


def unpacked(table: pa.Table, settings: DedupConfig) -> Sketches:
    """The columns of sketches as arrays; signatures are seen in place."""
    column = table["signature"].combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    width, n = settings.permutations, len(column)
    flat = np.frombuffer(column.buffers()[1] or b"", np.uint32)[column.offset * width : (column.offset + n) * width]
    exact = table["exact"].to_numpy().astype(np.uint64)
    return Sketches(exact, flat.reshape(n, width), column.is_valid().to_numpy(zero_copy_only=False))


def _ranks(table: pa.Table, before: int) -> Ints:
    """[n] place of each text in the order of who stays; the first `before` are held already and come first."""
    keys = [("size", "descending"), ("source", "ascending"), ("id", "ascending")]
    order = pc.sort_indices(table.select(["size", "source", "id"]), sort_keys=keys).to_numpy()
    order = np.concatenate([order[order < before], order[order >= before]])
    ranks = np.empty(table.num_rows, np.int64)
    ranks[order] = np.arange(table.num_rows)
    return ranks


def _sketches(docs: pa.Table, settings: DedupConfig) -> Sketches:
    """Hashes and signatures of all texts, a batch at a time."""
    exact, signatures, counts = (
        [np.zeros(0, np.uint64)],
        [np.zeros((0, settings.permutations), np.uint32)],
        [np.zeros(0, np.int64)],
    )
    for part in batches(docs):
        exact.append(_text_hashes(part["text"]))
        tokens = tokenize(part["text"])
        hashes, _, rows = ngrams(tokens.hashes, tokens.offsets, settings.ngram)
        counts.append(np.bincount(rows, minlength=part.num_rows).astype(np.int64))
        offsets = np.concatenate([[0], np.cumsum(counts[-1])]).astype(np.uint64)
        matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, settings.permutations, SEED)
        signatures.append(np.array(matrix.to_rows(), np.uint32).reshape(part.num_rows, settings.permutations))
    return Sketches(np.concatenate(exact), np.concatenate(signatures), np.concatenate(counts) > 0)


def _text_hashes(texts: pa.ChunkedArray) -> Hashes:
    """[n] xxh3-64 of each text in lower case with single spaces, taken from the Arrow buffer in place."""
    plain = pc.utf8_trim_whitespace(pc.replace_substring_regex(pc.utf8_lower(texts.combine_chunks()), r"\s+", " "))
    flat = plain.cast(pa.large_string())
    offsets = np.frombuffer(flat.buffers()[1], np.int64)[flat.offset : flat.offset + len(flat) + 1]
    data = memoryview(flat.buffers()[2] or b"")
    pairs = zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True)
    return np.fromiter((xxhash.xxh3_64_intdigest(data[a:b]) for a, b in pairs), np.uint64, len(flat))


def _leaders(exact: Hashes, rank: Ints) -> Ints:
    """[n] position of the text that stays among those of equal hash; a text's own where it does."""
    leader = np.arange(len(exact))
    order = np.lexsort((rank, exact))
    new = np.flatnonzero(changes(exact[order]))
    leader[order] = np.repeat(order[new], np.diff(np.append(new, len(order))))
    return leader


def changes(values: Any) -> Any:
    """[n] whether a value differs from the one before; the first does."""
    return np.concatenate([np.ones(min(len(values), 1), bool), values[1:] != values[:-1]])


def _near(
    sketches: Sketches, alone: Ints, rank: Ints, settings: DedupConfig, before: int
) -> dict[int, tuple[int, float]]:
    """Position of each near duplicate -> position of the text that stays, and their estimated similarity."""
    rows = alone[sketches.comparable[alone]]
    rows = rows[np.argsort(rank[rows])]  # best first, so that of a pair the smaller stays
    signatures = sketches.signatures[rows]
    staying: dict[int, tuple[int, float]] = {}
    for winner, loser in _verified(_candidates(signatures, settings), signatures, settings.threshold):
        if loser in staying or rows[loser] < before:
            continue
        final = staying[winner][0] if winner in staying else winner
        share = float(np.mean(signatures[final] == signatures[loser]))
        if share >= settings.threshold:
            staying[loser] = (final, share)
    return {int(rows[loser]): (int(rows[winner]), share) for loser, (winner, share) in staying.items()}


def band_keys(signatures: Signatures, settings: DedupConfig) -> Iterator[Hashes]:
    """By band, [n] one number for all that n signatures hold in it."""
    width = settings.permutations // settings.bands
    for start in range(0, settings.permutations, width):
        key = np.zeros(len(signatures), np.uint64)
        for column in range(start, start + width):
            key = mix(key * PRIME + signatures[:, column])
        yield key


def _candidates(signatures: Signatures, settings: DedupConfig) -> Any:
    """[p, 2] pairs that agree in a band, ordered by the second, then the first.

    In a bucket each is paired with the first and with its neighbour only: linear, however many copies there are.
    """
    found = [np.zeros((0, 2), np.int64)]
    for key in band_keys(signatures, settings):
        order = np.argsort(key, kind="stable")
        new = changes(key[order])
        first = order[np.flatnonzero(new)][np.cumsum(new) - 1] if len(order) else order
        found += [np.stack([first[~new], order[~new]], 1), np.stack([np.roll(order, 1)[~new], order[~new]], 1)]
    pairs = np.unique(np.concatenate(found)[:, ::-1], axis=0)
    return pairs[:, ::-1]


def _verified(pairs: Any, signatures: Signatures, threshold: float) -> list[tuple[int, int]]:
    """The pairs whose whole signatures agree enough."""
    kept: list[tuple[int, int]] = []
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        same = np.mean(signatures[part[:, 0]] == signatures[part[:, 1]], axis=1) >= threshold
        kept += [(a, b) for a, b in part[same].tolist()]
    return kept
