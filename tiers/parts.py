"""Immutable files: written whole or not at all, and known by the digest of what they hold."""

import hashlib
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .errors import LedgerError
from .whole import RESCUE, whole_file

ROW_GROUP = 20_000


def write_part(path: Path, table: pa.Table) -> None:
    """Write a Parquet part so that a kill at any moment leaves either nothing or all of it.

    Raises:
        LedgerError: the disk refuses (full, read-only).
    """
    with whole_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", row_group_size=ROW_GROUP, write_page_checksum=True)


def write_mapped(path: Path, table: pa.Table) -> None:
    """Write a part of which `mapped` reads a few rows without the others: Arrow IPC, one batch, not compressed.

    Raises:
        LedgerError: the disk refuses (full, read-only).
    """
    with whole_file(path) as temporary, pa.ipc.new_file(temporary, table.schema) as file:
        file.write_table(table.combine_chunks())


def mapped(path: Path) -> pa.Table:
    """A part of `write_mapped`, seen in place: what is not looked at is not read.

    Raises:
        LedgerError: it is missing or cut short.
    """
    with readable(path):
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()


def open_part(path: Path) -> Any:
    """The Parquet file at `path`, its footer read.

    Raises:
        LedgerError: it is missing, cut short or no Parquet.
    """
    with readable(path):
        return pq.ParquetFile(path, page_checksum_verification=True)


def read_part(path: Path, columns: list[str] | None = None) -> pa.Table:
    """All rows of a part.

    Raises:
        LedgerError: it is missing, cut short, altered, or lacks a wanted column.
    """
    with readable(path):
        table = pq.ParquetFile(path, page_checksum_verification=True).read(columns=columns)
        missing = [c for c in columns or [] if c not in table.column_names]
        if missing:
            raise LedgerError(f"{path} has no column {missing[0]!r}, so coevo did not write it: move it elsewhere")
        return table


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what Arrow and the disk say about a bad part into one sentence that names it.

    Raises:
        LedgerError: the part could not be read, or is no plain file: reading a pipe could wait for ever.
    """
    if path.exists() and not path.is_file():
        raise LedgerError(f"{path} is no plain file: {RESCUE}")
    try:
        yield
    except FileNotFoundError as e:
        raise LedgerError(f"{path} is missing: {RESCUE}") from e
    except (pa.ArrowException, OSError) as e:
        raise LedgerError(f"{path} is cut short or altered ({type(e).__name__}): {RESCUE}") from e


def file_digest(path: Path) -> str:
    """32 hex digits of the bytes of a file.

    Raises:
        LedgerError: it is missing or unreadable.
    """
    with readable(path), path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def content_digest(table: pa.Table, without: Collection[str] = ()) -> str:
    """32 hex digits of the values of a table, whatever its chunks, offsets and file encoding are."""
    digest = hashlib.blake2b(digest_size=16)
    for name in table.column_names:
        if name not in without:
            digest.update(f"{name}\0{table.num_rows}\0".encode())
            for piece in _pieces(table.column(name)):
                digest.update(piece)
    return digest.hexdigest()


def _pieces(column: pa.ChunkedArray) -> Iterator[Any]:
    """Bytes that tell one column from every other: what is null, lengths, then values."""
    kind = column.type
    yield from (chunk.is_valid().to_numpy(zero_copy_only=False).tobytes() for chunk in column.chunks)
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        yield from (_lengths(pc.list_value_length(chunk)) for chunk in column.chunks)
        yield from _pieces(pa.chunked_array([chunk.flatten() for chunk in column.chunks], kind.value_type))
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        yield from (_lengths(pc.binary_length(chunk)) for chunk in column.chunks)
        yield from (_characters(chunk) for chunk in column.chunks)
    else:
        zero = pa.scalar(0).cast(kind)
        yield from (pc.fill_null(chunk, zero).to_numpy(zero_copy_only=False).tobytes() for chunk in column.chunks)


def _lengths(array: pa.Array) -> bytes:
    return bytes(pc.fill_null(array.cast(pa.int64()), 0).to_numpy(zero_copy_only=False).tobytes())


def _characters(chunk: pa.Array) -> Any:
    flat = pc.fill_null(chunk, "").cast(pa.large_binary())
    if len(flat) == 0:
        return b""
    _, offsets, values = flat.buffers()
    where = np.frombuffer(offsets, np.int64)[flat.offset : flat.offset + len(flat) + 1]
    return memoryview(values)[where[0] : where[-1]] if values is not None else b""
