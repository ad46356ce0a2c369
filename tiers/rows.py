"""Ledger rows: decisions and bulk verdicts as one Arrow table."""

# ruff: noqa: A002 - `round` and `id` are what the ledger's columns and every caller call them

import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .decision import Action, Decision, Usage
from .tier import Tier

STRINGS = pa.list_(pa.string())
LEDGER_SCHEMA = pa.schema(
    [
        ("seq", pa.int64()),
        ("round", pa.int32()),
        ("step", pa.string()),
        ("agent", pa.string()),
        ("doc", pa.string()),
        ("action", pa.string()),
        ("reason", pa.string()),
        ("domain", pa.string()),
        ("tier", pa.int8()),
        ("kind", pa.string()),
        ("source", pa.string()),
        ("sources", STRINGS),
        ("made", pa.string()),
        ("text", pa.large_string()),
        ("scores", pa.string()),
        ("evidence", pa.string()),
        ("prompt", pa.string()),
        ("model", pa.string()),
        ("tokens_in", pa.int64()),
        ("tokens_out", pa.int64()),
        ("calls", pa.int64()),
        ("seconds", pa.float64()),
        ("usd", pa.float64()),
        ("error", pa.string()),
    ]
)
DOCUMENT_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("text", pa.large_string()),
        ("domain", pa.string()),
        ("source", pa.string()),
        ("kind", pa.string()),
        ("parents", STRINGS),
    ]
)


def rows(
    round: int,
    step: str,
    agent: Any,
    docs: Any,
    action: Any,
    reason: Any,
    domain: Any = "",
    tier: Any = None,
    *,
    kind: Any = "text",
    source: Any = "",
    sources: Any = None,
    made: Any = None,
    text: Any = None,
    scores: Any = "{}",
    evidence: Any = "{}",
    prompt: Any = "",
    model: Any = "",
    tokens_in: Any = 0,
    tokens_out: Any = 0,
    calls: Any = 0,
    seconds: Any = 0.0,
    usd: Any = 0.0,
    error: Any = None,
) -> pa.Table:
    """Ledger rows for many documents at once.

    Args:
        round: number of the round.
        step: one of `ledger.STEPS`.
        agent: who decided.
        docs: [n] ids; every other argument is one value for all of them or [n] values (Arrow, numpy or a list).
        action: an `Action`, or [n] of them.
        reason: why.
        domain: of the document.
        tier: where the document (or `made`) stands afterwards.
        kind: what sort of text.
        source: where the text came from.
        sources: [n] lists of ids, or None for no sources.
        made: id of the document that EDIT or CREATE makes.
        text: its text.
        scores: a dict for all, or [n] JSON strings.
        evidence: a dict for all, or [n] JSON strings.
        prompt: `name@digest`.
        model: URL of the model.
        tokens_in: tokens read.
        tokens_out: tokens written.
        calls: calls made.
        seconds: wall-clock seconds; the only column that identity ignores.
        usd: dollars.
        error: what went wrong.

    Returns:
        A table of `LEDGER_SCHEMA`; `seq` counts from 0 until the ledger numbers it.
    """
    given, n = dict(locals()), len(docs)
    given |= {"seq": np.arange(n, dtype=np.int64), "doc": docs}
    return pa.table([_column(given[field.name], field.type, n) for field in LEDGER_SCHEMA], schema=LEDGER_SCHEMA)


def _column(value: Any, kind: pa.DataType, n: int) -> pa.Array:
    """One value repeated, or n values, as an array of the wanted type."""
    if isinstance(value, dict):
        value = as_json(value)
    if value is None:
        empty = pa.ListArray.from_arrays(np.zeros(n + 1, np.int32), pa.array([], pa.string()))
        return empty if kind == STRINGS else pa.nulls(n, kind)
    if isinstance(value, (str, int, float, np.generic)):
        return pa.repeat(pa.scalar(value.value if isinstance(value, Action) else value, kind), n)
    return as_array(value, kind)


def as_array(values: Any, kind: pa.DataType) -> pa.Array:
    """Python or numpy values as Arrow; lone surrogates, which models do answer and UTF-8 cannot hold, become '?'."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return values.cast(kind)
    try:
        return pa.array(values, kind)
    except UnicodeEncodeError:
        return pa.array([v if v is None else v.encode("utf-8", "replace").decode("utf-8") for v in values], kind)


def as_json(value: Any) -> str:
    """Canonical JSON: sorted keys, so equal content is equal bytes."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)


