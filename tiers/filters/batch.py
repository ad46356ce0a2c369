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

CLASSES = ("character", "letter", "digit", "space", "control", "cjk", "line", "han")
MIN_CJK = 0.2
"""A text with this share of CJK characters among its visible ones is judged as CJK."""


def _table() -> np.ndarray[Any, np.dtype[np.bool_]]:
    """[classes, 256] which byte counts for which class; a character counts at its first byte.

    First bytes tell the blocks well enough for ratios: E3..ED begin CJK, kana and Hangul; E2 and EF are mostly
    punctuation and symbols, C2 Latin-1 signs; other multi-byte characters are letters. E4..E9 are Han
    (U+4000 to U+9FFF).
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
    table[7] = (byte >= 0xE4) & (byte <= 0xE9)
    return table


BITS = np.packbits(_table(), axis=0, bitorder="little")[0]
"""[256] bit i is set for bytes of class i."""


TAG = r"</?[a-zA-Z][a-zA-Z0-9:.-]*(?:\s[^<>]*)?/?>"
"""A tag of HTML, and not an address in angle brackets."""
QUOTED_CODE = r"(?s)(?:```|~~~).*?(?:```|~~~|\z)|`[^`\n]+`"
"""RE2: code in Markdown, in fences or in the line."""
SHORTCODE = (
    r"\{\{[^{}]*\}\}|\{%[^{}]*%\}"
    r"|\[/?[a-z][\w-]*(?:\s+[\w-]+=(?:\"[^\"\n]*\"|'[^'\n]*'|[^\s\]]+))+\s*/?\]|\[/[a-z][\w-]*\]"
)
"""Calls of page templates: Hugo, Jekyll, WordPress."""
DATA = (
    r"\b(?:0[xX])?[0-9a-fA-F]{24,}\b|\b[A-Za-z0-9+/_-]{40,}={0,2}|(?:\b[0-9a-fA-F]{2}[ :,-]){8,}|\b\d(?:[ ,]?\d){15,}"
    r"|(?m)^[ \t]*(?:\d+[ \t]*$|(?:\d+:)?\d+:\d\d[,.]\d{2,3} --> .*$)"
)
"""Keys, digests, encoded bytes, numbers of many digits, and the times of subtitles."""
IDENTIFIER = r"\b[a-z]{2,}(?:[A-Z][a-z0-9]+)+\b|\b\w+\(\)|\b[a-z]+(?:\.[a-z]\w*){2,}|\b[a-z]+(?:_[a-z0-9]+)+\b"
"""A name in a program: of a function, a variable or a package."""
HOST = r"(?:https?://|www\.)[^\s<>()]+|\b[\w.-]+\.(?:com|org|net|gov|edu|cn|uk|de|info|jpg|png|html?)\b"
"""An address, which looks like one."""
MANY_IDENTIFIERS, IDENTIFIER_WORDS = 8, 100
"""A text is about programs with so many of them, and one in so many words."""
STATUTE = (
    r"(?m)^[ \t>*#-]*(?:§|(?:Section|Sec\.|Article|Art\.|Clause|SECTION|ARTICLE)\s+[\dIVX]+"
    r"|\(?(?:[a-z]{1,2}|[ivx]+|\d{1,2})\)\s|第[一二三四五六七八九十百千零\d]+[章节条款])"
)
"""The beginning of an article or a paragraph of a law."""
LOCAL_ROOTS = ("stdlib/", "site/")
"""How the names of `local:`'s texts begin."""


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

    def part(self, rows: Mask) -> "Batch":
        """The texts for which a mask [n] holds, as a batch of their own."""
        where = np.flatnonzero(rows)
        names = [self.source[i] for i in where]
        cache = {name: held.part(rows) for name, held in self.cache.items() if isinstance(held, Tokens)}
        return Batch(self.text.filter(pa.array(rows)), self.domain[rows], self.kind[rows], names, cache)

    def with_text(self, text: pa.Array) -> "Batch":
        """The batch with other texts [n] (large strings), of which nothing is worked out yet."""
        return Batch(text, self.domain, self.kind, self.source)

    def measured(self, rows: Mask, measure: "Callable[[Batch], Any]") -> Floats:
        """[n] a measure of the texts for which a mask [n] holds, of the others 0; only those are looked at."""
        found = np.zeros(len(self))
        if rows.any():
            found[rows] = measure(self.part(rows))
        return found

    def __len__(self) -> int:
        return len(self.text)

    @cached_property
    def counts(self) -> dict[str, Ints]:
        """Class name -> [n] how many characters of it."""
        offsets = np.frombuffer(self.text.buffers()[1], np.int64)[self.text.offset : self.text.offset + len(self) + 1]
        data = self.text.buffers()[2]
        raw = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
        if not len(self) or not len(raw):
            return {name: np.zeros(len(self), np.int64) for name in CLASSES}
        bits = BITS[raw[offsets[0] : offsets[-1]]]
        starts = offsets - offsets[0]
        return {name: _sums((bits >> i) & 1, starts) for i, name in enumerate(CLASSES)}

    @cached_property
    def visible(self) -> Floats:
        """[n] characters that are not white space, at least 1."""
        return np.asarray(np.maximum(self.counts["character"] - self.counts["space"], 1), float)

    @cached_property
    def is_cjk(self) -> Mask:
        """[n] whether a text is mainly Chinese, Japanese or Korean."""
        return np.asarray((self.counts["cjk"] / self.visible >= MIN_CJK) | (self.domain == "zh"), bool)

    @cached_property
    def quotes_code(self) -> Mask:
        """[n] whether prose, not this machine's own, holds code, or is of that domain."""
        fenced = pc.match_substring_regex(self.text, r"(?m)^[ \t>]*(?:```|~~~|\.\. code|\{% highlight|\[source)")
        quoted = self.matches(r"`[^`\n]+`") >= 3
        about = np.asarray(self.domain == "code", bool) | fenced.to_numpy(zero_copy_only=False) | quoted
        return np.asarray(about & ~self.is_local & ~self.is_code, bool)

    @cached_property
    def is_technical(self) -> Mask:
        """[n] whether prose, not this machine's own, is about programs: it holds code, or names of programs."""
        asked = ~self.quotes_code & ~self.is_local & ~self.is_code & np.isin(self.kind, ["html", "text"])
        return np.asarray(self.quotes_code | (self.measured(asked, _identifiers) >= MANY_IDENTIFIERS), bool)

    @cached_property
    def is_statute(self) -> Mask:
        """[n] whether a text is set out in articles and numbered paragraphs, as laws and contracts are."""
        prose = ~self.is_code & ~self.is_local
        share = self.measured(prose, lambda part: part.matches(STATUTE) / part.lines.counts)
        return np.asarray((share >= 0.15) & (self.lines.counts >= 8), bool)

    @cached_property
    def is_local(self) -> Mask:
        """[n] whether a text is this machine's own (`local:`), whose names begin with where it was found."""
        return np.array([name.startswith(LOCAL_ROOTS) for name in self.source], bool)

    @cached_property
    def is_code(self) -> Mask:
        """[n] whether a text is program text."""
        return np.asarray(self.kind == "source", bool)

    @cached_property
    def is_math(self) -> Mask:
        """[n] whether a text is mathematics."""
        return np.asarray(self.domain == "math", bool) & ~self.is_code

    @cached_property
    def lines(self) -> "Lines":
        """Every line that is not blank."""
        lists = pc.split_pattern(self.text, "\n")
        rows = np.repeat(np.arange(len(self)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))
        flat = pc.utf8_trim_whitespace(lists.flatten())
        lengths = pc.utf8_length(flat).to_numpy(zero_copy_only=False).astype(np.int64)
        real = lengths > 0
        return Lines(flat.filter(pa.array(real)), rows[real], lengths[real], len(self))

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


