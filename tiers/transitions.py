"""Transitions: the legal moves of a document between its states, and an audit of a ledger against them.

A document is absent, held at a tier, dropped, quarantined or superseded. What may happen:

    absent      -> held at L0 (ingest), held at L3 or wherever its edit stood (edit, create), quarantined
    held at Ln  -> held higher (promote), one lower (demote), dropped, quarantined, superseded (edit)
    set aside   -> nothing: what is dropped, quarantined or superseded stays so

A second appearance changes nothing and is legal: a source may be read again, a text be written again. The audit is
vectorised: rows sorted by document and time, each held against the state that the one before it left.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .apply import APPLIED
from .decision import Action
from .rows import as_array
from .tokens import Ints

ABSENT, ASIDE = -2, -1
"""States besides the tiers 0 to 4: not there yet; dropped, quarantined or superseded."""
APPEARS = (Action.INGEST, Action.QUARANTINE, Action.EDIT, Action.CREATE)
_CODE = {action: n for n, action in enumerate(Action)}


def legal(action: Action, before: int, after: int) -> bool:
    """Whether an action may take a document from one state (a tier, ASIDE or ABSENT) to another."""
    held = before >= 0
    if action is Action.PROMOTE:
        return held and after > before
    if action is Action.DEMOTE:
        return held and after == before - 1
    if action in (Action.DROP, Action.EDIT):
        return held and after == ASIDE
    if action is Action.QUARANTINE:
        return before == ABSENT or held
    return True  # the others move nothing, or make what is not there yet


def violations(rows: pa.Table) -> pa.Table:
    """Ledger rows that moved a document as it may not be moved, with the state that it was in.

    Args:
        rows: of a whole ledger in its order, columns `APPLIED` at least.

    Returns:
        Columns at (position in `rows`), doc, action, before, after; empty where every move was legal.
    """
    rows = rows.select(APPLIED).combine_chunks()
    action = _codes(rows["action"])
    at, doc, after, kind = _events(rows, action)
    order = np.lexsort((kind, at, doc))  # what a row makes appears before what it does is judged
    at, doc, after, kind = at[order], doc[order], after[order], kind[order]
    before = _states_before(doc, after, kind)
    moves = kind == 1
    asked = np.stack([action[at[moves]], before[moves], after[moves]], axis=1)
    unique, which = np.unique(asked, axis=0, return_inverse=True)
    names = list(Action)
    good = np.array([legal(names[a], b, c) for a, b, c in unique.tolist()], bool)
    bad = np.flatnonzero(moves)[~good[which.ravel()]] if len(unique) else np.zeros(0, np.int64)
    bad = bad[np.argsort(at[bad], kind="stable")]
    taken = rows.take(pa.array(at[bad], pa.int64()))
    return pa.table(
        {
            "at": pa.array(at[bad], pa.int64()),
            "doc": taken["doc"],
            "action": taken["action"],
            "before": pa.array(before[bad], pa.int64()),
            "after": pa.array(after[bad], pa.int64()),
        }
    )


def _codes(actions: pa.ChunkedArray) -> Ints:
    known = pa.array([a.value for a in Action])
    return np.asarray(pc.index_in(actions.combine_chunks(), value_set=known).to_numpy(zero_copy_only=False), np.int64)


def _events(rows: pa.Table, action: Ints) -> tuple[Ints, Ints, Ints, Ints]:
    """Rows, documents, states afterwards and kinds (0 an appearance, 1 a move) of all that happens in some rows."""
    tier = np.asarray(pc.fill_null(rows["tier"].cast(pa.int64()), 0).to_numpy())
    makes = np.isin(action, [_CODE[Action.EDIT], _CODE[Action.CREATE]])
    itself = makes & np.asarray(pc.fill_null(pc.equal(rows["made"], rows["doc"]), False).to_numpy())
    ids = pa.concat_arrays([as_array(rows["doc"], pa.string()), as_array(rows["made"], pa.string())])
    code = np.asarray(pc.fill_null(ids.dictionary_encode().indices, -1).to_numpy(zero_copy_only=False), np.int64)
    doc, made = code[: len(action)], code[len(action) :]
    born = np.flatnonzero(makes & ~itself)
    read = np.flatnonzero(action == _CODE[Action.INGEST])
    moving = [_CODE[a] for a in (Action.PROMOTE, Action.DEMOTE, Action.DROP, Action.QUARANTINE, Action.EDIT)]
    moved = np.flatnonzero(np.isin(action, moving) & ~itself)
    placed = np.isin(action[moved], [_CODE[Action.PROMOTE], _CODE[Action.DEMOTE]])
    parts = (
        (born, made[born], tier[born], 0),
        (read, doc[read], np.zeros(len(read), np.int64), 0),
        (moved, doc[moved], np.where(placed, tier[moved], ASIDE), 1),
    )
    columns: list[list[Any]] = [[p[0] for p in parts], [p[1] for p in parts], [p[2] for p in parts]]
    kinds = [np.full(len(p[0]), p[3]) for p in parts]
    at, docs, after, kind = (np.concatenate(c).astype(np.int64) for c in (*columns, kinds))
    return at, docs, after, kind


def _states_before(doc: Ints, after: Ints, kind: Ints) -> Ints:
    """[e] state before each event, events sorted by document and time; later appearances change nothing."""
    fresh = np.concatenate([np.ones(min(1, len(doc)), bool), doc[1:] != doc[:-1]])
    counts = fresh | (kind == 1)
    last = np.maximum.accumulate(np.where(counts, np.arange(len(doc)), -1))
    before = np.where(fresh, ABSENT, after[np.concatenate([[0], last[:-1]])[: len(doc)]])
    return np.asarray(before, np.int64)
