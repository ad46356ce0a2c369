"""Bare: an answer without what is put around a result, such as a box, dollar signs or `The answer is`."""

import re

from .signs import plain

_WHOLE = re.compile(
    r"\$\$(?P<display>[^$]+)\$\$|\$(?P<dollars>[^$]+)\$|\\\[(?P<square>.*)\\\]|\\\((?P<round>.*)\\\)|`+(?P<code>[^`]+)`+"
    r"|\*\*(?P<bold>[^*]+)\*\*|\"(?P<quoted>[^\"]+)\"|\u201c(?P<curly>[^\u201d]+)\u201d",
    re.DOTALL,
)
_ESCAPED_TWICE = re.compile(
    r"\\\\(?=(?:[dt]?frac|sqrt|pi|text|left|right|times|cdot|boxed|infty|pm|circ|begin|end|mathrm)(?![a-z]))"
)
_INSIDE = re.compile(r"\$(?!\s)([^$]*[^$\s])\$(?!\d)")
_BEFORE = re.compile(
    r"(?:#{4}|(?:so|thus|hence|therefore),?\s|(?:the\s+)?(?:final\s+)?answer(?:\s+is\b)?\s*[:\uff1a=]?|\u7b54\u6848(?:\u662f|\u4e3a)?\s*[:\uff1a=]?"
    r"|(?:the\s+)?(?:correct\s+)?(?:answer|option|choice)\s+is\b|\u6545?\u9009\u9879?[:\uff1a]?(?=\s*\(?[A-Ha-h]\)?\s*$)"
    r"|\u7b54\s*[:\uff1a]|\u89e3\u5f97|\u2248|\\approx\b|(?<![<>!=])=)\s*(?=\S)",
    re.IGNORECASE,
)


def bare(answer: str) -> str:
    """An answer in plain signs (`signs.plain`) without dress; an answer that is nothing but dress stays as it is."""
    text = _ESCAPED_TWICE.sub(r"\\", answer.replace("\x00", "")).strip()
    for _ in range(6):
        inner = _undressed(text)
        if not inner or inner == text:
            break
        text = inner
    return _trimmed(plain(text))


def _undressed(text: str) -> str:
    text = _trimmed(text.strip())
    match = _WHOLE.fullmatch(text)
    if match:
        return next(g for g in match.groups() if g is not None).strip()
    boxed = re.match(r"\\(?:boxed|fbox|text|textbf|mathrm|mbox)\s*\{", text)
    if boxed and closing(text, boxed.end() - 1) == len(text) - 1:
        return text[boxed.end() : -1].strip()
    return _BEFORE.sub("", _INSIDE.sub(r"\1", text), count=1) if _BEFORE.match(text) else _INSIDE.sub(r" \1 ", text)


def _trimmed(text: str) -> str:
    return text if text.endswith("...") else text.rstrip(".\u3002\uff0e").strip()


def closing(text: str, opening: int) -> int:
    """Where the brace that opens at `opening` is closed; -1 where it never is."""
    depth = 0
    for place in range(opening, len(text)):
        escaped = place and text[place - 1] == "\\"
        depth += 0 if escaped else (text[place] == "{") - (text[place] == "}")
        if depth == 0:
            return place
    return -1
