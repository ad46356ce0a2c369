"""Pages that advertise gambling, sex or goods of doubtful origin, told from texts that are about these things.

A law on lotteries, a report on a raid and an article on the game of baccarat use the words of the subject (`topic`); an
advertisement makes offers to its reader as well (`offer`): a bonus for the first deposit, a number to write to. A text
is dropped where the words of one sort stand densely and enough different offers are among them.
"""

from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

import numpy as np
import pyarrow.compute as pc

from ..config import CleanConfig
from ..tokens import Ints
from .batch import Batch, Floats, Mask, Reasons, over

ARTICLE = r"第[一二三四五六七八九十百零\d]+[条章款]"
"""Articles of a law."""
FEW_ARTICLES = 3
LEAST_WORDS = 30


@dataclass(frozen=True, slots=True)
class Limits:
    """What makes an advertisement in one language."""

    offers: float
    """Offers in 100 words, a Han character being one."""
    topics: float
    """Words of the subject in as many."""
    kinds: int
    """Different offers."""


LIMITS = {"zh": Limits(0.6, 0.6, 3), "en": Limits(1.0, 1.0, 3)}


@dataclass(frozen=True, slots=True)
class Sort:
    """The words of one sort of advertising in one language, as RE2."""

    name: str
    offers: tuple[str, ...]
    offer: str
    topic: str


@cache
def sorts(language: str) -> tuple[Sort, ...]:
    """The sorts of advertising that are looked for in a language."""
    import yaml

    listed = yaml.safe_load(Path(__file__).with_name("advertising.yaml").read_text("utf-8"))[language]

    def pattern(words: str) -> str:
        return f"(?i){words}" if language == "zh" else rf"(?i)\b(?:{words})\b"

    return tuple(
        Sort(
            name,
            tuple(map(pattern, words["offer"])),
            pattern("|".join(words["offer"])),
            pattern("|".join(words["topic"])),
        )
        for name, words in listed.items()
    )


def refused(batch: Batch, language: str, words: Floats, applies: Mask) -> Reasons:
    """Reasons where a text offers gambling, sex or doubtful goods.

    Args:
        batch: n texts.
        language: of the words that are looked for: zh or en.
        words: [n] words or Han characters.
        applies: [n] which texts are judged.
    """
    limits, size = LIMITS[language], np.maximum(words, 1) / 100
    reasons = []
    for sort in sorts(language):
        offers = np.where(applies, batch.matches(sort.offer) / size, 0)
        asked = offers > limits.offers
        asked &= batch.measured(asked, partial(Batch.matches, pattern=sort.topic)) / size > limits.topics
        asked &= batch.measured(asked, partial(_kinds, offers=sort.offers)) >= limits.kinds
        asked &= batch.measured(asked, partial(Batch.matches, pattern=ARTICLE)) < FEW_ARTICLES
        reasons.append(over(f"advertises-{sort.name}", offers, limits.offers, asked))
    return pc.coalesce(*reasons)


def _kinds(batch: Batch, offers: tuple[str, ...]) -> Ints:
    """[n] how many different offers a text makes."""
    return np.asarray(sum((batch.matches(offer) > 0).astype(np.int64) for offer in offers), np.int64)


def chinese(batch: Batch, config: CleanConfig) -> Reasons:
    """Advertising in Chinese."""
    han = batch.counts["han"].astype(float)
    return refused(batch, "zh", han, ~batch.is_code & ~batch.quotes_code & (han >= LEAST_WORDS))


def english(batch: Batch, config: CleanConfig) -> Reasons:
    """Advertising in English."""
    return refused(batch, "en", batch.words, ~batch.is_code & ~batch.quotes_code & ~batch.is_cjk)
