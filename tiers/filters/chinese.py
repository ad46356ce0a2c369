"""Rules for Chinese text: counted in characters, sentences told by Chinese punctuation."""

import numpy as np
import pyarrow.compute as pc

from ..config import CleanConfig
from . import advertising
from .batch import QUOTED_CODE, Batch, Floats, Mask, Reasons, over, pages, under

LEAST_HAN = 0.1
KANA = r"[\p{Hiragana}\p{Katakana}]"
PUNCTUATION = r"[，。！？；：、“”‘’（）《》「」『』…—,.!?;:()]"
LONG_RUN = r"\p{Han}{80,}"
MOJIBAKE = r"锟斤拷|烫烫烫|屯屯屯|[鈥銆锛鐨]{2,}|脙|鍜屽"
FUNCTION = tuple("的是不了在有和与這这我以為为于也而之其所就都会會可从從被把并及等或对對到")
"""Small words of modern and classical Chinese, simplified and traditional."""
FEW = 3
TERMINAL = r"[。！？…；.!?\"'”’」』](?:\[[\d-]+\])?$"
HAN_LINE = r"^[^|].*?\p{Han}.*?\p{Han}|^\p{Han}"
SHORT_LINE = 10
"""Characters that say what FineWeb's 30 Latin ones do."""
ENOUGH = 100
"""Han characters from which shares mean something ..."""
ENOUGH_ON_PAGES = 20
"""... and shares of the lines of a page."""


def few_han(batch: Batch, config: CleanConfig) -> Reasons:
    """Written in another language: Han is less than a tenth of it, in words; what is quoted as code does not count."""
    share = _han_share(batch)
    quoting = (share < LEAST_HAN) & batch.quotes_code
    if quoting.any():
        part = batch.part(quoting)
        share[quoting] = _han_share(part.with_text(pc.replace_substring_regex(part.text, QUOTED_CODE, "")))
    return under("few-han", share, LEAST_HAN, np.ones(len(batch), bool))


def _han_share(batch: Batch) -> Floats:
    words = np.maximum(batch.counts["letter"] - _han(batch), 0) / 3  # a Han character says about what three letters do
    return np.asarray(_han(batch) / np.maximum(_han(batch) + words, 1), float)


def japanese(batch: Batch, config: CleanConfig) -> Reasons:
    """Japanese, which writes Han too."""
    kana = batch.matches(KANA)
    return over("japanese", kana / np.maximum(kana + _han(batch), 1), 0.30, np.ones(len(batch), bool))


def no_punctuation(batch: Batch, config: CleanConfig) -> Reasons:
    """Running text has a mark every 20 characters or so; lists of titles and tags have none."""
    share = batch.matches(PUNCTUATION) / np.maximum(_han(batch), 1)
    return under("no-chinese-punctuation", share, 0.01, _enough(batch))


def long_runs(batch: Batch, config: CleanConfig) -> Reasons:
    """Characters in a row without any mark: keyword spam, or sentences glued together."""
    return over("unbroken-characters", batch.matched(LONG_RUN), 0.3, _enough(batch))


def few_function_words(batch: Batch, config: CleanConfig) -> Reasons:
    """A page without Gopher's function words, in Chinese: names, tags, goods. Verse has few as well, and is no page."""
    found = sum(pc.match_substring(batch.text, word).to_numpy(zero_copy_only=False).astype(int) for word in FUNCTION)
    return under("few-chinese-function-words", found, FEW, _enough(batch) & pages(batch))


def page_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """FineWeb's rules for the lines of a page, in Chinese: 12 % must end in punctuation, 67 % at most be short."""
    lines, applies = batch.lines, (_han(batch) >= ENOUGH_ON_PAGES) & pages(batch)
    written = lines.only(HAN_LINE)  # and not code or a table beside the text
    return pc.coalesce(
        under("chinese-line-punctuation", written.ended(TERMINAL), 0.12, applies),
        over("chinese-short-lines", lines.share(lines.lengths <= SHORT_LINE), 0.67, applies),
    )


def menu(batch: Batch, config: CleanConfig) -> Reasons:
    """Lines of a few characters without punctuation: a menu, a list of links, tags."""
    lines = batch.lines
    short = (lines.lengths <= 8) & ~lines.matching(r"[，。！？；：、,.!?;]$")
    applies = (lines.counts >= 40) & _enough(batch)
    return over("menu-lines", lines.share(short), 0.8, applies)


def mojibake(batch: Batch, config: CleanConfig) -> Reasons:
    """Chinese decoded as something else and back."""
    return over("chinese-mojibake", 100 * batch.matches(MOJIBAKE) / np.maximum(_han(batch), 1), 1.0, _enough(batch))


def _han(batch: Batch) -> Floats:
    return batch.counts["han"].astype(float)


def _enough(batch: Batch) -> Mask:
    return np.asarray(_han(batch) >= ENOUGH, bool)


RULES = (
    few_han,
    japanese,
    no_punctuation,
    long_runs,
    menu,
    few_function_words,
    page_lines,
    advertising.chinese,
    mojibake,
)
