"""Duplicates out of core: the very verdicts of `tiers.dedup`, whatever the shards, ranges and batches are."""

import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.bulk import duplicates
from coevo.tiers.bulk.place import Place
from coevo.tiers.clean import verdicts
from coevo.tiers.config import DedupConfig
from coevo.tiers.dedup import UNIQUE, dedup_sketches, sketch
from coevo.tiers.engine import Inline
from coevo.tiers.parts import mapped, write_mapped, write_part

LOOSE = DedupConfig(permutations=40, bands=20, threshold=0.4)
"""Bands of 2: many texts meet, and groups are chains of unlike texts."""


def texts(n: int, seed: int) -> pa.Table:
    """Texts of which many are copies, cuts and mixtures of others."""
    draw = random.Random(seed)
    words = [f"w{i}" for i in range(60)]
    made = [" ".join(draw.choices(words, k=40)) for _ in range(n // 3)]
    while len(made) < n - 3:
        one, other, cut = draw.choice(made), draw.choice(made), draw.randint(5, 35)
        mixed = [*one.split()[:cut], *other.split()[cut:]] if draw.random() < 0.5 else one.split()[: cut + 5]
        made.append(draw.choice([" ".join(mixed), one.upper(), one.replace("w1 ", "w2 ")]))
    made += ["", "!?", "w1"]
    draw.shuffle(made)
    ids = [f"{seed}-{i}" for i in range(n)]
    return pa.table({"id": ids, "text": pa.array(made, pa.large_string()), "source": [f"s{i % 7}" for i in range(n)]})


def laid_out(folder: Path, sketches: pa.Table, size: int, settings: DedupConfig) -> list[str]:
    """Sketches and keys on disk, `size` texts a shard."""
    names = []
    for start in range(0, sketches.num_rows, size):
        names.append(f"p{start:05d}")
        part = sketches.slice(start, size)
        write_mapped(Place(folder).seen("sketches", names[-1]), part)
        write_mapped(Place(folder).seen("keys", names[-1]), duplicates.keys(part, settings))
    return names


def found(folder: Path, names: list[str], settings: DedupConfig, held: list[Path]) -> pa.Table:
    """Verdicts of all shards; they are left on disk too, for a later batch to be held against."""
    parts = duplicates.shards(folder, names, held)
    duplicates.find(folder, parts, settings, Inline())
    told = []
    for part in parts:
        if not part.held:
            sketches = mapped(Place(folder).seen("sketches", part.name))
            told.append(verdicts(sketches, pa.chunked_array([duplicates.refused(folder, part)]), UNIQUE))
            write_part(Place(folder).part("dedup", part.name), told[-1])
    return pa.concat_tables(told).combine_chunks()


@pytest.mark.parametrize("settings", [LOOSE, DedupConfig(permutations=112, bands=14, threshold=0.5)])
@pytest.mark.parametrize(("seed", "size", "keys", "batch"), [(0, 37, 200, 20), (1, 400, 10**6, 10**6), (2, 50, 999, 1)])
def test_the_verdicts_are_those_of_dedup_in_memory(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    settings: DedupConfig,
    seed: int,
    size: int,
    keys: int,
    batch: int,
) -> None:
    monkeypatch.setattr(duplicates, "KEYS", keys)
    monkeypatch.setattr(duplicates, "TEXTS", batch)
    one, two = (sketch(texts(n, seed + 10 * i), settings) for i, n in enumerate((300, 200)))
    two = pa.concat_tables([two, one.slice(40, 30)])  # the later batch brings texts that were there before
    first = found(tmp_path / "one", laid_out(tmp_path / "one", one, size, settings), settings, [])
    assert first.equals(dedup_sketches(one, settings).combine_chunks())
    assert 20 < first["kept"].to_pylist().count(False) < 290
    names = laid_out(tmp_path / "two", two, size, settings)
    later = found(tmp_path / "two", names, settings, [tmp_path / "one"])
    assert later.equals(dedup_sketches(two, settings, one.filter(first["kept"])).combine_chunks())


@given(st.lists(st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=20), max_size=5))
def test_union_find_joins_what_pairs_join_in_any_order(pairs: list[list[tuple[int, int]]]) -> None:
    parent = np.arange(31, dtype=np.int32)
    known = {i: {i} for i in range(31)}
    for some in pairs:
        if some:
            one, other = np.array(some, np.int32).T
            duplicates.join(parent, one, other)
        for a, b in some:
            known[a] |= known[b]
            for i in known[b]:
                known[i] = known[a]
    roots = duplicates.find_roots(parent, np.arange(31, dtype=np.int32))
    assert roots.tolist() == [min(known[i]) for i in range(31)]
