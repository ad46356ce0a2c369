"""Process: compares trees in a process of its own, which is killed when it takes too long and started anew."""

import atexit
import json
import subprocess
import sys
import threading
from pathlib import Path

from .grammar import Tree

DRIVER = Path(__file__).with_name("driver.py")
SECONDS = 8.0
"""For one comparison; the first one takes the start of the process besides."""
START_SECONDS = 20.0


class Worker:
    """One process that answers one request at a time."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None
        self._lock = threading.Lock()

    def same(self, kind: str, left: Tree, right: Tree) -> bool:
        """What the driver answers; False where it takes too long or dies."""
        request = json.dumps({"kind": kind, "left": left, "right": right}) + "\n"
        with self._lock:
            fresh = self._process is None or self._process.poll() is not None
            process = self._started() if fresh or self._process is None else self._process
            assert process.stdin is not None and process.stdout is not None
            timer = threading.Timer(SECONDS + (START_SECONDS if fresh else 0), process.kill)
            timer.start()
            try:
                process.stdin.write(request)
                process.stdin.flush()
                reply = process.stdout.readline()
            except OSError:
                reply = ""  # killed: two answers that cannot be compared in time are not the same
            finally:
                timer.cancel()
            if not reply:
                self._end(process)
            return reply.strip() == "true"

    def _started(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-I", str(DRIVER)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, encoding="utf-8",
        )  # fmt: skip
        return self._process

    def _end(self, process: subprocess.Popen[str]) -> None:
        process.kill()
        process.communicate()
        self._process = None

    def close(self) -> None:
        """Ends the process, if there is one."""
        if self._process is not None:
            self._end(self._process)


WORKER = Worker()
atexit.register(WORKER.close)
