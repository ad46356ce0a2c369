"""The life of one document: who decided what about it and why, and what training on its arm was worth."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ...tiers.document import Document
from ...tiers.ledger import LEDGER_SCHEMA, decisions
from .exposure import exposure
from .formats import diff
from .intervals import with_interval
from .reader import RunReader, credit

AFTER_TRAINING = "demote"
"""The step whose moves of a round follow that round's training: it acts on what was measured."""
SHOWN = 3000


def document_story(run: RunReader, prefix: str) -> dict[str, Any]:
    """Everything the run knows about the document whose id begins with `prefix`.

    Raises:
        InputError: no document has such an id, or several have.
    """
    document = run.store.document(prefix)
    rows = _rows_about(run, document.id)
    events = [_event(run, document, d) for d in decisions(rows)]
    places = _places(document.id, events)
    return {
        "view": "why-document",
        "run": run.name,
        "doc": document.id,
        "domain": document.domain,
        "kind": document.kind,
        "source": document.source,
        "status": _status(run, document.id),
        "tier": document.tier.name,
        "parents": [_relative(run, p) for p in document.parents],
        "children": [_relative(run, c) for c in _children(events, document.id)],
        "events": events,
        "cost": {k: sum(e["usage"][k] for e in events) for k in ("calls", "tokens_in", "tokens_out", "seconds", "usd")},
        "training": [_trained(run, r["round"], document, places) for r in run.rounds],
        "influence": run.document_influence(document.id),
        "characters": len(document.text),
        "text": document.text[:SHOWN],
    }


def _rows_about(run: RunReader, doc: str) -> pa.Table:
    """Ledger rows that decide about `doc`, make it, or make something of it; texts of no other part are read."""
    ledger, found = run.store.ledger, []
    for part in ledger.parts():
        mine = _about(ledger.read(part.round, part.step, ["doc", "made", "sources"]), doc)
        if pc.any(mine).as_py():
            found.append(ledger.read(part.round, part.step).filter(mine))
    return pa.concat_tables([LEDGER_SCHEMA.empty_table(), *found])


def _about(rows: pa.Table, doc: str) -> pa.Array:
    """[n] whether each row names `doc` as its document, what it makes, or one of its sources."""
    lists = rows["sources"].combine_chunks()
    using = pc.unique(pc.list_parent_indices(lists).filter(pc.equal(pc.list_flatten(lists), doc)))
    named = pc.or_(pc.equal(rows["doc"], doc), pc.fill_null(pc.equal(rows["made"], doc), False)).combine_chunks()
    return pc.or_(named, pc.is_in(pa.array(np.arange(rows.num_rows)), value_set=using.cast(pa.int64())))


def _event(run: RunReader, document: Document, decision: Any) -> dict[str, Any]:
    out: dict[str, Any] = decision.model_dump(mode="json", exclude={"text", "domain", "kind", "source"})
    out["tier"] = None if decision.tier is None else decision.tier.name
    if decision.action == "edit" and decision.text is not None:
        before = document.text if decision.doc == document.id else run.store.document(decision.doc).text
        out["diff"] = diff(before, decision.text)
        out["evidence"] = {k: v for k, v in out["evidence"].items() if k != "diff"}
    return out


def _places(doc: str, events: list[dict[str, Any]]) -> list[tuple[int, bool, str | None]]:
    """(round, whether after training, tier or None where no longer held) for each move of `doc`, in order."""
    out: list[tuple[int, bool, str | None]] = []
    for event in events:
        late = event["stage"] == AFTER_TRAINING
        if event["made"] == doc or (event["doc"] == doc and event["action"] in ("ingest", "promote", "demote")):
            out.append((event["round"], late, event["tier"]))
        elif event["doc"] == doc and event["action"] in ("drop", "quarantine", "edit"):
            out.append((event["round"], late, None))
    return out


def _trained(
    run: RunReader, number: int, document: Document, places: list[tuple[int, bool, str | None]]
) -> dict[str, Any]:
    """Where the document stood when the round trained, whether the accepted run saw it, and its arm's worth."""
    tier = next((t for r, late, t in reversed(places) if (r, late) < (number, True)), None)
    if tier is None:
        return {
            "round": number,
            "arm": None,
            "possible": False,
            "why": "not held when the round trained",
            "documents": None,
        }
    arm = f"{document.domain}/{tier}"
    share = run.accepted_mixture(number).get(arm, 0.0)
    found = run.db.rows("arms", round=number, arm=arm)
    measured = found[0] if found else {}
    return {
        "round": number,
        "arm": arm,
        "possible": share > 0,
        "why": f"{arm} had {share:.1%} of the accepted run's tokens"
        if share > 0
        else f"{arm} had no share in the accepted run",
        "share": share,
        "seen": exposure(run, number, arm, document.id),
        "documents": measured.get("documents"),
        **with_interval({k: measured.get(k) for k in ("value", "value_se")}, "value", "value_se"),
        **with_interval(credit(measured) if measured else {}, "credit", "credit_se"),
    }


def _status(run: RunReader, doc: str) -> dict[str, Any]:
    held = run.store.holdings()
    found = held.filter(pc.equal(held["id"], doc)).to_pylist()
    return {k: found[0][k] for k in ("status", "reason")} if found else {"status": "unknown", "reason": ""}


def _children(events: list[dict[str, Any]], doc: str) -> list[str]:
    return list(
        dict.fromkeys(e["made"] for e in events if e["made"] and e["made"] != doc and e["action"] in ("edit", "create"))
    )


def _relative(run: RunReader, doc: str) -> dict[str, Any]:
    document = run.store.document(doc)
    return {
        "doc": document.id,
        "kind": document.kind,
        "arm": document.arm,
        "source": document.source,
        **_status(run, doc),
    }
