"""Words, numbers and scripts of a text, in English and Chinese."""

import re
from collections import Counter
from functools import lru_cache

from ..tiers.answers.numerals import HAN, numerals

_WORD = re.compile(rf"[^\W\d_{HAN}]{{3,40}}")
_HAN = re.compile(f"[{HAN}]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SCRIPTS = {
    "Chinese": HAN,
    "Latin": "A-Za-z\u00c0-\u024f",
    "Cyrillic": "\u0400-\u052f",
    "Greek": "\u0370-\u03ff",
    "Arabic": "\u0600-\u06ff",
    "Hebrew": "\u0590-\u05ff",
    "Japanese": "\u3040-\u30ff",
    "Korean": "\uac00-\ud7af",
    "Devanagari": "\u0900-\u097f",
    "Thai": "\u0e00-\u0e7f",
}
_OF_SCRIPT = {name: re.compile(f"[{letters}]") for name, letters in _SCRIPTS.items()}
MARKUP = re.compile(
    r"```.*?```|`[^`\n]*`|\$\$.{0,2000}?\$\$|\$[^$\n]{0,500}\$|\\\(.{0,500}?\\\)|\\\[.{0,2000}?\\\]"
    r"|\\[A-Za-z]+|https?://\S+",
    re.DOTALL,
)
"""Code, formulas and addresses, which are in no language."""


def words(text: str) -> list[str]:
    """Words of three letters and more in lower case, then of runs of Chinese characters each pair of neighbours.

    Nobody sees in such a run where a word ends.
    """
    pairs = (run[i : i + 2] for run in _HAN.findall(text) for i in range(len(run) - 1))
    return [*_WORD.findall(text.lower()), *pairs]


def numbers(text: str) -> list[str]:
    """The numbers that a text writes in digits, then those in Chinese numerals."""
    return _NUMBER.findall(text) + (numerals(text) if _HAN.search(text) else [])


MIXED = 0.15
"""A script with this share of a text's letters must be one of its source's."""


@lru_cache(maxsize=1024)
def scripts_of(text: str) -> dict[str, float]:
    """Share of each script in the letters of a text, code and formulas aside; empty where it has too few to tell.

    A Chinese character says about as much as two letters, and counts so; Japanese is what has a share of kana.
    """
    plain = MARKUP.sub(" ", text[:20_000])
    found = Counter({name: len(pattern.findall(plain)) for name, pattern in _OF_SCRIPT.items()})
    if found["Japanese"] > 0.1 * found["Chinese"] and found["Japanese"] >= 4:
        found["Japanese"] += found.pop("Chinese", 0)
    found["Chinese"] *= 2
    total = found.total()
    return {name: n / total for name, n in found.most_common() if n} if total >= 8 else {}


def script_of(text: str) -> str:
    """The script of most letters of a text; empty where none has most."""
    shares = scripts_of(text)
    name = next(iter(shares), "")
    return name if name and shares[name] >= 0.5 else ""


def other_script(text: str, source: str) -> str:
    """What speaks against a text that should be in the language of its source, in words; empty where nothing does."""
    said, wanted = script_of(text), script_of(source)
    if said and wanted and said != wanted:
        return f"it is written in {said} script, its source in {wanted}"
    known = scripts_of(source)
    strange = [name for name, share in scripts_of(text).items() if share >= MIXED and known.get(name, 0) < 0.02]
    return f"it is partly written in {strange[0]} script, which its source is not" if strange and known else ""
