"""Lines and batches out of files that may be huge, cut short or malicious: bounded memory, every fault a reason."""

import errno
import gzip
import io
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from ..config import IngestConfig

RATIO_FROM = 16_000_000
ROWS = 256
BLOCK = 1 << 16


@dataclass(frozen=True, slots=True)
class Fault:
    """A place in a file that could not be read, and why."""

    place: str
    reason: str


class _Capped(io.RawIOBase):
    """Counts, block by block, what a gzip stream has grown to, and stops at the cap."""

    def __init__(self, stream: gzip.GzipFile, packed: int, config: IngestConfig) -> None:
        self._stream, self._packed, self._config = stream, max(packed, 1), config
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._stream.read1(len(buffer))  # `read` would lose the block in which a stream breaks off
        buffer[: len(block)] = block
        self._read += len(block)
        if self._read > self._config.max_unpacked_bytes:
            raise OverflowError(f"gzip bomb: unpacks to more than {self._config.max_unpacked_bytes} bytes")
        if self._read > max(RATIO_FROM, self._config.max_gzip_ratio * self._packed):
            raise OverflowError(f"gzip bomb: grows more than {self._config.max_gzip_ratio:g} times")
        return len(block)


def _open(path: Path, config: IngestConfig) -> IO[bytes]:
    """The file's bytes, unpacked under the cap."""
    if path.suffix != ".gz":
        return path.open("rb")
    return io.BufferedReader(_Capped(gzip.open(path), path.stat().st_size, config), BLOCK)


def _check_plain(path: Path) -> None:
    """Raise OSError for a pipe or a device, which would never end."""
    if not path.is_file():
        raise OSError(errno.EINVAL, "not a regular file" if path.exists() else "no such file")


def lines(path: Path, config: IngestConfig) -> Iterator[tuple[int, bytes] | Fault]:
    """Numbered lines of a file, unpacked when its name ends in `.gz`; blank ones are passed over.

    A line over the limit is a fault and skipped in pieces; a damaged stream is a fault and ends the file.
    """
    number = 0
    try:
        _check_plain(path)
        with _open(path, config) as stream:
            while line := stream.readline(config.max_line_bytes + 1):
                number += 1
                if len(line) > config.max_line_bytes and not line.endswith(b"\n"):
                    while line and not line.endswith(b"\n"):
                        line = stream.readline(BLOCK)
                    yield Fault(str(number), f"huge line: more than {config.max_line_bytes} bytes")
                elif line.strip():
                    yield number, line
    except EOFError:
        yield Fault(str(number + 1), f"truncated gzip: ends inside its stream after {number} lines")
    except OverflowError as error:
        yield Fault(str(number + 1), f"{error}; the rest is not read")
    except (gzip.BadGzipFile, zlib.error) as error:
        yield Fault(str(number + 1), f"damaged gzip after {number} lines: {error}")
    except OSError as error:
        yield Fault(str(number + 1), f"cannot be read: {error.strerror or error}")


def parquet_rows(
    path: Path, texts: tuple[str, ...], names: tuple[str, ...]
) -> Iterator[tuple[int, dict[str, Any]] | Fault]:
    """Numbered rows of a parquet file, the wanted columns only; strings come as bytes, as they may not be UTF-8.

    Args:
        path: the file.
        texts: columns of which it must have one.
        names: further columns, read where present.
    """
    number = 0
    try:
        _check_plain(path)
        with pq.ParquetFile(path) as file:
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
