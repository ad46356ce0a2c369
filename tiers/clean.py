"""L0 to L1: every rule over every text, with the rule, the measured value and the limit as the reason."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .config import CleanConfig
from .domains import packs
from .errors import InputError
from .filters import FAMILIES, RULES, Batch, Rule

BATCH_BYTES = 8_000_000
BATCH_ROWS = 4_096
VERDICTS = pa.schema([("id", pa.string()), ("kept", pa.bool_()), ("reason", pa.string())])
PASSED = "passes every rule"


def clean(docs: pa.Table, config: CleanConfig | None = None) -> pa.Table:
    """Judge each text by the rules in `tiers.filters`: those for all, its domain pack's, and the families asked for.

    Args:
        docs: id, text, domain, kind, source; any number, worked through in batches of a few megabytes.
        config: limits.

    Returns:
        id, kept, reason, one row a text in the same order. A reason is `rule: value > limit` of the first rule that
        refuses, or `PASSED`.

    Raises:
        InputError: a family is asked for that there is not.
    """
    limits = config or CleanConfig()
    unknown = [name for name in limits.families if name not in FAMILIES]
    if unknown:
        raise InputError(f"clean.families: wanted some of {', '.join(FAMILIES)}, got {unknown[0]!r}")
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
    rules = RULES if config.house else ()
    made = [rule(batch, config) for rule in rules] + list(_of_domains(batch, config))
    reasons = pc.coalesce(*made) if made else pa.nulls(len(batch), pa.string())
    for name in config.families:
        reasons = _judged_on(batch, reasons, FAMILIES[name], config)
    return reasons


def _judged_on(batch: Batch, reasons: pa.Array, rules: tuple[Rule, ...], config: CleanConfig) -> pa.Array:
    """[n] the reasons with those of more rules, of which only texts are asked that nothing has refused yet."""
    left = np.asarray(reasons.is_null().to_numpy(zero_copy_only=False))
    if not left.any():
        return reasons
    part = batch if left.all() else batch.part(left)
    return pc.replace_with_mask(reasons, pa.array(left), pc.coalesce(*(rule(part, config) for rule in rules)))


def _of_domains(batch: Batch, config: CleanConfig) -> Iterator[pa.Array]:
    """[n] reasons of each pack's rules for its own domain's texts; this machine's own have none of these faults."""
    for name, pack in packs().items() if config.packs else ():
        mine = np.asarray(batch.domain == name, bool) & ~batch.is_local
        if mine.any():
            part, at = batch.part(mine), pa.array(np.cumsum(mine) - 1, mask=~mine)
            yield from (rule(part, config).take(at) for rule in pack.rules)
