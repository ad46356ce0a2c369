"""Measurable features of texts and four grades made from them: what the scorer knows where there is no model."""

import re
import zlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

RUBRICS = ("education", "reasoning", "clarity", "density")
MAX_CHARS = 8000
"""Only so much of a text's beginning is measured."""

_WORD = re.compile(r"[^\W\d_]{1,40}")
_FUNCTION = frozenset(
    """
        a an the of to in is are was were be been and or for with on at by from as that this it its if not but which
        can may
    """.split()  # noqa: SIM905
)
_TEACH = frozenset(
    """
        because example examples instance means mean define defined definition explain explains describes note returns
        return called given represents used uses allows concept method theorem lemma proof formula computes calculate
        such specified parameters arguments default value whether illustrates understand learn introduction let
        consider show shows
    """.split()  # noqa: SIM905
)
_STEP = frozenset(
    """
        therefore thus hence because since so then if else elif implies follows consequently otherwise unless suppose
        assume prove proof let first second next finally when while for return assert raise either given whereas
        however
    """.split()  # noqa: SIM905
)
_SELL = frozenset(
    """
        subscribe newsletter cookie cookies click buy cart checkout login signup password advertisement sponsored
        copyright reserved trademark warranty liability licensed redistribution permission menu facebook twitter
        instagram share
    """.split()  # noqa: SIM905
)
_LOOSE_PAIR = re.compile(r"\b(?:the|a|an|of) (?:of|is|and|to|in|was|are|or|by|with|the|for|on|as|it|if)\b")
_JUDGE = re.compile(
    r"(?:ignore|disregard|forget) (?:all |any |the )?(?:previous|prior|above|earlier|other)"
    r"|(?:answer|say|respond|reply|output|rate|score|grade|give|mark)(?: \w{1,12}){0,4} "
    r"(?:\"?yes\b|10|ten|5/5|highest|maximum|top|full|perfect)"
    r"|as an ai\b|you are a (?:judge|grader|rater)"
    r"|(?:this|the) (?:text|document) (?:is|has been) (?:verified|rated|certified|excellent)"
)
_EQUATION = re.compile(r"[=<>≤≥≈∈→⇒+*/^\\$∑∫√]")
_SENTENCE_END = re.compile(r"[.!?:;][\"')\]]?(?:\s|$)")
_MOJIBAKE = re.compile(r"Ã[\x80-\xbf©¨¤¶¼]|â€|Â[\xa0-\xbf]|\ufffd|[\x00-\x08\x0b\x0e-\x1f]")
_LINK = re.compile(r"https?://|\]\(|href=|<a |<div|<span|<td|<li")
_EXAMPLE = re.compile(r"^ *(?:>>> |\.\.\. |In \[|Example|# |\"\"\"|'''|:param |Parameters|Returns)", re.MULTILINE)
_FLOW = re.compile(r"^ +(?:if|for|while|return|elif|else|assert|raise|try|except|with|yield)\b", re.MULTILINE)

_COLUMNS = """
    chars words distinct function teach step sell loose judge equations ends mojibake links examples flow digits alpha
    spaces lines long_lines distinct_lines compressed letters code
""".split()  # noqa: SIM905


def grade(texts: Sequence[str], domains: Sequence[str]) -> dict[str, Floats]:
    """Grades in [0, 1] of n texts under each rubric: name -> [n]."""
    rows = [_measure(t, d) for t, d in zip(texts, domains, strict=True)]
    columns = np.asarray(rows, dtype=np.float64).reshape(len(rows), len(_COLUMNS)).T
    f: dict[str, Floats] = dict(zip(_COLUMNS, columns, strict=True))
    honest = _honest(f)
    return {
        "education": _education(f) * honest,
        "reasoning": _reasoning(f) * honest,
        "clarity": _clarity(f) * (0.3 + 0.7 * honest),
        "density": _density(f) * (0.3 + 0.7 * honest),
    }


