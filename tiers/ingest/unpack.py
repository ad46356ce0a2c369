"""Packed bytes read as what they hold, block by block, under a cap: gzip and Zstandard."""

import gzip
import io
import zlib
from typing import IO, Any, Protocol

import zstandard

from ..config import IngestConfig
from .place import Place, stored_bytes

RATIO_FROM = 16_000_000
BLOCK = 1 << 16
PACKED = {".gz": "gzip", ".zst": "zstd"}
"""Suffix -> what it is called."""
_FIRST = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd"}


class Damaged(ValueError):
    """A packed stream is cut short, broken or a bomb; the message is the reason."""


class _Blocks(Protocol):
    def read1(self, size: int, /) -> bytes: ...


def packing(name: str) -> str:
    """`gzip`, `zstd`, or "" for plain bytes."""
    return next((kind for end, kind in PACKED.items() if name.lower().endswith(end)), "")


def unpacked(place: Place, config: IngestConfig) -> IO[bytes]:
    """The bytes of a file, unpacked as its name says.

    The stream raises `Damaged` where the packing ends too early, is broken or grows beyond the caps.

    Raises:
        OSError: it cannot be opened or is no plain file.
    """
    size = stored_bytes(place)
    kind = packing(place.name)
    stream = place.open("rb")
    return _stream(stream, size, kind, config) if kind else stream


def unpacked_bytes(data: bytes, config: IngestConfig) -> bytes:
    """The bytes of a file, unpacked as its first ones say.

    Raises:
        Damaged: the packing ends too early, is broken or grows beyond the caps.
    """
    kind = next((kind for first, kind in _FIRST.items() if data.startswith(first)), "")
    return _stream(io.BytesIO(data), len(data), kind, config).read() if kind else data


def _stream(stream: IO[bytes], size: int, kind: str, config: IngestConfig) -> io.BufferedReader:
    blocks: _Blocks = gzip.GzipFile(fileobj=stream) if kind == "gzip" else _Zstd(stream, config.max_window_bytes)
    return io.BufferedReader(_Capped(blocks, stream, size, kind, config), BLOCK)


class _Zstd:
    """Zstandard frames one after another; what is fed at once is small, as 4 bytes may unpack to 128 KiB."""

    FED = 2048

    def __init__(self, stream: IO[bytes], window: int) -> None:
        self._stream, self._window = stream, window
        self._frame: Any = None
        self._rest = self._ready = b""

    def read1(self, size: int, /) -> bytes:
        """Up to `size` bytes, none at the end.

        Raises:
            EOFError: the stream ends inside a frame.
            zstandard.ZstdError: it is broken.
        """
        while not self._ready:
            fed = self._rest or self._stream.read(self.FED)
            self._rest = b""
            if not fed:
                if self._frame is not None:
                    raise EOFError
                return b""
            if self._frame is None:
                self._frame = self._opened(fed)
            self._ready = self._frame.decompress(fed)
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        block, self._ready = self._ready[:size], self._ready[size:]
        return block

    def _opened(self, head: bytes) -> Any:
        """A decompressor for the frame that begins with `head`."""
        try:
            window = zstandard.get_frame_parameters(head).window_size
        except zstandard.ZstdError:  # too short for a header, or none: unpacking says what is wrong
            window = 0
        if window > self._window:
            raise Damaged(
                f"zstd window of {window} bytes > {self._window}: to read it, raise ingest.max_window_bytes to {window}"
            )
        return zstandard.ZstdDecompressor(max_window_size=max(self._window, 1 << 10)).decompressobj()


class _Capped(io.RawIOBase):
    """Counts, block by block, what a packed stream has grown to, and stops at the cap."""

    def __init__(self, stream: _Blocks, packed: IO[bytes], size: int, kind: str, config: IngestConfig) -> None:
        self._stream, self._packed, self._size, self._kind = stream, packed, max(size, 1), kind
        self._config = config
        self._read = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = self._block(len(buffer))
        buffer[: len(block)] = block
        self._read += len(block)
        if self._read > self._config.max_unpacked_bytes:
            raise Damaged(f"{self._kind} bomb: unpacks to more than {self._config.max_unpacked_bytes} bytes")
        if self._read > max(RATIO_FROM, self._config.max_gzip_ratio * self._size):
            raise Damaged(f"{self._kind} bomb: grows more than {self._config.max_gzip_ratio:g} times")
        return len(block)

    def _block(self, size: int) -> bytes:
        """The next block (`read` would lose the one in which a stream breaks off)."""
        try:
            return self._stream.read1(size)
        except EOFError as error:
            raise Damaged(f"truncated {self._kind}: ends inside its stream") from error
        except (gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            raise Damaged(f"damaged {self._kind}: {error}") from error

    def close(self) -> None:
        self._packed.close()
        super().close()
