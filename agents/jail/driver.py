"""Driver: first process of the sandbox; it runs one job after another, each in fresh processes that know no other.

It never reads a job: a warden, forked from it for each job, does. The warden forks two processes before it reads: one
for the solution, one for the tests. It gives each its own part, waits for the verdict of the tests within the time
limit, kills both, and writes the outcome as one JSON line.
"""

import gc
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from . import solution_side, test_side
from .kernel import Limits, confinement
from .wire import LEFT, MAX_FRAME, Closed, receive, send

_FILES = 32
"""More than this process ever has open."""


def main(limits: Limits) -> None:
    """Runs jobs from standard input until its end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    confine = confinement(limits)
    for module in ("collections", "contextlib", "itertools", "math", "random", "re", "typing"):
        __import__(module)
    gc.freeze()  # a collection in a child would copy the pages that it shares with this process
    while _more():
        warden = os.fork()
        if warden == 0:
            _leave(lambda: _watch(limits, confine))
        _, status = os.waitpid(warden, 0)
        _clear()
        if status:
            sys.exit(1)  # the rest of its job may still be in the pipe


def _more() -> bool:
    """Whether another job begins: its first byte, which says nothing, is read here."""
    return bool(os.read(0, 1))


def _clear() -> None:
    """Ends every process that a job has left behind."""
    try:
        os.kill(-1, signal.SIGKILL)
        while True:
            os.waitpid(-1, 0)
    except (ProcessLookupError, ChildProcessError):
        return


def _leave(work: Callable[[], None]) -> None:
    """Does `work` and ends this process, without anything that Python or the work itself would do at its end."""
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def _watch(limits: Limits, confine: Callable[[], None]) -> None:
    """Runs the job that comes next on standard input."""
    requests, answers, script, verdict = (os.pipe() for _ in range(4))
    output = int(limits["output"])

    def solve() -> None:
        confine()
        solution_side.main(requests[0], answers[1], output)

    def test() -> None:
        confine()
        test_side.main(script[0], answers[0], requests[1], verdict[1])

    solver = _apart(solve, sorted((requests[0], answers[1])))
    tester = _apart(test, sorted((script[0], answers[0], requests[1], verdict[1])))
    for fd in (requests[0], *answers, script[0], verdict[1]):
        os.close(fd)
    job = receive(0)
    try:
        send(requests[1], {"code": job.pop("solution")})
        os.close(requests[1])
        send(script[1], job | {"output": output})
    except Closed:
        pass  # no verdict will come: that is the outcome
    outcome = _verdict(verdict[0], limits["seconds"])
    signals = [_ended(child) for child in (solver, tester)]
    sys.stdout.write(json.dumps(_outcome(outcome, *signals)) + "\n")
    sys.stdout.flush()


def _apart(work: Callable[[], None], own: Sequence[int]) -> int:
    """A child that does `work` with no open file but `own` (in ascending order) and an output that leads nowhere."""
    child = os.fork()
    if child:
        return child

    def alone() -> None:
        source, nowhere = os.pipe()
        os.close(source)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        for first, next_own in zip((2, *own), (*own, _FILES), strict=True):
            os.closerange(first + 1, next_own)
        work()

    _leave(alone)
    return 0


def _verdict(source: int, seconds: float) -> dict[str, Any]:
    """What the tests reported, or why they reported nothing."""
    end, kept = time.monotonic() + seconds, b""
    while select.select([source], [], [], max(0.0, end - time.monotonic()))[0]:
        part = os.read(source, 1 << 16)
        kept += part
        if not part or len(kept) > MAX_FRAME + 4:
            return _read(kept)
    return {"ok": False, "error": f"took longer than {seconds:g} s"}


def _read(frame: bytes) -> dict[str, Any]:
    try:
        return dict(json.loads(frame[4:]))
    except ValueError:
        return {"ok": False, "error": "", "doubt": "the process of the tests ended before they did"}


def _ended(child: int) -> int:
    """Kills a child; the signal that had ended it before, or 0."""
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    number = status & 127
    return 0 if number == signal.SIGKILL else number


def _outcome(outcome: dict[str, Any], solver: int, tester: int) -> dict[str, Any]:
    """The outcome, with the signal that ended a process early."""
    if solver and outcome["error"] == LEFT:
        outcome["error"] = f"ended by signal {solver}"
    if tester and outcome.get("doubt"):
        outcome["doubt"] = f"the process of the tests was ended by signal {tester}"
    return outcome
