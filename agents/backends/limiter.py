"""Limiter: how many calls a server takes at once, found out as TCP does: one more after answers, half after a 429."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from weakref import WeakValueDictionary


class Limiter:
    """Shared by all chats with one server; threads wait here for their turn.

    Source: additive increase, multiplicative decrease (Chiu and Jain 1989). Calls that were on their way when the limit
    was halved do not halve it again: they say nothing about the new one.
    """

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = max(1, most)
        self._clock = clock
        self._limit = float(self.most)
        self._running = 0
        self._halved = 0
        self._closed_until = 0.0
        self._turn = threading.Condition()

    @property
    def limit(self) -> int:
        """Calls that may be under way now."""
        return max(1, int(self._limit))

    @contextmanager
    def turn(self, sleep: Callable[[float], None]) -> Iterator[int]:
        """One call's turn, after any pause that the server asked for; what it gives belongs into `overloaded`."""
        with self._turn:
            self._turn.wait_for(lambda: self._running < self.limit)
            self._running += 1
        try:
            pause = self._closed_until - self._clock()
            if pause > 0:
                sleep(pause)
            yield self._halved
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify()

    def answered(self) -> None:
        """The server answered: it may take a little more."""
        if self._limit >= self.most:
            return
        with self._turn:
            self._limit = min(float(self.most), self._limit + 1.0 / self._limit)
            self._turn.notify()

    def overloaded(self, entered: int, wait_seconds: float) -> None:
        """The server has too much to do: half as many calls, and none for a while."""
        with self._turn:
            if entered == self._halved:
                self._limit = max(1.0, self._limit / 2)
                self._halved += 1
            self._closed_until = max(self._closed_until, self._clock() + wait_seconds)


_limiters: "WeakValueDictionary[str, Limiter]" = WeakValueDictionary()
_lock = threading.Lock()


def limiter(server: str, most: int) -> Limiter:
    """The limiter of a server in this process; `most` of the last who asked holds."""
    with _lock:
        found = _limiters.get(server)
        if found is None:
            _limiters[server] = found = Limiter(most)
        found.most = max(1, most)
        return found
