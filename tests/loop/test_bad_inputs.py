"""The worst user: what is missing, broken, foreign or full is one sentence with exit code 2, and nothing is harmed."""

import json
import shutil
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.backends import check, open_chat
from coevo.loop.config import load_config
from coevo.loop.disk import DiskFull, explained, is_full
from coevo.loop.run_folder import open_run
from coevo.loop.view import story, tables
from coevo.tiers.apply import replay
from coevo.tiers.errors import AgentError, CoevoError, InputError
from coevo.tiers.ledger import Ledger
from coevo.tiers.store import Store


@pytest.mark.parametrize(
    ("override", "says"),
    [
        ("rounds=0", "rounds"),
        ("seed=-1", "seed"),
        ("workers=0", "workers"),
        ("curation.select=1.5", "curation.select"),
        ("curation.score=-1", "curation.score"),
        ("probes.count=-1", "probes.count"),
        ("probes.fraction=0", "probes.fraction"),
        ("holdout={feedback: 0.5, hidden: 0.5}", "leave something to train on"),
        ("budget.usd=-1", "budget.usd"),
        ("training.lr=.nan", "finite number"),
        ("domains=[]", "domains"),
        ("domains=[code, code]", "wanted each once"),
        ("domains=[a/b]", "domains"),
        ("sources=[]", "sources"),
        ("sources=[{url: ''}]", "sources.0.url"),
        ("feedback.reference={math/L9: 1}", "did you mean 'math/L"),
        ("rounds=[", "wanted a YAML value"),
        ("seed=!!python/object:os.system {}", "wanted a YAML value"),
        ("training=5", "training"),
    ],
)
def test_a_value_out_of_bounds_is_named(override: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        load_config("embedded", (override,))
    assert says in str(caught.value)
    assert "Value error" not in str(caught.value)


def test_a_model_url_is_a_word_although_yaml_sees_a_mapping() -> None:
    assert load_config("embedded", ("agents.scorer=student:",)).agents.scorer == "student:"
    assert load_config("embedded", ("curation.score=0", "probes.count=0")).probes.count == 0


def test_a_limit_that_is_no_number_is_one_sentence(cli: Any) -> None:
    done = cli("run", "--max-usd", "nan")
    assert (done.returncode, "Traceback" in done.stderr) == (2, False)
    assert "budget.usd" in done.stderr


def test_a_language_that_cannot_be_parsed_is_refused_before_any_work(cli: Any) -> None:
    done = cli("run", "--set", "clean.parse_languages=[jvascript]")
    assert done.returncode == 2 and "did you mean javascript or typescript?" in done.stderr
    assert not (cli.folder / "runs").exists()


def test_too_little_text_names_the_setting_and_leaves_the_name_free(cli: Any, settings: list[str]) -> None:
    folder = cli.folder / "corpus"
    folder.mkdir()
    (folder / "a.py").write_text("def f(x):\n    return x\n" * 500)
    done = cli("run", "--name", "thin", *settings, "--set", "sources=[{url: corpus}]")
    assert done.returncode == 2, done.stderr
    assert "--set 'domains=[code]'" in done.stderr
    assert not (cli.folder / "runs" / "thin").exists()


class Wrong(BaseHTTPRequestHandler):
    """A server that is no model server; the first part of the path says how."""

    answers = {  # noqa: RUF012
        "page": (200, b"<!DOCTYPE html><html>It works!</html>"),
        "nothing": (404, b"not found"),
        "other": (200, b'{"hello": "world"}'),
        "array": (200, b"[1, 2]"),
        "refused": (401, b'{"error": {"message": "bad key"}}'),
    }

    def do_GET(self) -> None:
        status, body = self.answers[self.path.split("/")[1]]
        self.rfile.read(int(self.headers.get("content-length") or 0))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the base class names it so
        return


@pytest.fixture(scope="module")
def wrong() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Wrong)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ("page", "does not speak the OpenAI protocol"),
        ("nothing", "has neither /models nor /chat/completions"),
        ("other", "does not speak the OpenAI protocol"),
        ("array", "does not speak the OpenAI protocol"),
        ("refused", "check key and credit"),
    ],
)
def test_a_server_of_another_sort_is_known_before_anything_is_spent(wrong: str, how: str, says: str) -> None:
    with pytest.raises(AgentError, match=says):
        check(open_chat(f"openai:m@{wrong}/{how}/v1"))


def cut(size: int) -> Callable[[Path], None]:
    def harm(path: Path) -> None:
        path.write_bytes(path.read_bytes()[:size])

    return harm


def folded(run: Path) -> Path:
    """The run with its write-ahead log folded in, so that harm to run.db is real harm."""
    with sqlite3.connect(run / "run.db") as db:
        db.execute("pragma wal_checkpoint(truncate)")
    db.close()
    return run