@dataclass(frozen=True)
class Lines:
    """The lines of n texts that are not blank, trimmed, end to end."""

    text: pa.Array
    """[l] large_string."""
    rows: Ints
    """[l] which text each line belongs to."""
    lengths: Ints
    """[l] characters."""
    n: int

    @cached_property
    def counts(self) -> Floats:
        """[n] lines of each text, at least 1."""
        return np.maximum(np.bincount(self.rows, minlength=self.n), 1).astype(float)

    def share(self, which: Any) -> Floats:
        """[n] share of each text's lines for which a mask [l] holds."""
        return np.asarray(np.bincount(self.rows, weights=which, minlength=self.n) / self.counts, float)

    def only(self, pattern: str) -> "Lines":
        """The lines that match a regular expression (RE2)."""
        which = self.matching(pattern)
        return Lines(self.text.filter(pa.array(which)), self.rows[which], self.lengths[which], self.n)

    def ended(self, pattern: str) -> Floats:
        """[n] share of each text's lines, or of their characters if that is more, in lines that match.

        So code, tables and comments beside paragraphs do not count as many lines.
        """
        ends = self.matching(pattern)
        held = np.bincount(self.rows, weights=self.lengths * ends, minlength=self.n)
        written = np.maximum(np.bincount(self.rows, weights=self.lengths, minlength=self.n), 1)
        return np.asarray(np.maximum(self.share(ends), held / written), float)

    def matching(self, pattern: str) -> Mask:
        """[l] whether a regular expression (RE2) matches."""
        return np.asarray(pc.match_substring_regex(self.text, pattern).to_numpy(zero_copy_only=False), bool)


