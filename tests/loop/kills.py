"""Kills in one process: every write of a node is a moment at which the process may die, and each is tried in turn."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

MOST = 400
"""Kills after which a node that never ends fails the test."""


class Killed(BaseException):
    """The process died here; no code of the project catches it on purpose."""


class Killer:
    """Lets a number of writes pass and raises at each one after: a dead process writes nothing more."""

    def __init__(self) -> None:
        self.left = -1
        self.kills = 0

    def watch(self, patch: pytest.MonkeyPatch, place: Any, name: str) -> None:
        """Make each call of a function that writes a moment to die, just before it."""
        write = getattr(place, name)

        def watched(*given: Any, **named: Any) -> Any:
            self.moment()
            return write(*given, **named)

        patch.setattr(place, name, watched)

    def moment(self) -> None:
        """Die here if no write is left."""
        if self.left == 0:
            raise Killed
        self.left -= 1

    @contextmanager
    def armed(self, writes: int) -> Iterator[None]:
        """Let so many writes pass while the block runs."""
        self.left = writes
        try:
            yield
        finally:
            self.left = -1

    def batter(self, attempt: Callable[[], Any]) -> Any:
        """Repeat a node, killed before its first write, before its second, and so on, until it ends."""
        for writes in range(MOST):
            with suppress(Killed), self.armed(writes):
                return attempt()
            self.kills += 1
        raise AssertionError(f"the node did not end in {MOST} attempts")