def rows_from_decisions(made: list[Decision]) -> pa.Table:
    """Decisions as ledger rows, in order."""
    flat: dict[str, list[Any]] = {name: [] for name in LEDGER_SCHEMA.names}
    for seq, d in enumerate(made):
        row = d.model_dump(exclude={"usage", "stage"}) | d.usage.model_dump()
        row |= {"seq": seq, "step": d.stage, "action": d.action.value, "sources": list(d.sources)}
        row |= {"scores": as_json(d.scores), "evidence": as_json(d.evidence)}
        for name, values in flat.items():
            values.append(row[name])
    return pa.table([as_array(flat[f.name], f.type) for f in LEDGER_SCHEMA], schema=LEDGER_SCHEMA)


def decisions(table: pa.Table) -> list[Decision]:
    """Ledger rows as decisions, in order; the inverse of `rows_from_decisions`."""
    return [_decision(row) for row in table.to_pylist()]


def _decision(row: dict[str, Any]) -> Decision:
    usage = Usage(**{name: row[name] for name in Usage.model_fields})
    same = set(Decision.model_fields) - {"stage", "usage", "scores", "evidence", "sources"}
    return Decision(
        **{name: row[name] for name in same},
        stage=row["step"],
        usage=usage,
        scores=json.loads(row["scores"]),
        evidence=json.loads(row["evidence"]),
        sources=tuple(row["sources"]),
    )


def verdict_rows(
    round: int,
    step: str,
    agent: str,
    verdicts: pa.Table,
    documents: pa.Table,
    tier: Tier | None = None,
    rejected: Action = Action.DROP,
    seconds: float = 0.0,
) -> pa.Table:
    """A bulk operator's verdict table as ledger rows.

    Args:
        round: number of the round.
        step: one of `ledger.STEPS`.
        agent: the operator (`rule:clean`).
        verdicts: columns id, kept, reason.
        documents: columns id, domain (documents or holdings) that name every verdict's domain.
        tier: where kept documents stand afterwards (PROMOTE); None: they were only checked (VERIFY).
        rejected: what happens to the others: DROP, QUARANTINE, or REFUSE (they stay where they are).
        seconds: what the step took, spread over the rows.
    """
    n = verdicts.num_rows
    where = pc.index_in(verdicts["id"].combine_chunks(), value_set=documents["id"].combine_chunks())
    kept = verdicts["kept"].combine_chunks()
    accepted = Action.VERIFY if tier is None else Action.PROMOTE
    return rows(
        round,
        step,
        agent,
        verdicts["id"],
        pc.if_else(kept, accepted.value, rejected.value),
        verdicts["reason"],
        documents["domain"].combine_chunks().take(where),
        pc.if_else(kept, pa.scalar(None if tier is None else int(tier), pa.int8()), pa.scalar(None, pa.int8())),
        seconds=seconds / max(n, 1),
    )


def made_documents(table: pa.Table) -> pa.Table:
    """The documents that EDIT and CREATE rows bring with them, in order, each id once."""
    made = pc.is_in(table["action"], value_set=pa.array([Action.EDIT.value, Action.CREATE.value]))
    table = table.filter(pc.and_(made, pc.and_(table["made"].is_valid(), table["text"].is_valid())))
    fresh = first_of_each(table["made"].combine_chunks())
    table = table.take(fresh)
    names = {"id": "made", "text": "text", "domain": "domain", "source": "source", "kind": "kind"}
    columns = {name: table[column] for name, column in names.items()} | {"parents": parents_of(table)}
    return pa.table(columns, schema=DOCUMENT_SCHEMA)


def first_of_each(ids: pa.Array) -> np.ndarray[Any, np.dtype[np.int64]]:
    """Positions of the first occurrence of each value, ascending."""
    codes = ids.dictionary_encode().indices.to_numpy(zero_copy_only=False)
    return np.sort(np.unique(codes, return_index=True)[1]).astype(np.int64)


def parents_of(table: pa.Table) -> pa.Array:
    """[n] lists: a row's sources, or for EDIT and CREATE without sources the document decided about."""
    n = table.num_rows
    if n == 0:
        return pa.array([], STRINGS)
    doc, sources = table["doc"].combine_chunks(), table["sources"].combine_chunks()
    alone = pc.equal(pc.fill_null(pc.list_value_length(sources), 0), 0)
    other = pc.fill_null(pc.not_equal(table["made"].combine_chunks(), doc), False)
    single = pa.ListArray.from_arrays(np.arange(n + 1, dtype=np.int32), doc).cast(STRINGS)
    mask = pc.and_(alone, other).to_numpy(zero_copy_only=False)
    return pa.concat_arrays([sources, single]).take(pa.array(np.arange(n) + np.where(mask, n, 0)))
