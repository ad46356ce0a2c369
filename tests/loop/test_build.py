"""`coevo build` as a user types it, and the engine of a run: the same on every engine, judged once, one sentence."""

import asyncio
import email
import importlib.util
import json
import shutil
import unittest
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coevo.loop.build import build_config
from coevo.loop.config import RunConfig
from coevo.loop.nodes import hold
from coevo.tiers.clean import clean
from coevo.tiers.config import CleanConfig, DedupConfig
from coevo.tiers.dedup import dedup, dedup_sketches, sketch
from coevo.tiers.engine import Engine, Processes, engine
from coevo.tiers.errors import InputError

RAY = pytest.param(
    "ray", marks=pytest.mark.skipif(importlib.util.find_spec("ray") is None, reason="pip install 'coevo[ray]'")
)


NAMES = [f"{a}{b}" for a in ("bar", "dun", "kel", "mor") for b in ("an", "esh", "ith", "oa", "ul", "yr")]


def sources(folder: Path) -> Path:
    """Modules of the standard library as a source of two collections."""
    for name, package in (("one", json), ("two", asyncio), ("two", email), ("two", unittest)):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for path in sorted(Path(str(package.__file__)).parent.glob("*.py")):
            shutil.copy(path, folder / name / f"{package.__name__}-{path.name}")
    return folder


def built(folder: Path) -> list[dict[str, object]]:
    rows = [row for path in (folder / "l2").glob("*.parquet") for row in pq.read_table(path).to_pylist()]
    return sorted(rows, key=lambda row: str(row["id"]))


@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("name", ["local", RAY])
def test_a_build_to_l2_by_the_command_and_what_it_says(cli, name: str) -> None:  # type: ignore[no-untyped-def]
    sources(cli.folder / "raw")
    (cli.folder / "raw" / "one" / "empty.py").touch()
    asked = ("build", "raw", "--set", "selection.labels=40", "--set", "selection.agreement=-1")
    done = cli(*asked, "--out", "out", "--engine", name, "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    l1, l2 = told["l1"], told["l2"]
    for domain, n in l1["read"].items():
        assert n == sum(l1[part].get(domain, 0) for part in ("kept", "dropped", "quarantined"))
    assert l1["kept"]["code"] == l2["kept"]["code"] + l2["refused"]["code"] > 50
    assert l2["agreement"]["code"]["n"] == 40 and "finish · " in done.stderr
    again = cli(*asked, "--out", "out")
    assert again.returncode == 0 and "not selected" in again.stdout, again.stderr
    assert "What could not be read" in again.stdout and "empty" in again.stdout
    if name == "ray":
        assert cli(*asked, "--out", "local").returncode == 0
        assert built(cli.folder / "local") == built(cli.folder / "out") != []
    later = cli("build", "raw/one", "--out", "later", "--against", "out", "--through", "L1", "--workers", "1", "--json")
    kept = json.loads(later.stdout)["l1"]
    assert kept["reasons"]["exact duplicate"] > 0 and not kept["kept"], kept


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("nowhere",), "source nowhere does not exist"),
        ((".", "--set", "selection.shares=1"), "did you mean 'share'?"),
        ((".", "--set", "selection.share=2"), "less than or equal to 1"),
        ((".", "--against", "missing"), "holds no finished build"),
        ((".", "--config", "missing.yaml"), "is not readable YAML"),
        ((".", "--domain", "cooking"), "wanted auto or one of code, en, math, zh, got 'cooking'"),
        ((".", "--packs", "missing.jsonl"), "found nothing at missing.jsonl"),
        ((".", "--tasks", "no_such_task"), "no_such_task"),
        ((".", "--set", "agents.scorer=student:"), "name another judge"),
        ((".", "--set", "dedup.bands=13"), "bands that divide 112"),
    ],
)
def test_mistakes_are_one_sentence(cli, arguments: tuple[str, ...], says: str) -> None:  # type: ignore[no-untyped-def]
    (cli.folder / "a.txt").write_text("text")
    done = cli("build", *arguments, "--out", "out", "--workers", "1")
    assert done.returncode == 2 and says in done.stderr and "Traceback" not in done.stderr, done.stderr


