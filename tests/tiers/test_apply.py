"""What decisions do to the holdings: every action, its errors, and that folding is associative."""

from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.apply import HOLDINGS_SCHEMA, apply, no_holdings, replay
from coevo.tiers.decision import Action, Decision
from coevo.tiers.errors import LedgerError
from coevo.tiers.ledger import Ledger, rows, rows_from_decisions
from coevo.tiers.store import Store
from coevo.tiers.tier import Tier
from coevo.tiers.transitions import ABSENT, ASIDE, legal


def did(doc: str, action: Action, tier: Tier | None = None, made: str | None = None, **more: object) -> Decision:
    given_ = {"round": 0, "stage": "gate", "agent": "a", "reason": f"{action} {doc}", "domain": "en", "source": "s"}
    return Decision.model_validate({**given_, "doc": doc, "action": action, "tier": tier, "made": made, **more})


def after(*made: Decision) -> dict[str, tuple[str, int]]:
    held = apply(no_holdings(), rows_from_decisions(list(made)))
    assert held.schema == HOLDINGS_SCHEMA
    return {row["id"]: (row["status"], row["tier"]) for row in held.to_pylist()}


BORN = did("a", Action.INGEST)


@pytest.mark.parametrize(
    ("action", "tier", "status"),
    [
        (Action.PROMOTE, Tier.L2, ("held", 2)),
        (Action.DROP, None, ("dropped", 0)),
        (Action.QUARANTINE, None, ("quarantined", 0)),
        (Action.SCORE, None, ("held", 0)),
        (Action.VERIFY, None, ("held", 0)),
        (Action.REFUSE, Tier.L2, ("held", 0)),
        (Action.NONE, None, ("held", 0)),
    ],
)
def test_each_action(action: Action, tier: Tier | None, status: tuple[str, int]) -> None:
    assert after(BORN, did("a", action, tier)) == {"a": status}


def test_the_last_decision_wins_and_dropping_keeps_the_tier() -> None:
    up, down = did("a", Action.PROMOTE, Tier.L3), did("a", Action.DEMOTE, Tier.L2)
    assert after(BORN, up, down) == {"a": ("held", 2)}
    assert after(BORN, up, down, did("a", Action.DROP)) == {"a": ("dropped", 2)}


def test_an_edit_supersedes_and_a_creation_does_not() -> None:
    edit = did("a", Action.EDIT, Tier.L3, "b", kind="qa")
    create = did("a", Action.CREATE, Tier.L3, "c", sources=("a", "x"))
    held = apply(no_holdings(), rows_from_decisions([BORN, edit, create]))
    found = {row["id"]: row for row in held.to_pylist()}
    assert list(found) == ["a", "b", "c"]
    assert (found["a"]["status"], found["b"]["status"], found["c"]["status"]) == ("superseded", "held", "held")
    assert (found["b"]["parents"], found["c"]["parents"], found["a"]["parents"]) == (["a"], ["a", "x"], [])
    assert (found["b"]["tier"], found["b"]["kind"], found["b"]["reason"]) == (3, "qa", "edit a")


def test_an_edit_that_changes_nothing_promotes_the_document_itself() -> None:
    assert after(BORN, did("a", Action.EDIT, Tier.L3, "a")) == {"a": ("held", 3)}


def test_a_second_appearance_undoes_nothing() -> None:
    up = did("a", Action.PROMOTE, Tier.L2)
    assert after(BORN, up, BORN) == {"a": ("held", 2)}
    made = did("a", Action.CREATE, Tier.L3, "c")
    assert after(BORN, made, did("c", Action.DROP), made)["c"] == ("dropped", 3)


def test_an_unreadable_record_appears_in_quarantine() -> None:
    assert after(did("q", Action.QUARANTINE, domain="")) == {"q": ("quarantined", 0)}


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (did("z", Action.DROP), "drop of document z comes before the document"),
        (did("z", Action.EDIT, Tier.L3, "y"), "edit of document z comes before"),
        (did("z", Action.EDIT, Tier.L3, "z"), "edit of document z comes before"),
        (did("a", Action.PROMOTE), "promote of document a needs a tier"),
        (did("a", Action.CREATE, Tier.L3), "create of document a needs made"),
        (did("z", Action.INGEST, domain=""), "ingest of document z needs a domain"),
        (did("a", Action.PROMOTE, Tier.L0), "promote of document a to held at L0 is no legal move: it is held at L0"),
        (did("a", Action.DEMOTE, Tier.L0), "is no legal move: it is held at L0. Fix the step"),
    ],
)
def test_what_cannot_be_is_refused(bad: Decision, message: str) -> None:
    with pytest.raises(LedgerError, match=message):
        after(BORN, bad)


@pytest.mark.parametrize("aside", [Action.DROP, Action.QUARANTINE, Action.EDIT])
@pytest.mark.parametrize("then", [Action.PROMOTE, Action.DEMOTE, Action.DROP, Action.EDIT])
def test_what_is_set_aside_stays_so(aside: Action, then: Action) -> None:
    gone = did("a", aside, Tier.L3, "b" if aside is Action.EDIT else None)
    again = did("a", then, Tier.L4, "c" if then is Action.EDIT else None)
    with pytest.raises(LedgerError, match=f"the {then} of document a to .* it is set aside"):
        after(BORN, gone, again)
    held = apply(no_holdings(), rows_from_decisions([BORN, gone]))
    with pytest.raises(LedgerError, match="it is set aside"):
        apply(held, rows_from_decisions([again]))


