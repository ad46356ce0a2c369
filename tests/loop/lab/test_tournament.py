"""Tournaments: resumable after a kill, fair to those that fail, honest in their intervals, and safe to look at."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from coevo.loop.cli import cli
from coevo.loop.lab import tournament
from coevo.loop.lab.play import parse_seeds
from coevo.loop.lab.report import render
from coevo.loop.lab.specs import make_world, parse
from coevo.loop.lab.standings import pairs, standings
from coevo.loop.lab.tournament import Entry, load, run
from coevo.loop.progress import Progress
from coevo.tiers.errors import InputError

RAISES, NAN, UNMADE = (f"tests.loop.lab.worlds:{n}" for n in ("Raises", "Nan", "CannotBeMade"))
ROOT = Path(__file__).parents[3]


class Inline:
    """Plays in this process, where no worker has to import anything."""

    def __init__(self, *_: object) -> None:
        pass

    def map(self, job: Callable[..., Any], items: list[tuple[Any, ...]]) -> list[Any]:
        return [job(*item) for item in items]

    def close(self) -> None:
        pass


def played(folder: Path, mechanisms: tuple[str, ...], worlds: tuple[str, ...] = ("planted",), seeds: int = 3) -> Entry:
    entry = Entry(mechanisms=mechanisms, worlds=worlds, seeds=tuple(range(70, 70 + seeds)), rounds=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tournament, "Workers", Inline)
        run(entry, folder, 1, Progress(quiet=True), threading.Event())
    return entry


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("tournament")
    played(path, ("uniform", "tier_prior", RAISES), ("planted", "null"))
    return path


def test_standings_are_what_was_planted(folder: Path) -> None:
    data = standings(load(folder))
    planted, null = data["worlds"]
    rows = {r["mechanism"]: r for r in planted["rows"]}
    assert rows["uniform"]["gain"] == 0.0 and rows["uniform"]["share"]["mean"] == 0.0
    assert planted["gap"] > 1 and null["gap"] == pytest.approx(0, abs=1e-9)
    assert null["rows"][0]["share"]["mean"] is None
    assert rows["uniform"]["cost"] == pytest.approx(4.4)
    assert rows["tier_prior"]["low"] < rows["tier_prior"]["gain"] < rows["tier_prior"]["high"]
    assert {(p["treatment"], p["reference"]) for p in planted["pairs"]} == {
        ("uniform", "tier_prior"),
        ("uniform", RAISES),
        ("tier_prior", RAISES),
    }


def test_a_failure_is_scored_and_its_reason_shown(folder: Path) -> None:
    row = next(r for r in standings(load(folder))["worlds"][0]["rows"] if r["mechanism"] == RAISES)
    assert row["failures"] == 3 and row["failed_rounds"] == 12 and "boom" in row["reason"]
    assert row["gain"] == 0.0  # its previous plan, the reference, stayed in force
    said = CliRunner().invoke(cli, ["lab", "report", str(folder)])
    assert said.exit_code == 0 and "failed in 3 worlds" in said.output and "boom" in said.output


def test_the_page_needs_nothing_else_and_escapes_what_it_is_told(folder: Path) -> None:
    page = render(standings(load(folder)))
    assert "<b>boom</b>" not in page and "&lt;b&gt;boom&lt;/b&gt;" in page
    assert not re.search(r"""(src|href)\s*=\s*["'](?!data:)""", page) and "<script" not in page and "url(" not in page
    assert page.count('class="curves"') == 2 and "polyline" in page


def test_a_finished_tournament_plays_nothing_again_and_takes_in_more(folder: Path) -> None:
    before = (folder / "results.jsonl").read_bytes()
    played(folder, ("uniform", "tier_prior", RAISES), ("planted", "null"))
    assert (folder / "results.jsonl").read_bytes() == before
    played(folder, ("uniform", "tier_prior", RAISES, "paper_schedule"), ("planted", "null"))
    assert (folder / "results.jsonl").read_bytes().startswith(before)
    assert len(load(folder).trajectories) == 4 * 2 * 3
    with pytest.raises(InputError, match="other rounds"):
        run(
            Entry(mechanisms=("uniform",), worlds=("planted",), seeds=(1,), rounds=9),
            folder, 1, Progress(quiet=True), threading.Event(),
        )  # fmt: skip