def test_a_build_refuses_what_quotes_a_benchmark(cli) -> None:  # type: ignore[no-untyped-def]
    lines = [f"In the year {i} the {n} ships of the {n} fleets left for the far islands." for i, n in enumerate(NAMES)]
    (cli.folder / "raw.jsonl").write_text(
        "\n".join(json.dumps({"text": " ".join(lines[at : at + 4]), "domain": "en"}) for at in range(0, 24, 4))
    )
    (cli.folder / "exam.jsonl").write_text(json.dumps({"question": lines[5], "answer": "Yes"}))
    done = cli("build", "raw.jsonl", "--out", "out", "--workers", "1", "--through", "L1", "--packs", "exam.jsonl")
    assert done.returncode == 0, done.stderr
    assert "benchmarks · 1 items" in done.stderr and "overlaps benchmark text" in done.stdout
    again = cli(
        "build", "raw.jsonl", "--out", "out", "--workers", "1", "--through", "L1", "--packs", "exam.jsonl", "--json"
    )
    told = json.loads(again.stdout)["l1"]
    assert told["reasons"] == {"overlaps benchmark text": 1} and told["kept"] == {"en": 5}


def test_texts_say_their_domain_where_that_is_asked_for(cli) -> None:  # type: ignore[no-untyped-def]
    chinese = (
        "数据清洗是训练语言模型之前最重要的一步。我们首先检查文本的编码是否正确，然后去掉重复的段落和没有意义的符号，"
    )
    chinese += "其余的内容会连同原因一起保存下来，以便以后可以重新检查每一个决定。"
    english = " ".join(
        f"In the year {i} the {n} ships of the {n} fleets left for the islands." for i, n in enumerate(NAMES[:4])
    )
    (cli.folder / "raw.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in (chinese, english)))
    asked = ("build", "raw.jsonl", "--workers", "1", "--through", "L1", "--json")
    kept = [json.loads(cli(*asked, "--out", o, *m).stdout)["l1"] for o, m in (("a", ()), ("b", ("--domain", "auto")))]
    assert kept[0]["kept"] == {"en": 1} and kept[0]["reasons"] == {"other-script": 1}
    assert kept[1]["kept"] == {"en": 1, "zh": 1}


def test_settings_lie_over_the_defaults_of_a_build(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("ingest: {domains: [en]}\nselection: {share: 0.1}\n")
    config = build_config(tmp_path / "own.yaml", ("clean.min_chars=10",))
    assert config.ingest.domains == ("en",) and config.ingest.document_bytes == 120_000
    assert config.selection.share == 0.1 and config.clean.min_chars == 10
    (tmp_path / "own.yaml").write_text("- no mapping")
    with pytest.raises(InputError, match="wanted a mapping"):
        build_config(tmp_path / "own.yaml", ())


@pytest.mark.filterwarnings("ignore")  # Ray's own
@pytest.mark.parametrize("name", ["local", RAY])
def test_a_run_cleans_and_sketches_alike_on_every_engine(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    texts = [f"{i} " + "The time of the day is what people have to be with. " * (i % 5 + 1) for i in range(60)]
    columns = {name: [f"{name}{i}" for i in range(60)] for name in ("id", "source")}
    fixed = {"text": pa.array(texts, pa.large_string()), "domain": ["en"] * 60, "kind": ["text"] * 60}
    docs = pa.table(columns | fixed)
    monkeypatch.setattr(hold, "SHARD_BYTES", 2_000)
    runs: Engine = Processes(2) if name == "local" else engine("ray", 2)
    judged = hold.over_shards(runs, clean, docs, CleanConfig())
    assert len(judged) > 3 and pa.concat_tables(judged).combine_chunks() == clean(docs).combine_chunks()
    sketches = pa.concat_tables(hold.over_shards(runs, sketch, docs, DedupConfig()))
    assert dedup_sketches(sketches).equals(dedup(docs))
    monkeypatch.setattr(hold, "SHARD_BYTES", 1 << 30)
    assert len(hold.over_shards(Processes(2), clean, docs, CleanConfig())) == 1


def test_the_engine_of_a_run_bears_on_no_result() -> None:
    assert RunConfig(engine="ray").fingerprint == RunConfig().fingerprint
