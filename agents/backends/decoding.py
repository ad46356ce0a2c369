"""Decoding: a body as it was before its content codings, never more of it than a limit."""

import io
import zlib

import zstandard

LAYERS = 3
"""Content codings on top of one another that are undone."""
WINDOW = 8 << 20
"""Bytes of history that a zstd frame may refer to (RFC 8878 recommends that decoders take 8 MB)."""
MEMBERS = 64
"""Members of a gzip body that are read: each one costs a copy of what follows."""
PLAIN = {"", "identity", "none", "utf-8", "utf8", "binary", "aws-chunked"}
"""Names in Content-Encoding that change nothing about the bytes; the last ones are written by mistake."""


class Undecodable(Exception):
    """The body is not in the coding that its header names."""


class TooLong(Exception):
    """The body is longer than the limit."""


def decoded(body: bytes, codings: str, limit: int) -> bytes:
    """The body without its content codings (RFC 9110, 8.4), held to `limit` bytes at every layer.

    Args:
        body: as it was received.
        codings: the value of Content-Encoding, in the order in which they were applied.
        limit: most bytes of the result and of every step to it.

    Raises:
        Undecodable: a coding is unknown, or the body is not in it.
        TooLong: a step would give more than `limit` bytes.
    """
    names = [name for part in codings.split(",") if (name := part.strip().lower()) not in PLAIN]
    if len(names) > LAYERS:
        raise Undecodable(f"{len(names)} content codings, at most {LAYERS} are undone")
    for name in reversed(names if body else ()):
        body = _layer(body, name, limit)
    return body


def _layer(body: bytes, name: str, limit: int) -> bytes:
    if name in ("gzip", "x-gzip"):
        return _inflated(body, name, zlib.MAX_WBITS | 16, limit)
    if name == "deflate":
        # the name means zlib (RFC 1950), and some servers send the bare stream (RFC 1951)
        zlib_header = len(body) > 1 and body[0] & 15 == 8 and int.from_bytes(body[:2], "big") % 31 == 0
        return _inflated(body, name, zlib.MAX_WBITS if zlib_header else -zlib.MAX_WBITS, limit)
    if name == "zstd":
        return _unpacked_zstd(body, limit)
    raise Undecodable(f"content coding {name[:40]!r}, which was not asked for and is not known here")


def _inflated(body: bytes, name: str, window: int, limit: int) -> bytes:
    pieces: list[bytes] = []
    room = limit + 1
    rest = body
    for _ in range(MEMBERS):  # gzip: members follow one another
        if not rest or room <= 0:
            break
        stream = zlib.decompressobj(window)
        try:
            piece = stream.decompress(rest, room)
        except zlib.error as error:
            raise Undecodable(f"a body that is no {name} ({error})") from error
        pieces.append(piece)
        room -= len(piece)
        if room > 0 and not stream.eof:
            raise Undecodable(f"a {name} body that is cut short")
        rest = stream.unused_data.lstrip(b"\0") if name.endswith("gzip") else b""
    if rest and room > 0:
        raise Undecodable(f"a {name} body of more than {MEMBERS} members")
    if room <= 0:
        raise TooLong
    return b"".join(pieces)


def _unpacked_zstd(body: bytes, limit: int) -> bytes:
    decompressor = zstandard.ZstdDecompressor(max_window_size=WINDOW)
    try:
        with decompressor.stream_reader(io.BytesIO(body), read_across_frames=True) as reader:
            content = reader.read(limit + 1)
    except (zstandard.ZstdError, MemoryError) as error:
        raise Undecodable(f"a body that is no zstd with a window of at most {WINDOW >> 20} MiB ({error})") from error
    if len(content) > limit:
        raise TooLong
    return bytes(content)
