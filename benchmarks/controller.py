"""Controller overhead: what share of a run's rounds is neither agents, nor training, nor evaluation.

Usage: `python benchmarks/controller.py [RUN_FOLDER]` reads a finished run (default runs/embedded).
"""

import json
import statistics
import sys
from pathlib import Path

from coevo.loop.run_db import RunDB

WORK = ("curate", "train", "evaluate")


def main() -> None:
    """Print a table of rounds and one JSON line."""
    wanted = [a for a in sys.argv[1:] if not a.startswith("--")]
    db = RunDB(Path(wanted[0] if wanted else "runs/embedded") / "run.db")
    seconds = {(n["round"], n["node"]): n["seconds"] for n in db.rows("nodes")}
    shares = []
    print(f"{'round':>5} {'wall s':>8} {'work s':>8} {'controller s':>13} {'share':>7}")
    for row in db.rows("rounds", status="done"):
        if row["round"] == 0:
            continue
        wall = row["ended"] - row["started"] + seconds[row["round"], "allocate"]
        work = sum(seconds[row["round"], node] for node in WORK)
        shares.append((wall - work) / wall)
        print(f"{row['round']:>5} {wall:>8.2f} {work:>8.2f} {wall - work:>13.2f} {shares[-1]:>7.2%}")
    share = statistics.median(shares)
    told = {"name": "controller", "ours": share, "peer": 0.02, "ratio": share / 0.02, "unit": "share of a round"}
    print(json.dumps(told | {"peer_name": "limit", "n": len(shares), "spread": max(shares) - min(shares)}))


if __name__ == "__main__":
    main()
