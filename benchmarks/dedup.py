"""MinHash near-duplicates (5-grams, 112 permutations): documents a second beside two peers, and what is found.

Peers: datatrove's four stages (14 bands of 8, the bands decide) and py-data-juicer's operator (14 bands of 8). `--bands
14` makes ours as many. CPU seconds of one core each, alternating; a peer that is not installed is named and left out.
Documents of this machine, and of every tenth a copy with one word in `--every` replaced. Recall: planted copies of
which one of the two was dropped; precision: dropped documents that are one of a planted pair or share more than half
of their 5-grams with another document (counted exactly). `--gold` takes instead the documents of a list of pairs that
another sketch found similar (quality/neardup_pairs.jsonl.gz; estimated Jaccard of 0.7 or more).
"""

import argparse
import json
import random
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from extraction import read
from peer_process import run_peer

from coevo.tiers.config import BulkConfig, IngestConfig, SourceConfig
from coevo.tiers.dedup import dedup
from coevo.tiers.ingest import ingest
from coevo.tiers.ingest.extract import extract

ROOT = Path(__file__).parents[1]
SETTINGS = BulkConfig().dedup
DATATROVE = r"""
import json, logging, sys, time
from pathlib import Path
logging.disable(logging.CRITICAL)
from loguru import logger
logger.remove()
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.dedup import MinhashDedupBuckets, MinhashDedupCluster, MinhashDedupFilter, MinhashDedupSignature
from datatrove.pipeline.dedup.minhash import MinhashConfig
from datatrove.utils.hashing import HashConfig
table = pq.read_table(sys.argv[1])
docs = lambda: (Document(text=t, id=i) for t, i in zip(table["text"].to_pylist(), table["id"].to_pylist()))
out = Path(sys.argv[1]).parent / f"datatrove-{time.time_ns()}"
config = MinhashConfig(hash_config=HashConfig(precision=64), num_buckets=14, hashes_per_bucket=8, n_grams=5)
began = time.process_time()
MinhashDedupSignature(output_folder=str(out / "s"), config=config).run(docs(), 0, 1)
for bucket in range(14):
    MinhashDedupBuckets(input_folder=str(out / "s"), output_folder=str(out / "b"), config=config).run(None, bucket, 14)
MinhashDedupCluster(input_folder=str(out / "b"), output_folder=str(out / "c"), config=config).run(None, 0, 1)
kept = [d.id for d in MinhashDedupFilter(input_folder=str(out / "c")).run(docs(), 0, 1)]
print(json.dumps({"seconds": time.process_time() - began, "kept": kept}))
"""
JUICER = r"""
import json, sys, time
import logging; logging.disable(logging.CRITICAL)
from loguru import logger
logger.remove()
import pyarrow.parquet as pq
from datasets import Dataset, disable_progress_bars
from data_juicer.ops.deduplicator.document_minhash_deduplicator import DocumentMinhashDeduplicator
from data_juicer.utils.constant import HashKeys
disable_progress_bars()
table = pq.read_table(sys.argv[1])
ids, texts = table["id"].to_pylist(), table["text"].to_pylist()
op = DocumentMinhashDeduplicator(num_permutations=112, num_bands=14, num_rows_per_band=8, window_size=5)
began = time.process_time()
samples = [op.compute_hash({"text": t, "id": i}) for i, t in zip(ids, texts)]
columns = {"id": ids, HashKeys.minhash: [s[HashKeys.minhash] for s in samples]}
kept = op.process(Dataset.from_dict(columns))[0]["id"]
print(json.dumps({"seconds": time.process_time() - began, "kept": list(kept)}))
"""
NEAR = 0.7
PEERS = (("datatrove 0.10", "datatrove", DATATROVE), ("py-data-juicer 1.6", "juicer", JUICER))


def corpus(path: Path, most: int, every: int) -> list[tuple[str, str]]:
    """Documents and planted copies as a file that both read; the planted pairs."""
    caps = IngestConfig(max_documents=most, max_bytes=1 << 40, min_bytes=0)
    docs = ingest([SourceConfig(url="local:")], caps, 0).documents
    ids, texts, sources, pairs = docs["id"].to_pylist(), docs["text"].to_pylist(), docs["source"].to_pylist(), []
    draw = random.Random(1)
    for i in range(0, docs.num_rows, 10):
        words = texts[i].split(" ")
        copy = " ".join(f"w{draw.randrange(9_999)}" if draw.random() < 1 / every else w for w in words)
        if len(words) >= 50:
            pairs.append((ids[i], f"copy-{ids[i]}"))
            ids, texts, sources = [*ids, f"copy-{ids[i]}"], [*texts, copy], [*sources, f"{sources[i]}~copy"]
    pq.write_table(pa.table({"id": ids, "text": pa.array(texts, pa.large_string()), "source": sources}), path)
    return pairs


