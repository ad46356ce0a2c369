"""Facts: what the L4 index of a run answers to a query."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

from rich.text import Text

from ...tiers.index import How
from ..artefacts import checked_index
from .formats import line, safe
from .text import console


def ask(root: Path, query: str, most: int = 5, domain: str | None = None, how: str = "both") -> dict[str, Any]:
    """The best facts with their provenance.

    Raises:
        InputError: faiss is missing and `how` wants it.
        LedgerError: the index is missing or altered.
    """
    index = checked_index(root)
    hits = index.search(query, most, domain, cast(How, how))
    told = [asdict(h) | {"score": round(h.score, 4)} for h in hits]
    return safe({"view": "facts", "run": root.resolve().name, "query": query, "facts": len(index), "hits": told})


def told(data: Mapping[str, Any]) -> None:
    """Print the answer."""
    out = console()
    if not data["hits"]:
        out.print(f"none of {data['facts']} facts answers {line(data['query'])!r}")
        return
    for hit in data["hits"]:
        out.print(Text.assemble(f"{hit['score']:.3f}  {hit['domain']:5} ", (line(hit["text"], 400), "bold")))
        found = "; ".join(hit["verified"]) or "not verified"
        where = ", ".join(s for s in hit["sources"] if not s.startswith("synth:")) or ", ".join(hit["sources"])
        out.print(Text(f"       fact {hit['id']}, stated by {', '.join(hit['documents'][:3])}", style="dim"))
        out.print(Text(f"       from {line(where, 200)}; {line(found, 200)}", style="dim"))
    out.print(Text(f"{len(data['hits'])} of {data['facts']} facts; the number is the cosine", style="dim"))
