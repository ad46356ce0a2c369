"""L0: sources in, documents or quarantined records out."""

from .sample import Ingested
from .sources import ingest

__all__ = ["Ingested", "ingest"]
