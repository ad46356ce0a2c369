"""Contamination: which documents were refused for which benchmark items, both texts side by side."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
from rich.text import Text

from ...eval.score import Item, Suite
from ...eval.suites import load_suite
from ...tiers.decontaminate import QUOTED
from ...tiers.store import Store
from .formats import count, line, safe
from .grid import table
from .reader import RunReader
from .text import Row, console, heading

SPLITS = ("feedback", "hidden", "sealed")
"""In the order in which benchmark texts are numbered."""
REASON = re.compile(r"^(overlaps|rephrases|means the same as) benchmark text (\d+)\b(.*)", re.DOTALL)
AROUND = 120
"""Characters shown before and after what matches."""
SEALED = "sealed: not shown, nobody looks at it before 'coevo unseal'"


def contamination(root: Path) -> dict[str, Any]:
    """Everything `coevo contamination` says of the run in `root`."""
    files = {split: root / "scores" / f"suite-{split}.json" for split in SPLITS}
    with RunReader(root) as run:
        suites = {split: load_suite(file) for split, file in files.items() if file.is_file()}
        rows = matches(run.store, suites)
    told = Counter((r["split"], r["benchmark"]) for r in rows)
    items = {key: len({r["item"] for r in rows if (r["split"], r["benchmark"]) == key}) for key in told}
    checked = [
        {"split": s, "benchmark": b.name, "items": len(b.items), "hit": items.get((s, b.name), 0),
         "documents": told.get((s, b.name), 0)}
        for s, suite in suites.items() for b in suite.benchmarks
    ]  # fmt: skip
    return safe({"view": "contamination", "run": root.resolve().name, "benchmarks": checked, "matches": rows})


def matches(store: Store, suites: Mapping[str, Suite]) -> list[dict[str, Any]]:
    """A row by refused document, in the order of the ledger.

    Args:
        store: of the run.
        suites: by split, as the documents were checked against them.
    """
    asked = [(s, b.name, i) for s in SPLITS if s in suites for b in suites[s].benchmarks for i in b.items]
    ledger = store.ledger.read(columns=["round", "step", "doc", "action", "reason", "domain"])
    ledger = ledger.filter(pc.match_substring(pc.fill_null(ledger["reason"], ""), " benchmark text "))
    found = [(row, m) for row in ledger.to_pylist() if (m := REASON.match(row["reason"]))]
    held = store.documents(pa.array(sorted({row["doc"] for row, _ in found}), pa.string()), status=None)
    documents = {d["id"]: d for d in held.select(["id", "text", "source"]).to_pylist()}
    return [_match(row | documents[row["doc"]], m, asked[int(m.group(2))]) for row, m in found]


def _match(row: Mapping[str, Any], said: "re.Match[str]", asked: tuple[str, str, Item]) -> dict[str, Any]:
    split, benchmark, item = asked
    told = {k: row[k] for k in ("round", "step", "doc", "action", "domain", "source")}
    told |= {"split": split, "benchmark": benchmark, "item": item.id, "how": said.group(1)}
    if split == "sealed":
        return told | {"matched": "", "document_text": "", "item_text": SEALED}
    whole = item.text + (item.choices[item.answer] if item.choices else "")
    if said.group(1) != "overlaps":
        return told | {"matched": said.group(3).strip(" :"), "document_text": "", "item_text": whole}
    quote = said.group(3).partition(": ")[2].strip("'\"")
    words = quote.split()[: -1 if len(quote) >= QUOTED else None]  # the last word of a cut quotation may be cut too
    own = row["action"] != "refuse"  # of a text that was refused before it existed only the words are kept
    return told | {
        "matched": quote,
        "document_text": excerpt(row["text"] or "", words) if own else "",
        "item_text": excerpt(whole, words),
    }


def excerpt(text: str, words: Sequence[str]) -> str:
    """The place in a text where words stand, in [[ ]], with what stands around it; its beginning if they do not."""
    letters = "".join(words)  # case, layout and hyphens may be others in the text
    found = re.search(r"[\W_]*".join(map(re.escape, letters)), text, re.IGNORECASE) if letters else None
    if not found:
        return text[: 2 * AROUND]
    begin, end = found.span()
    before = ("…" if begin > AROUND else "") + text[max(0, begin - AROUND) : begin]
    return f"{before}[[{found.group()}]]{text[end : end + AROUND]}" + ("…" if len(text) > end + AROUND else "")


def told(data: Row) -> None:
    """`coevo contamination`: how many items of each benchmark were hit, then each match with both texts."""
    out = console()
    hit = [b for b in data["benchmarks"] if b["hit"]]
    items = sum(b["items"] for b in data["benchmarks"])
    found = f"{count(len(data['matches']))} refused as training data for what they share with benchmark items"
    out.print(Text(f"documents of {data['run']}: {found} ({count(items)} items looked for)"))
    if hit:
        rows = [(b["split"], b["benchmark"], count(b["items"]), count(b["hit"]), count(b["documents"])) for b in hit]
        out.print(table(("split", "benchmark", "items", "hit", "documents"), rows, "items,hit,documents"))
    for match in data["matches"]:
        heading(out, f"{match['benchmark']} · {match['item']} ({match['split']})")
        where = f"round {match['round']} {match['step']}, {match['domain']}"
        out.print(Text(f"document {match['doc']} of {match['source']} ({where}): {match['how']}"))
        for name, key in (("matched ", "matched"), ("document", "document_text"), ("item    ", "item_text")):
            if match[key]:
                out.print(Text(f"  {name}  {line(match[key], 600)}"))
