"""Published filters for web text as their authors set them: Gopher, C4 and FineWeb, each under its own name.

Limits are those of the papers and of their best-known implementation (datatrove 0.10); words are split at white space.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from .batch import Batch, Floats, Lines, Mask, Reasons, Rule, over, under
from .lines import POLICY
from .repetition import _again, _again_share, _top_share
from .text import FUNCTION_WORDS

TERMINAL = r"[.?!\"'”’。！？…]$"
SHORT_LINE = 30
SENTENCE = r"[.!?][\"')\]”’]*(?:\s|$)"


def _everything(batch: Batch) -> Mask:
    return np.ones(len(batch), bool)


def _of_words(batch: Batch, pattern: str) -> Floats:
    """[n] words matched, per word."""
    hits = pc.match_substring_regex(batch.tokens.words, pattern).to_numpy(zero_copy_only=False)
    return np.asarray(np.bincount(batch.token_rows, weights=hits, minlength=len(batch)) / batch.words, float)


def gopher_words(batch: Batch, config: CleanConfig) -> Reasons:
    """50 to 100,000 words with a letter or digit in them, 3 to 10 characters long on average."""
    hits = pc.match_substring_regex(batch.tokens.words, r"[\pL\pN]").to_numpy(zero_copy_only=False)
    count = np.bincount(batch.token_rows, weights=hits, minlength=len(batch))
    chars = np.bincount(batch.token_rows, weights=batch.token_lengths * hits, minlength=len(batch))
    mean, every = chars / np.maximum(count, 1), _everything(batch)
    return pc.coalesce(
        under("gopher-words", count, 50, every),
        over("gopher-words", count, 100_000, every),
        under("gopher-word-length", mean, 3, every),
        over("gopher-word-length", mean, 10, every),
    )


def gopher_symbols(batch: Batch, config: CleanConfig) -> Reasons:
    """At most one hash, and one ellipsis, in ten words."""
    every = _everything(batch)
    return pc.coalesce(
        over("gopher-hashes", batch.matches("#") / batch.words, 0.1, every),
        over("gopher-ellipses", batch.matches(r"\.\.\.|…") / batch.words, 0.1, every),
    )


def gopher_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 90 % of lines begin with a bullet, at most 30 % end with an ellipsis."""
    lines, every = batch.lines, _everything(batch)
    return pc.coalesce(
        over("gopher-bullets", lines.share(lines.matching(r"^[•-]")), 0.9, every),
        over("gopher-broken-off", lines.share(lines.matching(r"(?:\.\.\.|…)$")), 0.3, every),
    )


def gopher_letters(batch: Batch, config: CleanConfig) -> Reasons:
    """At least 80 % of words hold a letter."""
    return under("gopher-letters", _of_words(batch, r"\pL"), 0.8, _everything(batch))


