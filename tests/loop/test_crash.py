"""Broken off in each node and resumed, a run ends with the same ledger, scores and plans as one that was left alone."""

import json
import random
import shutil
import signal
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from coevo.loop.context import RunContext
from coevo.loop.nodes.scoring import sample
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB
from coevo.loop.run_folder import RunFolder
from coevo.loop.workers import Workers
from coevo.tiers.store import Store

from .interrupt import Process, check_store, ledger, scores, table

pytestmark = pytest.mark.slow
RUN = "runs/whole"


@dataclass
class Battered:
    """A run that was killed in every node and stopped by its budget, and what was said on the way."""

    root: Path
    processes: list[Process] = field(default_factory=list)
    codes: dict[str, int] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    status: dict[str, Any] = field(default_factory=dict)
    report: str = ""


@pytest.fixture(scope="module")
def battered(finished, settings: list[str], tmp_path_factory: pytest.TempPathFactory) -> Battered:  # type: ignore[no-untyped-def]
    """Each process goes on where the one before was ended; the cache is its own, so that the base is trained anew."""
    cli = type(finished)(tmp_path_factory.mktemp("battered"), tmp_path_factory.mktemp("own-cache"), finished.forks)
    run = Battered(cli.folder / RUN)
    draw = random.Random(0)

    def next_process(*arguments: str) -> Process:
        run.processes.append(Process(cli, arguments or ("resume", "whole")))
        return run.processes[-1]

    # prepare: between two steps, in base training, in the noise floor
    process = next_process("run", "--name", "whole", "--rounds", "2", "--timeout", "1s", *settings)
    process.until_line("round 0 · ingest", draw.uniform(0, 0.1))
    process.kill()
    process = next_process()
    process.until_line("base model ·", draw.uniform(0, 0.5))
    run.codes["Ctrl-C"], run.said["Ctrl-C"] = process.interrupt(signal.SIGINT), process.text
    process = next_process()
    process.until_file(f"{RUN}/models/round-000/aa-*/trained.json")
    process.kill()
    # a round: each node half way
    process = next_process()
    process.until_line("round 1 · allocate")
    process.kill()
    process = next_process()
    process.until_file(f"{RUN}/tiers/scores/round-001-*.parquet")  # curate: scores are there, their step is not
    process.kill()
    process = next_process()
    process.until_file(f"{RUN}/models/round-001/*/trained.json")
    process.kill()
    process = next_process()
    process.until_line("round 1 · ")  # a slow machine sees the file late, and a new process hears no signal at first
    process.until_file(f"{RUN}/scores/round-001-*.parquet")
    run.codes["SIGTERM"], run.said["SIGTERM"] = process.interrupt(signal.SIGTERM), process.text
    process = next_process()
    process.until_file(f"{RUN}/ledger/001-*-demote.parquet")
    process.kill()
    # the budget of one second ends the run here
    process = next_process()
    process.until_line("done · ")
    process.kill()
    run.codes["budget"], run.said["budget"] = next_process().end(), run.processes[-1].text
    run.status = json.loads(cli("status", "whole", "--json").stdout)
    run.report = (run.root / "report.html").read_text(encoding="utf-8")
    run.codes["still over"], run.said["still over"] = next_process().end(), run.processes[-1].text
    run.codes["more"] = next_process("resume", "whole", "--timeout", "1h").end()
    run.said["more"] = run.processes[-1].text
    return run


@pytest.fixture
def scored(finished, tmp_path: Path) -> RunContext:  # type: ignore[no-untyped-def]
    """A run as a kill leaves it after the scores of round 2 were written and before their step was."""
    root = tmp_path / "whole"
    shutil.copytree(finished.folder / RUN, root, ignore=shutil.ignore_patterns("models"))
    for path in (*root.glob("ledger/002-*"), *root.glob("tiers/manifests/round-002*")):
        path.unlink()
    folder, stopping, quiet = RunFolder(root), threading.Event(), Progress(quiet=True)
    workers, db = Workers(1, stopping, quiet.job), RunDB(folder.database, create=True)
    return RunContext(folder, folder.config(), Store(root), db, workers, quiet, tmp_path, stopping)


