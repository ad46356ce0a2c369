"""Web archives (WARC 1.x, ISO 28500, and WET): the pages in them, one after another, in bounded memory."""

import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Any

from ..config import IngestConfig
from .decode import decode, is_text_encoding
from .place import Place
from .streams import Fault as Fault
from .unpack import BLOCK, Damaged, unpacked

HEADER_BYTES = 1 << 16
"""A longer header line is none."""
MAX_HEADERS = 1_000
TYPED = {"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text"}
"""Media types that are read, and the field that their content becomes."""
CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w.:-]{2,40})", re.I)


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
    text, reason = _text(body, media)
    if text is None:
        return Fault(f"{number} {url}", reason)
    return number, {field: text, "url": url, "date": headers.get("warc-date", ""), "media": media}


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
    coding = headers.get("content-encoding", "").strip().lower()
    if coding in ("", "identity") or (coding in ("gzip", "x-gzip") and body[:2] != b"\x1f\x8b"):
        return body  # crawlers often unpack the body and leave the header
    if coding not in ("gzip", "x-gzip", "deflate"):
        raise ValueError(f"unknown encoding {coding!r}")
    return _inflated(body, config.max_record_bytes)


def _dechunked(body: bytes) -> bytes:
    """The chunks of a body joined; a body that is no longer chunked as it is (crawlers often join it themselves)."""
    parts: list[bytes] = []
    at = 0
    while True:
        end = body.find(b"\n", at, at + 100)
        size = body[at : max(end, at)].split(b";")[0].strip()
        if end < 0 or not re.fullmatch(rb"[0-9a-fA-F]{1,8}", size):
            return b"".join(parts) if parts else body
        length = int(size, 16)
        if length == 0:
            return b"".join(parts)
        parts.append(body[end + 1 : end + 1 + length])
        at = end + 1 + length + 2


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


def _text(body: bytes, media: str) -> tuple[str | None, str]:
    """The body as text: as the answer declares where that fits every byte, else as `decode` finds."""
    declared = CHARSET.search(media)
    name = declared[1].lower() if declared else ""
    if name not in ("", "utf-8", "utf8", "iso-8859-1", "latin1") and is_text_encoding(name) and b"\0" not in body:
        try:
            return body.decode(name), ""
        except UnicodeError:  # a wrong declaration: the bytes decide
            pass
    found = decode(body, guess=True)
    return found.text, found.reason
