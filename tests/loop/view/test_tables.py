"""status, rounds and show: the numbers of the run, nothing of it changed."""

import fcntl
import json
import os
from pathlib import Path

import pytest

from coevo.loop.run_db import RunDB
from coevo.loop.view import tables
from coevo.loop.view.headline import headline
from coevo.loop.view.reader import RunReader
from coevo.tiers.errors import InputError

from .conftest import write_run


def test_status_of_a_finished_run(run_folder: Path) -> None:
    data = tables.status(run_folder.parent, "demo")
    assert (data["state"], data["round"], data["rounds_done"], data["node"]) == ("finished", 3, 3, None)
    assert data["continue"] == "coevo resume demo --rounds 4"
    assert data["stop_reason"] == "3 of 3 rounds done"
    assert data["spent"]["seconds"] == pytest.approx(118.0 + 3 * 65.5)
    assert data["spent"]["calls"] == 3 * 220
    assert data["eta_seconds"] is None
    assert tables.is_finished(run_folder)


def test_status_of_a_run_that_stopped_in_training(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "half", finished=1)
    with RunDB(folder / "run.db", create=True) as db:
        db.insert("rounds", {"round": 2, "status": "running"})
        for node, result in (("allocate", {}), ("curate", {}), ("train", None)):
            db.insert("nodes", {"round": 2, "node": node, "key": "k", "result": result, "seconds": 5.0})
    data = tables.status(tmp_path, "half")
    assert (data["state"], data["round"], data["node"]) == ("stopped", 2, "train")
    assert data["continue"] == "coevo resume half"
    assert data["eta_seconds"] == pytest.approx(2 * 65.5 - 15.0)
    assert not tables.is_finished(folder)


def test_a_held_lock_means_running_and_reading_does_not_take_it(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "busy", finished=1)
    handle = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.write(handle, b"4242")
    data = tables.status(tmp_path, "busy")
    assert (data["state"], data["process"]) == ("running", 4242)
    os.close(handle)
    assert tables.status(tmp_path, "busy")["state"] == "stopped"


def test_the_list_of_runs_names_the_broken_one(tmp_path: Path) -> None:
    write_run(tmp_path / "good", finished=1)
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "resolved.yaml").write_text("rounds: 3\n")
    (tmp_path / "bad" / "run.db").write_text("nonsense")
    told = {r["run"]: r for r in tables.status(tmp_path)["runs"]}
    assert told["good"]["rounds_done"] == 1
    assert told["bad"]["state"] == "unreadable"
    assert "run.db" in told["bad"]["problem"]


def test_rounds_tell_gains_and_what_was_accepted(run_folder: Path) -> None:
    data = tables.rounds(run_folder)
    assert [(r["round"], r["accepted"]) for r in data["rounds"]] == [(1, "main"), (2, "control"), (3, "main")]
    second = data["rounds"][1]
    assert second["hidden_control"]["verdict"] == "loss"
    assert second["alarm"] == "feedback says gain, hidden says loss"
    assert second["seconds"] == pytest.approx(65.5)


def test_show_keeps_feedback_and_hidden_apart_with_the_composite_first(run_folder: Path) -> None:
    data = tables.show(run_folder, 1)
    pairs = [(c["treatment"], c["reference"], c["split"]) for c in data["comparisons"]]
    assert pairs[0][:2] == ("accepted", "base")
    assert pairs[-1] == ("probe-1", "centre", "feedback")
    assert len(set(pairs)) == len(pairs) == 7
    for group in data["comparisons"]:
        assert group["rows"][0]["benchmark"] == "composite"
        assert {r["split"] for r in group["rows"]} == {group["split"]}
        assert group["minimum_detectable"] == pytest.approx(2.8 * 0.02, rel=1e-3)


def test_a_round_that_is_not_there_is_one_sentence(run_folder: Path) -> None:
    with pytest.raises(InputError, match="has no round 9: there is 1, 2, 3"):
        tables.show(run_folder, 9)


def test_everything_is_json_without_nan(run_folder: Path) -> None:
    for data in (tables.status(run_folder.parent), tables.rounds(run_folder), tables.show(run_folder, 2)):
        assert json.loads(json.dumps(data, allow_nan=False)) == data


def test_the_headline_says_gain_control_and_decision(run_folder: Path) -> None:
    with RunReader(run_folder) as run:
        said = headline(run)
    assert said["verdict"] == "gain"
    assert said["sentence"].startswith("After 3 rounds the accepted model is better than its base on hidden items (+0.")
    assert "round 3's mixture is not told apart from equal tokens of control" in said["sentence"]
    assert said["sentence"].endswith("accepted its own mixture in 2 of 3 rounds and kept the control otherwise.")
    assert ". " not in said["sentence"]


def test_the_headline_of_a_run_without_rounds_claims_nothing(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "new", finished=0)
    with RunReader(folder) as run:
        assert headline(run)["verdict"] == "none"
    assert tables.rounds(folder)["rounds"] == []
    assert tables.status(tmp_path, "new")["node"] == "allocate"


def test_a_folder_without_config_is_one_sentence(tmp_path: Path) -> None:
    RunDB(tmp_path / "run.db", create=True).close()
    with pytest.raises(InputError, match=r"resolved\.yaml cannot be read"):
        tables.rounds(tmp_path)


def test_a_run_that_never_left_the_control_is_not_said_to_refuse_anything(tmp_path: Path) -> None:
    root = write_run(tmp_path / "still")
    with RunDB(root / "run.db", create=True) as db:
        for row in [r for r in db.rows("rounds") if r["round"]]:
            db.insert("rounds", row | {"plan": row["plan"] | {"mixture": row["plan"]["reference"]}})
    assert "kept to the control's mixture throughout" in tables.rounds(root)["headline"]
