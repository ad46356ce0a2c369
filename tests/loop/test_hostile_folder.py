"""A run folder of a stranger, or on a disk that may not be written: one sentence, no traceback, nothing runs."""

import contextlib
import errno
import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.journal import Journal, Recording
from coevo.loop.disk import refusal
from coevo.loop.run_db import RunDB
from coevo.tiers.errors import CoevoError
from tests.loop.conftest import Cli

PLANTED = {
    "a view": "create view more as select * from {table}",
    "a trigger on insert": "create trigger t after insert on {table} begin delete from {table}; end",
    "a trigger on delete": "create trigger t before delete on {table} begin select raise(abort, 'no'); end",
    "an index": "create index i on {table} ({column})",
    "an index that computes": "create index i on {table} (upper({column}))",
    "a table with a check": "create table extra (a text check (length(a) < 9))",
    "a generated column": "create table extra (a text, b text generated always as (upper(a)))",
    "a column as (...)": "create table extra (a text, b text as (upper(a)) stored)",
    "a virtual table": "create virtual table extra using fts5(a)",
}
REPLACED = "alter table {table} rename to kept; create view {table} as select * from kept"


def changed(path: Path, sql: str) -> None:
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.executescript(sql)


@pytest.mark.parametrize("create", [False, True])
@pytest.mark.parametrize("fault", [*PLANTED, "a view for a table"])
def test_what_is_no_plain_table_in_run_db_is_refused(fault: str, create: bool, tmp_path: Path) -> None:
    path = tmp_path / "run.db"
    with RunDB(path, create=True) as db:
        db.set_meta("kept", 1)
    changed(path, (PLANTED | {"a view for a table": REPLACED})[fault].format(table="meta", column="value"))
    with pytest.raises(CoevoError, match="coevo never makes") as caught:
        RunDB(path, create=create)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize("fault", [*PLANTED, "a view for a table"])
def test_what_is_no_plain_table_in_a_journal_is_refused(fault: str, tmp_path: Path) -> None:
    path = tmp_path / "calls.db"
    Journal(path).close()
    changed(path, (PLANTED | {"a view for a table": REPLACED})[fault].format(table="calls", column="answer"))
    for opened in (Journal, lambda p: Recording(p, "m")):
        with pytest.raises(CoevoError, match="coevo never makes"):
            opened(path)


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (OSError(errno.EMFILE, "Too many open files", "x.parquet"), "ulimit -n"),
        (OSError(errno.ENFILE, "Too many open files in system"), "ulimit -n"),
        (RuntimeError("I/O error: Too many open files (os error 24)"), "ulimit -n"),
        (PermissionError(errno.EACCES, "Permission denied", "runs/r/x"), "runs/r/x may not be read or written"),
        (OSError(errno.EROFS, "Read-only file system", "runs/r/x"), "work on a copy"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "make its folder writable"),
        (sqlite3.OperationalError("unable to open database file"), "make its folder writable"),
        (sqlite3.OperationalError("no such column: x"), ""),
        (KeyError("bug"), ""),
        (FileNotFoundError(errno.ENOENT, "No such file", "x"), ""),
    ],
)
def test_what_the_system_refuses_is_a_sentence_and_a_bug_is_not(error: Exception, says: str) -> None:
    assert says in refusal(error)
    assert bool(refusal(error)) == bool(says)


READING = [
    ("status", "whole"), ("rounds", "whole"), ("show", "whole", "1"), ("why", "whole", "math/L3"), ("tiers", "whole"),
    ("prompts", "whole"), ("contamination", "whole"), ("ask", "whole", "print"), ("status",), ("--help",),
]  # fmt: skip
WRITING = [("resume", "whole", "--rounds", "3"), ("report", "whole"), ("unseal", "whole")]


def grid(commands: list[tuple[str, ...]], quick: str) -> list[Any]:
    """All commands; those that are not `quick` are left to the long tests."""
    return [pytest.param(c, marks=[] if c[0] in quick.split() else pytest.mark.long, id=" ".join(c)) for c in commands]


@pytest.mark.slow
@pytest.mark.parametrize("command", grid(READING, "show"))
def test_a_terminal_without_unicode_shows_everything(command: tuple[str, ...], finished: Cli) -> None:
    finished.env |= {"PYTHONIOENCODING": "ascii", "LC_ALL": "C"}
    try:
        done = finished.own_process(*command)  # the interpreter reads them at its start
    finally:
        del finished.env["PYTHONIOENCODING"], finished.env["LC_ALL"]
    assert done.returncode == 0, done.stderr
    assert done.stdout.isascii() and done.stdout


@pytest.fixture(scope="module")
def sealed(finished: Cli, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder of runs on a file system that may not be written, even by root."""
    runs = tmp_path_factory.mktemp("sealed")
    shutil.copytree(finished.folder / "runs" / "whole", runs / "whole")
    mount = shutil.which("mount")
    if not mount or subprocess.run([mount, "--bind", str(runs), str(runs)], capture_output=True).returncode:
        pytest.skip("mounting a folder read-only is not allowed here")
    subprocess.run([mount, "-o", "remount,bind,ro", str(runs)], check=True)
    yield runs
    subprocess.run(["umount", "--lazy", str(runs)], check=True)


@pytest.mark.slow
@pytest.mark.parametrize("command", grid([c for c in READING if c != ("--help",)] + WRITING, "tiers resume report"))
def test_a_folder_that_may_not_be_written_is_read_and_refused_by_name(
    command: tuple[str, ...], finished: Cli, sealed: Path
) -> None:
    done = finished(*command, "--runs", str(sealed))
    assert "Traceback" not in done.stderr, done.stderr
    if command in WRITING:
        assert done.returncode == 2 and str(sealed) in done.stderr.splitlines()[-1]
    else:
        assert done.returncode == 0, done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", grid([*READING, *WRITING], "resume"))
def test_too_few_file_handles_are_a_sentence(command: tuple[str, ...], finished: Cli) -> None:
    line = ["sh", "-c", 'ulimit -n 24; exec "$@"', "sh", *map(str, finished.command(*command))]
    done = subprocess.run(
        line, cwd=finished.folder, env=finished.env | os.environ, text=True, capture_output=True, timeout=200
    )
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    assert done.returncode in (0, 2)
