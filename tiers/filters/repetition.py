"""Rules against repetition within a text (Gopher, arXiv 2112.11446, table A1), on hashed lines and words."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from ..tokens import PRIME, Hashes, Ints, mix
from .batch import TAG, Batch, Floats, Mask, Reasons, over

MIN_LINES = 8
"""Shares of fewer lines mean nothing."""
MIN_WORDS = 100
"""So do shares of n-grams of a short text."""
LONGEST = 10
TECHNICAL_FACTOR = 3.0
"""Code, mathematics and reference text name the same things again by nature, and five characters of Chinese are but
three words: their limits are this much looser (at most 0.9) ..."""
AGAIN_FACTOR = 4.5
"""... and those of n-grams that stood before by this much: solutions in two ways, statutes and worked problems have
three to four times what prose has."""


def duplicate_lines(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of lines that stood before."""
    rows, again, _ = _lines(batch)
    total = np.bincount(rows, minlength=len(batch))
    share = np.bincount(rows, weights=again, minlength=len(batch)) / np.maximum(total, 1)
    return _loosened("duplicate-lines", share, config.max_duplicate_lines, batch, total >= MIN_LINES)


def duplicate_line_chars(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of characters in lines that stood before."""
    rows, again, lengths = _lines(batch)
    total = np.bincount(rows, weights=lengths, minlength=len(batch))
    share = np.bincount(rows, weights=lengths * again, minlength=len(batch)) / np.maximum(total, 1)
    enough = np.bincount(rows, minlength=len(batch)) >= MIN_LINES
    return _loosened("duplicate-line-characters", share, config.max_duplicate_line_chars, batch, enough)


def top_ngrams(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of characters in the most frequent 2-, 3- or 4-gram."""
    return pc.coalesce(
        *(
            _loosened(f"top-{n}-gram", _top_share(batch, n), limit, batch, batch.words >= MIN_WORDS)
            for n, limit in enumerate(config.max_top_ngram, start=2)
        )
    )


def duplicate_ngrams(batch: Batch, config: CleanConfig) -> Reasons:
    """Share of characters covered by 5- to 10-grams that stood before, each character counted once."""
    return pc.coalesce(
        *(
            _loosened(
                f"duplicate-{n}-gram", _again_share(batch, n), limit, batch, batch.words >= MIN_WORDS, AGAIN_FACTOR
            )
            for n, limit in enumerate(config.max_duplicate_ngram, start=5)
        )
    )


def _loosened(
    name: str, share: Floats, limit: float, batch: Batch, applies: Mask, factor: float = TECHNICAL_FACTOR
) -> Reasons:
    """The reasons under the limit for prose and under the looser one for technical text."""
    loose = (
        batch.is_code | batch.is_math | np.asarray(batch.kind == "docstring", bool) | batch.is_cjk | batch.is_technical
    )
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
    return rows, _again(rows, codes), pc.utf8_length(flat).to_numpy(zero_copy_only=False).astype(np.int64)


def _again(rows: Ints, codes: Any) -> Mask:
    """Whether each code stood before in its row, rows being in order."""
    return ~_runs(codes.astype(np.uint64) + mix(rows.astype(np.uint64))).first


def _top_share(batch: Batch, n: int) -> Floats:
    """[n] share of word characters in a text's most frequent n-gram, counted as often as it stands."""
    found = _repeats(batch)[n]
    sums = np.concatenate([[0], np.cumsum(batch.token_lengths)])
    top = np.zeros(len(batch))
    np.maximum.at(top, batch.token_rows[found.starts], (sums[found.starts + n] - sums[found.starts]) * found.counts)
    return top / _word_chars(batch)


def _again_share(batch: Batch, n: int) -> Floats:
    """[n] share of word characters inside n-grams that stood before."""
    found = _repeats(batch)[n]
    again = found.starts[~found.first]
    edges = np.zeros(len(batch.token_rows) + 1, np.int64)
    np.add.at(edges, again, 1)
    np.add.at(edges, again + n, -1)
    covered = np.cumsum(edges[:-1]) > 0
    return np.bincount(batch.token_rows, weights=batch.token_lengths * covered, minlength=len(batch)) / _word_chars(
        batch
    )


def _word_chars(batch: Batch) -> Floats:
    chars = np.bincount(batch.token_rows, weights=batch.token_lengths, minlength=len(batch))
    return np.maximum(chars, 1.0)


@dataclass(frozen=True)
class Repeats:
    """The n-grams that stand more than once in their text."""

    starts: Ints
    """[g] positions of their first words."""
    first: Mask
    """[g] whether it is the first such n-gram of its text."""
    counts: Ints
    """[g] how often it stands in its text."""


def _repeats(batch: Batch) -> dict[int, Repeats]:
    """Per n from 2 to 10 the repeated n-grams.

    One that repeats begins with an (n-1)-gram that does, so each length looks only where the last found something.
    """
    found: dict[int, Repeats] = batch.cache.get("repeats", {})
    if found:
        return found
    hashes, rows = batch.tokens.hashes, batch.token_rows
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
        found[n] = Repeats(starts, runs.first[many], runs.counts[many])
    batch.cache["repeats"] = found
    return found


def _runs(keys: Hashes) -> Repeats:
    """For every key: whether it is the first of its kind, and how many there are."""
    if not len(keys):
        return Repeats(np.zeros(0, np.int64), np.zeros(0, bool), np.zeros(0, np.int64))
    order = np.argsort(keys)
    edges = np.flatnonzero(np.concatenate([[True], keys[order][1:] != keys[order][:-1]]))
    counts, first = np.zeros(len(keys), np.int64), np.zeros(len(keys), bool)
    counts[order] = np.repeat(np.diff(np.append(edges, len(keys))), np.diff(np.append(edges, len(keys))))
    first[np.minimum.reduceat(order, edges)] = True
    return Repeats(np.arange(len(keys)), first, counts)


RULES = (duplicate_lines, duplicate_line_chars, top_ngrams, duplicate_ngrams)
