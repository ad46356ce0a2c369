"""Web archives (WARC 1.x, ISO 28500, and WET): the pages in them, one after another, in bounded memory."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

import zstandard

from ..config import IngestConfig
from .decode import decode
from .place import Place
from .streams import Fault as Fault
from .unpack import BLOCK, Damaged, unpacked

HEADER_BYTES = 1 << 16
"""A longer header line is none."""
MAX_HEADERS = 1_000
TYPED = {"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text"}
"""Media types that are read, and the field that their content becomes."""
PLAIN = frozenset({"", "identity", "none", "binary", "7bit", "8bit", "utf-8", "utf8", "iso-8859-1", "text"})
"""Content encodings that leave a body as it is; some are wrong names that servers send for that."""
CHUNK = re.compile(rb"([0-9a-fA-F]{1,8})[ \t]*(?:;[^\r\n]{0,200})?\r?\n")
"""The line before a chunk: its size, and perhaps extensions (RFC 9112, 7.1)."""
CONTROLS = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
"""Bytes that text does not hold and the first bytes of anything packed do: each byte of it is one in ten times."""


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record that is no page, and what it is."""

    what: str


Headers = dict[str, str]


def pages(path: Place, config: IngestConfig) -> Iterator[tuple[int, dict[str, Any]] | Fault | Skipped]:
    """Numbered pages of an archive: `html` or `text`, with `url`, `date` and media type.

    A record that is damaged or too large is a fault and passed over; a damaged stream is a fault and ends the file.
    """
    number = 0
    try:
        with unpacked(path, config) as stream:
            while (version := _next_version(stream)) is not None:
                number += 1
                if not version.startswith(b"WARC/"):
                    yield Fault(
                        str(number), f"damaged WARC: wanted a record, got {version[:40]!r}; the rest is not read"
                    )
                    return
                yield from _record(stream, number, config)
    except Damaged as error:
        yield Fault(str(number + 1), f"{error} (after {number} records; the rest is not read)")
    except _Broken as error:
        yield Fault(str(number), f"damaged WARC: {error}; the rest is not read")
    except OSError as error:
        yield Fault(str(number + 1), f"cannot be read: {error.strerror or error}")


class _Broken(ValueError):
    """The record's own form is broken, so the next one cannot be found."""


def _next_version(stream: IO[bytes]) -> bytes | None:
    """The first line of the next record, blank lines passed over; None at the end."""
    while line := stream.readline(HEADER_BYTES):
        if line.strip():
            return line.strip()
    return None


def _record(
    stream: IO[bytes], number: int, config: IngestConfig
) -> Iterator[tuple[int, dict[str, Any]] | Fault | Skipped]:
    """What one record gives; the stream stands behind it afterwards."""
    headers = _headers(stream)
    length = headers.get("content-length", "")
    if not length.isascii() or not length.isdigit():
        raise _Broken(f"record {number} has no length")
    size, sort = int(length), headers.get("warc-type", "")
    url = headers.get("warc-target-uri", "").strip("<>")
    if sort not in ("response", "resource", "conversion"):
        _skip(stream, size)
        yield Skipped(f"warc {sort or 'record'}")
    elif size > config.max_record_bytes:
        _skip(stream, size)
        yield Fault(f"{number} {url}", f"huge record: {size} bytes > {config.max_record_bytes}")
    else:
        body = stream.read(size)
        if len(body) < size:
            raise _Broken(f"record {number} is cut short: {len(body)} of {size} bytes")
        yield _page(headers, body, url, number, config)


def _headers(stream: IO[bytes]) -> Headers:
    """Header lines up to the blank one, by lower-case name."""
    found: Headers = {}
    for _ in range(MAX_HEADERS):
        line = stream.readline(HEADER_BYTES)
        if not line.strip():
            return found
        name, _, value = line.decode("utf-8", "replace").partition(":")
        found[name.strip().lower()] = value.strip()
    raise _Broken(f"more than {MAX_HEADERS} header lines")


def _skip(stream: IO[bytes], size: int) -> None:
    while size > 0:
        block = stream.read(min(size, BLOCK))
        if not block:
            raise _Broken("a record is cut short")
        size -= len(block)


def _page(
    headers: Headers, body: bytes, url: str, number: int, config: IngestConfig
) -> tuple[int, dict[str, Any]] | Fault | Skipped:
    """The page that a record holds, unpacked and decoded."""
    media = headers.get("content-type", "")
    if media.startswith("application/http"):
        head, _, body = _split_http(body)
        status, answer = head
        if not 200 <= status < 300:
            return Skipped(f"http {status}")
        media = answer.get("content-type", "")
        try:
            body = _content(body, answer, config)
        except ValueError as error:
            return Fault(f"{number} {url}", f"damaged HTTP body: {error}")
    field = TYPED.get(media.partition(";")[0].strip().lower())
    if field is None:
        return Skipped(media.partition(";")[0].strip() or "no media type")
    decoded = decode(body, guess=True, declared=media)
    if decoded.text is None:
        return Fault(f"{number} {url}", decoded.reason)
    return number, {field: decoded.text, "url": url, "date": headers.get("warc-date", ""), "media": media}


