"""Bytes to text: UTF-8, else what the bytes themselves declare, else (only where asked) a guess that must be sure."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass

HEAD = 4096
"""Bytes in which a text may declare its encoding."""
COMMENT = re.compile(rb"<!--.*?(?:-->|\Z)", re.S)
META = re.compile(rb"<meta(?=[\s/])((?:\"[^\"]*\"|'[^']*'|[^\"'>])*)", re.I)
ATTRIBUTE = re.compile(rb"([a-z-]+)\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s\"'>]+))", re.I)
CHARSET = re.compile(r"charset\s*=\s*[\"']?\s*([\w.:-]{2,40})", re.I)
COOKIE = re.compile(rb"^(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]{2,40})")
XML = re.compile(rb"^<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{2,40})")
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
BROWSERS = {
    "ascii": "cp1252", "iso8859-1": "cp1252", "iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874",
    "gb2312": "gb18030", "gbk": "gb18030", "hz": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "johab": "cp949",
    "big5": "big5hkscs", "utf-16": "utf-8", "utf-16-le": "utf-8", "utf-16-be": "utf-8", "utf-7": "utf-8",
}  # fmt: skip
"""Python's codec of a declared name -> the codec that browsers read such a page with, mostly a superset (WHATWG
Encoding Standard, sections 4.2 and 5; a page that declares UTF-16 inside of itself is not UTF-16)."""
ALIASES = {
    "x-sjis": "cp932", "windows-31j": "cp932", "x-gbk": "gb18030", "gb_2312-80": "gb18030", "chinese": "gb18030",
    "csgb2312": "gb18030", "ks_c_5601-1987": "cp949", "ksc5601": "cp949", "windows-949": "cp949", "korean": "cp949",
    "x-x-big5": "big5hkscs", "cn-big5": "big5hkscs", "x-cp1250": "cp1250", "x-cp1251": "cp1251", "x-cp1252": "cp1252",
    "windows-874": "cp874", "dos-874": "cp874", "unicode": "utf-8", "x-mac-cyrillic": "mac_cyrillic",
    "macintosh": "mac_roman", "x-mac-roman": "mac_roman", "x-euc-jp": "euc_jp", "iso-8859-8-i": "iso8859-8",
    "logical": "iso8859-8", "x-user-defined": "cp1252",
}  # fmt: skip
"""Names of the same standard that Python does not know or reads more narrowly."""
WIDER = {"cp1252": "iso8859-1", "big5hkscs": "cp950"}
"""What is tried next: the first lacks five bytes that browsers read as control characters, the second some words."""
GUESSED_FROM = 1 << 16
"""A guess looks at this many bytes at most."""
MAX_MESS, MIN_COHERENCE = 5.0, 20.0
"""Percentages: what charset-normalizer may find improbable in its guess, and how much like a language it must look."""
DENSE = 0.10
"""Text with this share of bytes above 127 is in no Latin script; charset-normalizer can tell what it is only then."""
PLAUSIBLE = re.compile(
    r"[A-Za-z \n(\"'][À-ÖØ-öø-ÿŒœŠšŽžŸ]|[À-ÖØ-öø-ÿŒœŠšŽžŸ][a-z]|[\u2013-\u2026\u20ac\u2122\u00a0«»©®°£§½¼¾·]"
)
"""Where Windows-1252 has its characters in real text: accented letters next to plain ones, typographic signs."""


@dataclass(frozen=True, slots=True)
class Decoded:
    """A text and how it was read, or why it could not be."""

    text: str | None
    encoding: str
    reason: str = ""


def decode(data: bytes, *, guess: bool = False, declared: str = "") -> Decoded:
    """Read bytes as text, in the first encoding in which every byte is right.

    Tried are UTF-8, what came with the bytes, what the bytes declare in their head, and a guess. Encodings that
    browsers read more widely than their name says are read as widely here.

    Args:
        data: the whole record.
        guess: allow an encoding that nothing declares, if charset-normalizer is sure of it.
        declared: media type or encoding that came with the bytes, such as a Content-Type header.
    """
    marked = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    if marked:
        return _strict(data, marked) or Decoded(None, marked, f"damaged {marked.removesuffix('-sig').upper()}")
    if b"\0" in data:
        wide = _wide(declared)
        text = _strict(data, wide) if wide else None
        return text or Decoded(None, "", f"binary: NUL at byte {data.index(0)}")
    candidates = list(_candidates(data[:HEAD], declared))
    escapes = [name for name in candidates if name.startswith("iso2022") and b"\x1b" in data]
    for name in (*escapes, "utf-8", *candidates):
        if text := _strict(data, name):
            return text
    return (_guessed(data) if guess else None) or Decoded(None, "", _complaint(data))


def _candidates(head: bytes, declared: str) -> Iterator[str]:
    """Codecs that a text claims for itself, the most trusted first."""
    header = CHARSET.search(declared)
    names = [header[1]] if header else []
    names += [match[1].decode("ascii") for pattern in (XML, COOKIE) if (match := pattern.search(head))]
    for name in (*names, *_meta_charsets(head)):
        if codec := browser_codec(name):
            yield codec
            if codec in WIDER:
                yield WIDER[codec]


def _wide(declared: str) -> str:
    """UTF-16 in the byte order that a header names, "" where it names another encoding; only this one has NUL bytes."""
    header = CHARSET.search(declared)
    name = header[1].lower() if header else ""
    return {"utf-16": "utf-16-le", "utf-16le": "utf-16-le", "utf-16be": "utf-16-be"}.get(name, "")


def _meta_charsets(head: bytes) -> Iterator[str]:
    """Encodings in `charset` of a meta element, or in its `content` where it stands for the header Content-Type."""
    for meta in META.finditer(COMMENT.sub(b"", head)):
        pairs = {m[1].lower(): m[2] or m[3] or m[4] or b"" for m in ATTRIBUTE.finditer(meta[1])}
        if b"charset" in pairs:
            yield pairs[b"charset"].decode("ascii", "replace").strip()
        elif pairs.get(b"http-equiv", b"").strip().lower() == b"content-type":
            match = CHARSET.search(pairs.get(b"content", b"").decode("ascii", "replace"))
            yield from [match[1]] if match else []


def browser_codec(name: str) -> str:
    """Python's codec for an encoding as browsers read it, "" where there is none of this name."""
    name = name.strip().lower()
    if name in ALIASES:
        return ALIASES[name]
    if not is_text_encoding(name):
        return ""
    codec = codecs.lookup(name).name
    return BROWSERS.get(codec, codec)


