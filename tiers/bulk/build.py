"""From sources to L1: read, clean, deduplicate across all and against earlier builds, refuse what quotes a benchmark.

A stage is `engine.map` over shards; a shard's work is a pure function of a part on disk that leaves another part, so a
killed build does again only the shards that were in work. Counts add up: read = kept + dropped + quarantined.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ..benchmark_item import BenchmarkItem
from ..clean import clean, verdicts
from ..config import BulkConfig, SourceConfig
from ..dedup import UNIQUE, check_bands, sketch
from ..engine import Engine
from ..errors import InputError
from ..filters.syntax import check_languages
from ..ingest.stream import read_unit
from ..mend import mend, mended
from ..parts import mapped, read_part, write_mapped, write_part
from ..record import Record
from ..whole import write_whole
from . import duplicates
from .benchmarks import against_benchmarks, guard
from .duplicates import Shard
from .listing import current_listing
from .place import CLAIM, DONE, Place

WHICH = re.compile(r":| of |(?<= text) \d")
"""What follows says what it is in this document."""
WHERE = re.compile(r" \(| at |: byte ")
"""What follows says where in a record it is, and how much."""


class Built(Record):
    """What a build did, by domain."""

    read: dict[str, int]
    """Documents and quarantined records."""
    kept: dict[str, int]
    dropped: dict[str, int]
    quarantined: dict[str, int]
    reasons: dict[str, int]
    """Rule -> documents that it refused."""
    unread: dict[str, int]
    """What was wrong -> quarantined records."""
    ignored: dict[str, int]
    """Files and records that were not read, by their suffix or media type; they are in no other count."""
    parts: tuple[str, ...]
    """L1: documents that were kept, in `DOCUMENT_SCHEMA` with evidence, relative to the folder."""

    @property
    def names(self) -> list[str]:
        """Names of the shards."""
        return [Path(part).stem for part in self.parts]


def build(
    sources: Sequence[SourceConfig],
    folder: Path,
    config: BulkConfig,
    engine: Engine,
    held: Sequence[Path] = (),
    benchmarks: Sequence[str | BenchmarkItem] = (),
) -> Built:
    """Read sources, clean, deduplicate within and across all of them, decontaminate, and write what is left.

    Args:
        sources: where from.
        folder: of the build; a build that was killed goes on there.
        config: limits of all stages; another config needs another folder.
        engine: what runs the shards.
        held: folders of earlier builds: whatever is like what they kept is dropped.
        benchmarks: items that no document may quote; n-grams common to many documents are counted by shard.

    Raises:
        InputError: a source is not there, or a folder holds a build of another config, or none.
    """
    place = Place(folder)
    check_bands(config.dedup)
    check_languages(config.clean.parse_languages)
    for root in held:
        _check_held(root, config)
    told = config.model_dump(mode="json", exclude={"selection"})
    guarded = hashlib.blake2b(repr(benchmarks).encode(), digest_size=16).hexdigest() if benchmarks else ""
    place.claim(CLAIM, [[s.model_dump() for s in sources], told, [str(root) for root in held], guarded])
    if benchmarks:
        guard(place, benchmarks)
    listing = current_listing(place, sources, config.ingest)
    read = list(engine.map(read_unit, listing.units, folder, config))
    names = [name for parts, _ in read for name in parts]
    ignored = sum((records for _, records in read), Counter(listing.ignored))
    tallies = list(engine.map(clean_shard, names, folder, config))
    parts = duplicates.shards(folder, names, held)
    if not all(place.part("dedup", name).exists() for name in names):
        duplicates.find(folder, parts, config.dedup, engine)
    tallies += list(engine.map(finish_shard, [part for part in parts if not part.held], folder, config))
    built = _summed(place, names, tallies, ignored)
    write_whole(folder / DONE, built.model_dump_json().encode())
    return built


def _check_held(root: Path, config: BulkConfig) -> None:
    """Raise InputError where a folder holds no finished build, or one that was sketched otherwise."""
    if not (root / DONE).exists():
        raise InputError(f"{root} holds no finished build to deduplicate against: finish it, or name another folder")
    theirs = json.loads((root / CLAIM).read_text("utf-8"))[1]["dedup"]
    if "signs" not in theirs or any(
        theirs[name] != getattr(config.dedup, name) for name in ("ngram", "permutations", "bands")
    ):
        raise InputError(f"{root} was sketched with other dedup settings: build with those, or build it again")


def clean_shard(name: str, folder: Path, config: BulkConfig) -> Counter[tuple[str, str]]:
    """Mends one part of L0, judges it by the rules, sketches what passed; counts by (what, domain or rule)."""
    place = Place(folder)
    if not place.seen("keys", name).exists():
        write_part(place.part("mend", name), mend(read_part(place.part("l0", name)), config.clean))
        docs = _mended(place, name)
        judged = clean(docs, config.clean)
        sketches = sketch(docs.filter(judged["kept"]), config.dedup)
        write_part(place.part("clean", name), judged)
        write_mapped(place.seen("sketches", name), sketches)
        write_mapped(place.seen("keys", name), duplicates.keys(sketches, config.dedup))
    return _tally(read_part(place.part("l0", name), ["domain"]), read_part(place.part("clean", name)))


def _mended(place: Place, name: str) -> pa.Table:
    return mended(read_part(place.part("l0", name)), read_part(place.part("mend", name)))


def finish_shard(shard: Shard, folder: Path, config: BulkConfig) -> Counter[tuple[str, str]]:
    """One part of L1: the documents that passed every stage."""
    place, name = Place(folder), shard.name
    passed = read_part(place.part("clean", name), ["kept"])["kept"]
    if not place.part("l1", name).exists():
        docs = _mended(place, name).filter(passed)
        reasons = duplicates.refused(folder, shard)
        told = verdicts(mapped(place.seen("sketches", name)), pa.chunked_array([reasons]), UNIQUE)
        write_part(place.part("dedup", name), told)
        docs = docs.filter(told["kept"])
        clear = against_benchmarks(docs, place, config.decontaminate)
        write_part(place.part("decontaminate", name), clear)
        write_part(place.part("l1", name), docs.filter(clear["kept"]))
    left = read_part(place.part("l0", name), ["domain"]).filter(passed)
    found: Counter[tuple[str, str]] = Counter()
    for stage in ("dedup", "decontaminate"):
        judged = read_part(place.part(stage, name))
        found += _tally(left, judged)
        left = left.filter(judged["kept"])
    return found + Counter(("kept", domain) for domain in left["domain"].to_pylist())


def _tally(docs: pa.Table, judged: pa.Table) -> Counter[tuple[str, str]]:
    """Dropped documents by domain and by rule."""
    gone = pc.invert(judged["kept"])
    found = Counter(("dropped", d) for d in docs["domain"].filter(gone).to_pylist())
    found.update(("reasons", _rule(r)) for r in judged["reason"].filter(gone).to_pylist())
    return found


def _rule(reason: str) -> str:
    return WHICH.split(reason)[0]


def _summed(place: Place, names: list[str], tallies: list[Counter[tuple[str, str]]], ignored: Counter[str]) -> Built:
    total: Counter[tuple[str, str]] = Counter()
    for tally in tallies:
        total.update(tally)
    for path in sorted((place.root / "quarantine").glob("*.parquet")):
        bad = read_part(path, ["domain", "reason"])
        total.update(("quarantined", d) for d in bad["domain"].to_pylist())
        total.update(("unread", WHERE.split(r)[0]) for r in bad["reason"].to_pylist())
    kinds = ("kept", "dropped", "quarantined", "reasons", "unread")
    by = {what: {k: n for (w, k), n in sorted(total.items()) if w == what} for what in kinds}
    read = Counter(by["kept"]) + Counter(by["dropped"]) + Counter(by["quarantined"])
    parts = tuple(str(place.part("l1", name).relative_to(place.root)) for name in names)
    return Built(read=dict(sorted(read.items())), parts=parts, ignored=dict(sorted(ignored.items())), **by)


def batches(folder: Path, parts: Sequence[str], rows: int = 8_192) -> Iterator[Any]:
    """Documents of parts as record batches, one part at a time."""
    for part in parts:
        yield from pq.ParquetFile(folder / part, page_checksum_verification=True).iter_batches(rows)
