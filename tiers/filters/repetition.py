"""Rules against repetition within a text (Gopher, arXiv 2112.11446, table A1), on hashed lines and words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from ..tokens import PRIME, Hashes, Ints, Tokens, mix
from .batch import QUOTED_CODE, SHORTCODE, TAG, Batch, Floats, Mask, Reasons, Rule, beside, is_prose, over

MIN_LINES = 8
"""Shares of fewer lines mean nothing."""
MIN_WORDS = 100
"""So do shares of n-grams of a short text."""
LONGEST = 10
TECHNICAL_FACTOR = 3.6
"""Code, mathematics and reference text name the same things again by nature, and five characters of Chinese are but
three words: their limits are this much looser (at most 0.9) ..."""
AGAIN_FACTOR = 6.0
"""... and those of n-grams that stood before by this much: solutions in two ways, statutes and worked problems have
three to five times what prose has."""


def duplicate_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of lines that stood before; short ones, as the questions of interviews and cells of tables, may."""
    rows, again, lengths = _lines(batch)
    total = np.bincount(rows, minlength=len(batch))
    share = np.bincount(rows, weights=again, minlength=len(batch)) / np.maximum(total, 1)
    written = np.maximum(np.bincount(rows, weights=lengths, minlength=len(batch)), 1)
    characters = np.bincount(rows, weights=lengths * again, minlength=len(batch)) / written
    applies = (total >= MIN_LINES) & (
        batch.is_local | batch.is_code | (characters > config.max_duplicate_line_chars / 2)
    )
    return _loosened("duplicate-lines", share, config.max_duplicate_lines, batch, applies)


