"""Measured features of texts by language: what the scorer knows where there is no model.

Nothing here depends on how lines are wrapped, except in program text. `agents/text_grades.py` makes grades of them.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from . import word_order
from .judge_orders import orders
from .word_order import DIGIT, HAN, LETTER, SIGN, Keys, Tokens

Floats = NDArray[np.float64]

MAX_CHARS = 8000
"""Only so much of a text's beginning is measured."""
_ENDS = ".!?;:。！？；："
MIN_TOKENS = 12
"""Words, numbers, signs and Chinese characters below which nothing can be told."""

_FORMULA = "=<>≤≥≈∈→⇒+*/^\\$∑∫√"
_MOJIBAKE = re.compile(
    "Ã[\x80-\xbf©¨¤¶¼£¯]|â€|Â[\xa0-\xbf ]|ï¿½|[æåäç][^\\s\x00-\x7f一-鿿]|锟斤拷|烫烫|屯屯|&(?:amp;)?[a-z]{2,6};|&#\\d+;"
    "|[\x00-\x08\x0b\x0e-\x1f\ufffd]"
)
_WRONG = "ÃâÂïæåäç锟烫屯"
_CONTROL = re.compile("[\x00-\x08\x0b\x0e-\x1f\ufffd]")
_ENTITY = re.compile(r"&(?:amp;)?(?:[a-z]{2,6}|#\d+);")
_DEBRIS = re.compile("[\x00-\x08\x0b\x0e-\x1f\x7f\ufffd\ue000-\uf8ff]")
_FOREIGN = re.compile("[^\x00-\u02af\u2000-\u2fff\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uff65]")
"""Characters outside of Latin, Chinese, general punctuation and mathematical signs."""
_LINK = re.compile(r"https?://|\]\(|href=|<a |<div|<span|<td|<li| [>|»] |\\(?:vspace|hfill|ref|cite|label)\b")
_EXAMPLE = re.compile(r"^ *(?:>>> |\.\.\. |In \[|Example|\"\"\"|'''|:param |Parameters|Returns)", re.MULTILINE)
_FLOW = re.compile(r"^ +(?:if|for|while|return|elif|else|assert|raise|try|except|with|yield)\b", re.MULTILINE)
_RULES = ("....", "!!", "||", " | ", " > ", " » ", "____", "------")

