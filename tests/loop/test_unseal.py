"""The sealed set: closed to everything in a run, opened at its end by command, and every look on record."""

import itertools
import json
import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest

from coevo.eval import load_suite, suite_texts
from coevo.loop import unseal
from coevo.loop.context import RunContext
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import RunFolder
from coevo.loop.workers import Workers
from coevo.tiers.errors import InputError
from coevo.tiers.store import Store

from ..forks import Forks
from .conftest import SMALL, Cli

OWN = {
    "holdout": "{feedback: 0.4, hidden: 0.15, sealed: 0.15}",
    "curation": "{score: 40, edit: 8, synthesize: 12, verify: 8}",
    "evaluation.folds": "2",
}


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory, cache: Path, forks: Forks) -> Cli:
    """A finished run of one round with a sealed set, its feedback items in two folds."""
    made = Cli(tmp_path_factory.mktemp("sealed"), cache, forks)
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


def test_a_record_that_lost_or_changed_looks_is_refused(
    finished: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "whole"
    shutil.copytree(finished.folder / "runs" / "whole", root, ignore=shutil.ignore_patterns("models"))
    digests = itertools.count()
    monkeypatch.setattr(unseal, "suite", lambda *_: SimpleNamespace(digest=str(next(digests))))
    folder, stopping, quiet = RunFolder(root), threading.Event(), Progress(quiet=True)
    with RunDB(folder.database, create=True) as db:
        workers = Workers(1, stopping, quiet.job)
        context = RunContext(folder, folder.config(), Store(root), db, workers, quiet, tmp_path, stopping)
        assert [len(unseal._recorded(context)) for _ in range(2)] == [1, 2]
        path = unseal.record(folder)
        one, two = path.read_bytes().splitlines(keepends=True)
        other = one.replace(b'"at": "2', b'"at": "1')
        for damage in (b"", one, two, two + one, other + two, one + one, (one + two)[:-9], b"\xff" + one + two):
            path.write_bytes(damage)
            with pytest.raises(InputError, match=r"sealed-access\.jsonl"):
                unseal._recorded(context)
        path.unlink()
        with pytest.raises(InputError, match="lacks some of 2 looks"):
            unseal._recorded(context)
        path.write_bytes(one + two + two)  # the process died between the file and the database
        assert len(unseal._recorded(context)) == 4
        path.write_bytes(one + two)
        with pytest.raises(InputError, match="lacks some of 4 looks"):
            unseal._recorded(context)
