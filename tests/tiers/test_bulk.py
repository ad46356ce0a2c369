"""The bulk path: the same result on every engine, however often it was killed, and counts that add up."""

import gzip
import importlib.util
import json
import random
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from coevo.tiers.bulk.build import Built, batches, build, clean_shard
from coevo.tiers.config import BulkConfig, SourceConfig
from coevo.tiers.engine import Engine, Inline, Processes, engine
from coevo.tiers.errors import InputError
from coevo.tiers.parts import read_part

SMALL = BulkConfig(shard_documents=40)


def text(seed: int) -> str:
    """An English-looking text of its own."""
    draw = random.Random(seed)
    words = [
        "".join(draw.choice("bdgklmnprstv") + draw.choice("aeiou") for _ in range(draw.randint(2, 3)))
        for _ in range(60)
    ]
    small = [draw.choice(("the", "of", "and", "with", "that", "to", "have", "be", "in", "or")) for _ in words]
    pairs = [f"{one} {word}" for one, word in zip(small, words, strict=True)]
    return ". ".join(" ".join(pairs[i : i + 6]).capitalize() for i in range(0, 60, 6)) + "."


def corpus(root: Path) -> SourceConfig:
    """120 texts, 30 copies of them elsewhere, 10 short ones, 3 bad records, 4 small files."""
    folder = root / "corpus"
    (folder / "src").mkdir(parents=True)
    rows = [json.dumps({"text": text(i), "id": i, "domain": "en"}) for i in range(120)]
    (folder / "a.jsonl").write_text("\n".join(rows))
    more = [json.dumps({"text": text(i).upper(), "id": i, "domain": "en", "licence": "CC0"}) for i in range(30)]
    more += [json.dumps({"text": f"short {i}"}) for i in range(10)] + ["{", '{"title": 1}', '{"text": ""}']
    with gzip.open(folder / "b.jsonl.gz", "wt") as file:
        file.write("\n".join(more))
    for i in range(4):
        (folder / "src" / f"m{i}.py").write_text(f"def f{i}(x):\n    y = x + {i}\n    return y * {i}\n\n" * 4)
    return SourceConfig(url=str(folder))


def kept(folder: Path, built: Built) -> list[dict[str, Any]]:
    rows = [row for batch in batches(folder, built.parts) for row in batch.to_pylist()]
    return sorted(rows, key=lambda row: str(row["id"]))