def _identifiers(batch: Batch) -> Ints:
    """[n] names of programs, functions and options, 0 where they are few among the words."""

    def outside_addresses(part: Batch) -> Ints:
        return part.with_text(pc.replace_substring_regex(part.text, HOST, " ")).matches(IDENTIFIER)

    names = batch.measured(batch.matches(IDENTIFIER) >= MANY_IDENTIFIERS, outside_addresses)
    return np.asarray(np.where(names * IDENTIFIER_WORDS >= batch.words, names, 0), np.int64)


def _sums(flags: Any, offsets: Ints) -> Ints:
    """[n] how many flags (0 or 1) are set between neighbouring offsets."""
    full = np.flatnonzero(offsets[1:] > offsets[:-1])  # reduceat gives an empty range its next element
    sums = np.zeros(len(offsets) - 1, np.int64)
    if len(full):
        sums[full] = np.add.reduceat(flags, offsets[full], dtype=np.int64)
    return sums


Reasons: TypeAlias = pa.Array
"""[n] strings: why the rule refuses a text, null where it does not."""
Rule = Callable[[Batch, CleanConfig], Reasons]


def beside(rule: Rule, pattern: str, applies: "Callable[[Batch], Mask]", words: int = 60, share: float = 0.2) -> Rule:
    """The rule, but a text is refused only if what stands beside the matches of a pattern is refused too.

    Args:
        rule: any.
        pattern: RE2 of what is no text.
        applies: [n] which texts may be spared.
        words: of what is left at least, a Han character counting half; below that the text is judged whole.
        share: of the visible characters that must be left.
    """

    def judged(batch: Batch, config: CleanConfig) -> Reasons:
        reasons = rule(batch, config)
        asked = np.asarray(pc.is_valid(reasons).to_numpy(zero_copy_only=False) & applies(batch), bool)
        if not asked.any():
            return reasons
        part = batch.part(asked)
        rest = part.with_text(pc.replace_substring_regex(part.text, pattern, " "))
        enough = (rest.words + rest.counts["han"] / 2 >= words) & (rest.visible >= share * part.visible)
        spared = asked.copy()
        spared[asked] = enough & rule(rest, config).is_null().to_numpy(zero_copy_only=False)
        return pc.if_else(pa.array(spared), pa.scalar(None, pa.string()), reasons)

    return judged


def is_prose(batch: Batch) -> Mask:
    """[n] whether a text is no program and not this machine's own."""
    return np.asarray(~batch.is_code & ~batch.is_local, bool)


def pages(batch: Batch) -> Mask:
    """[n] whether a text was extracted from a page."""
    return np.asarray(batch.kind == "html", bool)


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
