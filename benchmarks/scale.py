"""Sources to L2 in bulk at growing size: microseconds a document and peak memory, which must stay flat.

Documents of about 2 KB are four passages of real text each (shared data where it lies beside the checkout, else this
machine's own), drawn at random; one in twenty is a near copy of the one before. They lie in JSONL; each size is built
(read, cleaned, deduplicated, judged by rules on a sample, graded by the student, selected) in a process of its own on
`--workers` workers. Memory is the proportional set size of all its processes together, sampled.
"""

import argparse
import gzip
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil

CHILD = """
import json, sys
from pathlib import Path
from coevo.loop.build import Wanted, build_tiers
if __name__ == "__main__":
    wanted = Wanted((sys.argv[1],), Path(sys.argv[2]), workers=int(sys.argv[3]))
    print(json.dumps(build_tiers(wanted, lambda line: print(line, file=sys.stderr))))
"""
DEDUP = """
import json, sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from coevo.tiers.bulk import duplicates
from coevo.tiers.bulk.place import Place
from coevo.tiers.config import BulkConfig
from coevo.tiers.engine import engine
from coevo.tiers.parts import write_mapped
ROWS, SETTINGS = 20_000, BulkConfig().dedup
def shard(number, folder):
    # every twentieth text is nearly that in its place in shard 0 .. 9
    def drawn(n):
        return np.random.default_rng(n).integers(0, 1 << 32, (ROWS, SETTINGS.permutations), np.uint32)
    rows = drawn(number)
    if number > 9:
        rows[::20] = drawn(number % 10)[::20]
        rows[::20, :: 10] += 1
    name = f"{number:05d}"
    data = pa.FixedSizeBinaryArray.from_buffers(pa.binary(rows.shape[1] * 4), ROWS, [None, pa.py_buffer(rows)])
    ids = [f"{number * ROWS + i:016x}" for i in range(ROWS)]
    exact = np.random.default_rng(1 << 20 | number).integers(0, 1 << 63, ROWS, np.uint64)
    columns = {"id": ids, "source": ids, "size": [2000] * ROWS, "exact": exact, "signature": data}
    write_mapped(Place(folder).seen("sketches", name), pa.table(columns))
    write_mapped(Place(folder).seen("keys", name), duplicates.keys(pa.table(columns), SETTINGS))
    return name
if __name__ == "__main__":
    folder, runs = Path(sys.argv[2]), engine("local", int(sys.argv[3]))
    names = list(runs.map(shard, range(int(sys.argv[1]) // ROWS), folder))
    parts = duplicates.shards(folder, names, [])
    duplicates.find(folder, parts, SETTINGS, runs)
    print(json.dumps(sum(duplicates.refused(folder, part).is_valid().sum().as_py() for part in parts)))
"""
FILE = 10_000
PASSAGE, PASSAGES, POOL = 500, 4, 60_000
SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[2] / "shared" / "data")) / "l0"


def real_texts() -> Iterator[str]:
    """English prose and mathematics of the shared data, or what documentation this machine has."""
    paths = sorted(p for domain in ("en", "math") for p in (SHARED / domain).glob("*.jsonl.gz"))
    for path in paths:
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            yield from (str(json.loads(line).get("text") or "") for line in lines)
    if not paths:
        for path in sorted(Path(os.__file__).parent.rglob("*.py")):
            yield path.read_text(encoding="utf-8", errors="ignore")


def pool() -> list[str]:
    """Passages that begin and end between words."""
    found: list[str] = []
    for text in real_texts():
        for at in range(0, len(text) - PASSAGE, PASSAGE):
            found.append(text[at : at + PASSAGE].partition(" ")[2].rpartition(" ")[0])
        if len(found) >= 20 * POOL:
            break
    return random.Random(0).sample(found, min(POOL, len(found)))