def _split_http(body: bytes) -> tuple[tuple[int, Headers], bytes, bytes]:
    """Status and headers of an HTTP answer, the separator, and what follows."""
    head, gap, rest = body.partition(b"\r\n\r\n")
    if not gap:
        head, gap, rest = body.partition(b"\n\n")
    first, *lines = head.decode("latin-1").splitlines() or [""]
    status = re.match(r"HTTP/\S+ (\d{3})", first)
    pairs = (line.partition(":") for line in lines)
    return (int(status[1]) if status else 0, {n.strip().lower(): v.strip() for n, _, v in pairs}), gap, rest


def _content(body: bytes, headers: Headers, config: IngestConfig) -> bytes:
    """The body without its transfer and content encodings.

    Raises:
        ValueError: it is broken, unknown or grows beyond the cap.
    """
    if "chunked" in headers.get("transfer-encoding", "").lower():
        body = _dechunked(body)
    for coding in reversed(headers.get("content-encoding", "").split(",")):  # the last one was applied last
        body = _decoded(body, coding.strip().lower(), config.max_record_bytes)
    return body


def _decoded(body: bytes, coding: str, cap: int) -> bytes:
    """A body without one content encoding; as it is where it is not packed.

    Crawlers often unpack the body and leave the header, and some servers name a charset or `none` there.

    Raises:
        ValueError: the body is packed and broken, of an unknown packing, or grows beyond the cap.
    """
    if coding in PLAIN or not CONTROLS.search(body[:512]):
        return body
    if coding in ("gzip", "x-gzip", "deflate"):
        return _inflated(body, cap)
    if coding == "zstd":
        return _zstd(body, cap)
    if coding == "br":
        return _brotli(body, cap)
    raise ValueError(f"content encoding {coding!r} is not read: wanted gzip, deflate, br, zstd or none")


def _dechunked(body: bytes) -> bytes:
    """The chunks of a body joined; the body as it is where it is not a chain of chunks (crawlers often join them)."""
    parts: list[bytes] = []
    at = 0
    while match := CHUNK.match(body, at):
        length = int(match[1], 16)
        end = match.end() + length
        if length == 0:
            return b"".join(parts)
        if body[end : end + 1] not in (b"\r", b"\n"):  # text that happens to begin like the size of a chunk
            break
        parts.append(body[match.end() : end])
        at = end + (2 if body[end : end + 2] == b"\r\n" else 1)
    return b"".join(parts) or body


def _inflated(body: bytes, cap: int) -> bytes:
    """A gzip, zlib or raw deflate body unpacked."""
    for window in (47, -15):
        unpacker = zlib.decompressobj(window)
        try:
            data = unpacker.decompress(body, cap + 1)
        except zlib.error as error:
            if window < 0:
                raise ValueError(f"it does not unpack ({error})") from error
            continue
        if len(data) > cap:
            raise ValueError(f"it unpacks to more than {cap} bytes")
        if not unpacker.eof:
            raise ValueError("it is cut short")
        return data
    raise AssertionError("the last window either unpacks or raises")


def _zstd(body: bytes, cap: int) -> bytes:
    """A Zstandard body unpacked, in a window of 8 MiB at most (RFC 9659)."""
    try:
        reader = zstandard.ZstdDecompressor(max_window_size=1 << 23).stream_reader(body, read_across_frames=True)
        data = reader.read(cap + 1)
    except zstandard.ZstdError as error:
        raise ValueError(f"it does not unpack ({error})") from error
    if len(data) > cap:
        raise ValueError(f"it unpacks to more than {cap} bytes")
    return data


def _brotli(body: bytes, cap: int) -> bytes:
    """A Brotli body unpacked (RFC 7932), block by block."""
    import brotli

    unpacker, data = brotli.Decompressor(), bytearray()
    try:
        block = unpacker.process(body, output_buffer_limit=BLOCK)
        while block or not unpacker.is_finished():
            data += block
            if len(data) > cap:
                raise ValueError(f"it unpacks to more than {cap} bytes")
            if not block:
                raise ValueError("it is cut short")
            block = b"" if unpacker.is_finished() else unpacker.process(b"", output_buffer_limit=BLOCK)
    except brotli.error as error:
        raise ValueError(f"it does not unpack ({error})") from error
    return bytes(data)
