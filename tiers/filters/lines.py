"""Lines taken out of a text that stays: notices of pages, and C4's line edits where they are asked for."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .batch import Batch, Mask

NOTICE = (
    r"(?i)^[\s\pP]{0,3}(?:advertisement|share (?:this|on \w+)|subscribe(?: now)?|sign up|"
    r"log ?in(?: or join us)?|read more|back to top|"
    r"skip to (?:main )?content|previous (?:post|article)|next (?:post|article)|leave a (?:reply|comment)|"
    r"print this page|click here to (?:subscribe|sign up)|add to cart)[\s\pP]{0,3}$|"
    r"^[^\n]{0,60}(?:we use cookies|(?:this|our) (?:web ?)?site uses cookies|accept (?:all )?cookies)[^\n]{0,160}$|"
    r"^[^\n]{0,60}(?:please (?:enable|turn on) javascript|javascript (?:is (?:disabled|required)|must be enabled)|"
    r"your browser does(?: not|n['’]t) support)[^\n]{0,120}$|"
    r"^[\s\pP]{0,3}(?:©|\(c\)|copyright)[^\n]{0,100}all rights reserved[^\n]{0,100}$|"
    r"^[\s\pP]{0,3}(?:sign up for|subscribe to) (?:our|the|your)[^\n]{0,60}newsletter[^\n]{0,20}$|"
    r"^[\s\pP]{0,3}(?:分享到|上一篇|下一篇|返回顶部|阅读全文|点击阅读原文|扫码关注|扫描二维码关注|版权所有)[：:]?[^\n。]{0,30}$"
)
"""RE2, of a whole line: what pages say about themselves and never about their subject."""
POLICY = r"(?i)terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
C4_WORD = 1_000
LINE_ENDS = r"\r\n|[\r\x0b\x0c\x1c-\x1e\x{85}\x{2028}\x{2029}]"
"""What ends a line for Python besides a line feed."""
SHOWN, SHOWN_LINES = 80, 20
"""Characters of a removed line, and lines of a text, that are written down."""


@dataclass
class Cut:
    """Lines taken out of one text."""

    text: str
    counts: Counter[str] = field(default_factory=Counter)
    """Rule -> lines."""
    shown: list[str] = field(default_factory=list)
    """`number: line` of the first ones."""


def without_notices(batch: Batch) -> dict[int, Cut]:
    """Texts of pages that lose lines, by their place in the batch."""
    flat, rows = _lines(batch.text)
    pages = np.asarray(batch.kind == "html", bool)[rows]
    gone = np.zeros(len(rows), bool)
    gone[pages] = pc.match_substring_regex(pc.utf8_trim_whitespace(flat.filter(pa.array(pages))), NOTICE).to_numpy(
        zero_copy_only=False
    )
    return _cut(flat, rows, {"notice": gone})


def c4_edited(texts: pa.Array) -> pa.Array:
    """[n] texts as C4 leaves them (arXiv 1910.10683, as datatrove does it, without its rule on ends of lines)."""
    flat, rows = _lines(pc.replace_substring_regex(texts, LINE_ENDS, "\n"))
    flat = pc.utf8_trim_whitespace(flat)
    kept = ~np.logical_or.reduce(list(c4_faults(flat).values()))
    flat = pc.replace_substring_regex(flat.filter(pa.array(kept)), CITATION, "")
    ends = np.concatenate([[0], np.cumsum(np.bincount(rows[kept], minlength=len(texts)))])
    joined = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), flat.cast(pa.string())), "\n")
    return pc.utf8_trim_whitespace(joined.cast(pa.large_string()))


def c4_cut(batch: Batch) -> dict[int, Cut]:
    """Texts that C4's line edits change, by their place in the batch, with what was taken out."""
    flat, rows = _lines(batch.text)
    found = _cut(flat, rows, {f"c4 {name}": mask for name, mask in c4_faults(pc.utf8_trim_whitespace(flat)).items()})
    made = c4_edited(batch.text)
    for i in np.flatnonzero(pc.not_equal(made, batch.text).to_numpy(zero_copy_only=False)):
        cut = found.setdefault(int(i), Cut("", Counter({"c4 layout": 1})))
        cut.text = made[i].as_py()
    return found


def c4_faults(flat: pa.Array) -> dict[str, Mask]:
    """Rule -> [l] whether it takes a trimmed line out."""
    few = ~_matching(flat, r"^\S+\s+\S+\s+\S")
    long = np.zeros(len(few), bool)
    at = np.flatnonzero(pc.utf8_length(flat).to_numpy(zero_copy_only=False) > C4_WORD)
    for i in at:
        long[i] = max(map(len, flat[i].as_py().split()), default=0) > C4_WORD
    return {
        "long word": long,
        "fewer than three words": few,
        "javascript": _matching(flat, "(?i)javascript"),
        "policy": _matching(flat, POLICY),
    }


def _matching(flat: pa.Array, pattern: str) -> Mask:
    return np.asarray(pc.match_substring_regex(flat, pattern).to_numpy(zero_copy_only=False), bool)


def _lines(texts: pa.Array) -> tuple[pa.Array, Any]:
    lists = pc.split_pattern(texts, "\n")
    return lists.flatten(), np.repeat(np.arange(len(texts)), pc.list_value_length(lists).to_numpy(zero_copy_only=False))


def _cut(flat: pa.Array, rows: Any, faults: dict[str, Mask]) -> dict[int, Cut]:
    """What is left of each text that has a line which some rule takes out; blank lines are not worth a word."""
    blank = pc.equal(pc.utf8_trim_whitespace(flat), "").to_numpy(zero_copy_only=False)
    any_fault = np.logical_or.reduce(list(faults.values())) & ~blank
    found: dict[int, Cut] = {}
    for row in np.unique(rows[any_fault]):
        first, last = np.searchsorted(rows, [row, row + 1])
        said = flat.slice(first, last - first).to_pylist()
        gone = any_fault[first:last]
        cut = Cut("\n".join(line for line, out in zip(said, gone, strict=True) if not out).strip("\n"))
        for i in np.flatnonzero(gone):
            cut.counts[next(name for name, mask in faults.items() if mask[first + i])] += 1
            if len(cut.shown) < SHOWN_LINES:
                cut.shown.append(f"{i + 1}: {said[i].strip()[:SHOWN]}")
        found[int(row)] = cut
    return found
