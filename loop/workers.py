"""Workers: long-lived processes of one thread each, in which training and evaluation run side by side."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.queues import SimpleQueue
from typing import Any

from ..tiers import gpu
from ..tiers.errors import TrainingError

# Two OpenMP threads on two busy cores spin against each other and make tiny models several times slower than one.
THREADS = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "TOKENIZERS_PARALLELISM": "false",
}
OFFLINE = {"HF_HUB_DISABLE_TELEMETRY": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}


class Stopping(Exception):
    """The run was asked to stop (Ctrl-C, SIGTERM); everything finished so far is on disk."""


@contextmanager
def stop_signals(say: Callable[[str], None]) -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets; a second Ctrl-C ends at once (which a resume survives as well)."""
    stopping = threading.Event()

    def ask(number: int, frame: object) -> None:
        if stopping.is_set():
            raise KeyboardInterrupt
        stopping.set()
        say("stopping at the next safe point (again to stop at once)")

    if threading.current_thread() is not threading.main_thread():
        yield stopping
        return
    before = {s: signal.signal(s, ask) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stopping
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


Report = Callable[[str, int, int, str], None]
_queue: "SimpleQueue[tuple[str, int, int, str]] | None" = None


def report(name: str, done: int, total: int, text: str) -> None:
    """Tell the controlling process how far a job is; called inside a worker."""
    if _queue is not None:
        _queue.put((name, done, total, text))


def _start(queue: "SimpleQueue[tuple[str, int, int, str]]", parent: int) -> None:
    global _queue
    _queue = queue
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the controller's to answer
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    """End with the controller: after its kill -9 nobody else would tell an idle worker."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


class Workers:
    """A pool of spawned processes; started on first use, reused for the whole run."""

    def __init__(self, count: int, stopping: threading.Event, on_report: Report) -> None:
        self.count = count
        self._stopping = stopping
        self._on_report = on_report
        self._pool: ProcessPoolExecutor | None = None
        self._queue: SimpleQueue[tuple[str, int, int, str]] | None = None

    def map(self, job: Callable[..., Any], items: list[tuple[Any, ...]]) -> list[Any]:
        """`job(*item)` for every item, results in order.

        Raises:
            Stopping: the run was asked to stop; finished jobs have left their artefacts on disk.
            TrainingError: a worker process died (out of memory, killed).
        """
        try:
            futures = self._submit([(_metered, (job, *item)) for item in items])
            self._wait(futures)
            for future in futures:
                if not future.exception():
                    gpu.note(future.result()[1])
            return [f.result()[0] for f in futures]
        except BrokenProcessPool as e:
            if self._stopping.wait(1.0):  # a SIGTERM to the whole group ends workers before the controller hears it
                raise Stopping from e
            self.close()
            raise TrainingError("a worker process died (out of memory or killed): free memory or set workers=1") from e

    def start(self) -> None:
        """Start the processes now, so that their imports overlap with other work."""
        self._submit([(_warm, ())] * self.count)

    def close(self) -> None:
        """End the processes without waiting for jobs that nobody will read."""
        pool, self._pool = self._pool, None
        if pool is None:
            return
        if self._stopping.is_set():  # a job in flight may take long, and leaves nothing half-written
            for process in list((pool._processes or {}).values()):
                process.terminate()
        pool.shutdown(wait=not self._stopping.is_set(), cancel_futures=True)

    def _submit(self, jobs: "list[tuple[Callable[..., Any], tuple[Any, ...]]]") -> "list[Future[Any]]":
        """Give jobs to the pool, which starts its processes on the way."""
        pool = self._started()
        # inherited by the processes: a Ctrl-C while they still import would print a traceback from each
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
        try:
            return [pool.submit(job, *item) for job, item in jobs]
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)

    def _started(self) -> ProcessPoolExecutor:
        if self._pool is None:
            os.environ.update(THREADS | OFFLINE)
            spawn = get_context("spawn")
            self._queue = spawn.SimpleQueue()
            self._pool = ProcessPoolExecutor(self.count, spawn, _start, (self._queue, os.getpid()))
        return self._pool

    def _wait(self, futures: "list[Future[Any]]") -> None:
        waiting = set(futures)
        while waiting:
            _, waiting = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            while self._queue is not None and not self._queue.empty():
                self._on_report(*self._queue.get())
            if self._stopping.is_set():
                raise Stopping  # without cancelling: the pool's thread fails on a cancelled job when `close` ends it


def _metered(job: Callable[..., Any], *item: Any) -> tuple[Any, list[gpu.Busy]]:
    """What a job gives, and the GPUs that it or its processes kept busy; runs in a worker."""
    with gpu.watched():
        made = job(*item)
    return made, gpu.taken()


def _warm() -> str:
    """Import what every job needs, while the controller reads its sources."""
    from ..eval import harness
    from ..training import trainer

    return f"{trainer.__name__} {harness.__name__}"
