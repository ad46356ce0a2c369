"""Options: which of them a token of a model's answer means, however its server spells tokens."""

import math
import unicodedata
from collections.abc import Iterator, Sequence
from functools import cache

from .reply import Alternative

MARKS = "\u2581\u0120\u010a\u0109\u2423"
"""What tokenizers write for a blank, a line break and a tab: SentencePiece's bar, byte-level BPE's letters."""
_AROUND = " \t\r\n\"'`*_([{<\u201c\u2018"
_AFTER = " \t\r\n\"'`*_)]}>.,:;!?\u3002\uff0c\u201d\u2019"


def masses(alternatives: Sequence[Alternative], options: Sequence[str]) -> list[float]:
    """Probability of each option: the sum over all tokens that spell it, or that begin no other.

    Blanks, quotation marks and stops around it do not count, nor does case where the options differ without it.
    """
    mass = [0.0] * len(options)
    for alternative in alternatives:
        option = option_of(alternative.token, alternative.raw, options)
        if option is not None:
            mass[option] += math.exp(min(0.0, alternative.logprob))
    return mass


def option_of(token: str, raw: bytes, options: Sequence[str]) -> int | None:
    """The place of the option that a token means; None where it is none of them, or several."""
    names = [_folded(option) for option in options]
    caseless = len({name.casefold() for name in names}) == len(names)
    names = [name.casefold() for name in names] if caseless else names
    begun: set[int] = set()
    for spelling in _spellings(token, raw):
        word = spelling.casefold() if caseless else spelling
        if word and word in names:
            return names.index(word)
        begun |= {i for i, name in enumerate(names) if word and name.startswith(word)}
    return begun.pop() if len(begun) == 1 else None


def _spellings(token: str, raw: bytes) -> Iterator[str]:
    """A token as text: as it was sent, by its bytes, and by the letters of byte-level BPE."""
    yield _folded(token)
    for content in (raw, _spelled_bytes(token), _byte_level(token)):
        if content:
            try:
                yield _folded(content.decode())
            except UnicodeDecodeError:
                continue  # part of a character


def _folded(text: str) -> str:
    for mark in MARKS:
        text = text.replace(mark, " ")
    return unicodedata.normalize("NFKC", text).lstrip(_AROUND).rstrip(_AFTER)


def _spelled_bytes(token: str) -> bytes:
    r"""Of `bytes:\xe6\x98` (OpenAI) and `<0xE6>` (SentencePiece)."""
    digits = token.removeprefix("bytes:").replace("\\x", " ").replace("<0x", " ").replace(">", " ")
    try:
        return bytes.fromhex(digits) if token.startswith(("bytes:", "<0x")) else b""
    except ValueError:
        return b""


def _byte_level(token: str) -> bytes:
    table = _byte_letters()
    return bytes(table[c] for c in token) if all(c in table for c in token) and not token.isascii() else b""


@cache
def _byte_letters() -> dict[str, int]:
    """Bytes by the letters that byte-level BPE writes for them (GPT-2, `bytes_to_unicode`)."""
    shown = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = [b for b in range(256) if b not in shown]
    return {chr(b): b for b in shown} | {chr(256 + i): b for i, b in enumerate(hidden)}
