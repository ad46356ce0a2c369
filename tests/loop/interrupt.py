"""Runs that are broken off: real processes, killed at a line they print or a file they write, and what they leave."""

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import psutil
import pyarrow as pa
import pyarrow.parquet as pq

from coevo.loop.run_db import RunDB
from coevo.tiers.apply import replay
from coevo.tiers.store import Store

from ..forks import Forked

PATIENCE = 400.0
"""Seconds until a moment that does not come fails the test."""


class Cli(Protocol):
    """Where commands run (tests/loop/conftest.py)."""

    folder: Path

    def start(self, *arguments: str, start_new_session: bool) -> Forked:
        """A running command."""


@dataclass
class Process:
    """A command in a process group of its own, as a terminal starts it."""

    cli: Cli
    arguments: tuple[str, ...]
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._process = self.cli.start(*self.arguments, start_new_session=True)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def until(self, moment: Callable[[], bool]) -> None:
        """Wait for a moment, looking every millisecond: some last no longer than a few files' writing."""
        deadline = time.monotonic() + PATIENCE
        while not moment():
            assert self._process.poll() is None and time.monotonic() < deadline, self.text
            time.sleep(0.001)

    def until_line(self, line: str, seconds: float = 0.0) -> None:
        """Wait until it has said `line`, and some more."""
        self.until(lambda: any(line in said for said in self.said))
        time.sleep(seconds)

    def until_file(self, pattern: str) -> None:
        """Wait until a file of this name is there, below the folder in which it works."""
        self.until(lambda: any(self.cli.folder.glob(pattern)))

    def kill(self) -> None:
        """`kill -9` of the process that the user started; its workers are not told."""
        self._process.kill()
        assert self.end() == -signal.SIGKILL, self.text

    def interrupt(self, number: int) -> int:
        """A signal to the whole group, as Ctrl-C in a terminal and a scheduler's end are; its exit code."""
        os.killpg(self._process.pid, number)
        return self.end()

    def end(self) -> int:
        """Its exit code, once it has ended; whoever of the group outlives it holds its standard error open."""
        code = self._process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self._process.stdout.close()
        self._process.stderr.close()
        return code

    @property
    def text(self) -> str:
        """All that it said."""
        return "".join(self.said)

    def left(self) -> list[int]:
        """Processes of its group that still run."""
        return [p.pid for p in psutil.process_iter() if _in_group(p, self._process.pid)]

    def _read(self) -> None:
        self.said.extend(self._process.stderr)  # ends when nobody holds the pipe any more


def _in_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


UNEQUAL = {"started", "ended", "seconds", "at"}
"""Columns of wall time."""


def table(root: Path, name: str) -> list[dict[str, Any]]:
    """Rows of a table of `run.db` without wall times."""
    with RunDB(root / "run.db") as db:
        return [{k: v for k, v in row.items() if k not in UNEQUAL} for row in db.rows(name)]


def ledger(root: Path) -> pa.Table:
    """Every decision, without the seconds it took."""
    return Store(root).ledger.read().drop_columns(["seconds"])


def scores(root: Path) -> dict[str, pa.Table]:
    """Per-item results by file."""
    return {path.name: pq.read_table(path) for path in sorted((root / "scores").glob("*.parquet"))}


def check_store(root: Path) -> None:
    """What is held follows from the ledger, and every sealed part is as it was sealed."""
    store = Store(root)
    assert replay(store.ledger).equals(store.holdings())
    assert store.verify() > 0