def _strict(data: bytes, encoding: str) -> Decoded | None:
    """The text, if every byte is right in the encoding."""
    try:
        return Decoded(data.decode(encoding), encoding)
    except (UnicodeError, LookupError):  # a page may declare an encoding that does not exist
        return None


def is_text_encoding(name: str) -> bool:
    """Whether Python knows a character encoding of this name (`rot13` and `zip` are codecs, but none)."""
    try:
        return isinstance(b"a".decode(name), str)
    except (LookupError, UnicodeError, ValueError):
        return False


def _guessed(data: bytes) -> Decoded | None:
    """The text in Windows-1252 where few bytes are not ASCII and make sense, else as charset-normalizer is sure of."""
    head = data[:GUESSED_FROM]
    high = sum(byte > 127 for byte in head)
    if _mostly_utf8(data):
        return None
    if high < DENSE * len(head):
        found = _strict(data, "cp1252")
        return found if found and found.text and _plausible(found.text) else None
    from charset_normalizer import from_bytes

    best = from_bytes(head).best()
    if best is None or best.percent_chaos > MAX_MESS or best.percent_coherence < MIN_COHERENCE:
        return None
    return _strict(data, best.encoding)


def _mostly_utf8(data: bytes) -> bool:
    """Whether it is UTF-8 with some damage: reading that as anything else spoils every character."""
    whole = sum(ord(c) > 127 for c in data.decode("utf-8", "ignore"))
    damaged = data.decode("utf-8", "replace").count("\ufffd")
    return whole > damaged


def _plausible(text: str) -> bool:
    """Whether nine in ten characters above 127 stand where such characters stand."""
    high = sum(ord(c) > 127 for c in text)
    return len(PLAUSIBLE.findall(text)) >= 0.9 * high


def _complaint(data: bytes) -> str:
    try:
        data.decode()
    except UnicodeDecodeError as error:
        return f"not UTF-8: byte 0x{data[error.start]:02x} at {error.start}"
    raise AssertionError("asked to complain about valid UTF-8")
