"""Transitions: the legal moves of a document between its states; `apply` makes no other, an audit finds others.

A document is absent, held at a tier, dropped, quarantined or superseded. What may happen:

    absent      -> held at L0 (ingest), held at L3 or wherever its edit stood (edit, create), quarantined
    held at Ln  -> held higher (promote), one lower (demote), dropped, quarantined, superseded (edit)
    set aside   -> nothing: what is dropped, quarantined or superseded stays so

A second appearance changes nothing and is legal: a source may be read again, a text be written again, and what cannot
be read be quarantined once more. All is vectorised: moves sorted by document and time, each held against the state
that the one before it left.
"""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .decision import Action
from .rows import as_array
from .tier import Tier
from .tokens import Ints

APPLIED = ["doc", "action", "reason", "domain", "tier", "kind", "source", "sources", "made"]
"""The ledger's columns that bear on the holdings."""
ABSENT, ASIDE = -2, -1
"""States besides the tiers 0 to 4: not there yet; dropped, quarantined or superseded."""
ACTIONS = (
    Action.INGEST, Action.QUARANTINE, Action.DROP, Action.PROMOTE, Action.DEMOTE, Action.EDIT, Action.CREATE,
)  # fmt: skip
"""Those that bear on the holdings; elsewhere an action is its place here."""
_INGEST, _QUARANTINE, _DROP, _PROMOTE, _DEMOTE, _EDIT, _CREATE = range(len(ACTIONS))


def legal(action: Action, before: int, after: int) -> bool:
    """Whether an action may take a document from one state (a tier, ASIDE or ABSENT) to another."""
    held = before >= 0
    if action is Action.PROMOTE:
        return held and after > before
    if action is Action.DEMOTE:
        return held and after == before - 1
    if action in (Action.DROP, Action.EDIT):
        return held and after == ASIDE
    return True  # the others move nothing, make what is not there yet, or set aside what may be set aside already


def violations(rows: pa.Table) -> pa.Table:
    """Ledger rows that moved a document as it may not be moved, with the state that it was in.

    Args:
        rows: of a whole ledger in its order, columns `APPLIED` at least.

    Returns:
        Columns at (position in `rows`), doc, action, before, after; empty where every move was legal.
    """
    known = pa.array([a.value for a in ACTIONS])
    moving = pc.indices_nonzero(pc.is_in(rows["action"], value_set=known))
    rows = rows.select(APPLIED).take(moving).combine_chunks()
    action = numbers(pc.index_in(rows["action"].combine_chunks(), value_set=known))
    ids = pa.concat_arrays([as_array(rows["doc"], pa.string()), as_array(rows["made"], pa.string())])
    code = numbers(pc.fill_null(ids.dictionary_encode().indices, -1))
    doc, made = code[: len(action)], code[len(action) :]
    tier = numbers(pc.fill_null(rows["tier"].combine_chunks(), 0))
    bad = illegal(action, doc, made, tier, np.full(len(ids), ABSENT))
    taken = rows.take(pa.array(bad.at))
    at = moving.take(pa.array(bad.at)).cast(pa.int64())
    before, after = pa.array(bad.before, pa.int64()), pa.array(bad.after, pa.int64())
    return pa.table({"at": at, "doc": taken["doc"], "action": taken["action"], "before": before, "after": after})


class Illegal(NamedTuple):
    """Moves that may not be, in the order of their rows."""

    at: Ints
    """[v] rows."""
    before: Ints
    """[v] states that they met."""
    after: Ints
    """[v] states that they would leave."""


def illegal(action: Ints, doc: Ints, made: Ints, tier: Ints, state: Ints) -> Illegal:
    """The illegal ones among n rows.

    Args:
        action: [n] places in ACTIONS.
        doc: [n] the documents decided about, as numbers.
        made: [n] the documents that EDIT and CREATE make.
        tier: [n] tiers named; whatever where none is.
        state: [m] states of documents 0..m-1 before all rows; of those that are not there yet ABSENT.
    """
    itself = (action == _EDIT) & (doc == made)  # an edit that changed no letter: the document itself moves up
    does = np.where(itself, _PROMOTE, action)
    moved = np.flatnonzero(np.isin(does, (_PROMOTE, _DEMOTE, _DROP, _QUARANTINE, _EDIT)))
    after = np.where(np.isin(does, (_PROMOTE, _DEMOTE)), tier, ASIDE)[moved]
    before, moves = state[doc[moved]], np.bincount(doc[moved], minlength=len(state))
    busy = (moves > 1) | ((moves > 0) & (state == ABSENT))  # of others the state before all rows is the state before
    if busy.any():
        born = np.flatnonzero(np.isin(does, (_INGEST, _EDIT, _CREATE)))
        comes = np.where(does[born] == _INGEST, doc[born], made[born])
        starts = np.where(does[born] == _INGEST, 0, tier[born])
        mine, theirs = busy[comes], busy[doc[moved]]
        appeared = (born[mine], comes[mine], starts[mine])
        before[theirs] = _followed(
            np.flatnonzero(busy), state, appeared, (moved[theirs], doc[moved][theirs], after[theirs])
        )
    bad = _wrong(does[moved], before, after)
    return Illegal(moved[bad], before[bad], after[bad])


Events = tuple[Ints, Ints, Ints]
"""Rows, documents and the states that they have afterwards."""


def _followed(docs: Ints, state: Ints, appeared: Events, moved: Events) -> Ints:
    """[k] state before each of k moves of documents that appear or move more than once; appearing twice is nothing."""
    docs = docs[state[docs] != ABSENT]
    known = (np.full(len(docs), -1), docs, state[docs])
    at, doc, after = (np.concatenate(parts).astype(np.int64) for parts in zip(known, appeared, moved, strict=True))
    kind = np.repeat([0, 0, 1], [len(known[0]), len(appeared[0]), len(moved[0])])
    order = np.lexsort((kind, at, doc))  # what a row makes appears before what it does is judged
    doc, after, kind = doc[order], after[order], kind[order]
    fresh = np.concatenate([np.ones(min(1, len(doc)), bool), doc[1:] != doc[:-1]])
    last = np.maximum.accumulate(np.where(fresh | (kind == 1), np.arange(len(doc)), -1))
    found = np.where(fresh, ABSENT, after[np.concatenate([[0], last[:-1]])[: len(doc)]])
    before = np.empty(len(order), np.int64)
    before[order] = found
    return before[len(order) - len(moved[0]) :]


def _wrong(action: Ints, before: Ints, after: Ints) -> Any:
    """[n] whether each move is illegal; each different one is looked up once."""
    states = range(ABSENT, len(Tier))
    table = np.array([[[not legal(a, b, c) for c in states] for b in states] for a in ACTIONS])
    return table[action, before - ABSENT, after - ABSENT]


def numbers(array: pa.Array) -> Ints:
    """An array without nulls as integers."""
    return np.asarray(array.cast(pa.int64()).to_numpy(zero_copy_only=False))