def duplicate_line_chars(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of characters in lines that stood before."""
    rows, again, lengths = _lines(batch)
    total = np.bincount(rows, weights=lengths, minlength=len(batch))
    share = np.bincount(rows, weights=lengths * again, minlength=len(batch)) / np.maximum(total, 1)
    enough = np.bincount(rows, minlength=len(batch)) >= MIN_LINES
    return _loosened("duplicate-line-characters", share, config.max_duplicate_line_chars, batch, enough)


def top_ngrams(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of characters in the most frequent 2-, 3- or 4-gram."""
    found = repeats(batch, batch.tokens)
    return pc.coalesce(
        *(
            _loosened(
                f"top-{n}-gram",
                top_share(found[n], batch.tokens, n),
                limit,
                batch,
                batch.words >= MIN_WORDS,
            )
            for n, limit in enumerate(config.max_top_ngram, start=2)
        )
    )


def duplicate_ngrams(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of characters covered by 5- to 10-grams that stood before, each character counted once."""
    found = repeats(batch, batch.tokens)
    return pc.coalesce(
        *(
            _loosened(
                f"duplicate-{n}-gram",
                again_share(found[n], batch.tokens, n),
                limit,
                batch,
                batch.words >= MIN_WORDS,
                AGAIN_FACTOR,
            )
            for n, limit in enumerate(config.max_duplicate_ngram, start=5)
        )
    )


def _loosened(
    name: str, share: Floats, limit: float, batch: Batch, applies: Mask, factor: float = TECHNICAL_FACTOR
) -> Reasons:
    """The reasons under the limit for prose and under the looser one for technical text."""
    loose = batch.is_code | batch.is_math | np.asarray(batch.kind == "docstring", bool) | batch.is_cjk
    asked = applies & ~loose & (share > limit)  # of the others it makes no difference
    loose = loose | (batch.measured(asked, lambda part: part.is_technical | part.is_statute) > 0)
    strict = over(name, share, limit, applies & ~loose)
    return pc.coalesce(strict, over(name, share, min(0.9, factor * limit), applies & loose))


def _lines(batch: Batch) -> tuple[Ints, Mask, Ints]:
    """Of every line that says something: row, whether it stood before in its text, and characters."""
    lists = pc.split_pattern(batch.text, "\n")
    flat = pc.utf8_trim_whitespace(lists.flatten())
    rows = np.repeat(np.arange(len(batch)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
    tagged = pc.match_substring(flat, "<")
    if pc.any(tagged).as_py():  # `</td>` says nothing
        flat = pc.replace_with_mask(flat, tagged, pc.replace_substring_regex(flat.filter(tagged), TAG, ""))
    real = pc.match_substring_regex(flat, r"[\pL\pN]").to_numpy(zero_copy_only=False)
    flat, rows = flat.filter(pa.array(real)), rows[real]
    codes = flat.dictionary_encode().indices.to_numpy(zero_copy_only=False).astype(np.uint64)
    return rows, again(rows, codes), pc.utf8_length(flat).to_numpy(zero_copy_only=False).astype(np.int64)


def again(rows: Ints, codes: Any) -> Mask:
    """Whether each code stood before in its row, rows being in order."""
    return ~_runs(codes.astype(np.uint64) + mix(rows.astype(np.uint64))).first


def top_share(found: "Repeats", tokens: Tokens, n: int) -> Floats:
    """[rows] share of word characters in a text's most frequent n-gram, counted as often as it stands."""
    top = np.zeros(len(tokens.offsets) - 1)
    held = (tokens.sums[found.starts + n] - tokens.sums[found.starts]) * found.counts
    np.maximum.at(top, tokens.rows[found.starts], held)
    return np.asarray(top / tokens.chars, float)


def again_share(found: "Repeats", tokens: Tokens, n: int) -> Floats:
    """[rows] share of word characters inside n-grams that stood before, each character counted once."""
    again = found.starts[~found.first]
    after = np.concatenate([again[1:], [len(tokens.hashes) + n]])[: len(again)]
    ends = np.minimum(again + n, after)  # starts ascend, so each covers what lies before the next
    held = np.bincount(tokens.rows[again], tokens.sums[ends] - tokens.sums[again], len(tokens.offsets) - 1)
    return np.asarray(held / tokens.chars, float)


@dataclass(frozen=True)
class Repeats:
    """The n-grams that stand more than once in their text."""

    starts: Ints
    """[g] positions of their first words."""
    first: Mask
    """[g] whether it is the first such n-gram of its text."""
    counts: Ints
    """[g] how often it stands in its text."""
    kinds: Ints
    """[g] the same number for the same n-gram."""


def repeats(batch: Batch, tokens: Tokens, name: str = "words") -> dict[int, Repeats]:
    """Per n from 2 to 10 the repeated n-grams of a batch's tokens, worked out once under a name.

    One that repeats begins with an (n-1)-gram that does, so each length looks only where the last found something.
    """
    found: dict[int, Repeats] = batch.cache.setdefault(f"repeats of {name}", {})
    if found:
        return found
    hashes, rows = tokens.hashes, tokens.rows
    starts, keys = np.arange(len(hashes)), hashes + mix(rows.astype(np.uint64))
    for n in range(2, LONGEST + 1):
        inside = starts + n - 1 < len(hashes)
        starts, keys = starts[inside], keys[inside]
        inside = rows[starts] == rows[starts + n - 1]
        starts, keys = starts[inside], keys[inside]
        keys = mix(keys * PRIME + hashes[starts + n - 1])
        runs = _runs(keys)
        many = runs.counts > 1
        starts, keys = starts[many], keys[many]
        found[n] = Repeats(starts, runs.first[many], runs.counts[many], runs.kinds[many])
    return found


def _runs(keys: Hashes) -> Repeats:
    """For every key: whether it is the first of its kind, and how many there are."""
    if not len(keys):
        none = np.zeros(0, np.int64)
        return Repeats(none, np.zeros(0, bool), none, none)
    order = np.argsort(keys)
    edges = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
    counts, kinds, first = np.zeros(len(keys), np.int64), np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    sizes = np.diff(np.append(edges, len(keys)))
    counts[order], kinds[order] = np.repeat(sizes, sizes), np.repeat(np.arange(len(edges)), sizes)
    first[np.minimum.reduceat(order, edges)] = True
    return Repeats(np.arange(len(keys)), first, counts, kinds)


def around_code(rule: Rule) -> Rule:
    """The rule, but that a text about code is refused only if what stands around its code is refused too.

    Lessons show the same program in several states. Where little stands around it, the text is judged whole.
    """

    def made(batch: Batch, config: CleanConfig) -> Reasons:
        reasons = rule(batch, config)
        asked = np.asarray(pc.is_valid(reasons).to_numpy(zero_copy_only=False) & batch.is_technical, bool)
        if asked.any():
            part = batch.part(asked)
            prose = part.with_text(pc.replace_substring_regex(part.text, QUOTED_CODE, ""))
            stands = (prose.words >= MIN_WORDS) & rule(prose, config).is_null().to_numpy(zero_copy_only=False)
            spared = asked.copy()
            spared[asked] = stands
            reasons = pc.if_else(pa.array(spared), pa.scalar(None, pa.string()), reasons)
        return reasons

    return made


def beside_markup(rule: Rule) -> Rule:
    """The rule, but tags, calls of templates and addresses that stand again and again are no text."""
    return beside(rule, rf"{SHORTCODE}|{TAG}|\]\([^)\n]*\)|https?://[^\s<>()]+", is_prose, MIN_WORDS)


RULES = tuple(
    beside_markup(around_code(rule)) for rule in (duplicate_lines, duplicate_line_chars, top_ngrams, duplicate_ngrams)
)
