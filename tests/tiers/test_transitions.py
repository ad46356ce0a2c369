"""The state machine of documents and buckets: illegal moves are found, what the gates do is legal and says why."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.apply import apply, no_holdings
from coevo.tiers.buckets import TAKES, BucketState, bucket_of
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import Document
from coevo.tiers.gates import Candidate, GateConfig, contributes, demote_harmful, gate
from coevo.tiers.ledger import STEPS
from coevo.tiers.rows import rows_from_decisions
from coevo.tiers.tier import Tier
from coevo.tiers.transitions import ABSENT, ASIDE, legal, violations

LIMITS = GateConfig(keep_documents=0, demote_share=1.0)
MOVES = (Action.PROMOTE, Action.DEMOTE, Action.DROP, Action.QUARANTINE, Action.EDIT, Action.INGEST)


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


def test_illegal_moves_are_named_with_the_state_they_met() -> None:
    made = [decided("a", Action.INGEST), decided("a", Action.PROMOTE, 1), decided("a", Action.PROMOTE, 1),
            decided("a", Action.DROP), decided("a", Action.PROMOTE, 2), decided("b", Action.DEMOTE, 0)]  # fmt: skip
    found = violations(rows_from_decisions(made)).to_pylist()
    assert [(r["doc"], r["action"], r["before"], r["after"]) for r in found] == [
        ("a", "promote", 1, 1),
        ("a", "promote", ASIDE, 2),
        ("b", "demote", ABSENT, 0),
    ]


values = st.tuples(st.floats(-0.1, 0.1), st.floats(0.001, 0.05))


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
    candidates = [Candidate(d, Tier(to), votes=(clean,), score=score, decontaminated=clean)
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
