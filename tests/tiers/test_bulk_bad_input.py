"""What a bulk build meets in the wild: bounded memory, a reason for everything, and the rest goes on."""

import gzip
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard

from coevo.tiers.bulk.build import build
from coevo.tiers.config import BulkConfig, SourceConfig
from coevo.tiers.engine import Inline
from coevo.tiers.errors import InputError

BUILD = """
import json, resource, sys
from pathlib import Path
from coevo.tiers.bulk.build import build
from coevo.tiers.config import BulkConfig, CleanConfig, SourceConfig
from coevo.tiers.engine import Inline
read = BulkConfig(clean=CleanConfig(house=False, packs=False, pii=False, encoding=False, notices=False))
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
built = build([SourceConfig(url=sys.argv[1], domain="en")], Path(sys.argv[2]), read, Inline())
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps({"peak": (peak - before) // 1024, "built": built.model_dump()}))
"""
GOOD = " ".join(
    f"The {w} of the day is that people have to be with it, and so they are." for w in ("work", "art", "joy")
)


def line(i: int) -> str:
    return json.dumps({"text": f"{GOOD} Number {i} comes last.", "id": i})


def nasty(folder: Path) -> None:
    """One good file, and nine that are not."""
    folder.mkdir()
    (folder / "good.jsonl").write_text("\n".join(line(i) for i in range(20)))
    for name in ("oneline.jsonl", "oneline.txt"):
        with (folder / name).open("wb") as file:
            file.write(b'{"text": "')
            file.truncate(200_000_000)  # a hole: 200 MB to read, nothing to store
    packed = gzip.compress("\n".join(line(i) for i in range(100, 400)).encode())
    (folder / "cut.jsonl.gz").write_bytes(packed[: len(packed) // 2])
    frame = zstandard.ZstdCompressor().compress("\n".join(line(i) for i in range(500, 900)).encode())
    (folder / "cut.jsonl.zst").write_bytes(frame[:-20])
    (folder / "bomb.jsonl.gz").write_bytes(gzip.compress(b" " * 100_000_000, 1))
    (folder / "bomb.jsonl.zst").write_bytes(zstandard.ZstdCompressor().compress(b" " * 100_000_000))
    table = pa.table({"text": [f"{GOOD} Row {i}." for i in range(1000)]})
    pq.write_table(table, folder / "broken.parquet", row_group_size=100)
    whole = bytearray((folder / "broken.parquet").read_bytes())
    whole[len(whole) // 2 : len(whole) // 2 + 200] = b"\xff" * 200
    (folder / "broken.parquet").write_bytes(whole)
    (folder / "cut.parquet").write_bytes(whole[: len(whole) // 3])
    same = pa.DictionaryArray.from_arrays(pa.array([0] * 3000, pa.int32()), pa.array([GOOD * 1_500]))
    pq.write_table(pa.table({"text": same}), folder / "bomb.parquet")  # 3,000 times 300 KB


def test_damage_is_set_aside_in_bounded_memory_and_the_rest_goes_on(tmp_path: Path) -> None:
    nasty(tmp_path / "source")
    command = [sys.executable, "-c", BUILD, str(tmp_path / "source"), str(tmp_path / "out")]
    told = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert told["peak"] < 350, f"{told['peak']} MB more than before"
    rows = [r for p in (tmp_path / "out" / "quarantine").glob("*.parquet") for r in pq.read_table(p).to_pylist()]
    why = {Path(r["source"].partition("#")[0]).name: r["reason"] for r in rows}
    for name, reason in {
        "oneline.jsonl": "huge line",
        "oneline.txt": "huge record",
        "cut.jsonl.gz": "truncated gzip",
        "cut.jsonl.zst": "truncated zstd",
        "bomb.jsonl.gz": "gzip bomb",
        "bomb.jsonl.zst": "zstd bomb",
        "cut.parquet": "broken parquet",
        "broken.parquet": "broken parquet",
        "bomb.parquet": "parquet bomb",
    }.items():
        assert reason in why[name], why
    built = told["built"]
    read = Counter(p for path in (tmp_path / "out" / "l0").glob("*.parquet") for p in sources(path))
    assert read["good"] == 20 and read["cut"] > 100, "what was read before the damage stays"
    for domain, n in built["read"].items():
        assert n == sum(built[part].get(domain, 0) for part in ("kept", "dropped", "quarantined"))


def sources(path: Path) -> list[str]:
    return [Path(s).parent.name for s in pq.read_table(path, columns=["source"])["source"].to_pylist()]


class Vanishing(Inline):
    """Takes a source away when the first unit has been read."""

    def __init__(self, gone: Path) -> None:
        self.gone = gone

    def map(self, work: Any, shards: Any, *rest: Any) -> Any:
        for shard in shards:
            yield work(shard, *rest)
            if self.gone.exists():
                self.gone.rename(self.gone.with_name("elsewhere"))


@pytest.mark.parametrize("what", ["two", "two/b.jsonl"])
def test_a_source_that_disappears_half_way_is_set_aside_and_the_rest_goes_on(tmp_path: Path, what: str) -> None:
    for n, name in enumerate(("one", "two", "three")):
        (tmp_path / name).mkdir()
        for part in "ab":
            said = [line(1000 * n + 100 * (part == "b") + i) for i in range(5)]
            (tmp_path / name / f"{part}.jsonl").write_text("\n".join(said))
    places = [SourceConfig(url=str(tmp_path / name), domain="en") for name in ("one", "two", "three")]
    built = build(places, tmp_path / "out", BulkConfig(), Vanishing(tmp_path / what))
    missing = 2 if what == "two" else 1
    assert built.quarantined == {"en": missing} and built.read == {"en": 30 - 5 * missing + missing}
    rows = [r for p in (tmp_path / "out" / "quarantine").glob("*.parquet") for r in pq.read_table(p).to_pylist()]
    assert all(("went away" if what == "two" else "no such file") in r["reason"] for r in rows), rows
    if what == "two":
        with pytest.raises(InputError, match="two does not exist"):
            build(places, tmp_path / "out", BulkConfig(), Inline())
    else:
        fresh = build(places, tmp_path / "fresh", BulkConfig(), Inline())
        assert build(places, tmp_path / "out", BulkConfig(), Inline()) == fresh, "what is gone counts no more"
