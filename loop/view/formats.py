"""How numbers and untrusted text are written, the same in terminal, report and story."""

import difflib
import re
from collections.abc import Mapping
from typing import Any

# Control characters move the cursor or speak to the terminal, bidirectional ones reorder what a person reads.
_UNSAFE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
DIFF_SOURCE = 20_000
NOTHING, MINUS = "\u2013", "\u2212"
DONE = {
    "ingest": "read in",
    "quarantine": "quarantined",
    "drop": "dropped",
    "promote": "promoted",
    "demote": "demoted",
    "score": "scored",
    "edit": "edited",
    "create": "written",
    "verify": "checked",
    "refuse": "refused",
    "none": "left alone",
}
"""What a ledger's action has done to a document, as people say it."""


def done(actions: Mapping[str, int]) -> str:
    """How many documents an action was done to, action by action."""
    return ", ".join(f"{count(n)} {DONE.get(action, action)}" for action, n in actions.items())


def plain(text: object, limit: int = 240) -> str:
    """Text of unknown origin, with control and direction characters shown as U+FFFD and cut at `limit` characters."""
    whole = str(text)
    cut = _UNSAFE.sub("\ufffd", whole[:limit].replace("\r\n", "\n"))
    return f"{cut} … (+{len(whole) - limit:,} characters)" if len(whole) > limit else cut


def line(text: object, limit: int = 160) -> str:
    """`plain` on one line."""
    return plain(" ".join(str(text)[: limit * 4].split()), limit)


def safe(data: Mapping[str, Any], limit: int = 4000) -> dict[str, Any]:
    """`data` with every text in it made plain: what may be handed to a terminal, a page or `--json`."""
    return {plain(k, 200): _safe(v, limit) for k, v in data.items()}


def _safe(value: Any, limit: int) -> Any:
    if isinstance(value, str):
        return plain(value, limit)
    if isinstance(value, Mapping):
        return safe(value, limit)
    return [_safe(v, limit) for v in value] if isinstance(value, list | tuple) else value


def diff(before: str, after: str, lines: int = 60, width: int = 200) -> list[dict[str, str]]:
    """Unified difference as `{"mark": "+"|"-"|" "|"@", "text": ...}`, cut to `lines` lines of `width` characters."""
    old, new = before[:DIFF_SOURCE].splitlines(), after[:DIFF_SOURCE].splitlines()
    found = list(difflib.unified_diff(old, new, n=1, lineterm=""))[2:]
    out = [{"mark": row[:1], "text": plain(row if row[:1] == "@" else row[1:], width)} for row in found[:lines]]
    if len(found) > lines:
        out.append({"mark": "@", "text": f"… {len(found) - lines:,} more lines"})
    return out


def signed(value: float | None, digits: int = 3) -> str:
    """`+0.021`, with a real minus sign; a dash for what was not measured."""
    if value is None:
        return NOTHING
    text = f"{value:+.{digits}f}"
    if float(text) == 0:
        text = f"{0:.{digits}f}"
    return text.replace("-", MINUS)


def interval(row: Mapping[str, Any], digits: int = 3) -> str:
    """`+0.004 to +0.031`."""
    return f"{signed(row['low'], digits)} to {signed(row['high'], digits)}"


def estimate(value: float | None, low: float | None, high: float | None, digits: int = 3) -> str:
    """`+0.012 (+0.003 to +0.021)`: an estimate with its 95 % interval; a dash for what was not estimated."""
    if value is None or low is None or high is None:
        return NOTHING
    return f"{signed(value, digits)} ({signed(low, digits)} to {signed(high, digits)})"


def number(value: float | None, digits: int = 3) -> str:
    """A plain measurement, a dash where there is none."""
    return NOTHING if value is None else f"{value:.{digits}f}".replace("-", MINUS)


def count(value: float | None) -> str:
    """`12,340`, `18.2 M`."""
    if value is None:
        return NOTHING
    for size, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if abs(value) >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:,.0f}"


def percent(value: float | None, digits: int = 0) -> str:
    """`23 %`."""
    return NOTHING if value is None else f"{100 * value:.{digits}f} %"


def duration(seconds: float | None) -> str:
    """`48 s`, `5 min 12 s`, `3 h 20 min`."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    if whole < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def usd(value: float | None) -> str:
    """`$1.20`, four places below a cent."""
    if not value:
        return "$0"
    return f"${value:.4f}" if value < 0.01 else f"${value:,.2f}"
