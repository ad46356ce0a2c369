"""A server that has imported coevo once and forks programs from itself, so that a test does not wait for imports.

A forked program is a real process: it has its own folder, environment, arguments and output, it hears signals and dies
of `kill -9`. Two things differ from a process of the shell: modules are there before they are asked for, and the two
worker processes of a run are forked as well. Tests of imports, of the interpreter's start and of spawned workers start
`python -m coevo.loop` (`Cli.own_process`).
"""

import gc
import importlib
import json
import os
import runpy
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest

from coevo.loop import workers

IMPORTS = [
    "coevo.agents.backends.openai",
    "coevo.agents.backends.student",
    "coevo.agents.exam",
    "coevo.eval.harness",
    "coevo.loop.cli",
    "coevo.loop.context",
    "coevo.loop.estimate",
    "coevo.loop.graph",
    "coevo.loop.nodes",
    "coevo.loop.runner",
    "coevo.loop.view.report",
    "coevo.loop.view.tables",
    "coevo.training.influence",
    "coevo.training.trainer",
    "datasets",
    "ftfy",
    "lm_eval.evaluator",
    "lm_eval.tasks",
    "pandas",
    "scipy.stats",
    "transformers.convert_slow_tokenizer",
    "transformers.models.llama.modeling_llama",
]
POOL = 2
"""Workers of the small run (conftest.py); a run that asks for another number spawns its own."""
MESSAGE = 1 << 20
"""Bytes of the longest request: arguments and environment of one command."""


def common(factory: pytest.TempPathFactory) -> Path:
    """The folder of this test session that all its processes share."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


class Forked:
    """A command that was forked: what `subprocess.Popen` tells of a process."""

    def __init__(self, status: int, stdout: int, stderr: int) -> None:
        self._status = os.fdopen(status, encoding="ascii")
        self.stdout, self.stderr = os.fdopen(stdout, encoding="utf-8"), os.fdopen(stderr, encoding="utf-8")
        self.pid = int(self._status.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """Its exit code if it has ended, else None."""
        return self._ended(0.0)

    def wait(self, seconds: float) -> int:
        """Its exit code.

        Raises:
            TimeoutError: it still runs after that many seconds.
        """
        code = self._ended(seconds)
        if code is None:
            raise TimeoutError(f"process {self.pid} runs longer than {seconds} s")
        return code

    def kill(self) -> None:
        """`kill -9` of this one process."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def communicate(self, seconds: float) -> tuple[str, str]:
        """All that it writes to standard output and error, until nobody can write any more.

        Raises:
            TimeoutError: it still runs after that many seconds; it is killed.
        """
        written = {self.stdout.fileno(): b"", self.stderr.fileno(): b""}
        deadline = time.monotonic() + seconds
        with self.stdout, self.stderr, selectors.DefaultSelector() as selector:
            for number in written:
                selector.register(number, selectors.EVENT_READ)
            while selector.get_map():
                events = selector.select(deadline - time.monotonic())
                if not events:
                    self.kill()
                    raise TimeoutError(f"process {self.pid} runs longer than {seconds} s")
                for key, _ in events:
                    part = os.read(key.fd, 1 << 16)
                    written[key.fd] += part
                    if not part:
                        selector.unregister(key.fd)
            texts = [text.decode("utf-8") for text in written.values()]
        self.wait(max(deadline - time.monotonic(), 1.0))
        return texts[0], texts[1]

    def _ended(self, seconds: float) -> int | None:
        if self.returncode is None:
            with selectors.DefaultSelector() as selector:
                selector.register(self._status, selectors.EVENT_READ)
                if selector.select(seconds):
                    self.returncode = int(self._status.readline())
                    self._status.close()
        return self.returncode


class Forks:
    """A client of the server at `address`, which it starts if there is none; the server ends with its last client."""

    def __init__(self, address: Path) -> None:
        self._connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            self._connection.connect(str(address))
        except OSError:
            address.unlink(missing_ok=True)
            begin(address)
            self._connection.connect(str(address))

    def start(
        self,
        arguments: Sequence[str],
        cwd: Path,
        env: Mapping[str, str],
        *,
        module: str = "coevo.loop",
        start_new_session: bool = False,
    ) -> Forked:
        """`python -m MODULE ARGUMENTS`, in a process of its own."""
        request: dict[str, Any] = {"module": module, "arguments": list(arguments), "cwd": str(cwd), "env": dict(env)}
        request["session"] = start_new_session
        reading, writing = zip(*(os.pipe() for _ in range(3)), strict=True)  # exit code, standard output and error
        socket.send_fds(self._connection, [json.dumps(request).encode()], writing)
        for number in writing:
            os.close(number)
        return Forked(*reading)

    def close(self) -> None:
        """Leave the server."""
        self._connection.close()


