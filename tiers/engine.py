"""Where bulk work runs: the same function over the same shards in this process, in several, or by Ray Data."""

import multiprocessing
import multiprocessing.connection
import os
import pickle
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, Literal, Protocol, TypeVar

from .errors import InputError

Result = TypeVar("Result")
Name = Literal["local", "ray"]
IN_FLIGHT = 2
"""Shards handed out a worker: one in work, one waiting; more would hold memory for nothing."""
THREADS = ("OMP_NUM_THREADS", "ARROW_NUM_THREADS")


class Engine(Protocol):
    """Runs shards."""

    def map(self, work: Callable[..., Result], shards: Iterable[Any], *rest: Any) -> Iterator[Result]:
        """`work(shard, *rest)` for every shard, results in the order of the shards.

        Args:
            work: importable by its name on every worker; leaves its data on disk and returns little.
            shards: consumed as workers become free.
            rest: further arguments, the same for all.
        """
        ...


class Inline:
    """In this process, one after another."""

    def map(self, work: Callable[..., Result], shards: Iterable[Any], *rest: Any) -> Iterator[Result]:
        """See `Engine`."""
        return (work(shard, *rest) for shard in shards)


class Processes:
    """In processes of this machine (spawned, as forks of a process with threads may hang), which live as long as it."""

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def map(self, work: Callable[..., Result], shards: Iterable[Any], *rest: Any) -> Iterator[Result]:
        """See `Engine`.

        Raises:
            InputError: a worker was killed.
        """
        if self._pool is None:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(self.workers, context, initializer=_as_worker)
        pool = self._pool
        return _windowed(lambda shard: pool.submit(work, shard, *rest), _result, shards, IN_FLIGHT * self.workers)


class RayData:
    """As tasks of a Ray Data pipeline, on the cluster that `RAY_ADDRESS` names or on one of this machine's.

    What work reads and leaves lies on disk: every worker must see the same folder.
    """

    def __init__(self, workers: int) -> None:
        try:
            import ray.data  # pyright: ignore[reportMissingImports]
        except ImportError as error:
            raise InputError(
                "engine: ray wants Ray Data, which is not installed: pip install 'coevo[ray]', or set engine: local"
            ) from error
        self.ray = ray
        self.workers = workers
        if not ray.is_initialized():
            os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
            local: dict[str, Any] = {} if os.environ.get("RAY_ADDRESS") else {"num_cpus": workers}
            ray.init(include_dashboard=False, log_to_driver=False, logging_level="ERROR", **local)
        settings = ray.data.DataContext.get_current()
        settings.enable_progress_bars = False
        settings.execution_options.preserve_order = True

    def map(self, work: Callable[..., Result], shards: Iterable[Any], *rest: Any) -> Iterator[Result]:
        """See `Engine`."""
        items = [{"shard": pickle.dumps(shard)} for shard in shards]
        if not items:
            return

        def one(row: dict[str, Any]) -> dict[str, Any]:
            _one_thread()
            return {"result": pickle.dumps(work(pickle.loads(row["shard"]), *rest))}

        made = self.ray.data.from_items(items, override_num_blocks=len(items)).map(one, num_cpus=1)
        for row in made.iter_rows():
            yield pickle.loads(row["result"])


def engine(name: Name, workers: int) -> Engine:
    """The engine of a configuration.

    Raises:
        InputError: there is none of the name, or its package is not installed.
    """
    if name == "ray":
        return RayData(workers)
    if name != "local":
        raise InputError(f"engine: wanted local or ray, got {name!r}")
    return Inline() if workers <= 1 else Processes(workers)


def _windowed(
    start: Callable[[Any], Any], finish: Callable[[Any], Result], shards: Iterable[Any], window: int
) -> Iterator[Result]:
    """Results in order, with at most `window` shards begun and not yet taken."""
    begun: deque[Any] = deque()
    for shard in shards:
        begun.append(start(shard))
        if len(begun) >= window:
            yield finish(begun.popleft())
    while begun:
        yield finish(begun.popleft())


def _result(future: "Future[Result]") -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a worker was killed, most likely for want of memory: take fewer workers and type the command again, "
            "it goes on where it was"
        ) from error


def _as_worker() -> None:
    """A worker of `Processes`: one thread, and gone as soon as who started it is (it would wait for work for ever)."""
    _one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for who started it
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)


def _one_thread() -> None:
    """Workers share the cores among themselves; threads inside each would fight over them."""
    import pyarrow as pa

    for name in THREADS:
        os.environ[name] = "1"
    pa.set_cpu_count(1)
