"""Facts: what the L4 index of a run answers to a query."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

from ...tiers.index import How, open_index
from .formats import line, safe
from .text import console, table


def ask(root: Path, query: str, most: int = 5, domain: str | None = None, how: str = "both") -> dict[str, Any]:
    """The best facts with their provenance.

    Raises:
        InputError: faiss is missing and `how` wants it.
    """
    index = open_index(root)
    hits = index.search(query, most, domain, cast(How, how))
    told = [
        {"id": h.id, "text": h.text, "domain": h.domain, "score": round(h.score, 4), "documents": list(h.documents)}
        | {"sources": list(h.sources), "verified": list(h.verified)}
        for h in hits
    ]
    return safe({"view": "facts", "run": root.resolve().name, "query": query, "facts": len(index), "hits": told})


def told(data: Mapping[str, Any]) -> None:
    """Print the answer."""
    out = console()
    if not data["hits"]:
        out.print(f"none of {data['facts']} facts answers {line(data['query'])!r}")
        return
    rows = [
        (
            f"{h['score']:.3f}",
            h["domain"],
            line(h["text"], 200),
            ", ".join(h["documents"][:2]),
            line("; ".join(h["verified"]), 60),
        )
        for h in data["hits"]
    ]
    out.print(table(("cosine", "domain", "fact", "stated by", "verified"), rows, "cosine"))
