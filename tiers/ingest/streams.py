"""Lines and batches out of files that may be huge, cut short or malicious: bounded memory, every fault a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..config import IngestConfig
from .place import Place, stored_bytes
from .unpack import BLOCK, Damaged, unpacked

ROWS = 256


@dataclass(frozen=True, slots=True)
class Fault:
    """A place in a file that could not be read, and why."""

    place: str
    reason: str


def lines(path: Place, config: IngestConfig) -> Iterator[tuple[int, bytes] | Fault]:
    """Numbered lines of a file, unpacked as its name says; blank ones are passed over.

    A line over the limit is a fault and skipped in pieces; a damaged stream is a fault and ends the file.
    """
    number = 0
    try:
        with unpacked(path, config) as stream:
            while line := stream.readline(config.max_line_bytes + 1):
                number += 1
                if len(line) > config.max_line_bytes and not line.endswith(b"\n"):
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(BLOCK)
                    yield Fault(str(number), f"huge line: more than {config.max_line_bytes} bytes")
                elif line.strip():
                    yield number, line
    except Damaged as error:
        yield Fault(str(number + 1), f"{error} (after {number} lines; the rest is not read)")
    except OSError as error:
        yield Fault(str(number + 1), f"cannot be read: {error.strerror or error}")


def parquet_rows(
    path: Place, texts: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    """Numbered rows of a parquet file, the wanted columns only; strings come as bytes, as they may not be UTF-8.

    Args:
        path: the file.
        texts: columns of which it must have one.
        names: further columns, read where present.
    """
    number = 0
    try:
        stored_bytes(path)
        with path.open("rb") as stream, pq.ParquetFile(stream) as file:
            there = file.schema_arrow.names
            if not set(texts) & set(there):
                yield Fault(
                    "", f"missing text field: wanted a column of {', '.join(texts)}, got {', '.join(there)[:200]}"
                )
                return
            for batch in file.iter_batches(batch_size=ROWS, columns=[n for n in (*texts, *names) if n in there]):
                for row in pa.Table.from_batches([_as_bytes(batch)]).to_pylist():
                    number += 1
                    yield number, row
    except (pa.ArrowException, OSError) as error:
        yield Fault(str(number + 1), f"broken parquet after {number} rows: {str(error).splitlines()[0][:200]}")


def _as_bytes(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with string columns seen as binary."""
    kinds = [
        pa.large_binary() if pa.types.is_string(c.type) or pa.types.is_large_string(c.type) else c.type
        for c in batch.columns
    ]
    columns = [c.cast(kind) for c, kind in zip(batch.columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)
