"""What decisions do to the holdings: the only way anything that is held changes, and a pure one.

A document appears once (INGEST, QUARANTINE, EDIT's and CREATE's `made`): a second appearance of the same id changes
nothing, so ingesting a source again or writing the same text again undoes no promotion. After that the last
decision wins: PROMOTE and DEMOTE hold it at their tier, DROP, QUARANTINE and EDIT set it aside; a move that
`transitions` does not know as legal is a bug of the step that wrote it, and refused.
"""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from .errors import LedgerError
from .ledger import Ledger
from .rows import STRINGS, parents_of
from .tier import Tier
from .transitions import ABSENT, ACTIONS, APPLIED, ASIDE, illegal, numbers

STATUSES = ("held", "dropped", "quarantined", "superseded")
HOLDINGS_SCHEMA = pa.schema(
    [
        ("id", pa.string()),
        ("domain", pa.string()),
        ("tier", pa.int8()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("kind", pa.string()),
        ("source", pa.string()),
        ("parents", STRINGS),
    ]
)
_NAMES = pa.array([a.value for a in ACTIONS])
_INGEST, _QUARANTINE, _DROP, _PROMOTE, _DEMOTE, _EDIT, _CREATE = range(len(ACTIONS))
_STATUS_AFTER = np.array([0, 2, 1, 0, 0, 3, 0], dtype=np.int8)
_BATCH = 2_000_000

Ints = np.ndarray[Any, np.dtype[np.int64]]


def no_holdings() -> pa.Table:
    """What is held before anything happened."""
    return HOLDINGS_SCHEMA.empty_table()


def replay(ledger: Ledger, through: int | None = None) -> pa.Table:
    """The holdings that the ledger says, from nothing.

    Args:
        ledger: every decision.
        through: last round to replay; None for all.

    Raises:
        LedgerError: a part is unreadable, or a row moves a document that never appeared.
    """
    held = no_holdings()
    for batch in ledger.batches(APPLIED, _BATCH, through):
        held = apply(held, batch)
    return held


def apply(holdings: pa.Table, rows: pa.Table) -> pa.Table:
    """The holdings after `rows`, in their order; applying two tables in turn equals applying their concatenation.

    Args:
        holdings: table of `HOLDINGS_SCHEMA`, each id once.
        rows: ledger rows (columns `APPLIED` at least).

    Returns:
        A new table: documents in order of first appearance.

    Raises:
        LedgerError: a row moves a document that never appeared, or as it may not be moved (`transitions.legal`), or
            lacks the tier, domain or `made` its action needs.
    """
    rows = rows.select(APPLIED).filter(pc.is_in(rows["action"], value_set=_NAMES))
    rows = rows.combine_chunks()
    if rows.num_rows == 0:
        return holdings
    action = numbers(pc.index_in(rows["action"].combine_chunks(), value_set=_NAMES))
    _check_fields(rows, action)
    doc, made, total = _codes(holdings, rows, action)
    first = _first_appearance(holdings.num_rows, action, made, total)
    itself = (action == _EDIT) & (doc == made)  # an edit that changed no letter: the document itself moves
    _check_known(rows, action, doc, first)
    _check_legal(holdings, rows, action, doc, made, total)
    born = np.flatnonzero(first < np.iinfo(np.int64).max)
    born = born[np.argsort(first[born], kind="stable")]  # the held ones first: they appeared at -1
    base = _with_appeared(holdings, rows, action, first[born[holdings.num_rows :]])
    return _moved(base, rows, np.where(itself, _PROMOTE, action), doc, born, total)


def _codes(holdings: pa.Table, rows: pa.Table, action: Ints) -> tuple[Ints, Ints, int]:
    """Ids as numbers: held documents are 0..n-1; per row the document decided about and the one that appears."""
    doc = rows["doc"].combine_chunks()
    makes = pa.array((action == _EDIT) | (action == _CREATE))
    made = pc.if_else(makes, rows["made"].combine_chunks(), doc)
    encoded = pa.concat_arrays([*holdings["id"].chunks, doc, made]).dictionary_encode()
    codes, n, m = numbers(encoded.indices), holdings.num_rows, rows.num_rows
    return codes[n : n + m], codes[n + m :], len(encoded.dictionary)


def _first_appearance(n: int, action: Ints, made: Ints, total: int) -> Ints:
    """[total] the row in which each id first appears; -1 for held ones, the largest integer for those that never do."""
    first = np.full(total, np.iinfo(np.int64).max)
    appears = np.flatnonzero(np.isin(action, (_INGEST, _QUARANTINE, _EDIT, _CREATE)))[::-1]
    first[made[appears]] = appears  # the last assignment stays, and that is the earliest row
    first[:n] = -1
    return first


def _check_fields(rows: pa.Table, action: Ints) -> None:
    """Raise LedgerError for a row that lacks what its action needs."""
    makes = (action == _EDIT) | (action == _CREATE)
    no_tier = (makes | (action == _PROMOTE) | (action == _DEMOTE)) & ~_valid(rows["tier"])
    no_made = makes & ~_valid(rows["made"])
    unnamed = pc.equal(pc.fill_null(rows["domain"], ""), "").to_numpy(zero_copy_only=False)
    for bad, what in ((no_tier, "a tier"), (no_made, "made"), ((makes | (action == _INGEST)) & unnamed, "a domain")):
        if bad.any():
            i = int(np.flatnonzero(bad)[0])
            said = f"the {rows['action'][i]} of document {rows['doc'][i]}"
            raise LedgerError(f"{said} needs {what} and has none: fix the step that wrote it")


def _valid(column: pa.ChunkedArray) -> np.ndarray[Any, np.dtype[np.bool_]]:
    return np.asarray(column.is_valid().to_numpy())


def _check_known(rows: pa.Table, action: Ints, doc: Ints, first: Ints) -> None:
    """Raise LedgerError for a move of a document that appears later or never."""
    moving = np.flatnonzero(~np.isin(action, (_INGEST, _CREATE)))
    # What EDIT makes appears after what it supersedes; what QUARANTINE names appears with it.
    appeared = np.where(action[moving] == _EDIT, first[doc[moving]] < moving, first[doc[moving]] <= moving)
    if not appeared.all():
        i = int(moving[np.flatnonzero(~appeared)[0]])
        said = f"the {rows['action'][i]} of document {rows['doc'][i]}"
        raise LedgerError(f"{said} comes before the document: an earlier step was not committed, commit it first")


def _check_legal(holdings: pa.Table, rows: pa.Table, action: Ints, doc: Ints, made: Ints, total: int) -> None:
    """Raise LedgerError for a move that a document may not make from where it stands."""
    state = np.full(total, ABSENT)
    held = np.asarray(pc.equal(holdings["status"], "held").to_numpy())
    state[: holdings.num_rows] = np.where(held, numbers(holdings["tier"].combine_chunks()), ASIDE)
    tier = numbers(pc.fill_null(rows["tier"].combine_chunks(), 0))
    bad = illegal(action, doc, made, tier, state)
    if len(bad.at):
        i, stands = int(bad.at[0]), _named(int(bad.before[0]))
        move = f"the {rows['action'][i]} of document {rows['doc'][i]} to {_named(int(bad.after[0]))}"
        raise LedgerError(f"{move} is no legal move: it is {stands}. Fix the step that wrote it")


def _named(state: int) -> str:
    return {ABSENT: "not there", ASIDE: "set aside"}.get(state) or f"held at {Tier(state).name}"


def _with_appeared(holdings: pa.Table, rows: pa.Table, action: Ints, at: Ints) -> pa.Table:
    """The holdings with the documents that first appear in rows `at` at their end."""
    if len(at) == 0:
        return holdings
    new, does = rows.take(at), action[at]
    makes = (does == _EDIT) | (does == _CREATE)
    tier = pc.if_else(pa.array(makes), new["tier"].combine_chunks(), pa.scalar(0, pa.int8()))
    columns = {name: new[name] for name in ("domain", "reason", "kind", "source")}
    columns["id"] = pc.if_else(pa.array(makes), new["made"].combine_chunks(), new["doc"].combine_chunks())
    columns |= {"tier": tier, "status": pa.repeat("held", len(at)), "parents": parents_of(new)}
    appeared = pa.table({name: columns[name] for name in HOLDINGS_SCHEMA.names}, schema=HOLDINGS_SCHEMA)
    return pa.concat_tables([holdings, appeared]).combine_chunks()


def _moved(base: pa.Table, rows: pa.Table, action: Ints, doc: Ints, born: Ints, total: int) -> pa.Table:
    """`base` with each document's last move done; `born[i]` is the code of row i of `base`."""
    # Numpy keeps the last of several assignments to one index: that is "the last decision wins".
    last, last_tier = np.full(total, -1), np.full(total, -1)
    moves = np.flatnonzero(~np.isin(action, (_INGEST, _CREATE)))
    last[doc[moves]] = moves
    placed = np.flatnonzero(np.isin(action, (_PROMOTE, _DEMOTE)))
    last_tier[doc[placed]] = placed
    at, at_tier, n = last[born], last_tier[born], base.num_rows
    status = numbers(pc.index_in(base["status"].combine_chunks(), value_set=pa.array(STATUSES)))
    status = np.where(at >= 0, _STATUS_AFTER[action[at]], status)
    tiers = numbers(pc.fill_null(rows["tier"].combine_chunks(), -1))
    tier = np.where(at_tier >= 0, tiers[at_tier], numbers(base["tier"].combine_chunks())).astype(np.int8)
    reasons = pa.concat_arrays([*base["reason"].chunks, *rows["reason"].chunks])
    columns = {name: base[name] for name in HOLDINGS_SCHEMA.names}
    columns["tier"] = pa.array(tier)
    columns["status"] = pa.array(STATUSES).take(pa.array(status))
    columns["reason"] = reasons.take(pa.array(np.where(at >= 0, n + at, np.arange(n))))
    return pa.table(columns, schema=HOLDINGS_SCHEMA)
