"""Millions of documents from sources to L1, shard by shard: flat memory, any engine, resumable at every file.

A stage is `engine.map` over shards; a shard's work is a pure function of a part on disk that leaves another part, so a
killed build does again only the shards that were in work. Counts add up: read = kept + dropped + quarantined.
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from .clean import clean
from .config import BulkConfig, SourceConfig
from .dedup import dedup_sketches, sketch
from .engine import Engine
from .errors import InputError
from .ingest.stream import read_unit, units
from .mend import mend, mended
from .parts import read_part, write_part, write_whole
from .record import Record


class Built(Record):
    """What a build did, by domain."""

    read: dict[str, int]
    """Documents and quarantined records."""
    kept: dict[str, int]
    dropped: dict[str, int]
    quarantined: dict[str, int]
    reasons: dict[str, int]
    """Rule -> documents that it refused."""
    parts: tuple[str, ...]
    """L1: documents that were kept, in `DOCUMENT_SCHEMA` with evidence, relative to the folder."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a build's stages put their parts."""

    root: Path

    def part(self, stage: str, name: str) -> Path:
        """A stage's part of a shard."""
        return self.root / stage / f"{name}.parquet"


def build(
    sources: Sequence[SourceConfig], folder: Path, config: BulkConfig, engine: Engine, held: pa.Table | None = None
) -> Built:
    """Read sources, clean, deduplicate within and across all of them, and write what is left.

    Args:
        sources: where from.
        folder: of the build; a build that was killed goes on there.
        config: limits of all stages; another config needs another folder.
        engine: what runs the shards.
        held: sketches of texts kept before (`sketches` of an earlier build): their copies are dropped.

    Raises:
        InputError: a source is not there, or the folder holds a build of another config.
    """
    place = Place(folder)
    _claim(place, sources, config)
    names = [name for made in engine.map(read_unit, units(sources, config.ingest), folder, config) for name in made]
    tallies = list(engine.map(clean_shard, names, folder, config))
    _dedup(place, names, config, held)
    tallies += list(engine.map(finish_shard, names, folder))
    return _summed(place, names, tallies)


def clean_shard(name: str, folder: Path, config: BulkConfig) -> Counter[tuple[str, str]]:
    """Mends one part of L0, judges it by the rules and sketches what passed; counts by (what, domain or rule)."""
    place = Place(folder)
    if not place.part("mend", name).exists():
        write_part(place.part("mend", name), mend(read_part(place.part("l0", name)), config.clean))
    docs = _mended(place, name)
    if not place.part("sketches", name).exists():
        verdicts = clean(docs, config.clean)
        write_part(place.part("clean", name), verdicts)
        write_part(place.part("sketches", name), sketch(docs.filter(verdicts["kept"]), config.dedup))
    return _tally(docs, read_part(place.part("clean", name)))


def _mended(place: Place, name: str) -> pa.Table:
    return mended(read_part(place.part("l0", name)), read_part(place.part("mend", name)))


def finish_shard(name: str, folder: Path) -> Counter[tuple[str, str]]:
    """One part of L1: the documents that passed every stage."""
    place = Place(folder)
    passed = _mended(place, name).filter(read_part(place.part("clean", name), ["kept"])["kept"])
    verdicts = read_part(place.part("dedup", name))
    if not place.part("l1", name).exists():
        write_part(place.part("l1", name), passed.filter(verdicts["kept"]))
    found = _tally(passed, verdicts)
    found.update({("kept", d): n for d, n in Counter(passed.filter(verdicts["kept"])["domain"].to_pylist()).items()})
    return found


def _claim(place: Place, sources: Sequence[SourceConfig], config: BulkConfig) -> None:
    """Write down what is built here, or see that it is the same."""
    said = json.dumps([[s.model_dump() for s in sources], config.model_dump()], sort_keys=True, indent=1)
    path = place.root / "build.json"
    if path.exists() and path.read_text("utf-8") != said:
        raise InputError(f"{place.root} holds a build of other sources or settings: name another folder, or delete it")
    write_whole(path, said.encode())


def _dedup(place: Place, names: list[str], config: BulkConfig, held: pa.Table | None) -> None:
    """One pass over all sketches; verdicts go back to their parts."""
    if all(place.part("dedup", name).exists() for name in names):
        return
    tables = [read_part(place.part("sketches", name)) for name in names]
    if not tables:
        return
    verdicts = dedup_sketches(pa.concat_tables(tables), config.dedup, held)
    start = 0
    for name, table in zip(names, tables, strict=True):
        write_part(place.part("dedup", name), verdicts.slice(start, table.num_rows))
        start += table.num_rows


def _tally(docs: pa.Table, verdicts: pa.Table) -> Counter[tuple[str, str]]:
    """Dropped documents by domain and by rule."""
    gone = pc.invert(verdicts["kept"])
    found = Counter(("dropped", d) for d in docs["domain"].filter(gone).to_pylist())
    found.update(("reason", _rule(r)) for r in verdicts["reason"].filter(gone).to_pylist())
    return found


def _rule(reason: str) -> str:
    return reason.partition(":")[0].partition(" of ")[0]


def _summed(place: Place, names: list[str], tallies: list[Counter[tuple[str, str]]]) -> Built:
    total: Counter[tuple[str, str]] = Counter()
    for tally in tallies:
        total.update(tally)
    for path in sorted((place.root / "quarantine").glob("*.parquet")):
        total.update(("quarantined", d) for d in read_part(path, ["domain"])["domain"].to_pylist())
    by = {
        what: {k: n for (w, k), n in sorted(total.items()) if w == what} for what in ("kept", "dropped", "quarantined")
    }
    read = Counter(by["kept"]) + Counter(by["dropped"]) + Counter(by["quarantined"])
    reasons = {k: n for (w, k), n in sorted(total.items()) if w == "reason"}
    parts = tuple(str(place.part("l1", name).relative_to(place.root)) for name in names)
    return Built(read=dict(sorted(read.items())), reasons=reasons, parts=parts, **by)


def held_sketches(folder: Path) -> pa.Table:
    """Sketches of what a finished build kept, to deduplicate a later batch against."""
    place = Place(folder)
    tables = [
        read_part(path).filter(read_part(place.part("dedup", path.stem), ["kept"])["kept"])
        for path in sorted((folder / "sketches").glob("*.parquet"))
    ]
    return pa.concat_tables(tables)


def l1_batches(folder: Path, built: Built, rows: int = 8_192) -> Iterator[Any]:
    """The kept documents as record batches, a part at a time."""
    for part in built.parts:
        yield from pq.ParquetFile(folder / part).iter_batches(rows)