def _measure(text: str, domain: str) -> list[float]:
    text = text[:MAX_CHARS].encode("utf-8", "replace").decode()
    lower = text.lower()
    words = _WORD.findall(lower)
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return [
        len(text),
        len(words),
        len(set(words)),
        sum(w in _FUNCTION for w in words),
        sum(w in _TEACH for w in words),
        sum(w in _STEP for w in words),
        sum(w in _SELL for w in words),
        len(_LOOSE_PAIR.findall(lower)),
        len(_JUDGE.findall(lower)),
        len(_EQUATION.findall(text)),
        len(_SENTENCE_END.findall(text)),
        len(_MOJIBAKE.findall(text)),
        len(_LINK.findall(lower)),
        len(_EXAMPLE.findall(text)),
        len(_FLOW.findall(text)),
        sum(map(text.count, "0123456789")),
        sum(map(len, words)),
        text.count(" ") + text.count("\n"),
        len(lines),
        sum(len(line) > 300 for line in lines),
        len(set(lines)),
        len(zlib.compress(text.encode(), 1)),
        max(map(len, words), default=0),
        domain == "code",
    ]


def _share(part: Floats, whole: Floats) -> Floats:
    return part / np.maximum(whole, 1.0)


def _rise(x: Floats, half: float) -> Floats:
    """0 at 0, 0.5 at `half`, towards 1: more of a good thing counts less and less, so stuffing does not pay."""
    return x / (x + half)


def _honest(f: dict[str, Floats]) -> Floats:
    """Near 1 for ordinary text; lower where it repeats itself, lost its word order, sells, or talks to its judge."""
    varied = np.clip(_share(f["distinct"], np.minimum(f["words"], 60.0 + f["words"] * 0.2)) * 1.2, 0.0, 1.0)
    lines = np.clip(_share(f["distinct_lines"], f["lines"]) * 1.3, 0.0, 1.0)
    ordered = np.exp(-40.0 * np.maximum(_share(f["loose"], f["words"]) - 0.006, 0.0))
    selling = np.exp(-25.0 * np.maximum(_share(f["sell"], f["words"]) - 0.01, 0.0))
    substance = np.clip(f["words"] / 40.0, 0.1, 1.0)
    return varied * lines * ordered * selling * substance / (1.0 + 4.0 * f["judge"])


def _education(f: dict[str, Floats]) -> Floats:
    teach = _rise(_share(f["teach"], f["words"]), 0.025)
    examples = _rise(_share(f["examples"], f["lines"]), 0.08)
    prose = _rise(_share(f["function"], f["words"]), 0.15)
    long_enough = _rise(f["words"], 120.0)
    return (0.4 * teach + 0.25 * examples + 0.35 * prose) * (0.4 + 0.6 * long_enough)


def _reasoning(f: dict[str, Floats]) -> Floats:
    steps = _rise(_share(f["step"], f["words"]), 0.03)
    formal = _rise(_share(f["equations"], f["chars"]), 0.012)
    flow = np.where(f["code"] > 0, _rise(_share(f["flow"], f["lines"]), 0.15), formal)
    return (0.5 * steps + 0.25 * formal + 0.25 * flow) * (0.4 + 0.6 * _rise(f["words"], 80.0))


def _clarity(f: dict[str, Floats]) -> Floats:
    clean = np.exp(-300.0 * _share(f["mojibake"], f["chars"])) * np.exp(-15.0 * _share(f["links"], f["words"]))
    lines = 1.0 - _share(f["long_lines"], f["lines"])
    length = _share(f["alpha"], f["words"])
    worded = np.exp(-0.5 * ((length - 5.0) / 2.0) ** 2)
    spaced = np.clip(_share(f["spaces"], f["chars"]) / 0.12, 0.0, 1.0)
    ended = np.where(f["code"] > 0, 0.8, np.clip(_share(f["ends"], f["words"]) / 0.04, 0.0, 1.0))
    figures = 1.0 - np.clip(_share(f["digits"], f["chars"]) - 0.15, 0.0, 1.0)
    return clean * lines * figures * (0.4 * worded + 0.3 * spaced + 0.3 * ended)


def _density(f: dict[str, Floats]) -> Floats:
    # A zlib stream starts with an empty window: short texts compress less without being denser.
    expected = 0.42 + 0.35 * np.exp(-f["chars"] / 900.0)
    packed = np.clip(_share(f["compressed"], f["chars"]) / expected, 0.0, 1.3) / 1.3
    content = np.clip((1.0 - _share(f["function"], f["words"])) / 0.75, 0.0, 1.0)
    figures = 1.0 - np.clip(_share(f["digits"], f["chars"]) - 0.12, 0.0, 1.0)
    return packed * (0.6 + 0.4 * content) * figures * _rise(f["words"], 25.0)
