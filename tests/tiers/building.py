"""Builds that are killed: `python building.py SOURCE OUT` builds in child processes and kills each with SIGKILL.

A child dies as soon as four files more than it found have appeared; the one that is left to finish ends the script,
which then prints how many were killed and in which stages.
"""

import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pyarrow as pa

from coevo.tiers.bulk.build import build
from coevo.tiers.bulk.selection import select_l2
from coevo.tiers.config import BulkConfig, BulkSelection, SourceConfig
from coevo.tiers.engine import Inline

CONFIG = BulkConfig(shard_documents=70, selection=BulkSelection(labels=60))
FILES = 4
LAST = ("keys/", "meetings/", "groups/", "l1/", "judged/sample", "judged/labels", "grades/", "l2/")
"""What a stage writes last of a shard: where it is there, nothing of the shard is made again."""


def judge(documents: pa.Table) -> pa.Table:
    """Long words are good."""
    score = [sum(map(len, t.split())) / len(t.split()) for t in documents["text"].to_pylist()]
    return pa.table({"doc_id": documents["id"], "rubric": ["words"] * len(score), "score": score})


def whole(source: str, out: Path) -> None:
    """A build to L2 in this process."""
    built = build([SourceConfig(url=source)], out, CONFIG, Inline())
    select_l2(out, built, CONFIG.selection, judge, "words", Inline())


def files(out: Path) -> dict[str, int]:
    """Finished parts and when each was written."""
    return {
        str(p.relative_to(out)): p.stat().st_mtime_ns for p in out.rglob("*.*") if p.suffix in (".parquet", ".arrow")
    }


def until_killed(source: str, out: Path) -> str:
    """Build in a child until it is done or has left some files more; the stage in which it was killed, or ""."""
    before = files(out)
    child = os.fork()
    if not child:
        whole(source, out)
        os._exit(0)
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        new = {n: t for n, t in files(out).items() if n not in before}
        if len(new) >= FILES:
            os.kill(child, signal.SIGKILL)
            if os.WIFSIGNALED(os.waitpid(child, 0)[1]):
                return max(new, key=new.__getitem__).partition("/")[0]
            return ""
        time.sleep(0.001)
    return ""


if __name__ == "__main__":
    place, stages, again = Path(sys.argv[2]), Counter[str](), 0
    place.mkdir()
    while True:
        held = files(place)
        stage = until_killed(sys.argv[1], place)
        now = files(place)
        again += sum(now[name] != t for name, t in held.items() if name.startswith(LAST))
        if not stage:
            break
        stages[stage] += 1
    print(json.dumps({"kills": stages.total(), "stages": sorted(stages), "again": again}))
