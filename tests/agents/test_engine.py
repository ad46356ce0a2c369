"""The desk of an engine: questions of several threads go together, and an engine that dies is started again."""

import threading
import time
from collections.abc import Sequence

import pytest

from coevo.agents.backends import engine
from coevo.agents.backends.engine import Asked, Desk, EngineDied, Reply
from coevo.agents.backends.question import to_choose
from coevo.tiers.errors import InputError


class Mortal:
    """An engine that dies whenever it is asked about death."""

    def __init__(self, events: list[str]) -> None:
        self.events = events
        events.append("start")

    def ready(self, asked: Sequence[Asked]) -> None:
        return

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        if any("death" in a.question.turns[0]["content"] for a in asked):
            raise EngineDied("the engine died")
        return [{"options": [0.0, 0.0]} for _ in asked]

    def rest(self) -> bool:
        return False

    def close(self) -> None:
        self.events.append("close")


def test_an_engine_that_dies_is_started_again_but_not_for_ever() -> None:
    events: list[str] = []
    desk = Desk(lambda: Mortal(events))
    life, death = (Asked(to_choose(word, ["a", "b"]), 1) for word in ("life", "death"))
    for _ in range(engine.MAX_DEATHS - 1):
        with pytest.raises(EngineDied):
            desk.ask([death])
        assert desk.ask([life])[0][0] == {"options": [0.0, 0.0]}
    with pytest.raises(InputError, match="not started again"):
        desk.ask([death])
    assert events.count("start") == events.count("close") == engine.MAX_DEATHS


def test_questions_that_wait_go_together() -> None:
    sizes: list[int] = []

    class Slow(Mortal):
        def answer(self, asked: Sequence[Asked]) -> list[Reply]:
            sizes.append(len(asked))
            time.sleep(0.05)
            return super().answer(asked)

    desk = Desk(lambda: Slow([]))
    asked = Asked(to_choose("life", ["a", "b"]), 1)
    threads = [threading.Thread(target=desk.ask, args=([asked],)) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(sizes) == 16 and len(sizes) <= 4


def test_an_engine_that_cannot_start_ends_the_work_of_all_who_wait() -> None:
    def start() -> Mortal:
        raise InputError("no room")

    desk = Desk(start)
    with pytest.raises(InputError, match="no room"):
        desk.ask([Asked(to_choose("life", ["a", "b"]), 1)])


def test_an_engine_that_rests_is_not_closed() -> None:
    events: list[str] = []

    class Sleepy(Mortal):
        def rest(self) -> bool:
            events.append("rest")
            return True

    desk = Desk(lambda: Sleepy(events))
    desk.ask([Asked(to_choose("life", ["a", "b"]), 1)])
    desk.release(rest=True)
    desk.release()
    desk.release()
    assert events == ["start", "rest", "close"]