@pytest.fixture
def whole(finished) -> Path:  # type: ignore[no-untyped-def]
    """The folder of the run that was left alone."""
    return Path(finished.folder / RUN)


def test_the_ledger_is_the_same(battered: Battered, whole: Path) -> None:
    assert battered.codes["more"] == 0, battered.said["more"]
    assert ledger(battered.root).equals(ledger(whole))
    check_store(battered.root)


def test_every_item_of_every_model_scores_the_same(battered: Battered, whole: Path) -> None:
    left, right = scores(whole), scores(battered.root)
    assert list(left) == list(right)
    assert [name for name in left if not left[name].equals(right[name])] == []


@pytest.mark.parametrize("name", ["rounds", "runs", "scores", "rubrics", "arms", "steps", "costs"])
def test_plans_and_what_was_learned_are_the_same(battered: Battered, whole: Path, name: str) -> None:
    assert table(battered.root, name) == table(whole, name)


def test_deltas_are_the_same_and_the_run_that_went_on_keeps_its_first_end(battered: Battered, whole: Path) -> None:
    first_end = [r for r in table(battered.root, "deltas") if r["round"] == 1 and r["reference"] == "base"]
    assert {r["split"] for r in first_end} == {"feedback", "hidden"}
    assert [r for r in table(battered.root, "deltas") if r not in first_end] == table(whole, "deltas")


def test_nothing_is_said_twice(battered: Battered, whole: Path) -> None:
    events = table(battered.root, "events")
    assert len(events) == len({json.dumps(e) for e in events})
    assert [e for e in events if "budget" not in e["message"]] == table(whole, "events")


def test_a_pass_killed_between_its_scores_and_its_step_draws_the_same_documents(scored: RunContext) -> None:
    drawn = {d.id for d in sample(scored, 2)}
    assert drawn and drawn == set(scored.store.scores(2)["doc_id"].to_pylist())


def test_a_node_that_is_done_again_says_nothing_again(scored: RunContext) -> None:
    before = len(scored.db.rows("events"))
    for _ in range(2):
        scored.event(2, "train", "warning", "main diverged")
    assert len(scored.db.rows("events")) == before + 1


def test_workers_end_with_their_controller(battered: Battered) -> None:
    assert [pid for process in battered.processes for pid in process.left()] == []


def test_no_half_written_file_is_left(battered: Battered) -> None:
    names = [p.name for p in battered.root.rglob("*")]
    assert [n for n in names if n.endswith((".tmp", ".part")) or (n.startswith(".") and n != ".lock")] == []


@pytest.mark.parametrize("how", ["Ctrl-C", "SIGTERM"])
def test_a_stopped_run_names_the_command_that_continues(battered: Battered, how: str) -> None:
    assert battered.codes[how] == 130, battered.said[how]
    assert "Continue with: coevo resume whole" in battered.said[how]
    assert "Traceback" not in battered.said[how]


def test_a_budget_ends_the_run_after_a_whole_round_and_says_so(battered: Battered) -> None:
    assert battered.codes["budget"] == 0, battered.said["budget"]
    assert "s left of 1 s, a round takes" in battered.said["budget"]
    assert battered.status["state"] == "finished" and battered.status["rounds_done"] == 1
    assert "s left of 1 s" in battered.status["stop_reason"]
    assert battered.status["continue"].startswith("coevo resume whole --timeout ")
    assert "s left of 1 s" in battered.report


def test_a_run_at_its_limit_begins_no_further_round(battered: Battered) -> None:
    assert battered.codes["still over"] == 2
    assert "run 'whole' has ended: 0 s left of 1 s" in battered.said["still over"]
    assert "coevo resume whole --timeout " in battered.said["still over"]
    assert "not finished" not in battered.said["still over"]