READERS: dict[str, Callable[[Path], object]] = {
    "status": lambda run: tables.status(run.parent, run.name),
    "rounds": lambda run: tables.rounds(open_run(run.parent, run.name).root),
    "show": lambda run: tables.show(open_run(run.parent, run.name).root, 1),
    "why": lambda run: story.why(open_run(run.parent, run.name).root, "math/L3"),
}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "harm"),
    [
        ("resolved.yaml", cut(300)),
        ("resolved.yaml", cut(0)),
        ("run.db", cut(9_000)),
        ("run.db", cut(0)),
        ("run.db", Path.unlink),
        ("run.db", lambda path: path.write_bytes(b"no database" * 999)),
        ("ledger/000-*-score.parquet", Path.unlink),
        ("ledger/001-*-score.parquet", cut(400)),
        ("tiers/documents/*", cut(400)),
        ("tiers/manifests/*", cut(30)),
        ("models/base/*", Path.unlink),
    ],
)
def test_reading_a_broken_run_tells_or_says_what_is_broken(
    finished: Any, tmp_path: Path, pattern: str, harm: Callable[[Path], None]
) -> None:
    run = folded(shutil.copytree(finished.folder / "runs" / "whole", tmp_path / "broken"))
    harmed = sorted(run.glob(pattern))
    assert harmed
    for path in harmed:
        harm(path)
    for name, read in READERS.items():
        try:
            read(run)
        except CoevoError as e:
            assert str(run) in str(e), f"{name} does not say where: {e}"
            assert "fork" not in str(e), "there is no such command"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("pattern", "harm", "says"),
    [
        (
            "resolved.yaml",
            lambda p: p.write_text(p.read_text().replace("seed: 0", "seed: 7", 1)),
            "other settings than",
        ),
        ("resolved.yaml", cut(300), "restore"),
        ("run.db", cut(0), "is empty"),
        ("ledger/002-*", Path.unlink, "is missing: restore it"),
        ("calls.db", lambda p: p.write_text("hello"), "cannot be used"),
    ],
)
def test_a_broken_run_is_not_resumed(
    finished: Any, pattern: str, harm: Callable[[Path], None], says: str, tmp_path: Path
) -> None:
    run = folded(shutil.copytree(finished.folder / "runs" / "whole", tmp_path / "broken"))
    for path in sorted(run.glob(pattern)):
        harm(path)
    done = finished("resume", "broken", "--runs", str(tmp_path), "--rounds", "3")
    assert done.returncode == 2, done.stderr
    assert says in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        sqlite3.OperationalError("database or disk is full"),
        RuntimeError("Error while serializing: I/O error: No space left on device (os error 28)"),
        shutil.Error([("a", "b", "[Errno 28] No space left on device: 'b'")]),
    ],
)
def test_every_library_s_full_disk_is_the_same_sentence(error: Exception, tmp_path: Path) -> None:
    with pytest.raises(DiskFull, match=f"the disk is full.*coevo resume {tmp_path.name}"), explained(tmp_path):
        raise error
    assert not is_full(OSError(2, "No such file"), tmp_path)


def test_a_damaged_database_is_no_bug_but_a_bug_stays_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="restore it from a copy"), explained(tmp_path):
        raise sqlite3.DatabaseError("database disk image is malformed")
    with pytest.raises(sqlite3.OperationalError, match="no such column"), explained(tmp_path):
        raise sqlite3.OperationalError("no such column: x")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 700 kB, which the small run fills."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run([mount, "-t", "tmpfs", "-o", "size=700k", "tmpfs", str(disk)], capture_output=True)
    if not done or done.returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.mark.slow
def test_a_full_disk_stops_the_run_and_room_lets_it_go_on(cli: Any, small_disk: Path, settings: list[str]) -> None:
    runs = ("--runs", str(small_disk))
    done = cli("run", "--name", "f", "--rounds", "1", *settings, *runs)
    assert done.returncode == 2, done.stderr
    assert "the disk is full" in done.stderr.splitlines()[-1]
    assert "coevo resume f" in done.stderr.splitlines()[-1]
    assert cli("status", "f", *runs).returncode == 0
    assert cli("resume", "f", *runs).returncode == 2
    subprocess.run(["mount", "-o", "remount,size=60m", str(small_disk)], check=True)
    done = cli("resume", "f", *runs)
    assert done.returncode == 0, done.stderr
    store = Store(small_disk / "f")
    assert store.verify() > 10
    assert replay(Ledger(small_disk / "f")).equals(store.holdings())
    assert json.loads(cli("status", "f", *runs, "--json").stdout)["state"] == "finished"
    assert not [p for p in (small_disk / "f").rglob("*") if p.suffix == ".tmp" or p.name.startswith(".math")]
    assert (small_disk / "f" / "report.html").is_file()
