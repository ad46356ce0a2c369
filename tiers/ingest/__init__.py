"""L0: sources in, documents or quarantined records out."""

from .sample import Ingested
from .sources import check_sources, ingest

__all__ = ["Ingested", "check_sources", "ingest"]
