"""KnowledgeIndex: the facts of L4 with their provenance, searchable; equal facts are one.

The encoder is ours and needs no model: 3- to 5-grams of the UTF-8 bytes, hashed to signed buckets (Weinberger et al.
2009, arXiv 0902.2206), damped by a square root, normalised. faiss searches the inner products exactly; words
are searched by BM25, and the two rankings fused.
Only facts that say the same but for spelling are merged: at the distance where a paraphrase would merge,
`12 + 35 = 47` and `12 + 36 = 48` would too.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .document import document_id
from .errors import LedgerError
from .lexical import TextIndex, fused
from .parts import content_digest, read_part, write_part
from .rows import STRINGS
from .vectors import VectorIndex
from .whole import RESCUE

DIMENSION = 512
NEAR = 2_000
"""Facts whose cosines are looked at in an index that is too large for exact search."""
ENCODER = "bytes-3-5/512/1"
ABSENT = "absent"
"""What is recorded instead of a digest where there is no file."""
INDEX_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.large_string()),
        ("domain", pa.string()),
        ("documents", STRINGS),
        ("origins", STRINGS),
        ("sources", STRINGS),
        ("verified", STRINGS),
        ("passages", STRINGS),
    ]
)

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Statement:
    """A fact that a document states."""

    text: str
    key: str = ""
    """Statements of one key are one fact; empty: those of one spelling are (`normal_form`)."""
    passage: str = ""
    """The words of the document that state it, where they are known."""


@dataclass(frozen=True)
class Hit:
    """One fact that answers a query."""

    id: str
    text: str
    domain: str
    documents: tuple[str, ...]
    """Ids of the L4 documents that state it."""
    origins: tuple[str, ...]
    """Ids of the documents that those were made from."""
    sources: tuple[str, ...]
    """Where the documents came from, and those they were made from."""
    score: float
    """Cosine similarity to the query (0 where only words were compared)."""
    verified: tuple[str, ...] = ()
    """What the verifier found about the documents that state it."""
    passages: tuple[str, ...] = ()
    """The words that state it, where a model quoted them."""


How = Literal["both", "text", "vector"]


class Retriever(Protocol):
    """Who answers a query with facts: what a synthesizer, or a model that is trained, can be given to ask."""

    def search(self, query: str, k: int = 5, domain: str | None = None) -> Sequence[Hit]:
        """The k best facts, best first; only those of a domain if one is named."""
        ...


def encode(texts: list[str]) -> Floats:
    """[n, 512] unit vectors (zero for texts shorter than three bytes); the same on every machine."""
    out = np.zeros((len(texts), DIMENSION), dtype=np.float32)
    for row, text in zip(out, texts, strict=True):
        row[:] = _encode(text)
    return out


def _encode(text: str) -> Floats:
    folded = re.sub(r"\s+", " ", text.casefold()).strip()
    data = np.frombuffer(f" {folded} ".encode("utf-8", "replace"), dtype=np.uint8).astype(np.uint64)
    vector = np.zeros(DIMENSION)
    for n in (3, 4, 5):
        if len(data) < n:
            break
        h = np.full(len(data) - n + 1, n, dtype=np.uint64)
        for j in range(n):  # a polynomial hash of every window at once, modulo 2^64
            h = h * np.uint64(0x100000001B3) + data[j : len(data) - n + 1 + j]
        h = (h ^ (h >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15)
        bucket, sign = (h >> np.uint64(40)) % np.uint64(DIMENSION), (h >> np.uint64(63)).astype(np.float64) * 2 - 1
        vector += np.bincount(bucket.astype(np.int64), weights=sign, minlength=DIMENSION)
    vector = np.sign(vector) * np.sqrt(np.abs(vector))
    norm = float(np.linalg.norm(vector))
    return (vector / norm if norm else vector).astype(np.float32)


def normal_form(text: str, domain: str) -> str:
    """What two statements of one fact have in common; case is kept in code, where it has meaning."""
    plain = re.sub(r"\s+", " ", unicodedata.normalize("NFKC", text)).strip()
    return plain if domain == "code" else plain.casefold().rstrip(" .!;,")


class KnowledgeIndex:
    """Facts in `tiers/index.parquet` of a run folder; made by `build_index`, read by `open_index`."""

    def __init__(self, facts: pa.Table) -> None:
        self.facts = facts
        self._words: TextIndex | None = None

    def __len__(self) -> int:
        return int(self.facts.num_rows)

    def search(self, query: str, k: int = 5, domain: str | None = None, how: How = "both") -> list[Hit]:
        """The k facts that answer a query best, best first, equal ones by id; only those of a domain if one is named.

        Args:
            query: words, a question or a formula.
            k: how many.
            domain: of the facts.
            how: `text` by words in common (BM25), `vector` by the encoder's cosine, `both` by the fusion of the two.

        Raises:
            InputError: faiss is not installed, and `how` wants it.
        """
        if not len(self) or k < 1:
            return []
        cosine = self._cosines(query) if how != "text" else np.zeros(len(self))
        words = self._text().scores(query) if how != "vector" else np.zeros(len(self))
        graded = {"text": words, "vector": cosine}.get(how)
        if graded is None:
            by_words = np.flatnonzero(words > 0)
            rankings = [np.argsort(-cosine, kind="stable"), by_words[np.argsort(-words[by_words], kind="stable")]]
            graded = fused(rankings, len(self))
        able = np.flatnonzero(self._of(domain) & ((words > 0) | (how != "text")))
        best = able[np.lexsort((self._id_order[able], -graded[able]))[:k]]
        return [_hit(row, float(cosine[i])) for i, row in zip(best, self.facts.take(best).to_pylist(), strict=True)]

    def _of(self, domain: str | None) -> Any:
        """[n] whether each fact is of a domain; all are where none is named."""
        if domain is None:
            return np.ones(len(self), bool)
        return np.asarray(pc.equal(self.facts["domain"], domain).to_numpy())

    @cached_property
    def _id_order(self) -> Any:
        """[n] place of each fact in the order of ids, which decides between equals."""
        return np.argsort(np.argsort(np.array(self.facts["id"].to_pylist(), dtype=str)))

    def _cosines(self, query: str) -> Any:
        """[n] cosine of each fact to the query; in an index too large for exact search 0 of all but the nearest."""
        vectors = self._vectors
        score, at = vectors.search(encode([query]), len(self) if not vectors.probes else min(len(self), NEAR))
        found = np.zeros(len(self))
        found[at[0][at[0] >= 0]] = score[0][at[0] >= 0]
        return found

    def _text(self) -> TextIndex:
        if self._words is None:
            self._words = TextIndex(self.facts["text"])
        return self._words

    @cached_property
    def _vectors(self) -> VectorIndex:
        vectors = encode(self.facts["text"].to_pylist())
        index = VectorIndex(vectors, len(self))
        index.add(vectors)
        return index


def _hit(row: dict[str, Any], score: float) -> Hit:
    lists = {name: tuple(row[name]) for name in ("documents", "origins", "sources", "verified", "passages")}
    return Hit(id=row["id"], text=row["text"], domain=row["domain"], score=score, **lists)


def index_path(root: Path) -> Path:
    """Where the index of a run lies."""
    return Path(root) / "tiers" / "index.parquet"


def build_index(
    root: Path,
    documents: pa.Table,
    verified: Mapping[str, str] | None = None,
    stated: Mapping[str, Sequence[Statement]] | None = None,
    sources: Mapping[str, str] | None = None,
    record: Callable[[Collection[str]], None] = lambda digests: None,
) -> KnowledgeIndex:
    """Organise documents into facts and put them on disk; a pure function of what is given, atomic, idempotent.

    Args:
        root: the run folder.
        documents: columns id, text, domain, source, parents (the store's `documents(tier=L4)`).
        verified: by document, what the verifier found.
        stated: by document, the facts that it states; without it each document is one fact, its text.
        sources: by id, where the documents that these were made from came from.
        record: keeps the digests that the facts on disk may have: before the file is written its old and its new one
            (a process may die on either side of the write), then the new one.
    """
    merged: dict[tuple[str, str], dict[str, dict[str, None]]] = {}
    for row, said in _statements(documents, stated):
        fact = merged.setdefault((row["domain"], said.key or normal_form(said.text, row["domain"])), {})
        for name, values in _provenance(row, said, verified or {}, sources or {}).items():
            fact[name] = fact.get(name, {}) | dict.fromkeys(values)
    facts = [
        {name: list(values) for name, values in fact.items()}
        | {"id": document_id(form, domain), "domain": domain, "text": next(iter(fact["text"]))}
        for (domain, form), fact in sorted(merged.items())
    ]
    table = pa.Table.from_pylist(facts, schema=INDEX_SCHEMA).replace_schema_metadata({"encoder": ENCODER})
    path, digest = index_path(root), content_digest(table)
    before = content_digest(read_part(path)) if path.exists() else ABSENT
    if before != digest:
        record((before, digest))
        write_part(path, table)
    record((digest,))
    return KnowledgeIndex(table)


def _statements(
    documents: pa.Table, stated: Mapping[str, Sequence[Statement]] | None
) -> Iterator[tuple[dict[str, Any], Statement]]:
    """Each document with each fact that it states."""
    for row in documents.select(["id", "text", "domain", "source", "parents"]).to_pylist():
        own = [Statement(row["text"] or "")] if stated is None else stated.get(row["id"], ())
        yield from ((row, said) for said in own if said.text.strip())


def _provenance(
    row: Mapping[str, Any], said: Statement, verified: Mapping[str, str], sources: Mapping[str, str]
) -> dict[str, Sequence[str]]:
    """What one document adds to what is known about a fact."""
    return {
        "text": [said.text],
        "documents": [row["id"]],
        "origins": row["parents"],
        "sources": [row["source"], *(sources[p] for p in row["parents"] if p in sources)],
        "verified": [verified[row["id"]]] if row["id"] in verified else [],
        "passages": [said.passage] if said.passage else [],
    }


def open_index(root: Path, digests: Collection[str] = ()) -> KnowledgeIndex:
    """The index of a run; empty before any L4 document exists.

    Args:
        root: the run folder.
        digests: those that were recorded of it; empty: none were.

    Raises:
        LedgerError: the file is unreadable, missing, or not the one that was recorded.
    """
    path = index_path(root)
    facts = read_part(path) if path.exists() else None
    if digests and (ABSENT if facts is None else content_digest(facts)) not in digests:
        how = "is missing" if facts is None else "was altered after it was written"
        raise LedgerError(f"{path} {how}: {RESCUE}")
    if facts is None:
        return KnowledgeIndex(INDEX_SCHEMA.empty_table())
    for name in {"verified", "origins", "passages"} - {*facts.column_names}:  # written before these were kept
        facts = facts.append_column(name, pa.array([[]] * facts.num_rows, STRINGS))
    if {*facts.column_names} != {*INDEX_SCHEMA.names}:
        raise LedgerError(f"{path} is no index of facts: {RESCUE}")
    return KnowledgeIndex(facts.select(INDEX_SCHEMA.names))
