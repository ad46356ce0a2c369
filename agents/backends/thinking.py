"""Thinking: an answer without what the model thought aloud before it, whatever marks its thoughts."""

import re
from bisect import bisect_right
from collections.abc import Iterator

_STEM = (
    r"think|thought|reason|reflect|scratch|analy[sz]|monologue|rational|deliberat|brainstorm|plan|draft|inner|internal"
)
"""Parts of the names that models and prompts give to thoughts; one of them in a mark is enough."""
_NAME = rf"[\w:.\u2581-]{{0,40}}?(?:{_STEM}|\bcot(?=\b|_))[\w:.\u2581-]{{0,40}}"
_MARKS = re.compile(
    rf"(?:<\s*[|\uff5c]?|&lt;|\u25c1)\s*(?P<slash>/?)\s*(?P<name>{_NAME})(?:\s[^<>]{{0,200}})?\s*(?:[|\uff5c]?>|&gt;|\u25b7)"
    r"|\[(?P<slash2>/?)(?P<name2>think\w*|thoughts?|reasoning)\]"
    r"|(?P<open><\|channel>thought|<unused94>|^```(?:think|thought|reason)\w*)|(?P<close><channel\|>|<unused95>)",
    re.IGNORECASE | re.MULTILINE,
)
_ENDS = re.compile(r"(?:^|[_\W])(?:end|stop|close|suffix)(?:$|[_\W])", re.IGNORECASE)
_FENCE = re.compile(r"^```\s*$", re.MULTILINE)
_ELEMENT = re.compile(r"\s*<([a-z][\w:.-]*)(?:\s[^<>]*)?>", re.IGNORECASE)
_ANSWERS = re.compile(r"answer|output|response|final|result|json|solution|reply|object|assistant", re.IGNORECASE)
_CHANNEL = re.compile(
    r"<\|channel\|>\s*(\w+)(?:(?!<\|(?:message|channel)\|>).)*<\|message\|>"
    r"(.*?)(?=<\|(?:end|return|call|start|channel)\|>|\Z)",
    re.DOTALL,
)
_BARE_CHANNEL = re.compile(r"\s*analysis\s*(?=[A-Z\"{'])")
_BARE_FINAL = re.compile(r"assistant\s*final\s*")
_OBJECT = re.compile(r'\{(?=\s*["}])')
_LITERAL = re.compile(r'"(?:[^"\\]|\\.)*"|[{}]', re.DOTALL)


def without_thinking(text: str) -> tuple[str, bool]:
    """What remains of `text`, and whether it broke off, or was lost, inside the thinking.

    Blocks may be nested or follow one another. A closing mark without an opening one ends a thought that began in the
    prompt. After an opening mark that is never closed everything is thought. A mark in an object of JSON is a word.

    >>> without_thinking("<think>1 or 2?</think>2")
    ('2', False)
    >>> without_thinking("1 or 2?</think>2")
    ('2', False)
    >>> without_thinking("<think>1 or 2?")
    ('', True)
    """
    channel = text.find("<|channel|>")
    if channel >= 0 and not _within(_objects(text), channel):
        return _final_channel(text)
    if _BARE_CHANNEL.match(text):  # the same with its marks left out by the server
        *thoughts, answer = _BARE_FINAL.split(text)
        return (answer, False) if thoughts else ("", True)
    answer, lost = _outside_of_marks(text)
    return ("", True) if lost else (_without_leading_elements(answer), False)


def _outside_of_marks(text: str) -> tuple[str, bool]:
    """What stands outside of thoughts, and whether one is left open."""
    objects = _objects(text)
    kept: list[str] = []
    depth, end = 0, 0
    for start, stop, opens in _marks(text):
        if start < end or (depth == 0 and _within(objects, start)):
            continue
        if depth == 0:
            kept.append(text[end:start])
        if opens:
            depth += 1
        elif depth:
            depth -= 1
        else:
            kept.clear()
        end = stop
    return "".join(kept) + ("" if depth else text[end:]), depth > 0


def _marks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Start and end of every mark of thinking, and whether it opens; a fenced thought ends with its fence."""
    for mark in _MARKS.finditer(text):
        name = mark["name"] or mark["name2"]
        if name and _ANSWERS.search(name):
            continue
        if name:
            opens = not (mark["slash"] or mark["slash2"] or _ENDS.search(name.replace("\u2581", "_")))
            yield *mark.span(), opens
        else:
            yield *mark.span(), mark["open"] is not None
            fence = _FENCE.search(text, mark.end()) if mark[0].startswith("```") else None
            if fence:
                yield *fence.span(), False


def _objects(text: str) -> list[tuple[int, int]]:
    """Where objects of JSON, or what is meant to be some, stand from brace to brace; none lies in another."""
    outer: list[tuple[int, int]] = []
    opened: list[int] = []
    at = 0
    while piece := (_LITERAL if opened else _OBJECT).search(text, at):  # quotation marks in prose come in no pairs
        at = piece.end()
        if piece[0] == "{":
            opened.append(piece.start())
        elif piece[0] == "}":
            start = opened.pop()
            while outer and outer[-1][0] > start:
                outer.pop()
            outer.append((start, at))
    return outer


def _within(spans: list[tuple[int, int]], at: int) -> bool:
    place = bisect_right(spans, (at, 0)) - 1
    return place >= 0 and at < spans[place][1]


def _without_leading_elements(text: str) -> str:
    """The text after elements before the answer that are none by their names (`<details>`, `<notes>`)."""
    while (element := _ELEMENT.match(text)) and not _ANSWERS.search(element[1]):
        end = re.search(rf"</\s*{re.escape(element[1])}\s*>", text[element.end() :], re.IGNORECASE)
        if end is None:
            break
        text = text[element.end() + end.end() :]
    return text


def _final_channel(text: str) -> tuple[str, bool]:
    """The last message on the channel `final` of the Harmony format (gpt-oss)."""
    finals = [body for name, body in _CHANNEL.findall(text) if name == "final"]
    return (finals[-1], False) if finals else ("", True)