@pytest.mark.long
def test_killed_it_goes_on_and_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    arguments = ["lab", "tournament", "--mechanism", "uniform", "--mechanism", "structured_blr", "--rounds", "6"]
    arguments += ["--seeds", "5-64", "--workers", "2"]
    command = [sys.executable, "-m", "coevo.loop", *arguments, "--out", str(tmp_path / "killed")]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    results = tmp_path / "killed" / "results.jsonl"
    deadline = time.monotonic() + 120
    while not results.exists() or not results.read_bytes():
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    found = results.read_bytes()
    results.write_bytes(found[:-40])  # what a cut write leaves
    subprocess.run(command, check=True, capture_output=True)
    subprocess.run([*command[:-1], str(tmp_path / "whole")], check=True, capture_output=True)
    ends = [load(tmp_path / n) for n in ("killed", "whole")]
    keys = [{(t.mechanism, t.world, t.seed): t.composite for t in e.trajectories} for e in ends]
    assert keys[0] == keys[1] and len(keys[0]) == 120
    assert len(results.read_text().splitlines()) in (180, 181)


def test_paired_intervals_cover_the_truth_and_say_unresolved() -> None:
    rng = np.random.default_rng(0)
    covered, wrong = 0, 0
    for _ in range(400):
        common, n = rng.normal(0, 5, 12), 12
        one, other = common + rng.normal(0.3, 1, n), common + rng.normal(0, 1, n)
        [found] = pairs({"a": dict(enumerate(one)), "b": dict(enumerate(other))})
        covered += found["low"] <= 0.3 <= found["high"]
        [null] = pairs({"a": dict(enumerate(other)), "b": dict(enumerate(common + rng.normal(0, 1, n)))})
        wrong += null["verdict"] != "unresolved"
    assert 0.92 <= covered / 400 <= 0.98 and wrong / 400 <= 0.08


@pytest.mark.parametrize(
    ("mechanisms", "worlds", "wanted"),
    [
        (("tiers_prior",), ("planted",), "unknown feedback.mechanism"),
        (("uniform",), ("plantet",), "did you mean 'planted'"),
        (("uniform",), ("planted,colour=red",), "cannot be made"),
        (("uniform",), ("planted,drift",), "wanted name,key=value"),
        (("uniform,flor=.1",), ("planted",), "did you mean 'floor'"),
        (("uniform",), ("json:loads",), "wants a class, got function"),
        (("uniform",), ("planted,calibration.colour=1",), "a calibration has"),
        ((), ("planted",), "at least one mechanism"),
    ],
)
def test_bad_specs_are_said_before_any_work(
    mechanisms: tuple[str, ...], worlds: tuple[str, ...], wanted: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=re.escape(wanted)):
        played(tmp_path / "none", mechanisms, worlds)
    assert not (tmp_path / "none").exists()


def test_one_that_cannot_be_made_fails_alone(tmp_path: Path) -> None:
    entry = Entry(mechanisms=("uniform", UNMADE), worlds=("planted",), seeds=(70, 71), rounds=4)
    run(entry, tmp_path, 1, Progress(quiet=True), threading.Event())  # in a worker
    rows = {r["mechanism"]: r for r in standings(load(tmp_path))["worlds"][0]["rows"]}
    assert rows[UNMADE]["gain"] is None and "no such table" in rows[UNMADE]["reason"]
    assert rows["uniform"]["failures"] == 0
    assert render(standings(load(tmp_path)))


def test_worlds_with_other_parameters() -> None:
    world = make_world("planted,drift=0.2,calibration.forgetting=0.3,calibration.gain=[.1,.1,.1,.1,.1]", 4)
    assert world.drift == 0.2 and world.calibration.forgetting == 0.3 and world.gain.max() < 0.2  # type: ignore[attr-defined]
    assert parse("m:C,a.b=[1,2],c=x") == ("m:C", {"a": {"b": [1, 2]}, "c": "x"})


def test_seeds_and_single_runs_from_the_command_line(tmp_path: Path) -> None:
    assert parse_seeds("1000-1002,7") == (1000, 1001, 1002, 7)
    with pytest.raises(InputError, match="--seeds wants numbers"):
        parse_seeds("a-b")
    arguments = ["lab", "run", "tier_prior", "--rounds", "3", "--seed", "7", "--world", "planted,influence=0"]
    said = CliRunner().invoke(cli, [*arguments, "--json", "--keep", str(tmp_path / "kept")])
    data = json.loads(said.output)
    assert [r["round"] for r in data["rounds"]] == [1, 2, 3] and (tmp_path / "kept" / "run.db").is_file()
    assert data["gain"] == pytest.approx(data["trajectory"]["composite"][-1] - data["yardstick"]["uniform"][-1])
    table = CliRunner().invoke(cli, arguments)
    assert "behind oracle" in table.output and "over uniform" in table.output
