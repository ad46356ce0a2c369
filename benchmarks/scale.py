"""Sources to L1 in bulk at growing size: microseconds a document and peak memory, which must stay flat.

Made documents (1.7 KB of words by a skewed law, one in twenty a near copy) lie in JSONL; each size is built in a
process of its own on `--workers` workers; memory is that of all its processes together, sampled.
"""

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

CHILD = """
import json, sys
from pathlib import Path
from coevo.tiers.bulk import build
from coevo.tiers.config import BulkConfig, SourceConfig
from coevo.tiers.engine import engine
if __name__ == "__main__":
    built = build([SourceConfig(url=sys.argv[1])], Path(sys.argv[2]), BulkConfig(), engine("local", int(sys.argv[3])))
    print(json.dumps(built.model_dump()))
"""
FILE = 10_000


def write(folder: Path, n: int) -> int:
    """`n` documents in files of `FILE`.

    Returns:
        Bytes of text.
    """
    draw = random.Random(0)
    words = [
        "".join(draw.choice("bdgklmnprstv") + draw.choice("aeiou") for _ in range(2 + i % 3)) for i in range(30_000)
    ]
    small = ["the", "of", "and", "to", "in", "that", "with", "be", "have", "is", "a", "for", "on", "as"]
    weights = [1 / (i + 10) for i in range(len(words))]
    total, last = 0, ""
    for first in range(0, n, FILE):
        with (folder / f"{first:08d}.jsonl").open("w") as file:
            for i in range(first, min(first + FILE, n)):
                picked = draw.choices(words, weights, k=160)
                text = " ".join(f"{draw.choice(small)} {w}{'.' if k % 9 == 8 else ''}" for k, w in enumerate(picked))
                text = last.replace(" the ", " a ", 1) if i % 20 == 19 else text
                last = text
                total += len(text)
                file.write(json.dumps({"text": text, "id": i, "domain": "en"}) + "\n")
    return total


def measured(n: int, workers: int) -> dict[str, float]:
    """Build `n` documents: seconds and peak bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source, script = Path(folder) / "source", Path(folder) / "child.py"
        source.mkdir()
        script.write_text(CHILD)
        size = write(source, n)
        began = time.perf_counter()
        command = [sys.executable, script, source, Path(folder) / "out", str(workers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            peak = watched(child)
            built = json.loads(child.stdout.read() if child.stdout else "")
        seconds = time.perf_counter() - began
        if sum(built["read"].values()) != n:
            raise SystemExit(f"wanted {n} documents accounted for, got {built['read']}")
        return {"n": n, "seconds": seconds, "peak": peak, "size": size, "kept": sum(built["kept"].values())}


def watched(child: subprocess.Popen[str]) -> int:
    """Peak memory of a process and its children until it ends."""
    root, peak = psutil.Process(child.pid), 0
    while child.poll() is None:
        try:
            family = [root, *root.children(recursive=True)]
            peak = max(peak, sum(p.memory_info().rss for p in family))
        except psutil.NoSuchProcess:  # one ended while it was asked
            continue
        time.sleep(0.1)
    return peak


def main() -> None:
    """Print a row a size, and a JSON line."""
    parser = argparse.ArgumentParser(description="Time a document and memory of bulk builds at growing size")
    parser.add_argument("--quick", action="store_true", help="1,000 and 4,000 documents")
    parser.add_argument("--most", type=int, default=1_000_000, help="largest size")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    sizes = [1_000, 4_000] if given.quick else [n for n in (10_000, 100_000, 1_000_000) if n <= given.most]
    rows = [measured(n, given.workers) for n in sizes]
    for row in rows:
        each = 1e6 * row["seconds"] / row["n"]
        print(f"{row['n']:9.0f} documents  {row['size'] / 1e6:7.1f} MB  {row['seconds']:8.1f} s  {each:8.0f} us each  "
              f"peak {row['peak'] / 1e6:6.0f} MB  kept {row['kept']:.0f}")  # fmt: skip
    each = [1e6 * row["seconds"] / row["n"] for row in rows]
    line = {
        "name": "scale",
        "ours": round(each[-1], 1),
        "peer": round(each[0], 1),
        "ratio": round(each[-1] / each[0], 3),
    }
    line |= {"unit": "us a document (lower is better)", "peer_name": f"the same at {sizes[0]}", "n": sizes[-1]}
    print(
        json.dumps(
            line | {"spread": [round(min(each), 1), round(max(each), 1)], "peak_mb": round(rows[-1]["peak"] / 1e6)}
        )
    )


if __name__ == "__main__":
    main()
