"""Bytes to text: UTF-8, else what the bytes themselves declare, else (only where asked) a guess that must be sure."""

import codecs
import re
from dataclasses import dataclass

_DECLARED = (
    re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([A-Za-z0-9_.:-]{2,40})", re.I),
    re.compile(rb"^(?:[^\n]*\n)?[ \t\f]*#[^\n]*?coding[:=][ \t]*([-\w.]{2,40})"),
    re.compile(rb"^<\?xml[^>]{0,100}encoding\s*=\s*[\"']([A-Za-z0-9_.:-]{2,40})"),
)
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
LATIN = frozenset({"iso-8859-1", "latin-1", "latin1", "ascii", "us-ascii"})
"""Names that mean Windows-1252 wherever they are declared (WHATWG Encoding Standard, section 4.2)."""
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


def decode(data: bytes, *, guess: bool = False) -> Decoded:
    """Read bytes as text.

    Args:
        data: the whole record.
        guess: allow an encoding that nothing declares, if charset-normalizer is sure of it.
    """
    marked = next((name for mark, name in _BOMS if data.startswith(mark)), None)
    if marked:
        return _strict(data, marked) or Decoded(None, marked, f"damaged {marked.removesuffix('-sig').upper()}")
    if b"\0" in data:
        return Decoded(None, "", f"binary: NUL at byte {data.index(0)}")
    found = _strict(data, "utf-8") or _declared(data) or (_guessed(data) if guess else None)
    return found or Decoded(None, "", _complaint(data))


def _strict(data: bytes, encoding: str) -> Decoded | None:
    """The text, if every byte is right in the encoding."""
    try:
        return Decoded(data.decode(encoding), encoding)
    except (UnicodeError, LookupError):  # a page may declare an encoding that does not exist
        return None


def _declared(data: bytes) -> Decoded | None:
    """The text in the encoding that its head names, unless that is UTF-8, which it is not."""
    head = data[:4096]
    for pattern in _DECLARED:
        match = pattern.search(head)
        if match:
            name = match.group(1).decode("ascii").lower()
            if is_text_encoding(name) and codecs.lookup(name).name != "utf-8":
                return _strict(data, "cp1252" if name in LATIN else name) or _strict(data, name)
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
