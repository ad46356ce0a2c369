"""Faithfulness: whether a text written from a source says only what the source says, by its words and numbers."""

import re
from dataclasses import dataclass

from .words import numbers, words

MAX_CHARS = 100_000
COVERED = 0.95
"""Share of the content words that the source must hold."""
PARAPHRASED = 0.6
"""The same for a paraphrase that a model has called faithful."""
_NEGATION = re.compile(
    r"\b(?:not|no|never|none|without|cannot|n't|false|un(?:less|like))\b|n't\b"
    r"|不|没|未|并非|无法|毫无|从无",
    re.IGNORECASE,
)
_SMALL = frozenset(
    """
        the and for are was were with that this from have has its not but can which when what who how why does they
        them then than into also takes returns called function
    """.split()  # noqa: SIM905
)


@dataclass(frozen=True)
class Coverage:
    """How much of a text its source holds."""

    verbatim: bool
    """The text stands in the source as it is, white space aside."""
    share: float
    """Share of its content words that the source holds."""
    foreign: tuple[str, ...]
    """Words and numbers that the source does not hold."""
    new_numbers: tuple[str, ...]
    negations: int
    """Negations beyond those of the source (a word that turns a meaning round is short and easily slipped in)."""

    def fault(self, least: float = COVERED, *, negation: bool = True) -> str:
        """What speaks against the text, in words (with `negation`, that it negates more); empty where nothing does."""
        if self.verbatim:
            return ""
        if self.new_numbers:
            return f"numbers that the source does not hold: {', '.join(self.new_numbers[:5])}"
        if self.share < least:
            return f"only {self.share:.0%} of its words stand in the source, not: {', '.join(self.foreign[:5])}"
        return "it negates more often than the source" if negation and self.negations > 0 else ""


def flat(text: str) -> str:
    """`text` with white space in one form."""
    return " ".join(text[:MAX_CHARS].split())


class Source:
    """A source text, prepared for many comparisons."""

    def __init__(self, text: str) -> None:
        self.flat = flat(text)
        self.words = frozenset(words(self.flat))
        self.numbers = frozenset(numbers(self.flat))
        self.negations = len(_NEGATION.findall(self.flat))

    def coverage(self, text: str) -> Coverage:
        """How much of `text` stands in this source."""
        said = flat(text)
        if said and said in self.flat:
            return Coverage(True, 1.0, (), (), 0)
        content = [w for w in words(said) if w not in _SMALL]
        foreign = tuple(dict.fromkeys(w for w in content if w not in self.words))
        held = sum(w in self.words for w in content)
        new = tuple(dict.fromkeys(n for n in numbers(said) if n not in self.numbers))
        more = len(_NEGATION.findall(said)) - self.negations
        return Coverage(False, held / len(content) if content else 1.0, foreign, new, more)
