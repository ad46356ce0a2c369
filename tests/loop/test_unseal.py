"""The sealed set: closed to everything in a run, opened at its end by command, and every look on record."""

import json
from pathlib import Path

import pytest

from coevo.eval import load_suite, suite_texts
from coevo.loop.run_db import RunDB

from .conftest import SMALL, Cli

OWN = {
    "holdout": "{feedback: 0.4, hidden: 0.15, sealed: 0.15}",
    "curation": "{score: 40, edit: 8, synthesize: 12, verify: 8}",
    "evaluation.folds": "2",
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, cache: Path) -> Cli:
    """A finished run of one round with a sealed set, its feedback items in two folds."""
    made = Cli(tmp_path_factory.mktemp("sealed"), cache)
    arguments = [part for key, value in (SMALL | OWN).items() for part in ("--set", f"{key}={value}")]
    done = made("run", "--name", "s", "--rounds", "1", *arguments)
    assert done.returncode == 0, done.stderr
    return made


@pytest.mark.long
def test_it_is_closed_until_it_is_opened_and_each_look_is_recorded(sealed: Cli) -> None:
    root = sealed.folder / "runs" / "s"
    db = RunDB(root / "run.db")
    assert {r["split"] for r in db.rows("scores")} == {r["split"] for r in db.rows("deltas")} == {"feedback", "hidden"}
    texts = suite_texts(load_suite(root / "scores" / "suite-sealed.json"))
    assert len(texts) > 10
    report = (root / "report.html").read_text(encoding="utf-8")
    assert not any(text[:60] in report for text in texts if len(text) > 100)

    first = sealed("unseal", "s")
    assert first.returncode == 0, first.stderr
    assert "opened for the first time" in first.stdout and "accepted against base" in first.stdout
    again = sealed("unseal", "s", "--json")
    assert again.returncode == 0, again.stderr
    told = json.loads(again.stdout)
    assert "opened 1 times before" in told["record"] and len(told["looks"]) == 2
    assert {r["split"] for r in told["rows"]} == {"sealed"}
    lines = (root / "scores" / "sealed-access.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in lines] == [1, 1]
    assert {r["split"] for r in RunDB(root / "run.db").rows("deltas")} == {"feedback", "hidden"}


def test_a_round_is_judged_by_its_fold_and_the_end_by_all(sealed: Cli) -> None:
    db = RunDB(sealed.folder / "runs" / "s" / "run.db")
    counts = {
        (r["treatment"], r["reference"]): r["n"]
        for r in db.rows("deltas", split="feedback", benchmark="composite", round=1)
    }
    assert counts["main", "control"] < counts["accepted", "base"] <= 2 * counts["main", "control"] + 20


def test_a_run_without_one_says_so(finished: Cli) -> None:
    told = finished("unseal", "whole")
    assert told.returncode == 2
    assert "has no sealed set: start a run with --set holdout.sealed=0.06" in told.stderr
