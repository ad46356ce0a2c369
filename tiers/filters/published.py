"""Published filters for web text as their authors set them: Gopher, C4 and FineWeb, each under its own name.

Limits are those of the papers and of their best-known implementation (datatrove 0.10). Words are what stands between
white space, or with `clean.words: marks` what datatrove's tokenizer makes of it. Where C4 is asked for, FineWeb's rules
judge what its line edits leave.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from ..tokens import Tokens
from .batch import Batch, Floats, Lines, Mask, Reasons, Rule, over, under
from .lines import c4_edited, c4_faults
from .repetition import Repeats, again, again_share, repeats
from .text import FUNCTION_WORDS
from .words import words_and_marks

TERMINAL = r"[.?!\"'”’。！？…]$"
TERMINAL_MARKS = r"[.?!。！？．｡؟।۔‼⁇⁈⁉‽]$"
"""Of the 163 marks of datatrove the frequent ones: from 0.3 on it leaves out quotation marks, which FineWeb had."""
SHORT_LINE = 30
SENTENCE = r"[.!?][\"')\]”’]*(?:\s|$)"


def _everything(batch: Batch) -> Mask:
    return np.ones(len(batch), bool)


def _tokens(batch: Batch, config: CleanConfig) -> Tokens:
    """The batch's words as the configuration counts them."""
    if config.words == "spaces":
        return batch.tokens
    found: Tokens | None = batch.cache.get("marks")
    if found is None:
        found = batch.cache["marks"] = words_and_marks(batch.text)
    return found


def _count(tokens: Tokens) -> Floats:
    return np.maximum(np.diff(tokens.offsets), 1).astype(float)


def _having(tokens: Tokens, pattern: str) -> Any:
    """[t] whether a word matches."""
    return pc.match_substring_regex(tokens.words, pattern).to_numpy(zero_copy_only=False)


def gopher_words(batch: Batch, config: CleanConfig) -> Reasons:
    """50 to 100,000 words with a letter or digit in them, 3 to 10 characters long on average."""
    tokens, every = _tokens(batch, config), _everything(batch)
    hits = _having(tokens, r"[\pL\pN]")
    count = np.bincount(tokens.rows, weights=hits, minlength=len(batch))
    chars = np.bincount(tokens.rows, weights=tokens.lengths * hits, minlength=len(batch))
    mean = chars / np.maximum(count, 1)
    return pc.coalesce(
        under("gopher-words", count, 50, every),
        over("gopher-words", count, 100_000, every),
        under("gopher-word-length", mean, 3, every),
        over("gopher-word-length", mean, 10, every),
    )


