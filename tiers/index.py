"""KnowledgeIndex: the facts of L4 with their provenance, searchable; equal facts are one.

The encoder is ours and needs no model: 3- to 5-grams of the UTF-8 bytes, hashed to signed buckets (Weinberger et al.
2009, arXiv 0902.2206), damped by a square root, normalised. faiss searches the inner products exactly.
Only facts that say the same but for case, spacing and final punctuation are merged: at the distance where a paraphrase
would merge, `12 + 35 = 47` and `12 + 36 = 48` would too.
"""

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from .document import document_id
from .errors import InputError
from .parts import content_digest, read_part, write_part
from .rows import STRINGS

DIMENSION = 512
ENCODER = "bytes-3-5/512/1"
INDEX_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.large_string()),
        ("domain", pa.string()),
        ("documents", STRINGS),
        ("sources", STRINGS),
    ]
)

Floats = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Hit:
    """One fact that answers a query."""

    id: str
    text: str
    domain: str
    documents: tuple[str, ...]
    """Ids of the L4 documents that state it, and of those they were made from."""
    sources: tuple[str, ...]
    score: float
    """Cosine similarity to the query."""


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
        self._faiss: Any = None

    def __len__(self) -> int:
        return int(self.facts.num_rows)

    def search(self, query: str, k: int = 5, domain: str | None = None) -> list[Hit]:
        """The k facts nearest to a query, best first, equal ones by id; only those of a domain if one is named.

        Raises:
            InputError: faiss is not installed.
        """
        if not len(self) or k < 1:
            return []
        wanted = len(self) if domain is not None else min(k, len(self))
        score, at = self._vectors().search(encode([query]), wanted)
        found = self.facts.take(pa.array(at[0])).to_pylist()
        hits = [_hit(row, float(s)) for row, s in zip(found, score[0], strict=True) if domain in (None, row["domain"])]
        return sorted(hits, key=lambda h: (-h.score, h.id))[:k]

    def _vectors(self) -> Any:
        if self._faiss is None:
            try:
                import faiss
            except ImportError as e:
                raise InputError("the L4 index wants faiss, which is missing: pip install 'coevo[cpu]' or [gpu]") from e
            self._faiss = faiss.IndexFlatIP(DIMENSION)
            self._faiss.add(encode(self.facts["text"].to_pylist()))
        return self._faiss


def _hit(row: dict[str, Any], score: float) -> Hit:
    return Hit(row["id"], row["text"], row["domain"], tuple(row["documents"]), tuple(row["sources"]), score)


def index_path(root: Path) -> Path:
    """Where the index of a run lies."""
    return Path(root) / "tiers" / "index.parquet"


def build_index(root: Path, documents: pa.Table) -> KnowledgeIndex:
    """Organise documents into facts and put them on disk; a pure function of the documents, atomic, idempotent.

    Args:
        root: the run folder.
        documents: columns id, text, domain, source, parents (the store's `documents(tier=L4)`).
    """
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in documents.select(["id", "text", "domain", "source", "parents"]).to_pylist():
        if row["text"] and row["text"].strip():
            form = normal_form(row["text"], row["domain"])
            fact = merged.setdefault((row["domain"], form), {"text": row["text"], "documents": {}, "sources": {}})
            fact["documents"] |= dict.fromkeys([row["id"], *row["parents"]])
            fact["sources"] |= {row["source"]: None}
    facts = [
        {
            "id": document_id(form, domain),
            "domain": domain,
            "text": fact["text"],
            "documents": list(fact["documents"]),
            "sources": list(fact["sources"]),
        }
        for (domain, form), fact in sorted(merged.items())
    ]
    table = pa.Table.from_pylist(facts, schema=INDEX_SCHEMA).replace_schema_metadata({"encoder": ENCODER})
    path = index_path(root)
    if not path.exists() or content_digest(read_part(path)) != content_digest(table):
        write_part(path, table)
    return KnowledgeIndex(table)


def open_index(root: Path) -> KnowledgeIndex:
    """The index of a run; empty before any L4 document exists.

    Raises:
        LedgerError: the file is unreadable.
    """
    path = index_path(root)
    return KnowledgeIndex(read_part(path, INDEX_SCHEMA.names) if path.exists() else INDEX_SCHEMA.empty_table())
