"""Near-duplicates of more texts than memory holds: the clusters of `tiers.dedup`, found out of core.

Whatever two texts can be duplicates by (the hash of the whole, the MinHash bands) is a key, and lies on disk by shard,
ascending. Equal keys are brought together range by range; union-find over positions joins the texts that share one to
groups that have nothing in common with each other; each group's sketches are then compared by `tiers.dedup` itself.
In memory are some ten bytes a text, the keys of one range and the sketches of one batch of groups.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..config import DedupConfig
from ..dedup import band_keys, changes, refusals, unpacked
from ..engine import Engine
from ..parts import mapped, read_part, write_mapped
from ..tokens import mix
from .place import Place

KEYS = 2_000_000
"""Keys brought together at a time."""
TEXTS = 20_000
"""Texts compared at a time; a larger group is compared whole."""
SPACE = 1 << 64

Places = np.ndarray[Any, np.dtype[np.int32]]


@dataclass(frozen=True, slots=True)
class Shard:
    """The sketched texts of one part, and where they stand in the row of all."""

    root: Path
    name: str
    base: int
    rows: int
    held: bool
    """Of an earlier build: what was kept of it stays, and nothing else is looked at."""

    def keys(self, low: int, high: int) -> tuple[Any, Places]:
        """Keys in [low, high) and the positions of the texts that have them."""
        table = mapped(Place(self.root).seen("keys", self.name))
        keys, rows = table["key"].to_numpy(), table["row"].to_numpy()
        ends = [np.searchsorted(keys, np.uint64(x)) if x < SPACE else len(keys) for x in (low, high)]
        keys, rows = keys[slice(*ends)].copy(), rows[slice(*ends)].copy()
        if self.held:
            kept = read_part(Place(self.root).part("dedup", self.name), ["kept"])["kept"]
            mine = np.asarray(kept.to_numpy(), bool)[rows]
            keys, rows = keys[mine], rows[mine]
        return keys, np.asarray(rows + np.int32(self.base), np.int32)

    def sketches(self, places: Places) -> pa.Table:
        """Sketches of those of the positions that lie in this shard."""
        mine = places[(places >= self.base) & (places < self.base + self.rows)] - self.base
        return mapped(Place(self.root).seen("sketches", self.name)).take(pa.array(mine))


def keys(sketches: pa.Table, settings: DedupConfig) -> pa.Table:
    """All keys of some sketches, ascending: columns key, row."""
    found = unpacked(sketches, settings)
    rows = np.flatnonzero(found.comparable)
    bands = band_keys(found.signatures[rows], settings)
    every = np.concatenate(
        [
            mix(found.exact),
            *(mix(key + np.uint64(n)) for n, key in enumerate(bands, start=1)),
        ]  # other bands, other keys
    )
    where = np.concatenate([np.arange(len(found.exact)), np.tile(rows, settings.bands)]).astype(np.int32)
    order = np.argsort(every, kind="stable")
    return pa.table({"key": every[order], "row": where[order]})


def shards(folder: Path, names: Sequence[str], held: Sequence[Path]) -> list[Shard]:
    """The parts of earlier builds, then those of this one."""
    found: list[Shard] = []
    earlier = [(root, path.stem, True) for root in held for path in sorted((root / "sketches").glob("*.arrow"))]
    base = 0
    for root, name, old in [*earlier, *((folder, name, False) for name in names)]:
        rows = mapped(Place(root).seen("sketches", name)).num_rows
        found.append(Shard(root, name, base, rows, old))
        base += rows
    return found


def find(folder: Path, parts: Sequence[Shard], settings: DedupConfig, engine: Engine) -> None:
    """Leave under `folder/groups` why each duplicate goes, by position; `refused` reads it."""
    total = sum(part.rows for part in parts)
    spans = max(1, -(-total * (settings.bands + 1) // KEYS))
    list(engine.map(meet, range(spans), spans, parts, folder))
    batches = list(_batches(folder, spans, total))
    list(engine.map(compare, enumerate(batches), parts, folder, settings))


def meet(number: int, spans: int, parts: Sequence[Shard], folder: Path) -> None:
    """Pairs of positions that have a key of the range in common: each with the first of those that have it."""
    path = Place(folder).seen("meetings", f"{number:05d}")
    if path.exists():
        return
    low, high = SPACE * number // spans, SPACE * (number + 1) // spans
    pieces = [part.keys(low, high) for part in parts]
    every = np.concatenate([np.zeros(0, np.uint64), *(keys for keys, _ in pieces)])
    where = np.concatenate([np.zeros(0, np.int32), *(places for _, places in pieces)])
    order = np.argsort(every, kind="stable")
    new, place = changes(every[order]), where[order]
    begins = np.flatnonzero(new)
    first = place[begins[np.cumsum(new) - 1]] if len(place) else place
    # held texts come first: a group whose last is held has no text that could go
    last = place[np.append(begins[1:], len(place))[np.cumsum(new) - 1] - 1] if len(place) else place
    before = sum(part.rows for part in parts if part.held)
    joined = ~new & (last >= before)
    pairs = np.unique(np.stack([first[joined], place[joined]], 1), axis=0)
    write_mapped(path, pa.table({"one": pairs[:, 0], "other": pairs[:, 1]}))


def _batches(folder: Path, spans: int, total: int) -> Iterator[Places]:
    """Positions of whole groups, ascending, about `TEXTS` at a time."""
    parent = np.arange(total, dtype=np.int32)
    involved = np.zeros(total, bool)
    for number in range(spans):
        table = mapped(Place(folder).seen("meetings", f"{number:05d}"))
        one, other = table["one"].to_numpy(), table["other"].to_numpy()
        involved[one], involved[other] = True, True
        join(parent, one, other)
    places = np.flatnonzero(involved).astype(np.int32)
    roots = find_roots(parent, places)
    order = np.argsort(roots, kind="stable")
    places, begins = places[order], np.flatnonzero(changes(roots[order]))
    ends, start = np.append(begins[1:], len(places)), 0
    while start < len(places):
        one, many = np.searchsorted(ends, [start, start + TEXTS], "right")
        stop = int(ends[max(one, many - 1)])
        yield np.sort(places[start:stop])
        start = stop


def join(parent: Places, one: Places, other: Places) -> None:
    """Union of many pairs at once: their roots' components are joined under the smallest."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    roots, places = np.unique(np.concatenate([find_roots(parent, one), find_roots(parent, other)]), return_inverse=True)
    a, b = np.split(places, 2)
    graph = coo_array((np.ones(len(a), bool), (a, b)), (len(roots), len(roots)))
    count, label = connected_components(graph, directed=False)
    least = np.full(count, np.iinfo(np.int32).max, np.int32)
    np.minimum.at(least, label, roots)
    parent[roots] = least[label]