def gold(path: Path, data: Path) -> list[tuple[str, str]]:
    """Documents of known near-duplicates as a file that both read; the pairs."""
    listed = [
        (r["a"], r["b"]) for r in read(data / "quality" / "neardup_pairs.jsonl.gz") if (r["jaccard_est"] or 0) >= NEAR
    ]
    wanted = {name for pair in listed for name in pair}
    texts: dict[str, str] = {}
    for file in sorted((data / "l0").glob("*/*.jsonl.gz")):
        for row in read(file):
            text = row.get("text") or (extract(row["html"]).text if row["id"] in wanted and "html" in row else None)
            texts |= {row["id"]: text} if text and row["id"] in wanted else {}
    ids = list(texts)
    pq.write_table(pa.table({"id": ids, "text": pa.array(texts.values(), pa.large_string()), "source": ids}), path)
    return [(a, b) for a, b in listed if a in texts and b in texts]


def shingles(text: str) -> set[tuple[str, ...]]:
    """5-grams of words and of Chinese characters, letters and digits only."""
    words = re.findall(r"[\u4e00-\u9fff]|[^\W_\u4e00-\u9fff]+", text.lower())
    return {tuple(words[i : i + 5]) for i in range(len(words) - 4)}


def quality(kept: set[str], table: pa.Table, pairs: list[tuple[str, str]]) -> tuple[float, float]:
    """Recall of planted pairs and precision of what was dropped."""
    texts = dict(zip(table["id"].to_pylist(), table["text"].to_pylist(), strict=True))
    found = sum(not {a, b} <= kept for a, b in pairs)
    planted = {name for pair in pairs for name in pair}
    held = {name: shingles(text) for name, text in texts.items()}
    where: dict[tuple[str, ...], list[str]] = {}
    for name, grams in held.items():
        for gram in list(grams)[:: max(1, len(grams) // 40)]:
            where.setdefault(gram, []).append(name)
    gone = [name for name in texts if name not in kept]
    right = sum(name in planted or _alike(name, held, where) for name in gone)
    return found / len(pairs), right / max(len(gone), 1)


def _alike(name: str, held: dict[str, set[tuple[str, ...]]], where: dict[tuple[str, ...], list[str]]) -> bool:
    near = {other for gram in held[name] for other in where.get(gram, ())[:50]} - {name}
    own = held[name]
    return not own or any(len(own & held[o]) > 0.5 * len(own | held[o]) for o in near)


def ours(table: pa.Table, bands: int) -> dict[str, Any]:
    """Processor seconds and ids kept."""
    settings = SETTINGS.model_copy(update={"bands": bands})
    began = time.process_time()
    verdicts = dedup(table, settings)
    return {"seconds": time.process_time() - began, "kept": verdicts["id"].filter(verdicts["kept"]).to_pylist()}


def judged(name: str, side: dict[str, Any], table: pa.Table, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    """A row of the table, printed."""
    recall, precision = quality(set(side["kept"]), table, pairs)
    rate = table.num_rows / side["seconds"]
    print(f"{name:20} {rate:9.0f} documents/s   recall {recall:.3f}   precision {precision:.3f}")
    return {"rate": round(rate, 1), "recall": round(recall, 4), "precision": round(precision, 4)}


def main() -> None:
    """Print a table and a JSON line a peer."""
    parser = argparse.ArgumentParser(description="MinHash near-duplicates beside datatrove and py-data-juicer")
    parser.add_argument("--quick", action="store_true", help="300 documents a domain, one alternation")
    parser.add_argument("--documents", type=int, default=4_000, help="at most so many of each domain")
    parser.add_argument("--every", type=int, default=40, help="one word in this many differs in a planted copy")
    parser.add_argument("--bands", type=int, default=SETTINGS.bands, help="bands of our signatures")
    parser.add_argument("--gold", type=Path, help="folder with quality/neardup_pairs.jsonl.gz and l0/")
    parser.add_argument("--peers", type=Path, default=ROOT / ".venv-peers", help="folder of the peers' environments")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        most = 300 if given.quick else given.documents
        pairs = gold(path, given.gold) if given.gold else corpus(path, most, given.every)
        table = pq.read_table(path)
        print(f"{table.num_rows} documents, {len(pairs)} pairs")
        ours(table.slice(0, 10), given.bands)  # what is imported and made once
        mine = judged("coevo", ours(table, given.bands), table, pairs)
        for name, environment, script in PEERS:
            python, ratios = given.peers / environment / "bin" / "python", list[float]()
            theirs: Any = "not run"
            for _ in range(1 if given.quick else 3):
                theirs = run_peer(python, script, path)
                if isinstance(theirs, str):
                    print(f"{name}: {theirs}")
                    break
                ratios.append(theirs["seconds"] / ours(table, given.bands)["seconds"])
            else:
                assert not isinstance(theirs, str)
                peer = judged(name, theirs, table, pairs)
                line = {"name": "dedup", "ours": mine["rate"], "peer": peer["rate"], "unit": "documents/s"}
                line |= {"ratio": round(sorted(ratios)[len(ratios) // 2], 2), "peer_name": name, "n": table.num_rows}
                line |= {"spread": [round(min(ratios), 2), round(max(ratios), 2)], "pairs": len(pairs)}
                print(json.dumps(line | {k: [mine[k], peer[k]] for k in ("recall", "precision")}))


if __name__ == "__main__":
    main()