def gopher_symbols(batch: Batch, config: CleanConfig) -> Reasons:
    """At most one hash, and one ellipsis, in ten words."""
    every, count = _everything(batch), _count(_tokens(batch, config))
    return pc.coalesce(
        over("gopher-hashes", batch.matches("#") / count, 0.1, every),
        over("gopher-ellipses", batch.matches(r"\.\.\.|…") / count, 0.1, every),
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
    tokens = _tokens(batch, config)
    held = np.bincount(tokens.rows, weights=_having(tokens, r"\pL"), minlength=len(batch))
    return under("gopher-letters", held / _count(tokens), 0.8, _everything(batch))


def gopher_stop_words(batch: Batch, config: CleanConfig) -> Reasons:
    """At least two of eight English function words."""
    tokens = _tokens(batch, config)
    wanted = pc.index_in(tokens.words, value_set=pa.array(FUNCTION_WORDS, pa.large_string()))
    codes = pc.fill_null(wanted, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    hit = codes >= 0
    pairs = np.unique(tokens.rows[hit] * len(FUNCTION_WORDS) + codes[hit]) // len(FUNCTION_WORDS)
    return under("gopher-stop-words", np.bincount(pairs, minlength=len(batch)), 2, _everything(batch))


def gopher_duplicate_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 30 % of lines, and 20 % of characters, in lines that stood before."""
    lines, every = _lines(batch), _everything(batch)
    said = _repeated(lines)
    return pc.coalesce(
        over("gopher-duplicate-lines", lines.share(said), 0.3, every),
        over("gopher-duplicate-line-characters", _char_share(batch, lines, said), 0.2, every),
    )


def gopher_duplicate_paragraphs(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 30 % of paragraphs, and 20 % of characters, in paragraphs that stood before."""
    paragraphs, every = _paragraphs(batch), _everything(batch)
    said = _repeated(paragraphs)
    return pc.coalesce(
        over("gopher-duplicate-paragraphs", paragraphs.share(said), 0.3, every),
        over("gopher-duplicate-paragraph-characters", _char_share(batch, paragraphs, said), 0.2, every),
    )


def gopher_ngrams(batch: Batch, config: CleanConfig) -> Reasons:
    """Shares of characters in the most frequent 2- to 4-gram and in 5- to 10-grams that stood before."""
    tokens, every = _tokens(batch, config), _everything(batch)
    found = repeats(batch, tokens, config.words)
    chars = np.maximum(batch.counts["character"], 1)
    words = tokens.chars / chars
    top = (_most_frequent(found[n], tokens, n) / chars for n in (2, 3, 4))
    limits = dict(zip(range(5, 11), (0.15, 0.14, 0.13, 0.12, 0.11, 0.10), strict=True))
    said = {n: again_share(found[n], tokens, n) * words for n in limits}
    if config.words == "marks":
        said = {n: _stepwise(found[n], tokens, n, said[n] > limits[n]) / chars for n in limits}
    return pc.coalesce(
        *(
            over(f"gopher-top-{n}-gram", s, limit, every)
            for n, s, limit in zip((2, 3, 4), top, (0.2, 0.18, 0.16), strict=True)
        ),
        *(over(f"gopher-duplicate-{n}-gram", said[n], limit, every) for n, limit in limits.items()),
    )


def _most_frequent(found: Repeats, tokens: Tokens, n: int) -> Floats:
    """[rows] characters in the n-gram that stands most often, the first of equals, with its spaces."""
    first = np.flatnonzero(found.first)
    starts, counts = found.starts[first], found.counts[first]
    rows, sums = tokens.rows[starts], tokens.sums
    order = np.lexsort((starts, -counts, rows))
    best = order[np.concatenate([np.ones(min(1, len(order)), bool), rows[order][1:] != rows[order][:-1]])]
    out = np.zeros(len(tokens.offsets) - 1)
    out[rows[best]] = (sums[starts[best] + n] - sums[starts[best]] + n - 1) * counts[best]
    return out


def _stepwise(found: Repeats, tokens: Tokens, n: int, rows: Mask) -> Floats:
    """[rows] characters in n-grams that stood before as datatrove counts them, for the texts that a mask asks for.

    It goes from word to word, over an n-gram that it has seen with one step; no more than Gopher's own share (every
    character once), so only texts beyond the limit by that need it.
    """
    out = np.zeros(len(rows))
    bounds = np.searchsorted(found.starts, tokens.offsets)
    for row in np.flatnonzero(rows):
        part = slice(bounds[row], bounds[row + 1])
        seen: set[int] = set()
        stepped, free = [], 0
        for start, kind in zip(found.starts[part].tolist(), found.kinds[part].tolist(), strict=True):
            if start >= free and kind in seen:
                stepped.append(start)
                free = start + n
            elif start >= free:
                seen.add(kind)
        at = np.array(stepped, np.int64)
        out[row] = np.sum(tokens.sums[at + n] - tokens.sums[at])
    return out


def c4(batch: Batch, config: CleanConfig) -> Reasons:
    """Of the lines that its edits leave: no filler text, no curly bracket (the sign of code), five sentences."""
    every, lines = _everything(batch), batch.lines
    faults = c4_faults(lines.text)
    before = ~(faults["long word"] | faults["fewer than three words"])
    kept = before & ~faults["javascript"] & ~faults["policy"]
    lorem = lines.matching("(?i)lorem ipsum") & before
    curly = lines.matching(r"\{") & before & ~faults["javascript"]
    sentences = np.maximum(pc.count_substring_regex(lines.text, SENTENCE).to_numpy(zero_copy_only=False), 1)
    return pc.coalesce(
        over("c4-lorem-ipsum", np.bincount(lines.rows, weights=lorem, minlength=len(batch)), 0, every),
        over("c4-curly-bracket", np.bincount(lines.rows, weights=curly, minlength=len(batch)), 0, every),
        under("c4-sentences", np.bincount(lines.rows, weights=sentences * kept, minlength=len(batch)), 5, every),
    )


def fineweb(batch: Batch, config: CleanConfig) -> Reasons:
    """FineWeb's rules, of what C4 leaves where that family is asked for."""
    if "c4" in config.families:
        batch = batch.with_text(c4_edited(batch.text))
    return pc.coalesce(*(rule(batch, config) for rule in (fineweb_lines, fineweb_repeated, fineweb_newlines)))


def fineweb_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """At least 12 % of lines end in punctuation; at most 67 % are 30 characters or shorter."""
    lines, every = batch.lines, _everything(batch)
    ends = lines.matching(TERMINAL if config.words == "spaces" else TERMINAL_MARKS)
    return pc.coalesce(
        under("fineweb-punctuation", lines.share(ends), 0.12, every),
        over("fineweb-short-lines", _lines(batch).share(_lines(batch).lengths <= SHORT_LINE), 0.67, every),
    )


def fineweb_repeated(batch: Batch, config: CleanConfig) -> Reasons:
    """At most 1 % of characters in lines that stood before."""
    lines = _lines(batch)
    held = np.bincount(lines.rows, weights=lines.lengths * _repeated(lines), minlength=len(batch))
    written = np.maximum(batch.counts["character"] - batch.counts["line"], 1)
    return over("fineweb-repeated", held / written, 0.01, _everything(batch))


def fineweb_newlines(batch: Batch, config: CleanConfig) -> Reasons:
    """At most three line ends in ten words: a list."""
    count = _count(_tokens(batch, config))
    return over("fineweb-newlines", batch.counts["line"] / count, 0.3, _everything(batch))


def _lines(batch: Batch) -> Lines:
    """Lines that are not blank, with the white space around them."""
    found: Lines | None = batch.cache.get("untrimmed lines")
    if found is None:
        lists = pc.split_pattern(batch.text, "\n")
        rows = np.repeat(np.arange(len(batch)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
        flat = lists.flatten()
        real = pc.not_equal(pc.utf8_trim_whitespace(flat), "")
        flat, rows = flat.filter(real), rows[real.to_numpy(zero_copy_only=False)]
        lengths = pc.utf8_length(flat).to_numpy(zero_copy_only=False).astype(np.int64)
        found = batch.cache["untrimmed lines"] = Lines(flat, rows, lengths, len(batch))
    return found


def _repeated(lines: Lines) -> Any:
    codes = lines.text.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return again(lines.rows, codes.astype(np.uint64))


def _char_share(batch: Batch, lines: Lines, which: Any) -> Floats:
    held = np.bincount(lines.rows, weights=lines.lengths * which, minlength=len(batch))
    return np.asarray(held / np.maximum(batch.counts["character"], 1), float)


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
    "c4": (c4,),
    "fineweb": (fineweb,),
}
