"""From L1 to L2: judges label a stratified sample, a student of theirs grades every row, documents are drawn by grade.

Stages over shards as in `build`; between them only numbers of all rows are in memory, some fifty bytes a document.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import xxhash

from ..config import BulkSelection
from ..encoder import encoder_of
from ..engine import Engine
from ..parts import mapped, read_part, write_mapped, write_part
from ..record import Record
from ..select import draw, luck, percentiles, reasons, weighted_scores
from ..selector import Agreement, Selector, agreement, fit
from ..split import source_file
from ..store import SELECTOR
from ..whole import write_whole
from .build import Built
from .place import Place

Judge = Callable[[pa.Table], pa.Table]
"""Documents (id, text, domain, kind, source) to their grades: doc_id, rubric, score."""
ASKED = 256
"""Documents judged before what was answered is put on disk."""
READ = 1 << 16
"""Characters of a document that judges see; the student reads as far."""
COLLECTIONS, LENGTHS = 64, 16
SAMPLED = ["id", "text", "domain", "kind", "source"]
STUDENT = pa.schema(
    [
        ("domain", pa.string()),
        ("weights", pa.list_(pa.float32())),
        ("intercept", pa.float64()),
        ("version", pa.string()),
    ]
)


class Raised(Record):
    """What a selection did, by domain; candidates = kept + refused."""

    kept: dict[str, int]
    refused: dict[str, int]
    agreement: dict[str, Agreement]
    """Of the student with its judges, on labels held back."""
    parts: tuple[str, ...]
    """L2: the documents that rose, as at L1, with `grade`; relative to the folder."""


def select_l2(folder: Path, built: Built, config: BulkSelection, judge: Judge, name: str, engine: Engine) -> Raised:
    """Choose the documents of L2.

    Args:
        folder: of the finished build.
        built: what it did.
        config: sample, gate, share and shape of the draw.
        judge: who grades the sample, `ASKED` documents at a time; a batch that was answered is not asked again.
        name: what the judge is called.
        engine: what runs the shards.

    Raises:
        InputError: the folder holds a selection of other settings or by another judge.
    """
    place = Place(folder)
    place.claim("selection.json", [config.model_dump(mode="json"), name])
    sample = _sample(place, built, config, engine)
    told = _taught(place, sample, _labels(place, sample, judge), config)
    list(engine.map(grade, built.names, folder, config))
    sizes = _drawn(place, built, config)
    tallies = engine.map(finish, built.names, folder, sizes)
    total = sum(tallies, Counter[tuple[str, str]]())
    by = {what: {d: n for (w, d), n in sorted(total.items()) if w == what} for what in ("kept", "refused")}
    parts = tuple(str(place.part("l2", name).relative_to(folder)) for name in built.names)
    raised = Raised(agreement=told, parts=parts, **by)
    write_whole(folder / "selected.json", raised.model_dump_json().encode())
    return raised


def _sample(place: Place, built: Built, config: BulkSelection, engine: Engine) -> pa.Table:
    """`labels` documents of each domain, the strata dealt out in turns, in the order of the shards."""
    path = place.part("judged", "sample")
    if not path.exists():
        best: pa.Table | None = None
        for number, found in enumerate(engine.map(candidates, built.names, place.root, config)):
            found = found.append_column("shard", pa.array(np.full(found.num_rows, number, np.int32)))
            best = found if best is None else _luckiest(pa.concat_tables([best, found]), config.labels)
        chosen = _dealt(best, config.labels) if best is not None else []
        pieces = [_read(place, built.names[shard], rows) for shard, rows in chosen]
        write_part(
            path, pa.concat_tables(pieces) if pieces else pa.table({c: pa.array([], pa.string()) for c in SAMPLED})
        )
    return read_part(path)


def candidates(name: str, folder: Path, config: BulkSelection) -> pa.Table:
    """The luckiest of a shard by stratum: domain, stratum, luck, row; nothing but numbers leaves the worker."""
    docs = read_part(Place(folder).part("l1", name))
    sizes = np.maximum(pc.binary_length(docs["text"]).to_numpy().astype(np.float64), 1)
    length = np.minimum(np.log2(sizes) // 2, LENGTHS - 1).astype(np.int64)
    collections = [xxhash.xxh3_64_intdigest(s.partition("/")[0].encode()) for s in docs["source"].to_pylist()]
    stratum = np.array([c % COLLECTIONS for c in collections], np.int64) * LENGTHS + length
    columns = {"domain": docs["domain"], "stratum": stratum, "luck": luck(docs["id"].to_pylist(), config.seed)}
    return _luckiest(pa.table(columns | {"row": np.arange(docs.num_rows)}), config.labels)


def _places(table: pa.Table) -> Any:
    """[n] how many of each row's domain and stratum are luckier."""
    keys = [("domain", "ascending"), ("stratum", "ascending"), ("luck", "ascending")]
    order = pc.sort_indices(table.select(["domain", "stratum", "luck"]), sort_keys=keys).to_numpy()
    codes = table["domain"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    group = (codes.astype(np.int64) * COLLECTIONS * LENGTHS + table["stratum"].to_numpy())[order]
    begins = np.flatnonzero(np.diff(group, prepend=-1))
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order)) - np.repeat(begins, np.diff(np.append(begins, len(order))))
    return place


