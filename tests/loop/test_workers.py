"""Workers that are told to stop, or that die."""

import os
import signal
import threading
import time

import pytest

from coevo.loop.workers import Stopping, Workers
from coevo.tiers.errors import TrainingError


def die() -> None:
    """A job whose worker is killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def ignore(*_: object) -> None:
    return


def test_a_stop_ends_jobs_in_flight_and_leaves_no_broken_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    failed: list[object] = []
    monkeypatch.setattr(threading, "excepthook", lambda args: failed.append(args.exc_value))
    stopping = threading.Event()
    workers = Workers(1, stopping, ignore)
    workers.start()
    before = set(threading.enumerate())
    threading.Timer(1.0, stopping.set).start()
    began = time.monotonic()
    with pytest.raises(Stopping):
        workers.map(time.sleep, [(60.0,)] * 6)
    workers.close()
    for thread in set(threading.enumerate()) | before:
        if thread is not threading.current_thread() and "Executor" in type(thread).__name__:
            thread.join(30)
    assert time.monotonic() - began < 50
    assert failed == []


class Late(threading.Event):
    """A stop that the controller hears of after its workers have ended."""

    def wait(self, timeout: float | None = None) -> bool:
        self.set()
        return True


@pytest.mark.parametrize(("asked", "raises"), [(True, Stopping), (False, TrainingError)])
def test_workers_that_a_signal_ended_mean_a_stop_if_one_was_asked_for(asked: bool, raises: type[Exception]) -> None:
    stopping = Late() if asked else threading.Event()
    workers = Workers(1, stopping, ignore)
    with pytest.raises(raises):
        workers.map(die, [()])
    workers.close()
