"""Drawing documents: held rows as Documents, and the reproducible random order in which a round takes them."""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any

from ...tiers.document import Document
from ...tiers.tier import Tier
from ..context import RunContext


def draw(context: RunContext, number: int, tier: Tier, each: int, what: str) -> list[Document]:
    """`each` documents of every domain at a tier, drawn for `what`."""
    found: list[Document] = []
    for domain in context.config.domains if each else ():
        rows = context.store.documents(domain=domain, tier=tier).to_pylist()
        found += map(as_document, drawn(context, number, rows, f"{what}:")[:each])
    return found


def drawn(context: RunContext, number: int, rows: Iterable[dict[str, Any]], what: str = "") -> list[dict[str, Any]]:
    """Rows in the round's random order, which is another one for every purpose."""
    return sorted(rows, key=lambda r: draw_key(context, number, f"{what}{r['id']}"))


def as_document(row: dict[str, Any]) -> Document:
    """A row of `Store.documents` as a Document."""
    named = {k: row[k] for k in ("id", "text", "domain", "source", "kind")}
    return Document(**named, tier=Tier(row["tier"]), parents=tuple(row["parents"] or ()))


def draw_key(context: RunContext, number: int, document: str) -> bytes:
    """A document's place in the round's random order."""
    return hashlib.blake2b(f"{context.config.seed}:{number}:{document}".encode(), digest_size=8).digest()


def halves(items: Sequence[Any], parts: int) -> list[list[Any]]:
    """`items` in `parts` runs of almost equal length, in order; empty runs are left out."""
    size = -(-len(items) // max(1, parts))
    return [list(items[i : i + size]) for i in range(0, len(items), size)] if items else []
