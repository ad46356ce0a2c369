"""The state machine of documents and buckets: illegal moves are found, what the gates do is legal and says why."""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.apply import apply, no_holdings, replay
from coevo.tiers.buckets import TAKES, BucketState, bucket_of
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document
from coevo.tiers.errors import LedgerError
from coevo.tiers.gates import Candidate, GateConfig, contributes, demote_harmful, gate, gate_rows
from coevo.tiers.ledger import STEPS
from coevo.tiers.rows import DOCUMENT_SCHEMA, STRINGS, rows, rows_from_decisions, verdict_rows
from coevo.tiers.store import Store
from coevo.tiers.tier import Tier
from coevo.tiers.transitions import ABSENT, ASIDE, legal, violations

Values = dict[str, tuple[float, float]]
LIMITS = GateConfig(keep_documents=0, demote_share=1.0)
MOVES = (Action.PROMOTE, Action.DEMOTE, Action.DROP, Action.QUARANTINE, Action.EDIT, Action.INGEST)


values = st.tuples(st.floats(-0.1, 0.1), st.floats(0.001, 0.05))


def decided(doc: str, action: Action, tier: int | None = None, made: str | None = None) -> Decision:
    placed = None if tier is None else Tier(tier)
    text = "a text" if made else None
    return Decision(round=1, stage=STEPS[0], agent="t", doc=doc, action=action, reason="because", domain="en",
                    tier=placed, made=made, text=text)  # fmt: skip


def naive(made: list[Decision]) -> list[int]:
    """Positions of the illegal moves, one document at a time."""
    state: dict[str, int] = {}
    bad = []
    for n, d in enumerate(made):
        if d.action is Action.INGEST:
            state.setdefault(d.doc, 0)
            continue
        after = int(d.tier) if d.tier is not None and d.action in (Action.PROMOTE, Action.DEMOTE) else ASIDE
        if not legal(d.action, state.get(d.doc, ABSENT), after):
            bad.append(n)
        state[d.doc] = after
        if d.made is not None:
            state.setdefault(d.made, int(d.tier or 0))
    return bad


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(MOVES), st.integers(0, 4)), max_size=25))
def test_the_audit_finds_exactly_the_illegal_moves(moves: list[tuple[str, Action, int]]) -> None:
    placed = (Action.PROMOTE, Action.DEMOTE, Action.EDIT)
    made = [decided(d, a, t if a in placed else None, f"{d}{n}" if a is Action.EDIT else None)
            for n, (d, a, t) in enumerate(moves)]  # fmt: skip
    found = violations(rows_from_decisions(made)) if made else None
    assert (found["at"].to_pylist() if found else []) == naive(made)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(MOVES), st.integers(0, 4)), max_size=12))
def test_the_holdings_take_legal_moves_and_no_others(moves: list[tuple[str, Action, int]]) -> None:
    placed = (Action.PROMOTE, Action.DEMOTE, Action.EDIT)
    made = [decided(d, a, t if a in placed else None, f"{d}{n}" if a is Action.EDIT else None)
            for n, (d, a, t) in enumerate(moves)]  # fmt: skip
    born, taken = [decided(d, Action.INGEST) for d in "abc"], list[Decision]()
    held = apply(no_holdings(), rows_from_decisions(born))
    for decision in made:
        state = {r["id"]: r["tier"] if r["status"] == "held" else ASIDE for r in held.to_pylist()}
        after = int(decision.tier or 0) if decision.action in placed[:2] else ASIDE
        if legal(decision.action, state[decision.doc], after):
            held, taken = apply(held, rows_from_decisions([decision])), [*taken, decision]
        else:
            with pytest.raises(LedgerError, match="no legal move"):
                apply(held, rows_from_decisions([decision]))
    if any(d not in taken for d in made):
        with pytest.raises(LedgerError, match="no legal move"):
            apply(no_holdings(), rows_from_decisions([*born, *made]))
    assert held.equals(apply(no_holdings(), rows_from_decisions([*born, *taken])))
    assert violations(rows_from_decisions([*born, *taken])).num_rows == 0


NONE = pa.table({"id": pa.array([], pa.string()), "score": pa.array([], pa.float64())})
STANDS = {"clean": 0, "select": 1, "edit": 2, "synthesize": 2, "organize": 3}


def operated(store: Store, step: str, luck: int, known: Values) -> tuple[pa.Table, pa.Table | None]:
    """What one of the tiers' operators does to what stands in its way; `luck` decides about each document."""
    n, held = len(store.ledger.parts()), store.documents(tier=STANDS.get(step))
    lucky = [crc32(f"{luck}{step}{i}".encode()) % 3 > 0 for i in held["id"].to_pylist()]
    held = held.filter(pa.array(lucky, pa.bool_()))
    good = [crc32(f"{luck}{i}".encode()) % 2 > 0 for i in held["id"].to_pylist()]
    reasons = pa.array(["r"] * len(good), pa.string())
    verdicts = pa.table({"id": held["id"], "kept": pa.array(good, pa.bool_()), "reason": reasons})
    documents = [
        Document(id=r["id"], text=r["text"], domain="en", tier=r["tier"], source="s") for r in held.to_pylist()
    ]
    if step == "ingest":
        ids = [f"{luck % 3}-{i}" for i in range(4)]
        columns = [ids, ids, ["en"] * 4, ["s"] * 4, ["text"] * 4, pa.array([[]] * 4, STRINGS)]
        read = rows(n, step, "rule", ids, Action.INGEST, "read", "en", source="s")
        return read, pa.table(columns, schema=DOCUMENT_SCHEMA)
    if step == "clean":
        return verdict_rows(n, step, "rule", verdicts, held, Tier.L1), None
    if step == "select":
        return gate_rows(n, verdicts, held, Tier.L2, known, LIMITS, step), None
    if step == "demote":
        return rows_from_decisions(demote_harmful(n, store.holdings(), known, NONE, LIMITS)), None
    if step == "organize":
        asked = [Candidate(d, Tier.L4, votes=(g,), overlap="") for d, g in zip(documents, good, strict=True)]
        return rows_from_decisions(gate(n, asked, known, LIMITS, step)), None
    action = Action.EDIT if step == "edit" else Action.CREATE
    said = {"round": n, "stage": step}
    made = [decided(d.id, action, 3, f"{step}-{d.id[:40]}").model_copy(update=said) for d in documents]
    return rows_from_decisions(made), None