def gopher_stop_words(batch: Batch, config: CleanConfig) -> Reasons:
    """At least two of eight English function words."""
    wanted = pc.index_in(batch.tokens.words, value_set=pa.array(FUNCTION_WORDS, pa.large_string()))
    codes = pc.fill_null(wanted, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    hit = codes >= 0
    pairs = np.unique(batch.token_rows[hit] * len(FUNCTION_WORDS) + codes[hit]) // len(FUNCTION_WORDS)
    return under("gopher-stop-words", np.bincount(pairs, minlength=len(batch)), 2, _everything(batch))


def gopher_duplicate_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 30 % of lines, and 20 % of characters, in lines that stood before."""
    lines, every = batch.lines, _everything(batch)
    again = _repeated(lines)
    return pc.coalesce(
        over("gopher-duplicate-lines", lines.share(again), 0.3, every),
        over("gopher-duplicate-line-characters", _char_share(batch, lines, again), 0.2, every),
    )


def gopher_duplicate_paragraphs(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 30 % of paragraphs, and 20 % of characters, in paragraphs that stood before."""
    paragraphs, every = _paragraphs(batch), _everything(batch)
    again = _repeated(paragraphs)
    return pc.coalesce(
        over("gopher-duplicate-paragraphs", paragraphs.share(again), 0.3, every),
        over("gopher-duplicate-paragraph-characters", _char_share(batch, paragraphs, again), 0.2, every),
    )


def gopher_ngrams(batch: Batch, config: CleanConfig) -> Reasons:
    """Shares of characters in the most frequent 2- to 4-gram and in 5- to 10-grams that stood before."""
    chars = np.maximum(batch.counts["character"], 1)
    every, words = _everything(batch), _word_chars(batch) / chars
    top = (_top_share(batch, n) * words for n in (2, 3, 4))
    again = (_again_share(batch, n) * words for n in range(5, 11))
    return pc.coalesce(
        *(
            over(f"gopher-top-{n}-gram", s, limit, every)
            for n, s, limit in zip((2, 3, 4), top, (0.2, 0.18, 0.16), strict=True)
        ),
        *(
            over(f"gopher-duplicate-{n}-gram", s, limit, every)
            for n, s, limit in zip(range(5, 11), again, (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True)
        ),
    )


def c4_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """At least five sentences in lines of three words or more that do not speak of JavaScript or policies."""
    lines = batch.lines
    good = ~lines.matching(f"(?i)javascript|{POLICY}") & lines.matching(r"^\S+\s+\S+\s+\S")
    sentences = np.maximum(pc.count_substring_regex(lines.text, SENTENCE).to_numpy(zero_copy_only=False), 1)
    found = np.bincount(lines.rows, weights=sentences * good, minlength=len(batch))
    return under("c4-sentences", found, 5, _everything(batch))


def c4_markers(batch: Batch, config: CleanConfig) -> Reasons:
    """No filler text, no curly bracket (the sign of code in a page)."""
    every = _everything(batch)
    return pc.coalesce(
        over("c4-lorem-ipsum", batch.matches("(?i)lorem ipsum"), 0, every),
        over("c4-curly-bracket", batch.matches(r"\{"), 0, every),
    )


def fineweb_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """At least 12 % of lines end in punctuation; at most 67 % are 30 characters or shorter."""
    lines, every = batch.lines, _everything(batch)
    return pc.coalesce(
        under("fineweb-punctuation", lines.share(lines.matching(TERMINAL)), 0.12, every),
        over("fineweb-short-lines", lines.share(lines.lengths <= SHORT_LINE), 0.67, every),
    )


def fineweb_repeated(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 1 % of characters in lines that stood before."""
    lines = batch.lines
    return over("fineweb-repeated", _char_share(batch, lines, _repeated(lines)), 0.01, _everything(batch))


def fineweb_newlines(batch: Batch, config: CleanConfig) -> Reasons:
    """At most three line ends in ten words: a list."""
    return over("fineweb-newlines", batch.counts["line"] / batch.words, 0.3, _everything(batch))


def _repeated(lines: Lines) -> Any:
    codes = lines.text.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return _again(lines.rows, codes.astype(np.uint64))


def _char_share(batch: Batch, lines: Lines, which: Any) -> Floats:
    held = np.bincount(lines.rows, weights=lines.lengths * which, minlength=len(batch))
    return np.asarray(held / np.maximum(batch.counts["character"], 1), float)


def _word_chars(batch: Batch) -> Floats:
    chars = np.bincount(batch.token_rows, weights=batch.token_lengths, minlength=len(batch))
    return np.maximum(chars, 1.0)


def _paragraphs(batch: Batch) -> Lines:
    """Texts between blank lines."""
    found: Lines | None = batch.cache.get("paragraphs")
    if found is None:
        lists = pc.split_pattern_regex(pc.utf8_trim_whitespace(batch.text), r"\n{2,}")
        rows = np.repeat(np.arange(len(batch)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
        flat = lists.flatten()
        lengths = pc.utf8_length(flat).to_numpy(zero_copy_only=False).astype(np.int64)
        found = batch.cache["paragraphs"] = Lines(flat, rows, lengths, len(batch))
    return found


FAMILIES: dict[str, tuple[Rule, ...]] = {
    "gopher-quality": (gopher_words, gopher_symbols, gopher_lines, gopher_letters, gopher_stop_words),
    "gopher-repetition": (gopher_duplicate_lines, gopher_duplicate_paragraphs, gopher_ngrams),
    "c4": (c4_markers, c4_lines),
    "fineweb": (fineweb_lines, fineweb_repeated, fineweb_newlines),
}
