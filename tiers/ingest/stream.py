"""Sources read whole, unit by unit, into parts of L0: nothing is held but the part that is being filled."""

import itertools
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa

from ..config import BulkConfig
from ..document import document_id
from ..errors import InputError
from ..parts import write_part
from ..rows import DOCUMENT_SCHEMA
from ..whole import write_whole
from .chunk import cut, size
from .files import read_path
from .sample import QUARANTINED, Raw, Sample, unfit
from .sources import read_source
from .units import Unit

L0_SCHEMA = DOCUMENT_SCHEMA.append(pa.field("evidence", pa.string()))


def read_unit(unit: Unit, folder: Path, config: BulkConfig) -> tuple[list[str], Counter[str]]:
    """Read one unit into parts under `folder/l0` and `folder/quarantine`; a unit that was read whole is not read again.

    Returns:
        Names of its parts, and records that are of no kind that is read, by media type.

    Raises:
        InputError: a file changed since it was listed.
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
        if unit.changed:
            raise InputError(f"{unit.changed} changed while it was read: build again, and it is read anew")
        write_whole(done, json.dumps({"parts": stream.close(), "ignored": stream.ignored}).encode())
    result = json.loads(done.read_text("utf-8"))
    return result["parts"], Counter(result["ignored"])


class Stream(Sample):
    """Takes every record in the order of reading and writes a part whenever one is full."""

    def __init__(self, config: BulkConfig, folder: Path, key: str) -> None:
        super().__init__(config.ingest, 0)
        self._limits, self._folder, self._key = config, folder, key
        longest = config.clean.max_chars * 2 // 3  # a piece may be half as long again as it should be
        self._document_bytes = min(config.ingest.document_bytes, longest)
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
        pieces = list(cut(raw.text, self._document_bytes, raw.kind == "source"))
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
