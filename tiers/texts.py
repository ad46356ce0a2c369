"""Texts: document parts on disk, found by id without reading what is not wanted."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import LedgerError
from .parts import content_digest, open_part, read_part, readable, write_part
from .rows import DOCUMENT_SCHEMA, first_of_each
from .whole import RESCUE

Ints = np.ndarray[Any, np.dtype[np.int64]]


class Texts:
    """Immutable parts named by the digest of their content; only parts that a ledger part names are looked at."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._parts: list[Path] = []
        self._ids: list[pa.Array] = []

    def write(self, documents: pa.Table) -> str:
        """Put a part (`DOCUMENT_SCHEMA`) on disk, not yet visible; the same documents again change nothing.

        Returns:
            The part's digest.
        """
        digest = content_digest(documents)
        if not self._sound(digest):
            write_part(self.path(digest), documents)
        return digest

    def path(self, digest: str) -> Path:
        """Where a part lies."""
        return self.folder / f"{digest}.parquet"

    def show(self, digest: str) -> None:
        """Make a part visible.

        Raises:
            LedgerError: it is not there.
        """
        path = self.path(digest)
        if path not in self._parts:
            if not path.exists():
                raise LedgerError(f"{path} is missing although the ledger speaks of it: {RESCUE}")
            self._parts.append(path)

    def check(self, digest: str) -> None:
        """Compare a part with its name.

        Raises:
            LedgerError: it was altered.
        """
        if not self._sound(digest):
            raise LedgerError(f"{self.path(digest)} was altered after it was written: {RESCUE}")

    def _sound(self, digest: str) -> bool:
        """Whether a part is there and holds what its name says."""
        try:
            return content_digest(read_part(self.path(digest))) == digest
        except LedgerError:
            return False

    def ids(self) -> pa.ChunkedArray:
        """Ids of all visible documents, part by part."""
        for path in self._parts[len(self._ids) :]:
            self._ids.append(read_part(path, ["id"])["id"].combine_chunks())
        return pa.chunked_array(self._ids, pa.string())

    def get(self, ids: pa.Array) -> pa.Array:
        """[n] texts (large_string) of the ids, null where there is none (a quarantined record)."""
        known = self.ids()
        found = pc.fill_null(pc.index_in(ids, value_set=known.combine_chunks()).cast(pa.int64()), -1)
        at = np.asarray(found.to_numpy(zero_copy_only=False))
        starts = np.cumsum([0, *(len(a) for a in self._ids)])
        pieces, order = [pa.nulls(1, pa.large_string())], [np.flatnonzero(at < 0)[:0]]
        for number, path in enumerate(self._parts):
            wanted = np.flatnonzero((at >= starts[number]) & (at < starts[number + 1]))
            if len(wanted):
                pieces.append(_texts_at(path, at[wanted] - starts[number]))
                order.append(wanted)
        place = np.zeros(len(at), dtype=np.int64)  # 0 is the null in front
        place[np.concatenate(order)] = 1 + np.arange(sum(map(len, order)))
        return pa.concat_arrays(pieces).take(pa.array(place))


def _texts_at(path: Path, rows: Ints) -> pa.Array:
    """Texts of some rows of a part; reads only the row groups they lie in."""
    file = open_part(path)
    sizes = [file.metadata.row_group(g).num_rows for g in range(file.metadata.num_row_groups)]
    starts = np.cumsum([0, *sizes])
    group = np.searchsorted(starts, rows, side="right") - 1
    needed = np.unique(group)
    shift = np.cumsum([0, *(sizes[g] for g in needed)])
    with readable(path):
        text = file.read_row_groups(needed.tolist(), columns=["text"])["text"]
    local = rows - starts[group] + shift[np.searchsorted(needed, group)]
    return pa.concat_arrays([*text.chunks, pa.array([], pa.large_string())]).take(pa.array(local))


def joined(tables: list[pa.Table]) -> pa.Table:
    """Documents of several tables as one of `DOCUMENT_SCHEMA`, the first of each id.

    Raises:
        LedgerError: a column is missing.
    """
    for table in tables:
        missing = [name for name in DOCUMENT_SCHEMA.names if name not in table.column_names]
        if missing:
            raise LedgerError(f"documents have no column {missing[0]!r}: wanted {', '.join(DOCUMENT_SCHEMA.names)}")
    whole = pa.concat_tables([t.select(DOCUMENT_SCHEMA.names).cast(DOCUMENT_SCHEMA) for t in tables])
    return whole.take(first_of_each(whole["id"].combine_chunks())) if whole.num_rows else whole
