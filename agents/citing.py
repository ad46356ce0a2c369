"""Citing: verified facts that a writer is shown beside its source, and which of them its text rests on."""

from collections.abc import Sequence
from functools import cache
from typing import Annotated, Any

from pydantic import Field, create_model

from ..prompts import PromptSet
from ..tiers.document import Document
from ..tiers.index import Hit, Retriever
from .chat import S
from .faithful import Source, flat
from .words import words

SHOWN = 4
"""Most facts that a writer is shown."""
RELATED = 0.25
"""Least share of the words of a fact that a document holds for which the fact is shown."""
USED = 0.35
"""Least share of the words of a fact that a text which cites it holds."""
QUERY = 4_000
"""Characters of a document by which facts are looked for."""
MAX_CHARS = 500
"""Characters of a fact that are shown."""


def related(retriever: Retriever | None, document: Document, most: int = SHOWN) -> tuple[Hit, ...]:
    """Verified facts about the matter of a document that others state, best first."""
    if retriever is None or most < 1:
        return ()
    source = Source(document.text)
    found = retriever.search(document.text[:QUERY], 4 * most, document.domain)
    new = (h for h in found if h.verified and document.id not in (*h.documents, *h.origins))
    return tuple(h for h in new if flat(h.text) not in source.flat and _held(h.text, source) >= RELATED)[:most]


def _held(text: str, source: Source) -> float:
    """Share of the different words of a text that a source holds."""
    said = set(words(text))
    return len(said & source.words) / len(said) if said else 0.0


def said_of(facts: Sequence[Hit], prompts: PromptSet, domain: str) -> tuple[str, str]:
    """The words in which facts are shown, fenced as data of others, and the name of those words; empty without any."""
    if not facts:
        return "", ""
    prompt = prompts.get("cite-facts", domain)
    lines = "\n".join(f"[{h.id}] {flat(h.text)[:MAX_CHARS]}" for h in facts)
    return f"\n\n{prompt.render({'facts': lines})}", prompt.ref


def grounds(document: Document, facts: Sequence[Hit]) -> Document:
    """A document with the facts that a text of it cites: all that the text may say."""
    return document.model_copy(update={"text": "\n".join([document.text, *(h.text for h in facts)])})


@cache
def citing(form: type[S]) -> type[S]:
    """The form of an answer, with the ids of the facts that it rests on."""
    cites: Any = (Annotated[tuple[str, ...], Field(max_length=20)], ...)
    return create_model(form.__name__, __base__=form, cites=cites)


def cited(cites: Sequence[str], facts: Sequence[Hit], text: str) -> tuple[list[Hit], list[str]]:
    """The facts that a text cites and uses, and what speaks against its other citations, in words."""
    by_id, source = {h.id: h for h in facts}, Source(text)
    known = dict.fromkeys(c.strip().strip("[]") for c in cites)
    used = [by_id[c] for c in known if c in by_id and _held(by_id[c].text, source) >= USED]
    faults = [f"it cites {c[:40]!r}, which it was not shown" for c in known if c not in by_id]
    unused = [c for c in known if c in by_id and by_id[c] not in used]
    return used, faults + [f"it cites {c}, of which it says nothing" for c in unused]
