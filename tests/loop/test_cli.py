"""The command line: what a user reads, and one clear sentence with exit code 2 for what a user gets wrong."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from coevo.loop.run_db import RunDB
from coevo.loop.view.exposure import exposure
from coevo.loop.view.reader import RunReader


def test_help_loads_nothing_heavy() -> None:
    heavy = {"torch", "transformers", "langgraph", "datasets", "lm_eval", "pyarrow", "pydantic", "numpy", "httpx"}
    code = "import sys; from coevo.loop.cli import cli\n"
    code += "try: cli(['--help'])\nexcept SystemExit: print(sorted(sys.modules))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "co-evolution rounds" in told
    loaded = set(re.findall(r"'(\w+)'", told.splitlines()[-1]))
    assert not heavy & loaded


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("run", "--set", "training.stepz=3"), "did you mean 'steps'?"),
        (("run", "embeded"), "did you mean 'embedded'"),
        (("run", "--set", "feedback.mechanism=unifrom"), "did you mean 'uniform'?"),
        (("run", "--timeout", "soon"), "90s, 30m or 12h"),
        (("run", "--set", "agents.editor=opnai:x@http://127.0.0.1:1"), "did you mean openai:"),
        (("run", "--set", "sources=[{url: no/such/folder}]"), "no/such/folder"),
        (("run", "--name", "../up"), "plain folder name"),
        (("resume", "nothing"), "no run 'nothing'"),
        (("show", "nothing", "1"), "no run 'nothing'"),
        (("run", "--rounds", "0"), "Invalid value for '--rounds'"),
    ],
)
def test_mistakes_are_one_sentence_and_exit_code_2(cli, arguments: tuple[str, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    done = cli(*arguments)
    assert done.returncode == 2, done.stderr
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_a_foreign_folder_is_no_run(cli) -> None:  # type: ignore[no-untyped-def]
    folder = cli.folder / "runs" / "foreign"
    folder.mkdir(parents=True)
    (folder / "resolved.yaml").write_text("seed: 0\n")
    with sqlite3.connect(folder / "run.db") as db:
        db.execute("create table rounds (x)")
    for command in (("resume", "foreign"), ("status", "foreign"), ("rounds", "foreign")):
        done = cli(*command)
        assert done.returncode == 2, done.stderr
        assert "not a coevo run database" in done.stderr


def test_an_unreachable_server_is_said_and_nothing_is_lost(cli, settings: list[str]) -> None:  # type: ignore[no-untyped-def]
    done = cli("run", "--name", "dead", *settings, "--set", "agents.editor=openai:m@http://127.0.0.1:9/v1")
    assert done.returncode == 2
    assert "cannot reach http://127.0.0.1:9/v1" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_reading_commands_tell_one_story(finished) -> None:  # type: ignore[no-untyped-def]
    told = json.loads(finished("status", "whole", "--json").stdout)
    assert told["state"] == "finished"
    assert len(json.loads(finished("rounds", "whole", "--json").stdout)["rounds"]) == 2
    shown = json.loads(finished("show", "whole", "1", "--json").stdout)
    main = next(c for c in shown["comparisons"] if c["treatment"] == "main" and c["reference"] == "control")
    assert {d["benchmark"] for d in main["rows"]} >= {"composite", "arithmetic"}
    assert all(d["low"] <= d["gain"] <= d["high"] and d["n"] > 0 for d in main["rows"])
    assert all(d["p"] <= d["p_adjusted"] <= 1 and d["holds"] <= (d["verdict"] != "unresolved") for d in main["rows"])
    assert all((d["shrunk"] is None) == (d["benchmark"] == "composite") for d in main["rows"])
    names = {d["benchmark"] for d in main["rows"]}
    assert set(shown["foreseen"]) == {"feedback", "hidden"} and set(shown["foreseen"]["hidden"]) == names
    assert {s["benchmark"] for s in shown["screening"]} == names - {"composite"}
    assert all(0 <= s["p"] <= 1 and s["runs"] >= 2 for s in shown["screening"])
    for what in (("1",), ("math/L3",), ("clarity",)):
        assert finished("why", "whole", *what).returncode == 0


@pytest.mark.slow
def test_why_tells_a_made_document_from_its_source_to_its_worth(finished) -> None:  # type: ignore[no-untyped-def]
    from coevo.tiers.store import Store

    store = Store(finished.folder / "runs" / "whole")
    held = store.documents(tier=3).to_pylist()
    made = next(r for r in held if r["parents"])
    told = finished("why", "whole", made["id"][:10]).stdout
    assert made["parents"][0][:6] in told
    assert "trained on" in told


@pytest.mark.slow
def test_why_knows_which_documents_the_accepted_run_saw(finished) -> None:  # type: ignore[no-untyped-def]
    from coevo.tiers.store import Store

    root = finished.folder / "runs" / "whole"
    row = RunDB(root / "run.db").rows("runs", round=1, name="control")[0]
    held = pq.read_table(root / "models" / "round-001" / "blocks" / "documents.parquet").to_pylist()
    assert len(held) == sum(r["documents"] for r in RunDB(root / "run.db").rows("arms", round=1))
    with RunReader(root) as run:
        seen = [exposure(run, 1, r["arm"], r["id"]) for r in held]
    drawn = [s for s in seen if s and s["times"]]
    assert 0 < len(drawn) < len(held)
    assert sum(s["times"] for s in drawn) >= row["tokens"] // 128, "a block holds tokens of one document or more"
    assert all(s["drawn"] <= s["blocks"] for s in drawn)
    assert Store(root).document(held[0]["id"])


@pytest.mark.slow
def test_the_run_is_whole(finished) -> None:  # type: ignore[no-untyped-def]
    root = finished.folder / "runs" / "whole"
    db = RunDB(root / "run.db")
    assert [r["accepted"] in ("main", "control") for r in db.rows("rounds") if r["round"]] == [True, True]
    assert {r["name"] for r in db.rows("runs", round=1)} >= {"main", "control", "centre", "rubric-high", "rubric-low"}
    tokens = {(r["grp"], r["tokens"]) for r in db.rows("runs", round=1)}
    assert len(tokens) == len({group for group, _ in tokens}) == 3, "runs of a group have the same token count"
    for number in (1, 2):
        told = db.meta(f"rubric-probe-{number}")
        signed = [told["selection"][told["rubrics"].index(r)] * sign for r, sign in told["direction"].items()]
        assert sum(signed) > 1, "the two sides' documents are apart in the probed direction"
    for row in db.rows("steps"):
        assert row["count_in"] == row["kept"] + row["dropped"] + row["quarantined"], row
    page = (root / "report.html").read_text(encoding="utf-8")
    assert "<script" not in page
    assert not re.search(r"(src|href)=\"https?://", page)
    assert "rubrics rank high" in page
    told = json.loads(finished("why", "whole", "clarity", "--json").stdout)
    assert [e["round"] for e in told["evidence"]] == [1, 2]
    assert all(abs(e["apart"]) > 0 and e["sign"] in (1, -1, None) for e in told["evidence"])


@pytest.mark.slow
def test_checkpoints_stay_small(finished) -> None:  # type: ignore[no-untyped-def]
    with sqlite3.connect(finished.folder / "runs" / "whole" / "run.db") as db:
        (largest,) = db.execute("select max(length(checkpoint)) from checkpoints").fetchone()
    assert largest < 10_000


@pytest.mark.slow
def test_two_processes_cannot_work_on_one_run(finished) -> None:  # type: ignore[no-untyped-def]
    from coevo.loop.run_folder import RunFolder

    with RunFolder(finished.folder / "runs" / "whole").lock():
        done = finished("resume", "whole", "--rounds", "3")
    assert done.returncode == 2
    assert "is being worked on by process" in done.stderr


@pytest.mark.slow
def test_a_finished_run_says_how_it_is_extended(finished) -> None:  # type: ignore[no-untyped-def]
    done = finished("resume", "whole")
    assert done.returncode == 2
    assert "--rounds 3" in done.stderr


def test_runs_go_where_they_are_told(cli, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = cli("run", "--runs", str(blocked))
    assert done.returncode == 2
    assert "Choose another place with --runs" in done.stderr
