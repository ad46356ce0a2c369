"""Lines and batches out of files that may be huge, cut short or malicious: bounded memory, every fault a reason."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..config import IngestConfig
from .place import Place, stored_bytes
from .unpack import BLOCK, RATIO_FROM, Damaged, unpacked

ROWS = 256
BUFFER = 1 << 20


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
    path: Place, texts: tuple[str, ...], names: tuple[str, ...], config: IngestConfig
) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    """Numbered rows of a parquet file, the wanted columns only; strings come as bytes, as they may not be UTF-8.

    Args:
        path: the file.
        texts: columns of which it must have one.
        names: further columns, read where present.
        config: how far a file may grow.
    """
    number = grown = 0
    try:
        most = max(RATIO_FROM, config.max_gzip_ratio * stored_bytes(path))
        # text stays dictionary-encoded, or a few pages would grow to gigabytes; columns are read page by page
        with path.open("rb") as stream:
            schema = pq.read_schema(stream)
            there, encoded = schema.names, [n for n in texts if n in schema.names and _is_text(schema.field(n).type)]
            file = pq.ParquetFile(stream, read_dictionary=encoded, buffer_size=BUFFER)
            if not set(texts) & set(there):
                yield Fault(
                    "", f"missing text field: wanted a column of {', '.join(texts)}, got {', '.join(there)[:200]}"
                )
                return
            for batch in file.iter_batches(batch_size=ROWS, columns=[n for n in (*texts, *names) if n in there]):
                columns = {name: _as_bytes(batch[name]) for name in batch.schema.names}
                for at in range(batch.num_rows):
                    number += 1
                    row = {name: column[at].as_py() for name, column in columns.items()}
                    grown += sum(len(row[name] or ()) for name in texts if isinstance(row.get(name), bytes))
                    if grown > min(most, config.max_unpacked_bytes):
                        yield Fault(
                            str(number),
                            f"parquet bomb: it grows to more than {grown} bytes of text; the rest is not read",
                        )
                        return
                    yield number, row
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:  # the last one: names of columns
        told = (str(error) or type(error).__name__).splitlines()[0][:200]
        yield Fault(str(number + 1), f"broken parquet after {number} rows: {told}")


def _as_bytes(column: pa.Array) -> pa.Array:
    """A column of strings seen as binary."""
    if pa.types.is_dictionary(column.type):
        return pa.DictionaryArray.from_arrays(column.indices, _as_bytes(column.dictionary))
    return column.cast(pa.large_binary()) if _is_text(column.type) else column


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))
