"""Workers that are told to stop, or that die."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, wait
from typing import Any

import psutil
import pytest

from coevo.loop.workers import Stopping, Workers
from coevo.tiers.errors import TrainingError


def die() -> None:
    """A job whose worker is killed."""
    os.kill(os.getpid(), signal.SIGKILL)


def ignore(*_: object) -> None:
    return


def test_a_stop_ends_jobs_in_flight_and_cancels_none(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping, given = threading.Event(), list[Future[Any]]()
    workers = Workers(1, stopping, ignore)
    submit = workers._submit

    def remembered(jobs: Any) -> list[Future[Any]]:
        given.extend(submit(jobs))
        return given

    monkeypatch.setattr(workers, "_submit", remembered)
    threading.Timer(1.0, stopping.set).start()
    began = time.monotonic()
    with pytest.raises(Stopping):
        workers.map(time.sleep, [(60.0,)] * 6)
    # workers that a signal ends just now make the pool's thread fail on a cancelled job, with a traceback on the screen
    assert not any(future.cancelled() for future in given)
    workers.close()
    wait(given, timeout=30)
    assert time.monotonic() - began < 50


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


CONTROLLER = """
import os, threading, time
from coevo.loop.workers import Workers
workers = Workers(2, threading.Event(), print)
workers.map(os.getpid, [(), ()])
print("at work", flush=True)
workers.map(time.sleep, [(600.0,)] * 2)
"""


def test_spawned_workers_end_with_a_controller_that_is_killed() -> None:
    with subprocess.Popen([sys.executable, "-c", CONTROLLER], stdout=subprocess.PIPE, text=True) as controller:
        assert controller.stdout is not None and controller.stdout.readline() == "at work\n"
        children = psutil.Process(controller.pid).children()
        controller.kill()
    assert len(children) >= 2
    assert psutil.wait_procs(children, timeout=120)[1] == []
