"""`coevo eval`: a table of models on disk, paired, from scores that are kept; mistakes are one sentence."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from coevo.eval import Benchmark, Item, Scale, Suite
from coevo.eval.levels import differences, levels
from coevo.eval.scores import ItemScores
from coevo.loop.evaluation import models_of
from coevo.tiers.errors import InputError


@pytest.fixture
def pack(tmp_path: Path) -> Path:
    rows = [{"question": f"{n} + 1?", "choices": [f"{n + 1}", f"{n}"], "answer": 0} for n in range(12)]
    file = tmp_path / "sums.test.jsonl"
    file.write_text("\n".join(map(json.dumps, rows)))
    return file


def test_a_table_of_two_models_and_its_second_look(finished: Any, pack: Path, tmp_path: Path) -> None:
    models = ["runs/whole/models/base", "runs/whole/models/round-001/main"]
    asked = ("eval", *models, "--packs", str(pack), "--out", str(tmp_path / "scores"))
    asked += ("--set", "evaluation={pack_items: 40}")
    done = finished(*asked)
    assert done.returncode == 0, done.stderr
    assert "measuring base on 12 questions of 1 benchmarks" in done.stderr
    assert "main against base, paired question by question" in done.stdout
    written = {f: f.stat().st_mtime_ns for f in sorted((tmp_path / "scores").glob("*.parquet"))}
    assert [f.name for f in written] == ["base.parquet", "main.parquet"]
    told = json.loads(finished(*asked, "--json").stdout)
    assert {f: f.stat().st_mtime_ns for f in written} == written, "measured twice"
    table = pq.read_table(tmp_path / "scores/main.parquet")
    found = {(r["model"], r["metric"]): r for r in told["levels"]}
    assert found["main", "accuracy"]["mean"] == pytest.approx(np.mean(table["accuracy"].to_pylist()))
    assert found["main", "margin"]["mean"] == pytest.approx(np.mean(table["value"].to_pylist()))
    assert found["main", "accuracy"]["chance"] == 0.5 and found["main", "accuracy"]["n"] == 12
    gain = {(r["benchmark"], r["metric"]): r["gain"] for r in told["against"][0]["rows"]}
    assert gain["sums", "margin"] == pytest.approx(found["main", "margin"]["mean"] - found["base", "margin"]["mean"])


def test_mistakes_are_one_sentence(finished: Any, pack: Path) -> None:
    base = "runs/whole/models/base"
    for arguments, says in (
        ((base,), "nothing to ask: name benchmark files with --packs"),
        (("no/such", "--packs", str(pack)), "no model folder no/such: wanted a transformers folder, or BASE+ADAPTER"),
        ((base, base, "--packs", str(pack)), "is named twice"),
        ((base, "--packs", str(pack), "--set", "evaluation.writen=3"), "did you mean 'written'?"),
        ((base, "--packs", str(pack), "--set", "evaluation=3"), "evaluation"),
        ((base, "--packs", str(pack), "--set", "evaluation.chat=true"), "asks for a chat template"),
    ):
        done = finished("eval", *arguments)
        assert done.returncode == 2 and says in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_models_of_one_name_are_told_apart(tmp_path: Path) -> None:
    for name in ("one/main", "two/main", "one/adapter"):
        (tmp_path / name).mkdir(parents=True)
    one, two = (str(tmp_path / name / "main") for name in ("one", "two"))
    assert [m.name for m in models_of([one, two])] == [one, two]
    (adapted,) = models_of([f"{one}+{tmp_path}/one/adapter"])
    assert (adapted.name, adapted.base, adapted.adapter) == ("main+adapter", Path(one), tmp_path / "one/adapter")
    with pytest.raises(InputError, match="no model folder"):
        models_of([f"{one}+{tmp_path}/three"])


def test_intervals_cover_the_truth_and_are_never_of_no_width() -> None:
    """Coverage by simulation of an accuracy and of one so small that all answers of most samples are wrong."""
    items = tuple(Item(id=f"{n}", cluster=f"{n}", text="q", choices=("a", "b")) for n in range(40))
    made = {"name": "b", "kind": "choice", "domain": "en", "metric": "margin", "items": items}
    suite = Suite(split="hidden", benchmarks=(Benchmark.model_validate(made),), digest="d")
    names, rng = tuple(i.id for i in items), np.random.default_rng(0)
    for truth in (0.5, 0.005):
        held = 0
        for _ in range(400):
            right = (rng.random(40) < truth).astype(float)
            accuracy, _ = levels("m", {"b": ItemScores(names, names, rng.normal(size=40), right)}, suite)
            held += accuracy.low <= truth <= accuracy.high
        assert held / 400 >= 0.93
    same = {"b": ItemScores(names, names, rng.normal(size=40), np.zeros(40))}
    scale = Scale(split="hidden", mean={"b": 0}, sd={"b": 1})
    delta, *_ = differences(same, same, suite, scale, ("a", "b"))
    assert delta.verdict == "unresolved" and delta.high == pytest.approx(1 - 0.025 ** (1 / 40))