def _luckiest(table: pa.Table, most: int) -> pa.Table:
    """The `most` luckiest of each stratum."""
    return table.filter(pa.array(_places(table) < most)).combine_chunks() if table.num_rows else table


def _dealt(table: pa.Table, most: int) -> Iterator[tuple[int, Any]]:
    """Shard and rows of the `most` of each domain, one of every stratum after another."""
    table = table.append_column("place", pa.array(_places(table)))
    table = table.sort_by([("domain", "ascending"), ("place", "ascending"), ("luck", "ascending")])
    domains = table["domain"].combine_chunks().dictionary_encode().indices.to_numpy(zero_copy_only=False)
    begins = np.flatnonzero(np.diff(domains, prepend=-1))
    rank = np.arange(len(domains)) - np.repeat(begins, np.diff(np.append(begins, len(domains))))
    chosen = table.filter(pa.array(rank < most))
    shard, row = chosen["shard"].to_numpy(), chosen["row"].to_numpy()
    for number in np.unique(shard).tolist():
        yield number, np.sort(row[shard == number])


def _read(place: Place, name: str, rows: Any) -> pa.Table:
    found = read_part(place.part("l1", name), SAMPLED).take(pa.array(rows))
    return found.set_column(1, "text", pc.utf8_slice_codeunits(found["text"], 0, READ))


def _labels(place: Place, sample: pa.Table, judge: Judge) -> pa.Table:
    """Grades of the sample; what was judged before a kill is read back."""
    found = [pa.table({"doc_id": pa.array([], pa.string()), "rubric": pa.array([], pa.string()), "score": np.zeros(0)})]
    for number, start in enumerate(range(0, sample.num_rows, ASKED)):
        path = place.part("judged", f"labels-{number:05d}")
        if not path.exists():
            write_part(path, judge(sample.slice(start, ASKED)).select(["doc_id", "rubric", "score"]))
        found.append(read_part(path))
    return pa.concat_tables(found, promote_options="permissive")


def _taught(place: Place, sample: pa.Table, labels: pa.Table, config: BulkSelection) -> dict[str, Agreement]:
    """Agreement by domain; students of the domains in which it is good enough are left on disk."""
    told: dict[str, Agreement] = {}
    rows = []
    encoder = encoder_of(config.encoder) if config.encoder else None
    weights = config.weights or dict.fromkeys(pc.unique(labels["rubric"]).to_pylist(), 1.0)
    for domain in sorted(set(sample["domain"].to_pylist())):
        mine = sample.filter(pc.equal(sample["domain"], domain))
        target = weighted_scores(mine, labels, weights)["score"] if weights else pa.nulls(mine.num_rows, pa.float64())
        judged, y = mine.filter(target.is_valid()), target.drop_null().to_numpy()
        files = [source_file(s) for s in judged["source"].to_pylist()]
        told[domain] = agreement(judged["text"], y, files, encoder, config.agreement)
        if told[domain].accepted:
            made = fit(judged["text"], y, encoder)
            rows.append(
                {"domain": domain, "weights": made.weights, "intercept": made.intercept, "version": made.version}
            )
    write_mapped(place.seen("judged", "students"), pa.Table.from_pylist(rows, schema=STUDENT))
    return told


