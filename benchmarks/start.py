"""Seconds until `coevo --help` has answered, as whole processes, beside a bare `python -c "import click"`.

Alternating runs; the limit is 0.3 s. What is loaded tells why: nothing but click and what click needs.
"""

import argparse
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

LIMIT = 0.3


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of a whole process, which must succeed."""
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


def main() -> None:
    """Print a table, and a JSON line against the limit and one against the bare import."""
    parser = argparse.ArgumentParser(description="Seconds until `coevo --help` has answered")
    parser.add_argument("--quick", action="store_true", help="ten alternations instead of thirty")
    repeats = 10 if parser.parse_args().quick else 30
    coevo = [str(Path(sys.executable).with_name("coevo")), "--help"]
    bare = [sys.executable, "-c", "import click"]
    for command in (coevo, bare):
        seconds(command)  # byte code and page cache
    both = [(seconds(coevo), seconds(bare)) for _ in range(repeats)]
    mine, other = ([pair[side] for pair in both] for side in (0, 1))
    for name, some in (("coevo --help", mine), ('python -c "import click"', other)):
        print(f"{name:26} {statistics.median(some):.3f} s  ({min(some):.3f} to {max(some):.3f})")
    shared: dict[str, object] = {
        "name": "start",
        "ours": round(statistics.median(mine), 4),
        "unit": "s (lower is better)",
        "n": repeats,
    }
    for peer_name, some in (('python -c "import click"', other), ("limit", [LIMIT])):
        ratios = sorted(a / b for a, b in zip(mine, some * (repeats // len(some)), strict=True))
        line: dict[str, object] = {
            "peer": round(statistics.median(some), 4),
            "ratio": round(statistics.median(ratios), 3),
        }
        line |= {"peer_name": peer_name, "max": round(max(mine), 4)}
        print(json.dumps(shared | line | {"spread": [round(ratios[0], 3), round(ratios[-1], 3)]}))


if __name__ == "__main__":
    main()
