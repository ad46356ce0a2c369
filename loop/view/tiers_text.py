"""What `coevo tiers` prints."""

from collections.abc import Mapping
from typing import Any

from .formats import count, duration, line, usd
from .grid import table
from .text import console, heading

MOST_DROPS = 20


def tiers(data: Mapping[str, Any]) -> None:
    """Arms, flows, drops, refusals and selectors of a run, table by table."""
    out = console()
    columns = ("arm", "documents", "tokens", "bytes", "USD", "agents' time", "bucket", "evidence")
    rows = [
        (a["arm"], count(a["documents"]), count(a["tokens"]), count(a["bytes"]), usd(a["cost"]["usd"]),
         duration(a["cost"]["seconds"]), a["bucket"], line(a["evidence"], 240))
        for a in data["arms"]
    ]  # fmt: skip
    out.print(table(columns, rows, "documents,tokens,bytes,USD,agents' time", "bytes,agents' time"))
    heading(out, "What moved")
    moved = [(f["domain"], f["from"], f["to"], count(f["documents"])) for f in data["flows"]]
    out.print(table(("domain", "from", "to", "documents"), moved, "documents"))
    heading(out, "What was set aside, and why")
    drops = data["drops"]
    told = [(d["step"], d["domain"], line(d["reason"], 240), count(d["documents"])) for d in drops[:MOST_DROPS]]
    out.print(table(("step", "domain", "reason", "documents"), told, "documents"))
    if len(drops) > MOST_DROPS:
        out.print(f"and {len(drops) - MOST_DROPS} reasons more: coevo tiers {data['run']} --json")
    heading(out, "What was proposed and refused, and why")
    refused = data["refusals"][:MOST_DROPS]
    said = [(r["step"], r["domain"], line(r["reason"], 240), count(r["decisions"])) for r in refused]
    out.print(table(("step", "domain", "reason", "decisions"), said, "decisions"))
    if data["selector"]:
        heading(out, "Student selector")
        known = [(str(s["round"]), s["domain"], line(s["reason"], 240)) for s in data["selector"]]
        out.print(table(("round", "domain", "agreement"), known, "round"))
