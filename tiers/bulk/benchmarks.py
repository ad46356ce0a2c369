"""Benchmark texts that no document of a build may quote: made ready once, and seen in place by every worker."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import pyarrow as pa

from ..config import DecontaminateConfig
from ..decontaminate import Blocklist, blocklists, refuse
from ..parts import mapped, write_mapped
from .place import Place

STAGE, TEXTS = "benchmarks", "texts"


def guard(place: Place, texts: Sequence[str], config: DecontaminateConfig) -> None:
    """Leave the texts and their n-grams on disk; what lies there already stays."""
    if place.seen(STAGE, TEXTS).exists():
        return
    for blocked in blocklists(texts, config):
        grams = pa.table({"gram": blocked.hashes, "text": blocked.texts})
        write_mapped(place.seen(STAGE, f"{blocked.n:03d}"), grams)
    write_mapped(place.seen(STAGE, TEXTS), pa.table({"text": pa.array(texts, pa.large_string())}))


def against_benchmarks(docs: pa.Table, place: Place, config: DecontaminateConfig) -> pa.Table:
    """Verdicts of `decontaminate` on a part; all are kept where no benchmark was named.

    N-grams that many documents hold are counted within the part.
    """
    path = place.seen(STAGE, TEXTS)
    if not path.exists():
        return refuse(docs, [], [], config)
    texts = mapped(path)["text"].to_pylist() if config.paraphrase or config.meaning else []
    return refuse(docs, texts, _lists(path, path.stat().st_mtime_ns), config)


@lru_cache(maxsize=1)
def _lists(path: Path, written: int) -> list[Blocklist]:
    """The lists on disk; what was written at another time is another build."""
    count, made = mapped(path).num_rows, []
    for found in sorted(path.parent.glob("[0-9]*.arrow")):
        grams = mapped(found)
        made.append(Blocklist.of(int(found.stem), grams["gram"].to_numpy(), grams["text"].to_numpy(), count))
    return made
