"""L0 to L1 by the published quality filters: documents a second beside datatrove's and py-data-juicer's, one core each.

The same documents, alternating runs, whole verdicts compared: `agreement` is the share of documents that both keep or
both drop. Peers run in their own environment (`make bench-peers`); an absent one is named and left out.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peer_process import run_peer

from coevo.tiers.clean import clean
from coevo.tiers.config import CleanConfig, IngestConfig, SourceConfig
from coevo.tiers.ingest import ingest

ROOT = Path(__file__).parents[1]
PEERS = ROOT / ".venv-peers"
FAMILIES = ("gopher-repetition", "gopher-quality", "c4", "fineweb")

DATATROVE = r"""
import json, logging, sys, time
logging.disable(logging.CRITICAL)
from loguru import logger
logger.remove()
import pyarrow.parquet as pq
from datatrove.data import Document
from datatrove.pipeline.filters import C4QualityFilter, FineWebQualityFilter, GopherQualityFilter, GopherRepetitionFilter
table = pq.read_table(sys.argv[1])
docs = [Document(text=t, id=i) for t, i in zip(table["text"].to_pylist(), table["id"].to_pylist())]
filters = [GopherRepetitionFilter(), GopherQualityFilter(), C4QualityFilter(filter_no_terminal_punct=False), FineWebQualityFilter()]
for f in filters: f.filter(Document(text="Warm up the tokenizer. " * 60, id="w"))
began = time.process_time()
kept = []
for doc in docs:
    kept.append(all((r is True or (isinstance(r, tuple) and r[0])) for r in (f.filter(doc) for f in filters)))
print(json.dumps({"seconds": time.process_time() - began, "kept": kept}))
"""
JUICER = r"""
import json, sys, time, logging
logging.disable(logging.CRITICAL)
from loguru import logger
logger.remove()
import pyarrow.parquet as pq
from data_juicer.ops.filter.alphanumeric_filter import AlphanumericFilter
from data_juicer.ops.filter.character_repetition_filter import CharacterRepetitionFilter
from data_juicer.ops.filter.special_characters_filter import SpecialCharactersFilter
from data_juicer.ops.filter.word_repetition_filter import WordRepetitionFilter
from data_juicer.ops.filter.words_num_filter import WordsNumFilter
from data_juicer.ops.filter.average_line_length_filter import AverageLineLengthFilter
from data_juicer.ops.filter.maximum_line_length_filter import MaximumLineLengthFilter
from data_juicer.utils.constant import Fields
table = pq.read_table(sys.argv[1])
ops = [AlphanumericFilter(), CharacterRepetitionFilter(), SpecialCharactersFilter(), WordRepetitionFilter(), WordsNumFilter(min_num=50), AverageLineLengthFilter(), MaximumLineLengthFilter()]
texts = table["text"].to_pylist()
def run(op, batch):
    batch = op.compute_stats_batched(batch)
    return list(op.process_batched(batch))
def once(texts):
    batch = {"text": list(texts), Fields.stats: [{} for _ in texts], Fields.context: [{} for _ in texts]}
    return [run(op, batch) for op in ops]
once(texts[:2])
began = time.process_time()
kept = [all(k) for k in zip(*once(texts))]
print(json.dumps({"seconds": time.process_time() - began, "kept": kept}))
"""


def corpus(path: Path, most: int) -> pa.Table:
    """English documents of this machine, as a file that every side reads."""
    caps = IngestConfig(max_documents=most, max_bytes=1 << 40, min_bytes=0, domains=("en",))
    docs = ingest([SourceConfig(url="local:")], caps, 0).documents
    pq.write_table(docs, path)
    return docs


def ours(docs: pa.Table) -> dict[str, Any]:
    """Seconds of processor time and verdicts."""
    began = time.process_time()
    kept = clean(docs, CleanConfig(house=False, packs=False, families=FAMILIES))["kept"].to_pylist()
    return {"seconds": time.process_time() - began, "kept": kept}


def main() -> None:
    """Print a table, and a JSON line for every peer."""
    parser = argparse.ArgumentParser(description="Documents a second of the quality filters, beside the peers")
    parser.add_argument("--quick", action="store_true", help="600 documents, three alternations")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder of the peers' environments")
    given = parser.parse_args()
    n, repeats = (600, 3) if given.quick else (4_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        docs = corpus(path, n)
        size = pc.sum(pc.binary_length(docs["text"])).as_py()
        print(f"{docs.num_rows} documents, {size / 1e6:.1f} MB, one core each; processor seconds")
        for name, script, environment in (
            ("datatrove 0.10", DATATROVE, "datatrove"),
            ("py-data-juicer 1.6", JUICER, "juicer"),
        ):
            compare(name, script, given.peers / environment / "bin" / "python", path, docs, repeats)


def compare(name: str, script: str, python: Path, path: Path, docs: pa.Table, repeats: int) -> None:
    """Alternate with one peer and print the two lines."""
    mine, theirs = [], []
    for _ in range(repeats):
        mine.append(ours(docs))
        other = run_peer(python, script, path)
        if isinstance(other, str):
            print(f"{name:20} {other}")
            return
        theirs.append(other)
    rates = [[docs.num_rows / r["seconds"] for r in runs] for runs in (mine, theirs)]
    ratios = [a / b for a, b in zip(*rates, strict=True)]
    agree = statistics.fmean(a == b for a, b in zip(mine[0]["kept"], theirs[0]["kept"], strict=True))
    middle = [statistics.median(r) for r in rates]
    print(f"{'coevo':20} {middle[0]:10.0f} documents/s   keeps {statistics.fmean(mine[0]['kept']):.3f}")
    print(
        f"{name:20} {middle[1]:10.0f} documents/s   keeps {statistics.fmean(theirs[0]['kept']):.3f}   agreement {agree:.3f}"
    )
    line = {
        "name": "filters",
        "ours": round(middle[0], 1),
        "peer": round(middle[1], 1),
        "unit": "documents/s",
        "peer_name": name,
    }
    line |= {"ratio": round(statistics.median(ratios), 2), "n": docs.num_rows, "agreement": round(agree, 4)}
    print(
        json.dumps(line | {"spread": [round(min(ratios), 2), round(max(ratios), 2)], "python": sys.version.split()[0]})
    )


if __name__ == "__main__":
    main()
