"""A batch of texts with the byte counts that most rules need, taken in one pass over the Arrow buffer."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ..config import CleanConfig
from ..tokens import SPACES, Ints, Tokens, tokenize

Floats = np.ndarray[Any, np.dtype[np.float64]]
Mask = np.ndarray[Any, np.dtype[np.bool_]]

CLASSES = ("character", "letter", "digit", "space", "control", "cjk", "line")
MIN_CJK = 0.2
"""A text with this share of CJK characters among its visible ones is judged as CJK."""


def _table() -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[classes, 256] which byte counts for which class; a character counts at its first byte.

    First bytes tell the blocks well enough for ratios: E3..ED begin CJK, kana and Hangul; E2 and EF are mostly
    punctuation and symbols, C2 Latin-1 signs; other multi-byte characters are letters.
    """
    table = np.zeros((len(CLASSES), 256), bool)
    byte = np.arange(256)
    cjk = (byte >= 0xE3) & (byte <= 0xED)
    multi = (byte >= 0xC3) & ~np.isin(byte, [0xE2, 0xEF])
    ascii_letter = ((byte | 32) >= ord("a")) & ((byte | 32) <= ord("z")) & (byte < 128)
    table[0] = (byte & 0xC0) != 0x80
    table[1] = ascii_letter | multi
    table[2] = (byte >= ord("0")) & (byte <= ord("9"))
    table[3] = np.isin(byte, [9, 10, 11, 12, 13, 32])
    table[4] = ((byte < 32) & ~table[3]) | (byte == 127)
    table[5] = cjk
    table[6] = byte == 10
    return table


TABLE = _table()


@dataclass(frozen=True)
class Batch:
    """n texts; counts are per text."""

    text: pa.Array
    """[n] large_string."""
    domain: Any
    """[n] numpy array of str."""
    kind: Any
    """[n] numpy array of str."""
    source: list[str]
    """[n] names."""
    cache: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    """What a family of rules works out once for all of them."""

    @classmethod
    def of(cls, table: pa.Table) -> "Batch":
        """The batch of a documents table (text, domain, kind, source)."""
        text = table["text"].combine_chunks().cast(pa.large_string())
        names = [np.asarray(table[c].to_pylist(), dtype=object) for c in ("domain", "kind")]
        return cls(text, names[0], names[1], table["source"].to_pylist())

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def counts(self) -> dict[str, Ints]:
        """Class name -> [n] how many characters of it."""
        offsets = np.frombuffer(self.text.buffers()[1], np.int64)[self.text.offset : self.text.offset + len(self) + 1]
        data = self.text.buffers()[2]
        raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        return {name: _sums(TABLE[i][raw], offsets) for i, name in enumerate(CLASSES)}

    @cached_property
    def visible(self) -> Floats:
        """[n] characters that are not white space, at least 1."""
        return np.asarray(np.maximum(self.counts["character"] - self.counts["space"], 1), float)

    @cached_property
    def is_cjk(self) -> Mask:
        """[n] whether a text is mainly Chinese, Japanese or Korean."""
        return self.counts["cjk"] / self.visible >= MIN_CJK

    @cached_property
    def is_code(self) -> Mask:
        """[n] whether a text is program text."""
        return np.asarray(self.kind == "source", bool)

    @cached_property
    def is_math(self) -> Mask:
        """[n] whether a text is mathematics."""
        return np.asarray(self.domain == "math", bool) & ~self.is_code

    @cached_property
    def tokens(self) -> Tokens:
        """Words of the texts, as people count them."""
        return tokenize(self.text, SPACES)

    @cached_property
    def token_lengths(self) -> Ints:
        """[t] characters of each word."""
        return self.tokens.lengths

    @cached_property
    def token_rows(self) -> Ints:
        """[t] which text each word belongs to."""
        return self.tokens.rows

    @cached_property
    def words(self) -> Floats:
        """[n] number of words, at least 1."""
        return np.maximum(np.diff(self.tokens.offsets), 1).astype(float)

    def matches(self, pattern: str) -> Ints:
        """[n] how often a regular expression (RE2) matches."""
        return np.asarray(pc.count_substring_regex(self.text, pattern).to_numpy(zero_copy_only=False), np.int64)

    def matched(self, pattern: str) -> Floats:
        """[n] share of characters inside matches of a regular expression."""
        left = pc.utf8_length(pc.replace_substring_regex(self.text, pattern, "")).to_numpy(zero_copy_only=False)
        return np.asarray(1 - left / np.maximum(self.counts["character"], 1), float)


def _sums(flags: Mask, offsets: Ints) -> Ints:
    """[n] how many flags are set between neighbouring offsets."""
    total = np.concatenate([[0], np.cumsum(flags, dtype=np.int64)])
    return np.asarray(total[offsets[1:]] - total[offsets[:-1]], np.int64)


Reasons: TypeAlias = pa.Array
"""[n] strings: why the rule refuses a text, null where it does not."""
Rule = Callable[[Batch, CleanConfig], Reasons]


def over(name: str, values: Any, limit: float, applies: Mask) -> Reasons:
    """Reasons where a value is above its limit: rule, measured value, limit."""
    return _reasons(name, np.asarray(values), limit, applies & (np.asarray(values) > limit), ">")


def under(name: str, values: Any, limit: float, applies: Mask) -> Reasons:
    """Reasons where a value is below its limit."""
    return _reasons(name, np.asarray(values), limit, applies & (np.asarray(values) < limit), "<")


def _reasons(name: str, values: Any, limit: float, bad: Mask, sign: str) -> Reasons:
    """Texts are written for refused rows only, which are few."""
    made: list[str | None] = [None] * len(bad)
    for i in np.flatnonzero(bad):
        made[i] = f"{name}: {_figure(values[i])} {sign} {limit:g}"
    return pa.array(made, pa.string())


def _figure(value: float) -> str:
    return f"{value:.3f}" if float(value) != int(value) else str(int(value))