def test_a_move_before_its_document_in_one_table_is_refused() -> None:
    with pytest.raises(LedgerError, match="comes before"):
        after(did("a", Action.DROP), BORN)


@st.composite
def histories(draw: st.DrawFn, held: str = "") -> list[Decision]:
    """Valid sequences: only documents that appeared (the `held` at L0) are moved, and only as they may be."""
    known = list(held)
    state = dict.fromkeys(held, 0)
    made: list[Decision] = []
    for _ in range(draw(st.integers(0, 25))):
        action = draw(st.sampled_from(Action)) if known else Action.INGEST
        fresh = draw(st.sampled_from("abcdefgh"))
        tier = draw(st.sampled_from(Tier))
        doc = fresh if action in (Action.INGEST, Action.QUARANTINE) else draw(st.sampled_from(known))
        makes = action in (Action.EDIT, Action.CREATE)
        itself = action is Action.EDIT and doc == fresh
        moved = Action.PROMOTE if itself else action
        goes = {Action.PROMOTE: int(tier), Action.DEMOTE: int(tier)}.get(moved, ASIDE)
        if not legal(moved, state.get(doc, ABSENT), goes):
            continue
        if moved in (Action.PROMOTE, Action.DEMOTE, Action.DROP, Action.QUARANTINE, Action.EDIT):
            state[doc] = goes
        if makes or action is Action.INGEST:
            state.setdefault(fresh, int(tier) if makes else 0)
        made.append(
            did(doc, action, tier, fresh if makes else None, text=fresh if makes else None, reason=f"{len(made)}")
        )
        known.append(fresh if makes else doc)
    return made


def slowly(made: list[Decision]) -> dict[str, tuple[str, int, str]]:
    """The same rules, one decision at a time."""
    held: dict[str, tuple[str, int, str]] = {}
    status = {Action.DROP: "dropped", Action.QUARANTINE: "quarantined", Action.EDIT: "superseded"}
    for d in made:
        if d.action is Action.INGEST:
            held.setdefault(d.doc, ("held", 0, d.reason))
        elif d.action in (Action.PROMOTE, Action.DEMOTE) or (d.action is Action.EDIT and d.made == d.doc):
            held[d.doc] = ("held", int(d.tier or 0), d.reason)
        elif d.action in status:
            held[d.doc] = (status[d.action], held.get(d.doc, ("", 0, ""))[1], d.reason)
        if d.action in (Action.EDIT, Action.CREATE):
            held.setdefault(str(d.made), ("held", int(d.tier or 0), d.reason))
    return held


@settings(deadline=None)
@given(histories())
def test_the_vectorised_fold_follows_the_rules(made: list[Decision]) -> None:
    held = apply(no_holdings(), rows_from_decisions(made)).to_pylist()
    assert {r["id"]: (r["status"], r["tier"], r["reason"]) for r in held} == slowly(made)
    assert [r["id"] for r in held] == list(slowly(made))


@settings(deadline=None)
@given(histories(), st.lists(st.integers(0, 25), max_size=4))
def test_folding_is_associative(made: list[Decision], cuts: list[int]) -> None:
    whole = rows_from_decisions(made)
    bounds = sorted({0, len(made), *(min(c, len(made)) for c in cuts)})
    held = no_holdings()
    for start, end in pairwise(bounds):
        held = apply(held, whole.slice(start, end - start))
    assert held.equals(apply(no_holdings(), whole))


@settings(max_examples=15, deadline=None)
@given(histories("abcdefgh"), st.integers(1, 3))
def test_replaying_the_ledger_gives_the_store(history: list[Decision], count: int) -> None:
    size = -(-len(history) // count)
    rounds = [history[n * size : (n + 1) * size] for n in range(count)]
    with TemporaryDirectory() as folder:
        store, known = Store(Path(folder)), [did(c, Action.INGEST) for c in "abcdefgh"]
        for number, made in enumerate(rounds):
            these = [d.model_copy(update={"round": number}) for d in known + made]
            table = rows_from_decisions(these)
            names = {"text": "T", "domain": "en", "source": "s", "kind": "text"}
            texts = {k: [v] * 8 for k, v in names.items()} | {"id": list("abcdefgh")}
            documents = pa.table({**texts, "parents": pa.array([[]] * 8, pa.list_(pa.string()))})
            store.commit(number, "gate", table, documents)
            store.seal(number)
        assert replay(Ledger(Path(folder))).equals(store.holdings())
        assert Store(Path(folder)).holdings().equals(store.holdings())
        assert Store(Path(folder)).holdings(0).equals(apply(no_holdings(), Ledger(Path(folder)).read(0)))


def test_many_documents_fold_at_once() -> None:
    n = 200_000
    ids = [f"{i:016x}" for i in range(n)]
    born = rows(0, "ingest", "rule", ids, Action.INGEST, "read", "en", source="s")
    moved = rows(0, "gate", "rule", ids[::2], Action.PROMOTE, "good", "en", Tier.L2)
    held = apply(apply(no_holdings(), born), moved)
    assert np.bincount(held["tier"].to_numpy()).tolist() == [n // 2, 0, n // 2]