OPERATORS = ("ingest", "clean", "select", "edit", "synthesize", "organize", "demote")


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(OPERATORS), st.integers(0, 99),
                          st.dictionaries(st.sampled_from([f"en/L{n}" for n in range(1, 5)]), values)),
                min_size=4, max_size=14))  # fmt: skip
def test_any_sequence_of_operators_keeps_the_ledger_legal(
    steps: list[tuple[str, int, Values]],
) -> None:
    with TemporaryDirectory() as folder:
        store = Store(Path(folder))
        for step, luck, known in [("ingest", 0, {}), ("clean", 1, {}), *steps]:
            made, texts = operated(store, step, luck, known)
            if made.num_rows:
                store.commit(len(store.ledger.parts()), step, made, texts)
        whole = store.ledger.read()
        assert violations(whole).num_rows == 0
        assert replay(store.ledger).equals(store.holdings())
        moved = [r for r in whole.to_pylist() if r["action"] in ("promote", "demote") and r["step"] != "clean"]
        assert all(json.loads(r["evidence"])["arm"] and r["reason"] for r in moved)


def test_illegal_moves_are_named_with_the_state_they_met() -> None:
    made = [decided("a", Action.INGEST), decided("a", Action.PROMOTE, 1), decided("a", Action.PROMOTE, 1),
            decided("a", Action.DROP), decided("a", Action.PROMOTE, 2), decided("b", Action.DEMOTE, 0)]  # fmt: skip
    found = violations(rows_from_decisions(made)).to_pylist()
    assert [(r["doc"], r["action"], r["before"], r["after"]) for r in found] == [
        ("a", "promote", 1, 1),
        ("a", "promote", ASIDE, 2),
        ("b", "demote", ABSENT, 0),
    ]


@given(
    st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(0, 1), st.booleans()), min_size=1, max_size=6),
    st.dictionaries(st.sampled_from([f"en/L{n}" for n in range(5)]), values),
)
def test_no_gate_makes_an_illegal_move_and_every_refusal_has_a_reason(
    asked: list[tuple[int, int, float, bool]], known: dict[str, tuple[float, float]]
) -> None:
    documents = [Document(id=f"d{n}", text="t", domain="en", tier=Tier(at), source="s")
                 for n, (at, *_) in enumerate(asked)]  # fmt: skip
    first = [decided(d.id, Action.INGEST) for d in documents]
    first += [decided(d.id, Action.PROMOTE, int(d.tier)) for d in documents if d.tier]
    candidates = [Candidate(d, Tier(to), votes=(clean,), score=score, overlap="" if clean else None)
                  for d, (_, to, score, clean) in zip(documents, asked, strict=True)]  # fmt: skip
    made = gate(1, candidates, known, LIMITS)
    for decision in made:
        assert decision.reason and decision.evidence["arm"]
        if decision.action is Action.REFUSE:
            assert decision.tier is None and decision.reason.startswith("refused")
        else:
            assert bucket_of(str(decision.evidence["arm"]), known, LIMITS).state in TAKES
    held = apply(no_holdings(), rows_from_decisions([*first, *made]))
    none = pa.table({"id": pa.array([], pa.string()), "score": pa.array([], pa.float64())})
    down = demote_harmful(2, held, known, none, LIMITS)
    assert all(bucket_of(str(d.evidence["arm"]), known, LIMITS).state is BucketState.HARMFUL for d in down)
    assert violations(rows_from_decisions([*first, *made, *down])).num_rows == 0


@pytest.mark.parametrize(
    ("value", "state"),
    [(None, "unmeasured"), ((0.0, 0.01), "open"), ((-0.012, 0.01), "closed"), ((-0.05, 0.01), "harmful")],
)
def test_a_bucket_is_in_the_state_that_the_gates_act_on(value: tuple[float, float] | None, state: str) -> None:
    known = {} if value is None else {"en/L2": value}
    found = bucket_of("en/L2", known)
    assert found.state == state and found.reason
    assert (found.state in TAKES) == contributes("en/L2", known, GateConfig())[0]


def test_a_ledger_of_a_run_is_audited_whole() -> None:
    made = [decided("a", Action.INGEST), decided("a", Action.PROMOTE, 2), decided("a", Action.EDIT, 3, "b"),
            decided("b", Action.PROMOTE, 4), decided("b", Action.DEMOTE, 3), decided("a", Action.INGEST)]  # fmt: skip
    assert violations(rows_from_decisions(made)).num_rows == 0
