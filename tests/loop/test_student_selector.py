"""A run whose student selector grades every row: kept and dropped, judged or not; then seen, asked and taken out."""

import json
from pathlib import Path
from typing import Any

import pyarrow.compute as pc
import pytest

from coevo.loop.nodes.student_selector import gradable
from coevo.tiers.store import SELECTOR, Store
from coevo.tiers.tier import Tier
from coevo.tiers.transitions import violations

from ..forks import Forks
from .conftest import SMALL, Cli

CURATION = (
    "curation={selector: hashed, agreement: -1, score: 150, select: 0.4, edit: 10, synthesize: 30, verify: 20,"
    " novelty: 0.98}"
)


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory, cache: Path, forks: Forks) -> Cli:
    """The small run, one round, with a student that is accepted whatever it is worth."""
    made = Cli(tmp_path_factory.mktemp("graded"), cache, forks)
    parts = [f"{k}={v}" for k, v in SMALL.items() if k != "curation"] + [CURATION, "decontaminate.paraphrase=0.5"]
    done = made("run", "--name", "g", "--rounds", "1", *(p for part in parts for p in ("--set", part)))
    assert done.returncode == 0, done.stderr
    return made


def data(cli: Cli, *arguments: str) -> Any:
    done = cli(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.long
def test_every_row_is_graded_and_rows_that_no_judge_saw_rise(graded: Cli) -> None:
    store = Store(graded.folder / "runs" / "g")
    first, judged = store.selector_scores(0), set(store.scores(0)["doc_id"].to_pylist())
    told = {s["domain"]: s for s in data(graded, "tiers", "g")["selector"] if s["round"] == 0}
    able = {d for d, s in told.items() if s["accepted"]}
    assert able and all(s["n"] >= 30 for s in told.values() if s["accepted"])
    rows = gradable(store.documents(status=None))
    graded_ids = set(first["doc_id"].to_pylist())
    dropped = {r["id"] for r in rows.to_pylist() if r["status"] == "dropped" and r["domain"] in able}
    assert dropped and dropped <= graded_ids and set(first["rubric"].to_pylist()) == {SELECTOR}
    apart = store.documents(status="dropped")
    apart = apart.filter(pc.starts_with(apart["reason"], "held out: "))
    assert apart.num_rows and not graded_ids & set(apart["id"].to_pylist())
    risen = store.ledger.read(0, "select").to_pylist()
    unseen = [r for r in risen if r["action"] == "promote" and r["doc"] not in judged]
    assert unseen and all("weights selector=1" in r["reason"] for r in unseen)


def test_the_wanted_share_of_all_that_stood_at_l1_rises(graded: Cli) -> None:
    store = Store(graded.folder / "runs" / "g")
    told = {s["domain"] for s in data(graded, "tiers", "g")["selector"] if s["round"] == 0 and s["accepted"]}
    for domain in told:
        risen = [r["action"] for r in store.ledger.read(0, "select").to_pylist() if r["domain"] == domain]
        assert risen.count("promote") == round(0.4 * len(risen))


def test_what_happened_was_legal_and_can_be_taken_out(graded: Cli) -> None:
    store = Store(graded.folder / "runs" / "g")
    assert violations(store.ledger.read()).num_rows == 0
    done = graded("export", "g", "--tier", "L2", "--format", "jsonl", "--out", "out")
    assert done.returncode == 0, done.stderr
    (file,) = (graded.folder / "out" / "data").glob("*.jsonl")
    rows = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == store.documents(tier=Tier.L2).num_rows
    assert any(SELECTOR in json.loads(r["scores"]) for r in rows)
    facts = data(graded, "ask", "g", "What does it do?", "-k", "2")
    assert len(facts["hits"]) == min(2, facts["facts"])
    again = graded("export", "g", "--tier", "L2", "--out", "out")
    assert again.returncode == 2 and "is there already" in again.stderr