def test_every_engine_gives_the_same_and_counts_add_up(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    engines: dict[str, Engine] = {"inline": Inline(), "processes": Processes(2)}
    done = {name: build([source], tmp_path / name, SMALL, runs) for name, runs in engines.items()}
    first = done["inline"]
    assert first == done["processes"]
    assert kept(tmp_path / "inline", first) == kept(tmp_path / "processes", first)
    assert first.read == {"": 1, "code": 4, "en": 162}  # of what is no JSON no domain can be told
    assert first.quarantined == {"": 1, "en": 2}
    assert sum(first.unread.values()) == 3 and first.unread["empty"] == 1, first.unread
    assert first.dropped["en"] == 40 and first.reasons["too-short"] == 10 and first.reasons["exact duplicate"] == 30
    for domain, n in first.read.items():
        assert n == sum(part.get(domain, 0) for part in (first.kept, first.dropped, first.quarantined))


def test_every_domain_that_has_a_pack_is_read_and_another_is_said(tmp_path: Path) -> None:
    chinese = "。".join("数据清洗是训练语言模型之前最重要的一步" + "甲乙丙丁"[i] * 3 for i in range(4)) + "。"
    rows = [
        {"text": chinese, "domain": "zh"},
        {"text": text(1), "domain": "en"},
        {"text": text(2), "domain": "cooking"},
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    done = build([SourceConfig(url=str(tmp_path / "a.jsonl"))], tmp_path / "out", BulkConfig(), Inline())
    assert done.kept == {"en": 1, "zh": 1}
    assert done.unread == {"domain 'cooking' is not among code, en, math, zh: add it to `domains`": 1}


def test_what_quotes_a_benchmark_is_refused_with_the_words_whoever_works(tmp_path: Path) -> None:
    source, item = corpus(tmp_path), " ".join(text(7).split()[20:40])
    tried = ((Inline(), "inline"), (Processes(2), "processes"))
    first, second = (build([source], tmp_path / name, SMALL, runs, (), [text(500), item]) for runs, name in tried)
    assert first == second and first.reasons["overlaps benchmark text"] == 1
    told = [read_part(path).to_pylist() for path in (tmp_path / "inline" / "decontaminate").glob("*.parquet")]
    (gone,) = (row for rows in told for row in rows if not row["kept"])
    words = [w.strip(".").lower() for w in item.split()]
    assert gone["reason"] == f"overlaps benchmark text 1 in 13 words: {' '.join(words[:13])!r}"
    free = build([source], tmp_path / "free", SMALL, Inline())
    assert set(ids(tmp_path / "free", free)) - set(ids(tmp_path / "inline", first)) == {gone["id"]}
    with pytest.raises(InputError, match="other sources or settings"):
        build([source], tmp_path / "inline", SMALL, Inline(), (), [item])


def ids(folder: Path, built: Built) -> list[str]:
    return [str(row["id"]) for row in kept(folder, built)]


@pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="Ray is not installed: pip install 'coevo[ray]'")
@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_gives_the_same(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    local = build([source], tmp_path / "local", SMALL, Inline())
    ours = build([source], tmp_path / "ray", SMALL, engine("ray", 2))
    assert ours == local
    assert kept(tmp_path / "ray", ours) == kept(tmp_path / "local", local)


@pytest.mark.skipif(importlib.util.find_spec("ray") is not None, reason="Ray is installed")
def test_ray_that_is_not_installed_is_named() -> None:
    with pytest.raises(InputError, match=r"pip install 'coevo\[ray\]'"):
        engine("ray", 2)


class Killed(Inline):
    """Dies after some shards."""

    def __init__(self, after: int) -> None:
        self.left = after

    def map(self, work: Any, shards: Any, *rest: Any) -> Any:
        for shard in shards:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            yield work(shard, *rest)


def test_a_killed_build_goes_on_where_it_was_without_loss_or_repetition(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    whole = build([source], tmp_path / "whole", SMALL, Inline())
    kills = 0
    for after in range(30):
        try:
            resumed = build([source], tmp_path / "killed", SMALL, Killed(after))
            break
        except KeyboardInterrupt:
            kills += 1
    else:
        pytest.fail("the build was never done")
    assert kills >= 8
    assert resumed == whole
    assert kept(tmp_path / "killed", resumed) == kept(tmp_path / "whole", whole)
    written = (tmp_path / "killed" / "l1" / Path(whole.parts[0]).name).stat().st_mtime_ns
    build([source], tmp_path / "killed", SMALL, Inline())
    assert (tmp_path / "killed" / "l1" / Path(whole.parts[0]).name).stat().st_mtime_ns == written


def test_a_later_batch_is_deduplicated_against_what_is_held(tmp_path: Path) -> None:
    build([corpus(tmp_path)], tmp_path / "one", SMALL, Inline())
    later = tmp_path / "later.jsonl"
    later.write_text("\n".join(json.dumps({"text": text(i), "domain": "en", "id": f"new{i}"}) for i in range(100, 130)))
    built = build([SourceConfig(url=str(later))], tmp_path / "two", SMALL, Inline(), [tmp_path / "one"])
    assert built.kept == {"en": 10} and built.dropped == {"en": 20}
    (part,) = built.parts
    reasons = pq.read_table(tmp_path / "two" / "dedup" / Path(part).name)["reason"].to_pylist()
    assert sum("exact duplicate of" in reason and "corpus/a/" in reason for reason in reasons) == 20


def test_evidence_travels_to_l1_and_another_config_needs_another_folder(tmp_path: Path) -> None:
    (tmp_path / "c").mkdir()
    (tmp_path / "c" / "r.jsonl").write_text(json.dumps({"text": text(1), "licence": "CC0", "repo": "o/r"}))
    built = build([SourceConfig(url=str(tmp_path / "c"))], tmp_path / "out", SMALL, Inline())
    (row,) = kept(tmp_path / "out", built)
    assert json.loads(row["evidence"]) == {"licence": "CC0", "repo": "o/r"}
    with pytest.raises(InputError, match="other sources or settings"):
        build([SourceConfig(url=str(tmp_path / "c"))], tmp_path / "out", BulkConfig(), Inline())


def test_a_part_that_is_made_twice_is_the_same(tmp_path: Path) -> None:
    source = corpus(tmp_path)
    built = build([source], tmp_path / "out", SMALL, Inline())
    name = Path(built.parts[0]).stem
    for stage in ("sketches", "keys"):
        path = tmp_path / "out" / stage / f"{name}.arrow"
        before = path.read_bytes()
        (tmp_path / "out" / "keys" / f"{name}.arrow").unlink()
        clean_shard(name, tmp_path / "out", SMALL)
        assert path.read_bytes() == before


def test_an_unknown_engine_is_refused() -> None:
    with pytest.raises(InputError, match="wanted local or ray"):
        engine("spark", 2)  # type: ignore[arg-type]
    assert isinstance(engine("local", 1), Inline) and isinstance(engine("local", 2), Processes)
