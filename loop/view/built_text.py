"""What `coevo build` prints."""

from collections.abc import Mapping
from typing import Any

from rich.console import Console

from .formats import count, line
from .grid import table
from .text import console, heading

MOST_REASONS = 20
REASONS = ("quarantine/", "clean/", "dedup/", "decontaminate/", "selected/")


def built(data: Mapping[str, Any]) -> None:
    """Counts by domain, why documents were dropped, and how far the student agrees with its judges."""
    out, l1, l2 = console(), data["l1"], data.get("l2")
    steps = {"read": l1["read"], "quarantined": l1["quarantined"], "dropped": l1["dropped"], "L1": l1["kept"]}
    if l2:
        steps |= {"not selected": l2["refused"], "L2": l2["kept"]}
    rows = [(d or "(unknown)", *(count(of.get(d, 0)) for of in steps.values())) for d in l1["read"]]
    rows.append(("all", *(count(sum(of.values())) for of in steps.values())))
    out.print(table(("domain", *steps), rows, ",".join(steps)))
    _why(out, "What could not be read, and why", "reason", l1["unread"])
    _why(out, "What was dropped, and why", "rule", l1["reasons"])
    _why(out, "What is of no kind that is read", "suffix", l1["ignored"], "files")
    if l2:
        heading(out, "Student selector")
        told = [(d, line(found["reason"], 240)) for d, found in l2["agreement"].items()]
        out.print(table(("domain", "agreement"), told))
    out.print(f"{data['folder']}: {'l2' if l2 else 'l1'}/*.parquet; reasons in {', '.join(REASONS)}")


def _why(out: Console, title: str, name: str, found: Mapping[str, int], unit: str = "documents") -> None:
    """The most frequent reasons, if there are any."""
    if found:
        heading(out, title)
        most = sorted(found.items(), key=lambda item: -item[1])[:MOST_REASONS]
        out.print(table((name, unit), [(line(why, 240), count(n)) for why, n in most], unit))