def grade(name: str, folder: Path, config: BulkSelection) -> None:
    """Grade and luck of every row of a shard; no grade where the domain has no student."""
    place = Place(folder)
    if place.seen("grades", name).exists():
        return
    docs = read_part(place.part("l1", name), ["id", "text", "domain"])
    grades = np.full(docs.num_rows, np.nan)
    encoder = encoder_of(config.encoder) if config.encoder else None
    for domain, weights, intercept, version in _students(place):
        mine = pc.equal(docs["domain"], domain)
        selector = Selector(weights, intercept, 0.0, encoder, version)
        grades[mine.to_numpy()] = selector.score(docs["text"].filter(mine))
    fortune = luck(docs["id"].to_pylist(), config.seed)
    write_mapped(place.seen("grades", name), pa.table({"domain": docs["domain"], "grade": grades, "luck": fortune}))


def _students(place: Place) -> Iterator[tuple[str, Any, float, str]]:
    """Domain, weights, intercept and version of each student."""
    table = mapped(place.seen("judged", "students"))
    for row in range(table.num_rows):
        domain, intercept, version = (table[name][row].as_py() for name in ("domain", "intercept", "version"))
        yield domain, table["weights"][row].values.to_numpy(), intercept, version


def _drawn(place: Place, built: Built, config: BulkSelection) -> dict[str, int]:
    """Draw from each domain; what was drawn goes back to the shards.

    Returns:
        How many of each domain were graded.
    """
    tables = [mapped(place.seen("grades", name)) for name in built.names]
    if not tables:
        return {}
    whole = pa.concat_tables(tables)
    coded = whole["domain"].combine_chunks().dictionary_encode()
    domain = np.asarray(coded.indices.to_numpy(zero_copy_only=False), np.int64)
    grades, fortune = whole["grade"].to_numpy(), whole["luck"].to_numpy()
    percentile = percentiles(grades, domain)
    kept, chance, sizes = np.zeros(len(grades), bool), np.zeros(len(grades)), {}
    for code, name in enumerate(coded.dictionary.to_pylist()):
        mine = np.flatnonzero((domain == code) & ~np.isnan(grades))
        sizes[name] = len(mine)
        if len(mine):
            kept[mine], chance[mine] = draw(percentile[mine], fortune[mine], config.share, config.sampling)
    start = 0
    for name, table in zip(built.names, tables, strict=True):
        rows = slice(start, start := start + table.num_rows)
        drawn = {"kept": kept[rows], "chance": chance[rows], "percentile": percentile[rows]}
        write_mapped(place.seen("drawn", name), pa.table(drawn))
    return sizes


def finish(name: str, folder: Path, sizes: dict[str, int]) -> Counter[tuple[str, str]]:
    """One part of L2, and why each row of L1 rose or not; counts by (what, domain)."""
    place = Place(folder)
    drawn, grades = mapped(place.seen("drawn", name)), mapped(place.seen("grades", name))
    domains = grades["domain"].to_pylist()
    if not place.part("l2", name).exists():
        docs = read_part(place.part("l1", name)).append_column("grade", grades["grade"])
        nothing = pc.is_nan(drawn["percentile"])
        rank = pc.if_else(nothing, None, drawn["percentile"]).combine_chunks()
        table = pa.table({"id": docs["id"], "domain": docs["domain"], "score": rank, "percentile": rank})
        kept, chance = drawn["kept"].to_numpy(), drawn["chance"].to_numpy()
        size = np.array([sizes.get(domain, 0) for domain in domains], np.int64)
        why = reasons(table, kept, chance, size, {SELECTOR: 1.0})
        told = {"id": docs["id"], "kept": drawn["kept"], "reason": why, "domain": docs["domain"]}
        told |= {"grade": docs["grade"], "percentile": rank, "chance": drawn["chance"]}
        write_part(place.part("selected", name), pa.table(told))
        write_part(place.part("l2", name), docs.filter(drawn["kept"]))
    kept = drawn["kept"].to_pylist()
    return Counter(("kept" if k else "refused", d) for k, d in zip(kept, domains, strict=True))
