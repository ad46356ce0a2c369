"""Precision and recall on benchmark items that strong models rephrased, beside the usual 13-grams, by threshold.

Wanted is a file of pairs (`original` and `contaminated`, as in lm-sys/llm-decontaminator's test set) and a folder of
ordinary texts (`text`), both JSON lines with gzip. No ordinary text holds an item: what is refused of them is refused
in vain. Each file gives the same number of them, cut to a paragraph or two.
"""

import argparse
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from coevo.tiers.config import DecontaminateConfig
from coevo.tiers.decontaminate import decontaminate

THRESHOLDS = (0.12, 0.14, 0.16, 0.18, 0.20, 0.25)
SIZE = 1_500


def records(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a gzipped file of JSON lines."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        yield from map(json.loads, lines)


def ordinary(folder: Path, each: int) -> list[str]:
    """As many texts of each file."""
    rows = (
        row for path in sorted(folder.rglob("*.jsonl.gz")) for row, _ in zip(records(path), range(each), strict=False)
    )
    return [row["text"][:SIZE] for row in rows if row.get("text")]


def refused(texts: list[str], items: list[str], config: DecontaminateConfig) -> list[str]:
    """Reasons by text, empty where it is kept."""
    docs = pa.table({"id": [str(n) for n in range(len(texts))], "text": pa.array(texts, pa.large_string())})
    rows = decontaminate(docs, items, config).to_pylist()
    return ["" if row["kept"] else row["reason"] for row in rows]


def main() -> None:
    """Run, print a table, and one JSON line last."""
    parser = argparse.ArgumentParser(description=str(__doc__).partition("\n")[0])
    parser.add_argument("--pairs", type=Path, required=True, help="JSON lines, gzip")
    parser.add_argument("--ordinary", type=Path, required=True, help="folder of ordinary texts, JSON lines, gzip")
    parser.add_argument("--quick", action="store_true", help="fewer ordinary texts")
    parser.add_argument("--show", type=int, default=0, help="how many items that 0.16 does not find are shown")
    options = parser.parse_args()
    pairs = [r for r in records(options.pairs) if r.get("contaminated")]
    items, texts = sorted({r["original"] for r in pairs}), [r["contaminated"] for r in pairs]
    real = ordinary(options.ordinary, 60 if options.quick else 200)
    files = sorted({r["file"] for r in pairs})
    print(f"{len(pairs):,} rephrased of {len(items):,} items, {len(real):,} ordinary texts")
    print(f"{'':10}{'precision':>11}{'recall':>9}{'in vain':>9}  " + "".join(f"{f:>18}" for f in files))
    told: dict[str, tuple[float, float]] = {}
    for name, least in (("13-grams", 0.0), *((f"{t:g}", t) for t in THRESHOLDS)):
        reasons = refused([*texts, *real], items, DecontaminateConfig(paraphrase=least))
        found, vain = [bool(r) for r in reasons[: len(texts)]], sum(map(bool, reasons[len(texts) :]))
        precision, recall = sum(found) / max(sum(found) + vain, 1), sum(found) / len(found)
        told[name] = (precision, recall)
        by_file = [[f for f, r in zip(found, pairs, strict=True) if r["file"] == file] for file in files]
        shares = "".join(f"{sum(hits) / len(hits):18.1%}" for hits in by_file)
        print(f"{name:10}{precision:11.1%}{recall:9.1%}{vain / max(len(real), 1):9.2%}  {shares}")
        if name == "0.16":
            missed = [t for t, f in zip(texts, found, strict=True) if not f]
            print("".join(f"\n--- not found\n{t[:600]}\n" for t in missed[: options.show]), end="")
    ours, peer = told["0.16"], told["13-grams"]
    said = {"name": "paraphrase", "ours": ours[1], "peer": peer[1], "ratio": ours[1] / max(peer[1], 1e-9)}
    said |= {"unit": "recall", "peer_name": "13-grams", "n": len(pairs), "spread": [0, 0]}
    print(json.dumps(said | {"precision": ours[0], "peer_precision": peer[0], "ordinary": len(real)}))


if __name__ == "__main__":
    main()