def begin(address: Path) -> None:
    """Start a server and wait until it listens."""
    command = [sys.executable, "-m", "tests.forks", str(address)]
    env = os.environ | workers.THREADS | workers.OFFLINE
    root = Path(__file__).parents[1]
    with subprocess.Popen(
        command,
        cwd=root,
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,  # pipes, as a command's output is: Python asks once whether it can seek
        stderr=subprocess.PIPE,
        start_new_session=True,
    ) as server:
        assert server.stdout is not None and server.stderr is not None
        if server.stdout.readline() != b"listening\n":
            raise RuntimeError(f"no server of forked commands: {server.stderr.read().decode()}")
        server.returncode = 0  # it goes on, and ends when its last client leaves


def serve(address: Path) -> str:
    """Fork programs until the last client has left; returns in every forked one alone: the module to run."""
    for name in IMPORTS:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()  # pages that no collection touches stay shared
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for watchers
    for message, numbers, sockets in asked(address):
        if forked(numbers):
            return become(json.loads(message), numbers[1:], sockets)
    address.unlink(missing_ok=True)
    sys.exit(0)


def asked(address: Path) -> Iterator[tuple[bytes, list[int], list[socket.socket]]]:
    """Requests of all clients with the pipes that came along, and the server's own sockets; ends with the clients."""
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(str(address))
    listener.listen()
    print("listening", flush=True)
    for number in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), number)
    clients: list[socket.socket] = []
    while True:
        for ready in select.select([listener, *clients], [], [])[0]:
            if ready is listener:
                clients.append(listener.accept()[0])
                continue
            message, numbers, _, _ = socket.recv_fds(ready, MESSAGE, 3)
            if message:
                yield message, numbers, [listener, *clients]
                continue
            ready.close()
            clients.remove(ready)
            if not clients:
                return


def forked(numbers: Sequence[int]) -> bool:
    """Whether this is the new process; between it and the server a watcher writes its id and its exit code."""
    status, *output = numbers
    if os.fork():
        for number in numbers:
            os.close(number)
        return False
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    child = os.fork()
    if not child:
        os.close(status)
        return True
    for number in output:
        os.close(number)
    os.write(status, f"{child}\n".encode())
    _, code = os.waitpid(child, 0)
    os.write(status, f"{os.waitstatus_to_exitcode(code)}\n".encode())
    os._exit(0)


def become(request: dict[str, Any], output: Sequence[int], sockets: Sequence[socket.socket]) -> str:
    """Take on the folder, environment, arguments and output that were asked for; the module to run."""
    for one in sockets:
        one.close()
    if request["session"]:
        os.setsid()
    for number, standard in zip(output, (1, 2), strict=True):
        os.dup2(number, standard)
        os.close(number)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.path[0] = request["cwd"]
    sys.argv[1:] = request["arguments"]
    if sys.argv[1:2] in (["run"], ["resume"]):
        fork_workers()
    return str(request["module"])


def fork_workers() -> None:
    """Fork the run's workers now, while this process has no threads; `Workers` takes them for those it would spawn."""
    fork = get_context("fork")
    queue = fork.SimpleQueue()
    pool = ProcessPoolExecutor(POOL, fork, workers._start, (queue, os.getpid()))
    pool.submit(int)  # the first job starts all processes
    spawned, waiting = workers.Workers._started, [pool]

    def started(self: workers.Workers) -> ProcessPoolExecutor:
        if self._pool is None and self.count == POOL and waiting:
            self._pool, self._queue = waiting.pop(), queue
        return spawned(self)

    workers.Workers._started = started  # type: ignore[method-assign]


if __name__ == "__main__":
    runpy.run_module(serve(Path(sys.argv[1])), run_name="__main__", alter_sys=True)
