"""L0 to L1 by the published quality filters: documents a second beside datatrove's and py-data-juicer's, one core each.

The same documents, alternating runs, verdicts compared: `agreement` is the share of documents that both keep or both drop,
by all filters and by each alone on the texts as they come. Ours count words as datatrove does (`clean.words: marks`); how
much is kept by words between white space is said beside. Peers run in their own environment (`make bench-peers`); an
absent one is named and left out.
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from peer_process import run_peer

from coevo.tiers.clean import clean
from coevo.tiers.config import CleanConfig, IngestConfig, SourceConfig
from coevo.tiers.filters.words import cut
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
def passes(f, doc):
    r = f.filter(doc)
    return r is True or (isinstance(r, tuple) and r[0])
began = time.process_time()
kept = [all(passes(f, doc) for f in filters) for doc in docs]
found = {"seconds": time.process_time() - began, "kept": kept}
if len(sys.argv) > 2:
    fresh = lambda: (Document(text=t, id=i) for t, i in zip(table["text"].to_pylist(), table["id"].to_pylist()))
    found["by"] = {n: [passes(f, d) for d in fresh()] for n, f in zip(("gopher-repetition", "gopher-quality", "c4", "fineweb"), filters)}
print(json.dumps(found))
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


def corpus(path: Path, most: int, source: str) -> pa.Table:
    """English documents of a source, as a file that every side reads."""
    caps = IngestConfig(max_documents=most, max_bytes=1 << 40, min_bytes=0, domains=("en",))
    docs = ingest([SourceConfig(url=source, domain=None if source == "local:" else "en")], caps, 0).documents
    pq.write_table(docs, path)
    return docs


def ours(
    docs: pa.Table, words: Literal["spaces", "marks"] = "marks", families: tuple[str, ...] = FAMILIES
) -> dict[str, Any]:
    """Seconds of processor time and verdicts."""
    cut.cache_clear()  # what was learned from the last run would make this one faster
    began = time.process_time()
    config = CleanConfig(house=False, packs=False, families=families, words=words)
    kept = clean(docs, config)["kept"].to_pylist()
    return {"seconds": time.process_time() - began, "kept": kept}


def agreement(mine: list[bool], theirs: list[bool]) -> float:
    """Share of documents with the same verdict."""
    return statistics.fmean(a == b for a, b in zip(mine, theirs, strict=True))


def main() -> None:
    """Print a table, and a JSON line for every peer."""
    parser = argparse.ArgumentParser(description="Documents a second of the quality filters, beside the peers")
    parser.add_argument("--quick", action="store_true", help="2,000 documents, two alternations")
    parser.add_argument("--source", default="local:", help="where English documents come from (default: this machine)")
    parser.add_argument("--peers", type=Path, default=PEERS, help="folder of the peers' environments")
    given = parser.parse_args()
    n, repeats = (2_000, 2) if given.quick else (4_000, 5)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "corpus.parquet"
        docs = corpus(path, n, given.source)
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
    agree = agreement(mine[0]["kept"], theirs[0]["kept"])
    middle = [statistics.median(r) for r in rates]
    spaces = statistics.fmean(ours(docs, "spaces")["kept"])
    print(
        f"{'coevo':20} {middle[0]:10.0f} documents/s   keeps {statistics.fmean(mine[0]['kept']):.3f} "
        f"({spaces:.3f} by words between white space)"
    )
    print(
        f"{name:20} {middle[1]:10.0f} documents/s   keeps {statistics.fmean(theirs[0]['kept']):.3f}   agreement {agree:.3f}"
    )
    by = by_family(docs, python, script, path) if script is DATATROVE else {}
    for family, share in by.items():
        print(f"  {family:18} agreement {share:.4f}")
    line = {
        "name": "filters",
        "ours": round(middle[0], 1),
        "peer": round(middle[1], 1),
        "unit": "documents/s",
        "peer_name": name,
    }
    line |= {"ratio": round(statistics.median(ratios), 2), "n": docs.num_rows, "agreement": round(agree, 4)}
    line |= {"agreement_by": {k: round(v, 4) for k, v in by.items()}} if by else {}
    print(
        json.dumps(line | {"spread": [round(min(ratios), 2), round(max(ratios), 2)], "python": sys.version.split()[0]})
    )


def by_family(docs: pa.Table, python: Path, script: str, path: Path) -> dict[str, float]:
    """Agreement of each filter alone, each on the texts as they come."""
    theirs = run_peer(python, script, path, "each")
    assert not isinstance(theirs, str), theirs
    return {name: agreement(ours(docs, families=(name,))["kept"], kept) for name, kept in theirs["by"].items()}


if __name__ == "__main__":
    main()
