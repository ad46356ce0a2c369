"""Progress: one calm line per stage; a live line while something trains, plain lines where there is no terminal."""

import sys
import threading
import time


class Progress:
    """Tells a person what is being done; thread-safe, because nodes run in LangGraph's threads."""

    def __init__(self, quiet: bool = False) -> None:
        self._quiet = quiet
        self._live = sys.stderr.isatty()
        self._lock = threading.Lock()
        self._began = time.monotonic()
        self._jobs: dict[str, str] = {}

    def say(self, line: str) -> None:
        """One finished fact, with the seconds since the start."""
        if self._quiet:
            return
        with self._lock:
            self._clear()
            print(f"[{time.monotonic() - self._began:5.0f}s] {line}", file=sys.stderr, flush=True)

    def job(self, name: str, done: int, total: int, text: str) -> None:
        """How far a job in a worker is; shown live on a terminal only."""
        if self._quiet or not self._live:
            return
        with self._lock:
            self._jobs[name] = f"{name} {done}/{total} {text}"
            if done >= total:
                self._jobs.pop(name)
            self._clear()
            print("  " + " | ".join(self._jobs.values())[:110], end="\r", file=sys.stderr, flush=True)

    def _clear(self) -> None:
        if self._live:
            print("\x1b[2K\r", end="", file=sys.stderr)
