"""Long texts are cut into documents where they pause: chapters or top-level definitions, blank lines, lines, spaces."""

import re
from collections.abc import Iterator

_TOP_LEVEL = re.compile(r"\n(?=(?:async def|def|class|@|function|export|func|fn|pub|public|static|impl)\b|@)")
_CHAPTER = re.compile(
    r"\n(?=(?:#{1,2} |\\(?:chapter|section)\b|(?:CHAPTER|Chapter|BOOK|PART|ACT) +(?:\d|[IVXLC]+\b|[A-Z][a-z]+\b)"
    r"|第[一二三四五六七八九十百零〇\d]{1,6}[章回卷篇部]))"
)
"""Headings of chapters in Markdown, LaTeX, English and Chinese books."""
_PAUSES = (re.compile(r"(?<=\n\n)(?=\S)"), re.compile(r"(?<=\n)"), re.compile(r"(?<=[.!?\u3002\uff01\uff1f])|(?<= )"))


def cut(text: str, limit: int, code: bool) -> Iterator[str]:
    """Pieces of about `limit` UTF-8 bytes, at most half as much again; together, and but for outer newlines, the text.

    Args:
        text: any text.
        limit: wanted size in bytes.
        code: cut before top-level definitions rather than before chapters.
    """
    if size(text) <= limit * 3 // 2:
        yield text
        return
    pauses = (_TOP_LEVEL if code else _CHAPTER, *_PAUSES)
    for piece in _pack(_blocks(text, limit, pauses), limit):
        if piece.strip():
            yield piece.strip("\n")


def size(text: str) -> int:
    """UTF-8 bytes of a text (free for ASCII, where it is the length)."""
    return len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))


def _blocks(text: str, limit: int, pauses: tuple[re.Pattern[str], ...]) -> Iterator[str]:
    """Blocks no larger than `limit`, split at the mildest pause that does it."""
    if size(text) <= limit:
        yield text
    elif not pauses:
        step = max(1, limit // 4)  # a character has at most four bytes
        yield from (text[i : i + step] for i in range(0, len(text), step))
    else:
        for block in _split(text, pauses[0]):
            yield from _blocks(block, limit, pauses[1:])


def _split(text: str, pause: re.Pattern[str]) -> Iterator[str]:
    """The text cut after each match, nothing lost."""
    start = 0
    for match in pause.finditer(text):
        if match.end() > start:
            yield text[start : match.end()]
            start = match.end()
    if start < len(text):
        yield text[start:]


def _pack(blocks: Iterator[str], limit: int) -> Iterator[str]:
    """Neighbouring blocks joined as long as they fit; a rest under a quarter of the limit joins the piece before."""
    held: list[str] = []
    total = 0
    last = ""
    for block in blocks:
        if held and total + size(block) > limit:
            if last:
                yield last
            last, held, total = "".join(held), [], 0
        held.append(block)
        total += size(block)
    rest = "".join(held)
    if last and total < limit // 4:
        yield last + rest
    else:
        yield from (piece for piece in (last, rest) if piece)
