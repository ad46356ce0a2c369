"""Peer process: a peer's program run by the interpreter of its own environment, outside of the repository."""

import json
import subprocess
from pathlib import Path
from typing import Any


def run_peer(python: Path, script: str, path: Path, *more: str) -> dict[str, Any] | str:
    """The JSON object that the program prints last, given `path` and `more`; or why there is none."""
    if not python.exists():
        return "not installed: make bench-peers"
    done = subprocess.run(
        [python, "-c", script, path, *more], cwd=path.parent, capture_output=True, text=True, check=False
    )
    if done.returncode:
        return f"failed: {(done.stderr.strip().splitlines() or ['?'])[-1][:200]}"
    found: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return found
