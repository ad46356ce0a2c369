"""The deterministic sample: per domain the files with the smallest keys, as many as the caps allow."""

import heapq
import math
from collections import Counter
from dataclasses import dataclass, field, replace

import pyarrow as pa

from ..config import IngestConfig
from ..document import document_id
from ..rows import DOCUMENT_SCHEMA
from ..split import source_file, unit_hash
from .chunk import cut, size

QUARANTINED = pa.schema(
    [("id", pa.string()), ("source", pa.string()), ("domain", pa.string()), ("reason", pa.string())]
)


@dataclass(frozen=True, slots=True)
class Raw:
    """A record as read: where from, its whole text, what it is."""

    source: str
    text: str
    domain: str
    kind: str = "text"
    evidence: str = "{}"
    """What is known about it besides, as canonical JSON: licence, repo, url, language, how its page was read ..."""


@dataclass(frozen=True)
class Ingested:
    """What reading gave."""

    documents: pa.Table
    """id, text, domain, source, kind, parents; ids are unique; ordered by domain and key."""
    quarantined: pa.Table
    """id, source, domain, reason of every record that could not be read; domain is "" where none could be told."""
    records_in: dict[str, int]
    """Per domain: documents + quarantined records. What lies beyond the caps is not counted, as it need not be read."""
    recoded: dict[str, int] = field(default_factory=dict)
    """Texts that were not UTF-8 and could be read all the same, per encoding."""
    ignored: dict[str, int] = field(default_factory=dict)
    """Files of folders passed over for their suffix, per suffix; records of archives, per media type."""
    evidence: pa.Array = field(default_factory=lambda: pa.array([], pa.string()))
    """[documents] JSON objects: what is known of each besides (licence, repo, url, how its page was read)."""


class Sample:
    """Takes records in any order and keeps, per domain, those of the files with the smallest keys.

    Memory is bounded by the caps, not by what is offered.

    A key is -ln(u)/weight with u the hash of the file's name and the seed: a weighted sample without replacement
    (Efraimidis and Spirakis 2006) that does not depend on the order of reading.
    """

    def __init__(self, config: IngestConfig, seed: int) -> None:
        self.config = config
        self.seed = seed
        self.recoded: Counter[str] = Counter()
        self.ignored: Counter[str] = Counter()
        self._heaps: dict[str, list[tuple[float, int, int, str, Raw]]] = {d: [] for d in config.domains}
        self._bytes: Counter[str] = Counter()
        self._ids: set[str] = set()
        self._edge: dict[str, tuple[float, int]] = {}
        self._files: dict[str, int] = {}
        self._bad: list[pa.RecordBatch] = []
        self._rows: list[tuple[str, str, str, str]] = []

    def key(self, source: str, weight: float = 1.0) -> float:
        """Place of a source's file in the sample's order; smaller is earlier."""
        return -math.log1p(-unit_hash(f"sample {source_file(source)}", self.seed)) / weight

    def closed(self, domain: str, key: float) -> bool:
        """Whether no record with this key can enter any more, so that it need not be read."""
        return domain in self._edge and (key, 0) > self._edge[domain]

    def offer(self, raw: Raw, weight: float = 1.0, most: int | None = None) -> None:
        """Cut a record into documents and take those inside the caps, or quarantine it.

        Args:
            raw: the record.
            weight: see the class.
            most: take the record's first documents only, up to this many bytes.
        """
        reason = unfit(raw.text, self.config) or self._foreign(raw.domain)
        if reason:
            self.reject(raw.source, raw.domain, reason)
            return
        key = self.key(raw.source, weight)
        if self.closed(raw.domain, key):
            return
        pieces = list(cut(raw.text, self.config.document_bytes, raw.kind == "source"))
        for i, piece in enumerate(pieces):
            if most is not None and (most := most - size(piece)) < 0:
                break
            source = raw.source if len(pieces) == 1 else f"{raw.source}#{i}"
            self._take(replace(raw, source=source, text=piece), key)

    def reject(self, source: str, domain: str, reason: str) -> None:
        """Quarantine a record."""
        self._rows.append((document_id(reason, source), source, domain, reason))
        if len(self._rows) >= 4096:
            self._flush()

    def finish(self) -> Ingested:
        """Everything taken so far as tables."""
        self._flush()
        entries = [e for d in self.config.domains for e in sorted(self._heaps[d], key=lambda e: (-e[0], -e[1], e[3]))]
        documents = pa.Table.from_pydict(
            {
                "id": [e[3] for e in entries],
                "text": [e[4].text for e in entries],
                "domain": [e[4].domain for e in entries],
                "source": [e[4].source for e in entries],
                "kind": [e[4].kind for e in entries],
                "parents": [[] for _ in entries],
            },
            schema=DOCUMENT_SCHEMA,
        )
        bad = pa.Table.from_batches(self._bad, schema=QUARANTINED)
        records = Counter(documents["domain"].to_pylist()) + Counter(bad["domain"].to_pylist())
        evidence = pa.array([e[4].evidence for e in entries], pa.string())
        return Ingested(documents, bad, dict(sorted(records.items())), dict(self.recoded), dict(self.ignored), evidence)

    def _foreign(self, domain: str) -> str | None:
        known = self.config.domains
        return None if domain in known else f"domain {domain!r} is not among {', '.join(known)}: add it to `domains`"

    def _take(self, raw: Raw, key: float) -> None:
        """Push one document; what then lies beyond the caps falls out, largest key first."""
        file = source_file(raw.source)
        place = self._files[file] = self._files.get(file, -1) + 1
        heap = self._heaps[raw.domain]
        ident = document_id(raw.text, raw.source)
        if ident in self._ids:
            self.reject(raw.source, raw.domain, "repeated: the same text stood under the same source before")
            return
        if raw.domain in self._edge and (key, place) >= self._edge[raw.domain]:
            return
        heapq.heappush(heap, (-key, -place, size(raw.text), ident, raw))
        self._ids.add(ident)
        self._bytes[raw.domain] += size(raw.text)
        while len(heap) > self.config.max_documents or self._bytes[raw.domain] > self.config.max_bytes:
            negative, spot, length, gone, _ = heapq.heappop(heap)
            self._edge[raw.domain] = (-negative, -spot)
            self._bytes[raw.domain] -= length
            self._ids.discard(gone)

    def _flush(self) -> None:
        columns = list(zip(*self._rows, strict=True)) or [()] * 4
        self._bad.append(pa.RecordBatch.from_arrays([pa.array(c, pa.string()) for c in columns], schema=QUARANTINED))
        self._rows.clear()


def unfit(text: str, config: IngestConfig) -> str | None:
    """Why a text cannot become a document, or None."""
    if not text.strip():
        return "empty"
    if size(text) > config.max_record_bytes:
        return f"huge record: {size(text)} bytes > {config.max_record_bytes}"
    if "\0" in text:
        return f"binary: NUL at character {text.index(chr(0))}"
    try:
        text.encode()
    except UnicodeEncodeError as error:
        return f"not Unicode: lone surrogate at character {error.start}"
    return None