def find_roots(parent: Places, places: Places) -> Places:
    """[n] root of each position; the paths walked are shortened."""
    roots = parent[places]
    while True:
        above = parent[roots]
        if np.array_equal(above, roots):
            parent[places] = roots
            return roots
        roots = above


def compare(batch: tuple[int, Places], parts: Sequence[Shard], folder: Path, settings: DedupConfig) -> None:
    """Which texts of some groups go, and why: columns place (ascending), reason."""
    number, places = batch
    path = Place(folder).seen("groups", f"{number:05d}")
    if path.exists():
        return
    edges = np.searchsorted(places, [part.base for part in parts] + [parts[-1].base + parts[-1].rows])
    having = [part for part, a, b in zip(parts, edges[:-1], edges[1:], strict=True) if b > a]
    before = int(np.searchsorted(places, sum(part.rows for part in parts if part.held)))
    reasons = refusals(pa.concat_tables([part.sketches(places) for part in having]), before, settings)
    gone = reasons.is_valid()
    write_mapped(path, pa.table({"place": pa.array(places).filter(gone), "reason": reasons.filter(gone)}))


def refused(folder: Path, shard: Shard) -> pa.Array:
    """[n] why each text of a shard is a duplicate, or null."""
    rows, said = [np.zeros(0, np.int32)], [pa.array([], pa.string())]
    for path in sorted((folder / "groups").glob("*.arrow")):
        table = mapped(path)
        places = table["place"].to_numpy()
        low, high = np.searchsorted(places, [shard.base, shard.base + shard.rows])
        rows.append(places[low:high] - shard.base)
        said += table["reason"].slice(low, high - low).chunks
    at = np.full(shard.rows, -1)
    at[np.concatenate(rows)] = np.arange(sum(map(len, rows)))
    return pa.concat_arrays(said).take(pa.array(at, mask=at < 0))
