"""Benchmark items that no document of a build may quote: split into segments once, and read by every worker."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from ..benchmark_item import BenchmarkItem, as_items
from ..config import DecontaminateConfig
from ..decontaminate import refuse
from ..parts import mapped, write_mapped
from ..quotable import Quotable, Segments
from .place import Place

STAGE, TEXTS, SEGMENTS = "benchmarks", "texts", "segments"


def guard(place: Place, benchmarks: Sequence[str | BenchmarkItem]) -> None:
    """Leave the items and their segments on disk; what lies there already stays."""
    if place.seen(STAGE, TEXTS).exists():
        return
    items = as_items(benchmarks)
    write_mapped(place.seen(STAGE, SEGMENTS), Segments.of(items).table())
    write_mapped(place.seen(STAGE, TEXTS), pa.table({"text": pa.array([i.text for i in items], pa.large_string())}))


def against_benchmarks(docs: pa.Table, place: Place, config: DecontaminateConfig) -> pa.Table:
    """Verdicts of `decontaminate` on a part; all are kept where no benchmark was named.

    N-grams that many documents hold are counted within the part.
    """
    path = place.seen(STAGE, SEGMENTS)
    if not path.exists():
        return refuse(docs, [], Quotable(Segments.of([]), config), config)
    texts = mapped(place.seen(STAGE, TEXTS))["text"].to_pylist() if config.paraphrase or config.meaning else []
    return refuse(docs, texts, _quotable(path, path.stat().st_mtime_ns, config), config)


@lru_cache(maxsize=1)
def _quotable(path: Path, written: int, config: DecontaminateConfig) -> Quotable:
    """The segments on disk; what was written at another time is another build."""
    return Quotable(Segments.from_table(mapped(path)), config)
