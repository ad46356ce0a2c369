"""The ledger: rows and decisions are the same thing, parts are immutable, bad files are named."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import coevo.tiers as room
from coevo.tiers.counts import counts
from coevo.tiers.decision import Action, Decision, Usage
from coevo.tiers.errors import LedgerError
from coevo.tiers.ledger import LEDGER_SCHEMA, STEPS, Ledger, decisions, rows, rows_from_decisions, verdict_rows
from coevo.tiers.parts import content_digest
from coevo.tiers.tier import Tier

TEXT = st.text("aZ é\n\0'\"💥", max_size=6)
NUMBER = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def any_decision(draw: st.DrawFn) -> Decision:
    return Decision(
        round=draw(st.integers(0, 99)),
        stage=draw(st.sampled_from(STEPS)),
        agent=draw(TEXT),
        doc=draw(TEXT),
        action=draw(st.sampled_from(Action)),
        reason=draw(TEXT),
        domain=draw(TEXT),
        tier=draw(st.none() | st.sampled_from(Tier)),
        scores=draw(st.dictionaries(TEXT, NUMBER, max_size=3)),
        evidence=draw(st.dictionaries(TEXT, st.none() | st.booleans() | st.lists(TEXT, max_size=2) | TEXT, max_size=3)),
        made=draw(st.none() | TEXT),
        text=draw(st.none() | TEXT),
        sources=tuple(draw(st.lists(TEXT, max_size=2))),
        usage=Usage(tokens_in=draw(st.integers(0, 9)), usd=draw(st.floats(0, 9))),
        error=draw(st.none() | TEXT),
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(any_decision(), max_size=5))
def test_decisions_survive_the_ledger(made: list[Decision]) -> None:
    table = rows_from_decisions(made)
    assert table.schema == LEDGER_SCHEMA
    assert decisions(table) == made


def test_half_surrogates_of_a_model_do_not_stop_the_round() -> None:
    said = Decision(round=0, stage="edit", agent="editor", doc="d", action=Action.NONE, reason="bad \ud800 letter")
    assert rows_from_decisions([said])["reason"][0].as_py() == "bad ? letter"


def test_bulk_rows_take_one_value_or_one_each() -> None:
    table = rows(2, "clean", "rule:x", ["a", "b"], pa.array(["drop", "verify"]), "r", ["en", "math"], [None, Tier.L1])
    assert table.schema == LEDGER_SCHEMA
    first, second = decisions(table)
    assert (first.action, first.domain, first.tier) == (Action.DROP, "en", None)
    assert (second.action, second.domain, second.tier, second.sources) == (Action.VERIFY, "math", Tier.L1, ())
    assert decisions(rows(2, "gate", "g", ["a"], Action.PROMOTE, "r", "en", np.int8(2)))[0].tier is Tier.L2


def test_verdicts_become_rows_with_the_documents_domain() -> None:
    verdicts = pa.table({"id": ["b", "a"], "kept": [True, False], "reason": ["fine", "short: 3 < 10"]})
    documents = pa.table({"id": ["a", "b"], "domain": ["en", "math"]})
    made = decisions(verdict_rows(0, "clean", "rule:clean", verdicts, documents, Tier.L1))
    assert [(d.doc, d.domain, d.action, d.tier) for d in made] == [
        ("b", "math", Action.PROMOTE, Tier.L1),
        ("a", "en", Action.DROP, None),
    ]
    assert decisions(verdict_rows(0, "clean", "r", verdicts, documents))[0].action is Action.VERIFY


def step(round_: int, name: str, n: int = 3, reason: str = "r") -> pa.Table:
    return rows(round_, name, "rule", [f"{round_}{name}{i}" for i in range(n)], Action.SCORE, reason, "en", seconds=0.5)


def test_parts_are_numbered_on_in_the_order_they_were_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    path = ledger.append(0, "gate", step(0, "gate"))
    ledger.append(0, "demote", step(0, "demote", 0))
    ledger.append(1, "score", step(1, "score", 2))
    assert path == tmp_path / "ledger" / f"000-{STEPS.index('gate'):02d}-gate.parquet"
    assert len(Ledger(tmp_path)) == 5
    assert Ledger(tmp_path).read()["seq"].to_pylist() == [0, 1, 2, 3, 4]
    assert Ledger(tmp_path).read(1)["seq"].to_pylist() == [3, 4]
    assert Ledger(tmp_path).read(step="gate", columns=["doc"]).column_names == ["doc"]
    assert ledger.read(7).num_rows == 0 and ledger.read(7).schema == LEDGER_SCHEMA
    assert (ledger.has(0, "gate"), ledger.has(2, "gate")) == (True, False)


def test_the_same_rows_again_change_nothing_even_if_they_took_longer(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    before = ledger.append(0, "clean", step(0, "clean")).read_bytes()
    again = step(0, "clean").set_column(LEDGER_SCHEMA.names.index("seconds"), "seconds", pa.array([9.0] * 3))
    assert ledger.append(0, "clean", again).read_bytes() == before
    with pytest.raises(LedgerError, match=r"000-03-clean\.parquet holds other decisions"):
        ledger.append(0, "clean", step(0, "clean", reason="other"))


def test_rows_of_another_step_are_refused(tmp_path: Path) -> None:
    for bad in (step(1, "clean"), step(0, "dedup"), pa.concat_tables([step(0, "clean"), step(1, "clean")])):
        with pytest.raises(LedgerError, match="commit each by itself"):
            Ledger(tmp_path).append(0, "clean", bad)
    with pytest.raises(LedgerError, match="wanted a step of"):
        Ledger(tmp_path).has(0, "frobnicate")
    with pytest.raises(LedgerError, match=r"build them with tiers\.rows"):
        Ledger(tmp_path).append(0, "clean", pa.table({"doc": ["a"]}))
    assert not (tmp_path / "ledger").exists()


def test_missing_foreign_and_broken_parts_are_named(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path)
    first = ledger.append(0, "clean", step(0, "clean"))
    second = ledger.append(0, "dedup", step(0, "dedup"))
    whole = first.read_bytes()
    first.unlink()
    with pytest.raises(LedgerError, match=r"before .*dedup\.parquet is missing"):
        Ledger(tmp_path).read()
    first.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(LedgerError, match=r"clean\.parquet is cut short or altered"):
        Ledger(tmp_path).read()
    first.write_bytes(whole)
    pq.write_table(pa.table({"x": [1]}), second)
    with pytest.raises(LedgerError, match=r"dedup\.parquet is no ledger part"):
        Ledger(tmp_path).read()


def test_a_disk_that_refuses_is_named(tmp_path: Path) -> None:
    (tmp_path / "ledger").write_text("in the way")
    with pytest.raises(LedgerError, match=r"cannot write .*clean\.parquet"):
        Ledger(tmp_path).append(0, "clean", step(0, "clean"))


def test_content_digest_knows_values_not_layout() -> None:
    table = pa.table({"a": ["x", None, "yz"], "b": pa.array([["p"], [], ["q", "r"]]), "c": [1, None, 3]})
    chunked = pa.concat_tables([table.slice(0, 1), table.slice(1)])
    assert content_digest(table) == content_digest(chunked) == content_digest(table.slice(0))
    assert content_digest(table.slice(1)) == content_digest(table.take([1, 2]))
    for other in (
        {"a": ["x", "", "yz"], "b": [["p"], [], ["q", "r"]], "c": [1, None, 3]},
        {"a": ["xy", None, "z"], "b": [["p"], [], ["q", "r"]], "c": [1, None, 3]},
        {"a": ["x", None, "yz"], "b": [["p"], ["q"], ["r"]], "c": [1, None, 3]},
        {"a": ["x", None, "yz"], "b": [["p"], [], ["q", "r"]], "c": [1, 0, 3]},
    ):
        assert content_digest(pa.table(other)) != content_digest(table)


def test_counts_account_for_every_document() -> None:
    table = rows(
        1,
        "clean",
        "rule",
        ["a", "b", "c", "d", "e", "a"],
        ["verify", "drop", "drop", "quarantine", "verify", "drop"],
        ["ok", "ratio 0.4 > 0.1", "ratio 0.9 > 0.1", "not UTF-8 at byte 7", "ok", "held out: hidden"],
        ["en", "en", "en", "en", "math", "en"],
    )
    en, math = counts(table)
    assert (en.count_in, en.kept, en.dropped, en.quarantined) == (4, 0, 3, 1)
    assert en.reasons == {"ratio": 2, "held out: hidden": 1, "not UTF-8 at byte": 1}
    assert (math.domain, math.count_in, math.kept, math.reasons) == ("math", 1, 1, {})
    assert counts(LEDGER_SCHEMA.empty_table()) == []


def test_the_room_exports_what_it_says_and_loads_arrow_late() -> None:
    assert all(getattr(room, name) is not None for name in room.__all__)
    code = (
        "import sys, coevo.tiers.errors; sys.exit(bool({'pyarrow', 'torch', 'faiss', 'pydantic'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        room.nonsense  # noqa: B018
