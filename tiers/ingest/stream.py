"""Sources read whole, unit by unit, into parts of L0: nothing is held but the part that is being filled."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..config import BulkConfig, IngestConfig, SourceConfig
from ..document import document_id
from ..errors import InputError
from ..parts import write_part
from ..rows import DOCUMENT_SCHEMA
from ..whole import write_whole
from .chunk import cut, size
from .domains import suffix
from .files import read_path, source_root, walk
from .hub import PREFIX
from .place import is_remote, remote_files
from .sample import QUARANTINED, Raw, Sample, unfit
from .sources import LOCAL, check_sources, read_source

L0_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("evidence", pa.string()))
STREAMS = frozenset({".jsonl", ".parquet", ".warc", ".wet"})
FILES = 500
"""Small files a unit."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What one worker reads: a whole source, a large file of it, or a run of its small files."""

    source: SourceConfig
    root: str
    """Folder that names are relative to; "" where the source is read whole."""
    names: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Stable name of its parts: the place in the source, not on the machine."""
        said = json.dumps([self.source.model_dump(), list(self.names)], sort_keys=True)
        return hashlib.blake2b(said.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def units(sources: Sequence[SourceConfig], config: IngestConfig) -> Iterator[Unit]:
    """Sources in pieces that can be read apart, in a stable order.

    Raises:
        InputError: a source is missing or unreadable.
    """
    check_sources(sources)
    for source in sources:
        whole = source.url == LOCAL or source.url.startswith(PREFIX) or is_remote(source.url)
        if is_remote(source.url) and not source.url.startswith(PREFIX):
            yield from _remote(source)
        elif whole or not source_root(source.url).is_dir():
            yield Unit(source, "")
        else:
            yield from _folder(source, config)


def _remote(source: SourceConfig) -> Iterator[Unit]:
    """A unit a remote file."""
    for place, _ in remote_files(source.url):
        yield Unit(source.model_copy(update={"url": place.system.unstrip_protocol(place.path)}), "")


def _folder(source: SourceConfig, config: IngestConfig) -> Iterator[Unit]:
    """A unit a stream of records; small files in runs."""
    root = source_root(source.url)
    names = [path.relative_to(root).as_posix() for path in walk(root, Sample(config, 0))]
    small = [name for name in names if suffix(name) not in STREAMS]
    yield from (Unit(source, str(root), (name,)) for name in names if suffix(name) in STREAMS)
    yield from (Unit(source, str(root), tuple(small[i : i + FILES])) for i in range(0, len(small), FILES))


def read_unit(unit: Unit, folder: Path, config: BulkConfig) -> list[str]:
    """Read one unit into parts under `folder/l0` and `folder/quarantine`; a unit that was read whole is not read again.

    Returns:
        Names of its parts.
    """
    done = folder / "l0" / f"{unit.key}.json"
    if not done.exists():
        stream = Stream(config, folder, unit.key)
        try:
            if unit.root:
                read_path(unit.root, unit.source.domain, stream, unit.names)
            else:
                read_source(unit.source, stream)
        except InputError as error:  # it was there when the build began
            stream.reject(unit.source.url, unit.source.domain or "", f"source went away or cannot be read: {error}")
        write_whole(done, json.dumps(stream.close()).encode())
    names: list[str] = json.loads(done.read_text())
    return names


class Stream(Sample):
    """Takes every record in the order of reading and writes a part whenever one is full."""

    def __init__(self, config: BulkConfig, folder: Path, key: str) -> None:
        super().__init__(config.ingest, 0)
        self._limits, self._folder, self._key = config, folder, key
        self._held: dict[str, Raw] = {}
        self._room = config.shard_bytes
        self._names: list[str] = []
        self._before = np.zeros(0, np.uint64)

    def closed(self, domain: str, key: float) -> bool:
        """Nothing is too late here."""
        return False

    def offer(self, raw: Raw, weight: float = 1.0, most: int | None = None) -> None:
        """Cut a record into documents and take them, or quarantine it; see `Sample`."""
        reason = unfit(raw.text, self.config) or self._foreign(raw.domain)
        if reason:
            self.reject(raw.source, raw.domain, reason)
            return
        pieces = list(cut(raw.text, self.config.document_bytes, raw.kind == "source"))
        for i, piece in enumerate(pieces):
            self._add(replace(raw, text=piece, source=raw.source if len(pieces) == 1 else f"{raw.source}#{i}"))

    def _add(self, raw: Raw) -> None:
        ident = document_id(raw.text, raw.source)
        if ident in self._held:
            self._repeated(raw)
            return
        self._held[ident] = raw
        self._room -= size(raw.text)
        if self._room <= 0 or len(self._held) >= self._limits.shard_documents:
            self._write()

    def _repeated(self, raw: Raw) -> None:
        self.reject(raw.source, raw.domain, "repeated: the same text stood under the same source before")

    def _write(self) -> None:
        """Write a part of what stood in none before; of those only the ids are remembered, eight bytes each."""
        ids = np.array([int(ident, 16) for ident in self._held], np.uint64)
        fresh = ~np.isin(ids, self._before)
        for raw in itertools.compress(self._held.values(), ~fresh):
            self._repeated(raw)
        self._before = np.concatenate([self._before, ids[fresh]])
        raws = list(itertools.compress(self._held.values(), fresh))
        columns = {
            "id": list(itertools.compress(self._held, fresh)),
            "text": [r.text for r in raws],
            "domain": [r.domain for r in raws],
            "source": [r.source for r in raws],
            "kind": [r.kind for r in raws],
            "parents": [[] for _ in raws],
            "evidence": [r.evidence for r in raws],
        }
        self._held, self._room = {}, self._limits.shard_bytes
        if raws:
            name = f"{self._key}-{len(self._names):05d}"
            write_part(self._folder / "l0" / f"{name}.parquet", pa.Table.from_pydict(columns, schema=L0_SCHEMA))
            self._names.append(name)

    def close(self) -> list[str]:
        """Write what is left and the quarantine.

        Returns:
            Names of the parts.
        """
        if self._held:
            self._write()
        self._flush()
        bad = pa.Table.from_batches(self._bad, schema=QUARANTINED)
        if bad.num_rows:
            write_part(self._folder / "quarantine" / f"{self._key}.parquet", bad)
        return self._names
