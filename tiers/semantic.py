"""Meaning: near-duplicates, novelty and diversity of texts as vectors of an encoder, searched by faiss (`vectors`)."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from .encoder import Encoder, Floats
from .tokens import Ints
from .vectors import VectorIndex

BLOCK = 4_096
UNIQUE = "no text before it means the same"


@dataclass(frozen=True)
class Nearest:
    """For each of n vectors the most similar one that was asked about."""

    similarity: Floats
    """[n] cosine; -1 where there was none to compare with."""
    place: Ints
    """[n] its position, -1 likewise."""


def nearest(queries: Floats, known: Floats) -> Nearest:
    """The nearest of `known` [m, d] to each of `queries` [n, d]; both hold unit vectors."""
    index = VectorIndex(known, len(known))
    index.add(known)
    return _best(index, queries)


def nearest_before(vectors: Floats, known: Floats | None = None) -> Nearest:
    """The nearest to each vector among `known` and the vectors before it.

    Returns:
        Places count `known` first, then `vectors`.
    """
    held = vectors[:0] if known is None else known
    m = len(held)
    index = VectorIndex(np.concatenate([held, vectors]), m + len(vectors))
    index.add(held)
    similarity, place = np.full(len(vectors), -1, np.float32), np.full(len(vectors), -1, np.int64)
    for at in range(0, len(vectors), BLOCK):
        block = np.ascontiguousarray(vectors[at : at + BLOCK])
        found = _best(index, block)
        inside = np.tril(block @ block.T, -1) + np.triu(np.full((len(block), len(block)), -2, np.float32))
        best = inside.argmax(axis=1)
        own = inside[np.arange(len(block)), best]
        nearer = own > found.similarity
        similarity[at : at + BLOCK] = np.where(nearer, own, found.similarity)
        place[at : at + BLOCK] = np.where(nearer, best + m + at, found.place)
        index.add(block)
    return Nearest(similarity, place)


def _best(index: VectorIndex, queries: Floats) -> Nearest:
    if not len(index) or not len(queries):
        return Nearest(np.full(len(queries), -1, np.float32), np.full(len(queries), -1, np.int64))
    scores, places = index.search(queries, 1)
    return Nearest(scores[:, 0], places[:, 0])


def novel(new: pa.Table, held: pa.Table, encoder: Encoder, most: float) -> pa.Table:
    """Which of some new documents say what neither a held document nor one before them says.

    Args:
        new: [n] columns id, text.
        held: columns id, text.
        encoder: of the vectors that are compared.
        most: the similarity from which two texts mean the same.

    Returns:
        [n] id, kept, reason, similarity (of the nearest, -1 where there is none).
    """
    vectors, known = encoder.encode(new["text"]), encoder.encode(held["text"])
    found = nearest_before(vectors, known)
    names = [*held["id"].to_pylist(), *new["id"].to_pylist()]
    kept = found.similarity < most
    reasons = [
        UNIQUE if keep else f"means the same as {names[place]} (cosine {similarity:.3f} >= {most:g}, {encoder.name})"
        for keep, place, similarity in zip(kept.tolist(), found.place.tolist(), found.similarity.tolist(), strict=True)
    ]
    columns = {"kept": pa.array(kept), "reason": pa.array(reasons, pa.string())}
    return pa.table({"id": new["id"], **columns, "similarity": pa.array(found.similarity)})


@dataclass(frozen=True)
class Diversity:
    """How different the texts of a set are."""

    distance: float
    """Mean cosine distance of two different texts."""
    effective: float
    """Vendi score (Friedman and Dieng 2023, arXiv 2210.02410): how many wholly different texts say as much."""
    n: int


def diversity(vectors: Floats) -> Diversity:
    """Diversity of n unit vectors, from the eigenvalues of their [d, d] second moment."""
    n = len(vectors)
    if n == 0:
        return Diversity(0.0, 0.0, 0)
    x = vectors.astype(np.float64)
    whole = float(np.square(x.sum(axis=0)).sum())
    distance = 1 - (whole - float(np.square(x).sum())) / (n * (n - 1)) if n > 1 else 0.0
    shares = np.linalg.eigvalsh(x.T @ x / n)
    shares = shares[shares > 1e-12] / shares[shares > 1e-12].sum()
    return Diversity(distance, float(np.exp(-(shares * np.log(shares)).sum())), n)
