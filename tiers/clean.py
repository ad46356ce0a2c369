"""L0 to L1: every rule over every text, with the rule, the measured value and the limit as the reason."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .config import CleanConfig
from .filters import RULES, Batch

BATCH_BYTES = 8_000_000
BATCH_ROWS = 4_096
VERDICTS = pa.schema([("id", pa.string()), ("kept", pa.bool_()), ("reason", pa.string())])
PASSED = "passes every rule"


def clean(docs: pa.Table, config: CleanConfig | None = None) -> pa.Table:
    """Judge each text by the rules in `tiers.filters`.

    Args:
        docs: id, text, domain, kind, source; any number, worked through in batches of a few megabytes.
        config: limits.

    Returns:
        id, kept, reason, one row a text in the same order. A reason is `rule: value > limit` of the first rule that
        refuses, or `PASSED`.
    """
    limits = config or CleanConfig()
    reasons = [_reasons(Batch.of(part), limits) for part in batches(docs)]
    chunks = pa.chunked_array(reasons, pa.string())
    return verdicts(docs, chunks, PASSED)


def batches(docs: pa.Table) -> list[pa.Table]:
    """The table in slices of at most `BATCH_ROWS` rows and about `BATCH_BYTES` of text (slices share the memory)."""
    sizes = pc.fill_null(pc.binary_length(docs["text"]), 0).to_numpy().astype(np.int64)
    ends = np.cumsum(sizes)
    parts, start = [], 0
    while start < docs.num_rows:
        base = ends[start] - sizes[start]
        stop = max(start + 1, min(start + BATCH_ROWS, int(np.searchsorted(ends, base + BATCH_BYTES, "right"))))
        parts.append(docs.slice(start, stop - start))
        start = stop
    return parts


def verdicts(docs: pa.Table, reasons: pa.ChunkedArray, passed: str) -> pa.Table:
    """Verdict table from reasons that are null where a text is kept."""
    columns = [docs["id"], pc.is_null(reasons), pc.fill_null(reasons, passed)]
    return pa.table([c.combine_chunks() for c in columns], schema=VERDICTS)


def _reasons(batch: Batch, config: CleanConfig) -> pa.Array:
    """[n] the first refusing rule's reason, or null."""
    return pc.coalesce(*(rule(batch, config) for rule in RULES))