GROUPS = ("function", "teach", "step", "sell", "empty")
COLUMNS = """
    chars units chinese distinct variety top repeated recurring function teach step sell empty judge formulas ends
    mojibake links examples flow digits signs letters_a_word pairs triples lines distinct_lines dots unbalanced
""".split()  # noqa: SIM905


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The word lists of `text_words.yaml` in the form in which they are counted."""

    hashes: Keys
    """[n] sorted hashes of the English words of all groups; a word of two groups stands twice."""
    groups: NDArray[np.int64]
    """[n] bits of the groups of each hash."""
    chinese: dict[str, re.Pattern[str]]
    """Alternatives by group."""


@cache
def lexicon() -> Lexicon:
    """The built-in word lists."""
    stored = yaml.safe_load((Path(__file__).parent / "text_words.yaml").read_text(encoding="utf-8"))
    bits: dict[int, int] = {}
    for bit, group in enumerate(GROUPS):
        for word in word_order.tokens(stored["en"][group]).words.tolist():
            bits[word] = bits.get(word, 0) | 1 << bit
    hashes = np.array(sorted(bits), np.uint64)
    chinese = {g: re.compile("|".join(sorted(stored["zh"][g].split(), key=len, reverse=True))) for g in GROUPS[1:]}
    chinese["function"] = re.compile(f"[{stored['zh']['characters']}]")
    return Lexicon(hashes, np.array([bits[int(h)] for h in hashes]), chinese)


def _unreadable(text: str, tokens: Tokens) -> str:
    """Why no rule can grade a text; empty where one can."""
    if len(tokens.kinds) < MIN_TOKENS:
        return f"too short to grade: {len(tokens.kinds)} words and signs, the least is {MIN_TOKENS}"
    debris = len(_DEBRIS.findall(text)) / len(text)
    if debris > 0.3:
        return f"not text: {debris:.0%} of the characters are control or replacement characters"
    letters = int(tokens.lengths[(tokens.kinds == LETTER) | (tokens.kinds == HAN)].sum())
    foreign = 0 if text.isascii() else sum(c.isalpha() for c in _FOREIGN.findall(text))
    if letters and foreign > 0.3 * letters:
        return f"a script that no rule reads: {foreign / letters:.0%} of the letters are neither Latin nor Chinese"
    unbroken = int(tokens.lengths[tokens.lengths > 60].sum())  # base64, digests
    if unbroken > 0.5 * len(text):
        return f"not text: {unbroken / len(text):.0%} of the characters stand in words of more than 60 characters"
    return ""


def measure(texts: Sequence[str], domains: Sequence[str]) -> tuple[dict[str, Floats], list[str]]:
    """Features of n texts, name -> [n], and why each cannot be graded (empty where it can).

    `code` is 1 for program text, `math` for mathematics.
    """
    rows, reasons = [], []
    for text, domain in zip(texts, domains, strict=True):
        start = text[:MAX_CHARS]
        tokens = word_order.tokens(start)
        rows.append(_row(start, tokens, domain == "code"))
        reasons.append(_unreadable(start, tokens))
    columns = np.asarray(rows, dtype=np.float64).reshape(len(rows), len(COLUMNS)).T
    features: dict[str, Floats] = dict(zip(COLUMNS, columns, strict=True))
    features["code"] = np.array([float(d == "code") for d in domains])
    features["math"] = np.array([float(d == "math") for d in domains])
    return features, reasons


def _row(text: str, tokens: Tokens, code: bool) -> list[float]:
    lower = text.lower()
    chinese = int((tokens.kinds == HAN).sum()) > 0.3 * int(((tokens.kinds == HAN) | (tokens.kinds == LETTER)).sum())
    content = _content(tokens, chinese)
    units = len(content)
    counted = _counts(content)
    groups = _groups(tokens, lower, chinese)
    lines = [line for line in map(str.strip, text.splitlines()) if line] if code else []
    letters = tokens.lengths[tokens.kinds == LETTER]
    return [
        len(text),
        units,
        chinese,
        len(counted),
        len(counted) / max(1.0, units**0.9),
        _top(tokens, content, chinese),
        _repeated(tokens.words),
        float(counted[counted > 1].sum()) / max(1, units),
        *groups,
        orders(lower),
        sum(map(text.count, _FORMULA)),
        sum(map(text.count, _ENDS)),
        _broken(text),
        len(_LINK.findall(lower)),
        len(_EXAMPLE.findall(text)) if code else 0,
        len(_FLOW.findall(text)) if code else 0,
        sum(map(text.count, "0123456789")),
        int((tokens.kinds == SIGN).sum()),
        float(letters.mean()) if len(letters) else 0.0,
        *word_order.model().scores(tokens),
        len(lines),
        len(set(lines)),
        sum(map(text.count, _RULES)),
        sum(abs(text.count(a) - text.count(b)) for a, b in ("()", "[]", "{}")),
    ]


def _broken(text: str) -> int:
    """Signs of a wrong decoding, and entities; the slow search only runs where a character that it needs occurs."""
    if text.isascii():
        return len(_ENTITY.findall(text))
    if any(c in text for c in _WRONG):
        return len(_MOJIBAKE.findall(text))
    return len(_ENTITY.findall(text)) + len(_CONTROL.findall(text))


def _content(tokens: Tokens, chinese: bool) -> Keys:
    """What is counted as words: letters and numbers; in Chinese pairs of neighbouring characters, and other words."""
    if not chinese:
        plain: Keys = tokens.words[(tokens.kinds == LETTER) | (tokens.kinds == DIGIT)]
        return plain
    han = tokens.kinds == HAN
    pairs = tokens.words[:-1] * np.uint64(3) + tokens.words[1:]
    return np.concatenate([pairs[han[:-1] & han[1:]], tokens.words[tokens.kinds == LETTER]])


def _top(tokens: Tokens, content: Keys, chinese: bool) -> float:
    """Share of the most frequent word of four letters and more (in Chinese of the most frequent pair)."""
    words = content if chinese else tokens.words[(tokens.kinds == LETTER) & (tokens.lengths > 3)]
    return float(_counts(words).max() - 1) / len(words) if len(words) else 0.0


def _repeated(words: Keys) -> float:
    """Share of the sequences of six tokens that occurred before."""
    if len(words) < 12:
        return 0.0
    runs = words[: len(words) - 5].copy()
    for i in range(1, 6):
        runs += words[i : len(words) - 5 + i] * np.uint64(2 * i + 3)
    return 1.0 - len(_counts(runs)) / len(runs)


def _counts(keys: Keys) -> NDArray[np.int64]:
    """How often each different key occurs; `numpy.unique` takes several times as long."""
    ordered = np.sort(keys)
    edges = np.concatenate(([0], np.flatnonzero(ordered[1:] != ordered[:-1]) + 1, [len(keys)]))
    return edges[1:] - edges[:-1] if len(keys) else edges[:0]


def _groups(tokens: Tokens, lower: str, chinese: bool) -> list[int]:
    lists = lexicon()
    if chinese:
        return [len(lists.chinese[g].findall(lower)) for g in GROUPS]
    place = np.minimum(np.searchsorted(lists.hashes, tokens.words), len(lists.hashes) - 1)
    bits = np.where(lists.hashes[place] == tokens.words, lists.groups[place], 0)
    return [int(((bits >> bit) & 1).sum()) for bit in range(len(GROUPS))]
