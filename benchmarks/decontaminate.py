"""CPU seconds of one thread to look for 10^4 items in 10^5 documents, quoted or rephrased, against Python sets.

Documents are real text of this machine (the installed packages' sources and documents, cut to 1,200 characters and made
different by a counter where there are not enough), items are passages held out of them. Planted are quotations and
rephrasings (every word after another is dropped or swapped). The peer is the usual script: a set of 13-grams of words,
looked up document by document, in one process; it finds quotations only.
"""

import argparse
import json
import os
import re
import site
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
import pyarrow as pa

from coevo.tiers.config import DecontaminateConfig
from coevo.tiers.decontaminate import decontaminate

SIZE, ITEM = 1_200, 300
WORD = re.compile(r"[^\W_]+")


def texts() -> Iterator[str]:
    """Pieces of the installed packages' files, in a fixed order."""
    for folder in (Path(os.__file__).parent, *map(Path, site.getsitepackages())):
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.rst"), *folder.rglob("*.md")]):
            whole = path.read_text(encoding="utf-8", errors="ignore") if path.is_file() else ""
            yield from (whole[at : at + SIZE] for at in range(0, len(whole) - SIZE, SIZE))


def corpus(documents: int, items: int) -> tuple[list[str], list[str]]:
    """Documents and items; of each hundred items one is quoted and one rephrased in some document."""
    pool: dict[str, None] = {}
    for text in texts():
        pool[text] = None
        if len(pool) >= documents + items:
            break
    found = list(pool)
    held, found = [t[:ITEM] for t in found[-items:]], found[:-items]
    found += [f"{n} {found[n % len(found)]}" for n in range(documents - len(found))]
    rng = np.random.default_rng(0)
    for n in range(0, items, 100):
        found[n] = f"{found[n][:400]}\n{held[n]}\n"
        found[n + 1] = f"{found[n + 1][:400]}\n{rephrase(held[n + 1], rng)}\n"
    return found, held


def rephrase(text: str, rng: np.random.Generator) -> str:
    """`text` with every fourth word left out and the others swapped in threes."""
    words = [w for w in text.split() if rng.random() > 0.25]
    for at in range(0, len(words) - 2, 3):
        words[at], words[at + 1] = words[at + 1], words[at]
    return " ".join(words)


def plain(documents: list[str], items: list[str]) -> int:
    """How many documents quote 13 words of an item, by sets of strings."""
    known = {gram for item in items for gram in grams(item)}
    return sum(any(gram in known for gram in grams(text)) for text in documents)


def grams(text: str) -> Iterator[str]:
    """Every 13 words in a row."""
    words = WORD.findall(text.lower())
    return (" ".join(words[at : at + 13]) for at in range(len(words) - 12))


def main() -> None:
    """Run, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: 10^4 documents, 10^3 items")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    documents, items = corpus(*((10_000, 1_000) if options.quick else (100_000, 10_000)))
    repeats = 2 if options.quick else options.repeats
    table = pa.table({"id": [str(n) for n in range(len(documents))], "text": pa.array(documents, pa.large_string())})
    seconds: dict[str, list[float]] = {"n-grams": [], "both": [], "plain": []}
    settings = {"n-grams": DecontaminateConfig(), "both": DecontaminateConfig(paraphrase=0.16)}
    answers: dict[str, Any] = {}
    for _ in range(repeats):
        for name, config in settings.items():
            began = time.process_time()
            answers[name] = np.asarray(decontaminate(table, items, config)["kept"].to_pylist())
            seconds[name].append(time.process_time() - began)
        began = time.process_time()
        answers["plain"] = plain(documents, items)
        seconds["plain"].append(time.process_time() - began)
    kept, quoting = answers["both"], answers["plain"]
    planted = np.arange(0, len(items), 100)
    found = f"quoted {1 - kept[planted].mean():.1%}, rephrased {1 - kept[planted + 1].mean():.1%} of those planted"
    megabytes = sum(map(len, documents)) / 1e6
    print(f"{len(documents):,} documents ({megabytes:.0f} MB), {len(items):,} items; found: {found}; plain: {quoting}")
    for name, took in seconds.items():
        print(f"{name:10} {statistics.median(took):7.2f} s  ({min(took):.2f} to {max(took):.2f})")
    for name in ("n-grams", "both"):
        ratios = sorted(b / a for a, b in zip(seconds[name], seconds["plain"], strict=True))
        told = {"name": f"decontaminate ({name})", "ours": round(statistics.median(seconds[name]), 2)}
        told |= {"peer": round(statistics.median(seconds["plain"]), 2), "ratio": round(statistics.median(ratios), 2)}
        told |= {"unit": "s (ratio = peer / ours)", "peer_name": "Python sets of 13-grams (quotations only)"}
        print(json.dumps(told | {"n": repeats, "spread": [round(ratios[0], 2), round(ratios[-1], 2)]}))


if __name__ == "__main__":
    main()
