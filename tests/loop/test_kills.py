"""A real round with paid models, killed before every write of every node: the same end, and nothing is paid twice."""

import json
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from coevo.loop.context import RunContext, open_context
from coevo.loop.graph import ROUND
from coevo.loop.nodes import bind
from coevo.loop.progress import Progress
from coevo.loop.run_db import TABLES, RunDB
from coevo.loop.run_folder import RunFolder
from coevo.loop.workers import Workers

from .interrupt import check_store, ledger, scores, table
from .kills import Killer
from .test_paid_calls import Handler, Server, hire

pytestmark = [pytest.mark.slow, pytest.mark.long]
NUMBER = 3
UNEQUAL = {"nodes", "artefacts"}
"""Tables of wall times, and of digests of files that hold some."""


class Steady(Handler):
    """Answers that do not depend on when they were asked for."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.desk.ask(body)
        usage = {"prompt_tokens": 100, "completion_tokens": 1}
        self.answer({"id": "0", "choices": [self.desk.choice(body)], "usage": usage})


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with Server() as server:
        server.RequestHandlerClass = Steady
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture(scope="module")
def workers() -> Iterator[Workers]:
    """One pool of processes for all attempts: they remember nothing of a run."""
    made = Workers(2, threading.Event(), lambda *_: None)
    yield made
    made.close()


@pytest.fixture(scope="module")
def before(finished: Any, server: Server, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of two rounds, its judges, verifier and strategist now played by a server."""
    root = Path(shutil.copytree(finished.folder / "runs" / "whole", tmp_path_factory.mktemp("kills") / "whole"))
    hire(root, server, ("scorer", "verifier", "strategist"), {"score": 24, "edit": 6, "synthesize": 12, "verify": 6})
    return root


def opened(root: Path, workers: Workers) -> RunContext:
    """What a new process has: everything read from disk again."""
    folder = RunFolder(root)
    folder.sweep()
    context = open_context(folder, folder.config(), Progress(quiet=True), threading.Event())
    return replace(context, workers=workers)


def played(root: Path, workers: Workers, killer: Killer | None) -> None:
    """A third round, node by node; with a killer, each node is killed before each of its writes."""
    state: dict[str, Any] = {"round": NUMBER - 1, "stop": ""}
    with RunDB(root / "run.db") as db:
        learned = next(r["result"] for r in db.rows("nodes", round=NUMBER - 1) if r["node"] == "learn")
    state |= {"start": learned["start"], "accepted": learned["accepted"], "runs": []}
    for name in ROUND:

        def attempt(name: str = name, given: dict[str, Any] = dict(state)) -> Any:  # noqa: B006 - a copy of now
            context = opened(root, workers)
            try:
                return bind(context)[name](given)  # type: ignore[arg-type]
            finally:
                context.db.close()

        state |= killer.batter(attempt) if killer else attempt()


def test_kills_before_every_write_change_nothing_and_cost_nothing(
    before: Path, server: Server, workers: Workers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calm, battered = (Path(shutil.copytree(before, tmp_path / name / "whole")) for name in ("calm", "battered"))
    played(calm, workers, None)
    asked, server.asked = server.asked, []
    killer = Killer()
    killer.watch_rows(monkeypatch)
    killer.watch_files(monkeypatch)
    played(battered, workers, killer)
    assert killer.kills > 60
    assert len(server.asked) == len(set(server.asked)) == len(asked), "a question was asked again"
    same(battered, calm)


def same(one: Path, other: Path) -> None:
    """Ledger, scores, tables and the questions that were paid for."""
    assert ledger(one).equals(ledger(other))
    check_store(one)
    left, right = scores(one), scores(other)
    assert list(left) == list(right) and [n for n in left if not left[n].equals(right[n])] == []
    for name in TABLES.keys() - UNEQUAL:
        assert without_wall_time(table(one, name)) == without_wall_time(table(other, name)), name
    assert questions(one) == questions(other)


def without_wall_time(value: Any) -> Any:
    """The same without what a call or a step took, at any depth."""
    if isinstance(value, dict):
        return {k: without_wall_time(v) for k, v in value.items() if k != "seconds"}
    return [without_wall_time(v) for v in value] if isinstance(value, list) else value


def questions(root: Path) -> list[tuple[str, str]]:
    """What was paid for; the strategist is shown wall times, so its questions are only counted."""
    with closing(sqlite3.connect(f"{(root / 'calls.db').as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("select key, scope from calls").fetchall()
    return sorted(("" if scope.endswith("/propose") else key, scope) for key, scope in rows)


def rolled_back(root: Path, at: Callable[[], None]) -> None:
    """Run `at` and put run.db back to what it was before, as a lost write-ahead log does."""
    kept = (root / "run.db").read_bytes()
    at()
    for path in root.glob("run.db*"):
        path.unlink()
    (root / "run.db").write_bytes(kept)


def test_a_database_older_than_the_files_is_rebuilt_to_the_same_end(
    before: Path, workers: Workers, tmp_path: Path
) -> None:
    calm, lost = (Path(shutil.copytree(before, tmp_path / name / "whole")) for name in ("calm", "lost"))
    played(calm, workers, None)
    rolled_back(lost, lambda: played(lost, workers, None))
    played(lost, workers, None)
    same(lost, calm)
