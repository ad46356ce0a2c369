"""Document: one text, never changed, only superseded by another."""

import hashlib

from .record import Record
from .tier import Arm, Tier


def document_id(text: str, source: str) -> str:
    """16 hex digits from the text and where it came from, so equal texts of two sources stay two rows."""
    return hashlib.blake2b(f"{source}\0{text}".encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


class Document(Record):
    """One text with its provenance; `tier` is where it stands now, as the ledger says."""

    id: str
    text: str
    domain: str
    tier: Tier
    source: str
    """Where it came from: a path inside a source (`local:stdlib/json/decoder.py`), or `synth:` + the maker's prompt."""
    kind: str = "text"
    """What sort of text: text, source, docstring, html, qa, arithmetic, symbolic, predict, fact."""
    parents: tuple[str, ...] = ()
    """Ids of the documents it was made from; empty for L0."""

    @property
    def arm(self) -> str:
        """`domain/tier`, what a mixture calls it."""
        return str(Arm(self.domain, self.tier))
