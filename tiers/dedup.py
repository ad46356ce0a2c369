"""Exact and near duplicates: one of each group stays, and the others' reasons name it.

Texts with formulae or code are compared by their words and, apart from them, by their signs (`tiers.signs`): a problem
and the same problem with one sign changed share nearly all words, and are two problems.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from rensa import RMinHash

from .clean import batches, verdicts
from .config import DedupConfig
from .errors import InputError
from .signs import agree, common, read
from .tokens import PRIME, Hashes, Ints, mix, ngrams

Signatures = np.ndarray[Any, np.dtype[np.uint32]]

UNIQUE = "no duplicate"
SEED = 1
SIGN_SEED = 2
SIGN_PERMUTATIONS = 64
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
    sign_counts: Ints
    """[n] different windows around signs; 0 where the text is not formal."""
    sign_signatures: Signatures
    """[n, SIGN_PERMUTATIONS] MinHash of the windows."""

    def take(self, rows: Ints) -> "Sketches":
        """Some of them, in that order."""
        return Sketches(*(getattr(self, field.name)[rows] for field in fields(self)))

    def alike(self, one: Any, other: Any, settings: DedupConfig) -> tuple[Any, Any]:
        """[p] estimated similarity of the words of two rows each, and whether they are near duplicates."""
        words = np.mean(self.signatures[one] == self.signatures[other], axis=-1)
        signs = np.mean(self.sign_signatures[one] == self.sign_signatures[other], axis=-1)
        shared = common(signs, self.sign_counts[one], self.sign_counts[other])
        return words, (words >= settings.threshold) & agree(shared, words, settings.signs)


def dedup(docs: pa.Table, config: DedupConfig | None = None, held: pa.Table | None = None) -> pa.Table:
    """Find texts that are equal but for case and white space, then those that share most word 5-grams and signs.

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
        id, source, size (bytes), exact (hash), signature (null where the text has no n-gram), sign_count and
        sign_signature (null where the text is not formal), in the same order.
    """
    settings = config or DedupConfig()
    made = _sketches(docs, settings)
    return pa.table(
        {
            "id": docs["id"],
            "source": docs["source"],
            "size": pc.binary_length(docs["text"]).cast(pa.int64()),
            "exact": pa.array(made.exact, pa.uint64()),
            "signature": _packed(made.signatures, made.comparable),
            "sign_count": pa.array(made.sign_counts, pa.int64()),
            "sign_signature": _packed(made.sign_signatures, made.sign_counts > 0),
        }
    )


def _packed(signatures: Signatures, valid: Any) -> pa.Array:
    """[n] signatures as bytes, null where there is nothing to compare by."""
    data = pa.py_buffer(np.ascontiguousarray(signatures))
    packed = pa.FixedSizeBinaryArray.from_buffers(pa.binary(4 * signatures.shape[1]), len(signatures), [None, data])
    return pc.if_else(pa.array(valid), packed, pa.scalar(None, packed.type))


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
    exact, counts = (table[name].to_numpy() for name in ("exact", "sign_count"))
    signatures, comparable = _unpacked(table["signature"], settings.permutations)
    sign_signatures, _ = _unpacked(table["sign_signature"], SIGN_PERMUTATIONS)
    return Sketches(exact.astype(np.uint64), signatures, comparable, counts.astype(np.int64), sign_signatures)


def _unpacked(packed: pa.ChunkedArray, width: int) -> tuple[Signatures, Any]:
    """[n, width] signatures, and [n] which of them say something."""
    column = packed.combine_chunks()
    column = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
    n = len(column)
    flat = np.frombuffer(column.buffers()[1] or b"", np.uint32)[column.offset * width : (column.offset + n) * width]
    return flat.reshape(n, width), column.is_valid().to_numpy(zero_copy_only=False)


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
    empty = docs.slice(0, 0)
    parts = [_sketched(part, settings) for part in batches(docs) or [empty]]
    return Sketches(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Sketches)))


def _sketched(docs: pa.Table, settings: DedupConfig) -> Sketches:
    """Hashes and signatures of the texts of one batch."""
    texts = read(docs["text"])
    hashes, _, rows = ngrams(texts.words, texts.offsets, settings.ngram)
    counts = np.bincount(rows, minlength=docs.num_rows).astype(np.int64)
    return Sketches(
        _text_hashes(docs["text"]),
        _minhash(hashes, counts, settings.permutations, SEED),
        counts > 0,
        np.diff(texts.window_offsets),
        _minhash(texts.windows, np.diff(texts.window_offsets), SIGN_PERMUTATIONS, SIGN_SEED),
    )


def _minhash(hashes: Hashes, counts: Ints, permutations: int, seed: int) -> Signatures:
    """[n, permutations] MinHash of n sets that lie end to end, of `counts` [n] hashes each."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets, permutations, seed)
    return np.array(matrix.to_rows(), np.uint32).reshape(len(counts), permutations)


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
    ranked = sketches.take(rows)
    staying: dict[int, tuple[int, float]] = {}
    for winner, loser in _verified(_candidates(ranked, settings), ranked, settings):
        if loser in staying or rows[loser] < before:
            continue
        final = staying[winner][0] if winner in staying else winner
        words, near = ranked.alike(final, loser, settings)
        if near:
            staying[loser] = (final, float(words))
    return {int(rows[loser]): (int(rows[winner]), words) for loser, (winner, words) in staying.items()}


