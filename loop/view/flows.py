"""Flows: how documents moved between tiers, and how many stood where; vectorised over the ledger."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

PLACES = ("read", "L0", "L1", "L2", "L3", "L4", "dropped", "quarantined", "rewritten", "new")
"""Where a document can stand; `read`: before ingest; `rewritten`: superseded by its edit; `new`: made by an agent."""
_READ, _DROPPED, _QUARANTINED, _REWRITTEN, _NEW = (
    PLACES.index(p) for p in ("read", "dropped", "quarantined", "rewritten", "new")
)
_MOVE = -1  # no appearance: the document was there before
_FIXED = {"drop": _DROPPED, "quarantine": _QUARANTINED}


Ints = np.ndarray[Any, Any]


def moves(ledger: pa.Table) -> dict[str, Ints]:
    """Every change of place: arrays `round`, `before`, `after` (positions in PLACES), one entry a move.

    Args:
        ledger: rows with the columns seq, round, doc, action, tier, made.
    """
    parts = [_standing(ledger), _made(ledger), _superseded(ledger)]
    ids = pa.chunked_array([c for p in parts for c in p["id"].chunks], type=pa.string())
    key = ids.combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    columns = [np.concatenate([p[c] for p in parts]) for c in ("seq", "round", "after", "first")]
    order = np.lexsort((columns[0], key))
    key, (_, number, after, first) = key[order], (c[order] for c in columns)
    again = (first != _MOVE) & ~_fresh(key)  # a second appearance changes nothing, as in tiers.apply
    key, number, after, first = key[~again], number[~again], after[~again], first[~again]
    begun = np.where(first == _MOVE, _READ, first)  # a record that was quarantined on reading was never ingested
    before = np.where(_fresh(key), begun, np.roll(after, 1))
    changed = before != after
    return {"round": number[changed], "before": before[changed], "after": after[changed]}


def _fresh(key: Ints) -> Ints:
    """[n] whether each entry of a sorted key is the first of its kind."""
    return np.concatenate([np.ones(min(1, len(key)), bool), key[1:] != key[:-1]])


def tier_flows(ledger: pa.Table, number: int | None = None) -> dict[tuple[str, str], int]:
    """Documents by (from, to) over the whole run, or in one round."""
    found = moves(ledger)
    mine = slice(None) if number is None else found["round"] == number
    pairs, counts = np.unique(np.stack([found["before"][mine], found["after"][mine]]), axis=1, return_counts=True)
    return {(PLACES[a], PLACES[b]): int(n) for (a, b), n in zip(pairs.T, counts, strict=True)}


def tier_counts(held: Mapping[int, pa.Table]) -> list[dict[str, Any]]:
    """Rows {round, domain, L0 .. L4, dropped, quarantined} of what stood where at the end of each round."""
    out = []
    for number, holdings in held.items():
        for domain in sorted(set(holdings["domain"].to_pylist())):
            mine = holdings.filter(pc.equal(holdings["domain"], domain))
            out.append({"round": number, "domain": domain, **_places(mine)})
    return out


def _places(holdings: pa.Table) -> dict[str, int]:
    out: dict[str, int] = dict.fromkeys(("L0", "L1", "L2", "L3", "L4", "dropped", "quarantined"), 0)
    held = holdings.filter(pc.equal(holdings["status"], "held"))
    for row in held["tier"].value_counts().to_pylist():
        out[f"L{row['values']}"] = row["counts"]
    for row in holdings["status"].value_counts().to_pylist():
        if row["values"] in out:
            out[row["values"]] = row["counts"]
    return out


def _columns(rows: pa.Table, ids: str, after: Any, first: Any) -> dict[str, Any]:
    n = rows.num_rows
    return {
        "id": rows[ids],
        "seq": rows["seq"].to_numpy(),
        "round": rows["round"].to_numpy(),
        "after": np.broadcast_to(np.asarray(after, dtype=np.int64), (n,)),
        "first": np.broadcast_to(np.asarray(first, dtype=np.int64), (n,)),
    }


def _standing(ledger: pa.Table) -> dict[str, Any]:
    """Rows that say where `doc` itself stands afterwards."""
    rows = ledger.filter(pc.is_in(ledger["action"], pa.array(["ingest", "promote", "demote", "drop", "quarantine"])))
    after = _tier(rows)
    for action, place in _FIXED.items():
        after = np.where(pc.equal(rows["action"], action).to_numpy(), place, after)
    appears = pc.equal(rows["action"], "ingest").to_numpy()
    return _columns(rows, "doc", after, np.where(appears, _READ, _MOVE))


def _made(ledger: pa.Table) -> dict[str, Any]:
    """Documents that appear because an agent made them."""
    rows = ledger.filter(pc.is_in(ledger["action"], pa.array(["edit", "create"])))
    itself = pc.equal(rows["doc"], rows["made"]).to_numpy() & pc.equal(rows["action"], "edit").to_numpy()
    return _columns(rows, "made", _tier(rows), np.where(itself, _MOVE, _NEW))


def _superseded(ledger: pa.Table) -> dict[str, Any]:
    """Documents that an edit replaced by another."""
    rows = ledger.filter(pc.and_(pc.equal(ledger["action"], "edit"), pc.not_equal(ledger["doc"], ledger["made"])))
    return _columns(rows, "doc", _REWRITTEN, _MOVE)


def _tier(rows: pa.Table) -> Ints:
    return np.asarray(pc.fill_null(rows["tier"].cast(pa.int64()), 0).to_numpy() + 1)
