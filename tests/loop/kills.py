"""Kills in one process: every write of a node is a moment at which the process may die, and each is tried in turn."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coevo.loop.run_db import TABLES, RunDB
from coevo.tiers import whole

MOST = 600
"""Kills after which a node that never ends fails the test."""


class Killed(BaseException):
    """The process died here; no code of the project catches it on purpose."""


class Killer:
    """Lets the writes pass that a repeated node has passed before, and raises before the first new one and after it.

    A node that is repeated until nothing is new was killed once before each of its writes.
    """

    def __init__(self) -> None:
        self.kills = 0
        self._passed: set[str] = set()
        self._armed = self._dead = False

    def watch_rows(self, patch: pytest.MonkeyPatch) -> None:
        """Make each write to run.db a moment to die, just before it."""
        insert = RunDB.insert

        def watched(db: RunDB, table: str, rows: Any, replace: bool = True) -> None:
            many = [rows] if isinstance(rows, dict) else list(rows)
            names = TABLES[table].key or ("round", "node", "message")
            self._moment(f"{table} {[[row.get(name) for name in names] for row in many]}")
            insert(db, table, many, replace)

        patch.setattr(RunDB, "insert", watched)

    def watch_files(self, patch: pytest.MonkeyPatch) -> None:
        """Make each file and folder that gets its name a moment to die, just before it."""
        publish = whole.publish

        def watched(temporary: Path, path: Path) -> None:
            self._moment(str(path))
            publish(temporary, path)

        patch.setattr(whole, "publish", watched)

    def batter(self, attempt: Callable[[], Any]) -> Any:
        """Repeat a node, killed before its first write, before its second, and so on, until it ends."""
        self._passed = set()
        for _ in range(MOST):
            self._armed, self._dead = True, False
            try:
                return attempt()
            except Killed:
                self.kills += 1
            finally:
                self._armed = False
        raise AssertionError(f"the node did not end in {MOST} attempts")

    def _moment(self, write: str) -> None:
        if self._armed and (self._dead or write not in self._passed):
            if not self._dead:
                self._passed.add(write)
            self._dead = True  # a dead process writes nothing more
            raise Killed