def band_keys(signatures: Signatures, settings: DedupConfig) -> Iterator[Hashes]:
    """By band, [n] one number for all that n signatures hold in it."""
    width = settings.permutations // settings.bands
    for start in range(0, settings.permutations, width):
        key = np.zeros(len(signatures), np.uint64)
        for column in range(start, start + width):
            key = mix(key * PRIME + signatures[:, column])
        yield key


def _candidates(sketches: Sketches, settings: DedupConfig) -> Any:
    """[p, 2] pairs that agree in a band, ordered by the second, then the first.

    In a bucket each is paired with the best and with its neighbour, of all and of those that have its signs: linear,
    however many copies there are.
    """
    signs = _sign_keys(sketches)
    pairs = [np.zeros((0, 2), np.int64)]
    for key in band_keys(sketches.signatures, settings):
        order = np.argsort(key, kind="stable")
        pairs += _paired(order, changes(key[order]))
        order = order[np.lexsort((signs[order], key[order]))]
        pairs += _paired(order, changes(key[order]) | changes(signs[order]))
    unique = np.unique(np.concatenate(pairs)[:, ::-1], axis=0)
    return unique[:, ::-1]


def _sign_keys(sketches: Sketches) -> Hashes:
    """[n] one number for texts of the same signs."""
    key = sketches.sign_counts.astype(np.uint64)
    for column in range(SIGN_PERMUTATIONS):
        key = mix(key * PRIME + sketches.sign_signatures[:, column])
    return key


def _paired(order: Ints, new: Any) -> list[Any]:
    """[p, 2] the first of each group, which begins where `new` [n] says so, and each one's neighbour with the others.

    Args:
        order: [n] positions, ascending within a group.
        new: [n] whether a group begins.
    """
    first = order[np.flatnonzero(new)][np.cumsum(new) - 1] if len(order) else order
    return [np.stack([first[~new], order[~new]], 1), np.stack([np.roll(order, 1)[~new], order[~new]], 1)]


def _verified(pairs: Any, sketches: Sketches, settings: DedupConfig) -> list[tuple[int, int]]:
    """The pairs whose whole signatures agree enough."""
    kept: list[tuple[int, int]] = []
    for start in range(0, len(pairs), CHUNK):
        part = pairs[start : start + CHUNK]
        _, near = sketches.alike(part[:, 0], part[:, 1], settings)
        kept += [(a, b) for a, b in part[near].tolist()]
    return kept