def write(folder: Path, n: int) -> int:
    """`n` documents in files of `FILE`.

    Returns:
        Bytes of text.
    """
    draw, passages = random.Random(1), pool()
    total, last = 0, ""
    for first in range(0, n, FILE):
        with (folder / f"{first:08d}.jsonl").open("w", encoding="utf-8") as file:
            for i in range(first, min(first + FILE, n)):
                text = "\n\n".join(draw.choices(passages, k=PASSAGES))
                if i % 20 == 19:
                    words = list[str](last.split(" "))
                    words[draw.randrange(len(words))] = f"changed{i}"
                    text = " ".join(words)
                last = text
                total += len(text.encode())
                file.write(json.dumps({"text": text, "id": i, "domain": "en"}) + "\n")
    return total


def measured(n: int, workers: int) -> dict[str, float]:
    """Build `n` documents: seconds and peak bytes."""
    with tempfile.TemporaryDirectory() as folder:
        source, script = Path(folder) / "source", Path(folder) / "child.py"
        source.mkdir()
        script.write_text(CHILD)
        size = write(source, n)
        began, used = time.perf_counter(), sum(os.times()[2:4])
        command = [sys.executable, script, source, Path(folder) / "out", str(workers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            peak = watched(child)
            told = json.loads(child.stdout.read() if child.stdout else "")
        seconds, cpu = time.perf_counter() - began, sum(os.times()[2:4]) - used
        l1, l2 = told["l1"], told["l2"]
        near = l1["reasons"].get("near duplicate", 0)
        if sum(l1["read"].values()) != n or sum((*l2["kept"].values(), *l2["refused"].values())) != sum(
            l1["kept"].values()
        ):
            raise SystemExit(f"wanted {n} documents accounted for, got {l1} and {l2}")
        return {
            "n": n,
            "seconds": seconds,
            "cpu": cpu,
            "peak": peak,
            "size": size,
            "near": near,
            "kept": sum(l2["kept"].values()),
        }


def sketches(n: int, workers: int) -> None:
    """Deduplicate `n` made sketches out of core: what no text has to be read for."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "child.py"
        script.write_text(DEDUP)
        began, used = time.perf_counter(), sum(os.times()[2:4])
        command = [sys.executable, script, str(n), Path(folder) / "out", str(workers)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
            peak = watched(child)
            found = child.stdout.read().strip() if child.stdout else ""
        seconds, cpu = time.perf_counter() - began, sum(os.times()[2:4]) - used
        print(
            f"{n} sketches  {seconds:.1f} s  ({1e6 * cpu / n:.0f} us of a core each)  {peak / 1e6:.0f} MB  near {found}"
        )


def watched(child: subprocess.Popen[str]) -> int:
    """Peak memory of a process and its children until it ends; what they share counts once (where Linux tells)."""
    root, peak = psutil.Process(child.pid), 0
    while child.poll() is None:
        try:
            full = (p.memory_full_info() for p in (root, *root.children(recursive=True)))
            peak = max(peak, sum(getattr(m, "pss", m.rss) for m in full))
        except psutil.NoSuchProcess:  # one ended while it was asked
            continue
        time.sleep(0.25)
    return peak


def main() -> None:
    """Print a row a size, and a JSON line."""
    parser = argparse.ArgumentParser(description="Time a document and memory of bulk builds at growing size")
    parser.add_argument("--quick", action="store_true", help="1,000 and 4,000 documents")
    parser.add_argument("--most", type=int, default=1_000_000, help="largest size")
    parser.add_argument("--least", type=int, default=10_000, help="smallest size")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--sketches", type=int, help="only deduplicate so many made sketches, a multiple of 20,000")
    given = parser.parse_args()
    if given.sketches:
        return sketches(given.sketches, given.workers)
    sizes = (
        [1_000, 4_000] if given.quick else [n for n in (10_000, 100_000, 1_000_000) if given.least <= n <= given.most]
    )
    rows = []
    for n in sizes:
        rows.append(row := measured(n, given.workers))
        each, cpu = (1e6 * row[k] / n for k in ("seconds", "cpu"))
        print(
            f"{n:9} documents  {row['size'] / 1e6:7.1f} MB  {row['seconds']:8.1f} s  {each:6.0f} us each"
            f"  ({cpu:.0f} us of a core)  {row['peak'] / 1e6:6.0f} MB  near {row['near']:.0f}  L2 {row['kept']:.0f}",
            flush=True,
        )
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
