"""Packs: benchmark files as they are found become questions that lm-eval can ask, and odd lines are counted."""

import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from coevo.eval import (
    Benchmark,
    EvalConfig,
    Split,
    build_suite,
    deltas,
    divided,
    measure,
    read_packs,
    read_scores,
    scale_of,
)
from coevo.tiers.errors import EvalError

from .test_harness import MakeModel

BENCH = Path("../shared/data/bench")
SPLITS: tuple[Split, Split] = ("feedback", "hidden")
real = pytest.mark.skipif(not BENCH.is_dir(), reason="the benchmark files are not on this machine")


def pack(folder: Path, *lines: Mapping[str, Any], name: str = "mine.jsonl") -> Benchmark:
    (folder / name).write_text("\n".join(json.dumps(line) for line in lines), encoding="utf-8")
    (made,) = read_packs((str(folder / name),)).benchmarks
    return made


def test_multiple_choice_in_three_forms(tmp_path: Path) -> None:
    plain = pack(tmp_path, {"question": "2 + 2?", "choices": ["3", "4"], "answer": 1})
    assert (plain.name, plain.kind, plain.metric) == ("mine", "choice", "margin")
    assert (plain.items[0].text, plain.items[0].choices) == ("Question: 2 + 2?\nAnswer:", (" 3", " 4"))
    hub = pack(tmp_path, {"question": "q", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"})
    assert hub.items[0].answer == 1
    zh = pack(tmp_path, {"domain": "zh", "question": "水？", "choices": ["一", "二"], "answer": 0})
    assert (zh.items[0].text, zh.items[0].choices[0], zh.domain) == ("问题：水？\n答案：", "一", "zh")
    pair = pack(tmp_path, {"good": "They are.", "bad": "They is."})
    assert (pair.items[0].text, pair.items[0].choices) == ("", ("They are.", "They is."))


def test_free_answers_know_how_they_are_checked(tmp_path: Path) -> None:
    number = pack(tmp_path, {"question": "6 * 7?", "answer": 42.0, "solution": "6 * 7 = 42"})
    assert (number.kind, number.check, number.items[0].target) == ("gold", "number", "42")
    assert number.items[0].choices == (" 6 * 7 = 42",)
    math = pack(tmp_path, {"domain": "math", "question": "x?", "answer": "\\frac{1}{2}"})
    assert math.check == "math"
    word = pack(tmp_path, {"context": "The capital of France is", "answer": "Paris"})
    assert (word.check, word.items[0].text + word.items[0].choices[0]) == ("text", "The capital of France is Paris")
    text = pack(tmp_path, {"text": "All of this."})
    assert (text.kind, text.items[0].choices) == ("bpb", ())


def test_questions_about_one_passage_are_one_cluster(tmp_path: Path) -> None:
    lines = [{"context": c, "question": f"{n}?", "choices": ["a", "b"], "answer": 0} for c in "xy" for n in range(3)]
    assert len({i.cluster for i in pack(tmp_path, *lines).items}) == 2
    many = [{"subject": f"s{n % 25}", "question": f"{n}?", "choices": ["a", "b"], "answer": 0} for n in range(50)]
    assert len({i.cluster for i in pack(tmp_path, *many).items}) == 25


def test_what_cannot_be_asked_is_counted_or_refused(tmp_path: Path) -> None:
    good = {"question": "q", "choices": ["a", "b"], "answer": 0}
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, [good, good | {"answer": [0, 1]}, {"question": 1}])))
    found = read_packs((str(tmp_path / "some.jsonl"),))
    assert len(found.benchmarks[0].items) == 1
    assert found.notes == ("some: 2 lines without one right answer left out",)
    (tmp_path / "none.jsonl").write_text(json.dumps({"prompt": "p"}))
    with pytest.raises(EvalError, match="no line of pack none can be asked: wanted question"):
        read_packs((str(tmp_path / "none.jsonl"),))
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(json.dumps(good).encode())[:-9])
    with pytest.raises(EvalError, match="is no file of JSON lines"):
        read_packs((str(tmp_path / "cut.jsonl.gz"),))
    with pytest.raises(EvalError, match="found nothing at"):
        read_packs((str(tmp_path / "absent.jsonl"),))
    (tmp_path / "empty").mkdir()
    with pytest.raises(EvalError, match=r"no \.jsonl or \.jsonl\.gz file"):
        read_packs((str(tmp_path / "empty"),))


@real
@pytest.mark.parametrize(
    ("file", "kind", "check", "clusters"),
    [
        ("math/gsm8k.test", "gold", "number", 1319),
        ("math/math500.test", "gold", "math", 500),
        ("en/mmlu.validation", "choice", "", 57),
        ("en/bbh.test", "gold", "text", 27),
        ("en/hellaswag.validation_sample", "choice", "", 1000),
        ("en/piqa.validation", "choice", "", 1838),
        ("en/boolq.validation", "choice", "", None),
        ("en/arc_easy.test", "choice", "", 2376),
        ("zh/cmmlu.dev", "choice", "", 67),
        ("code/humaneval.test", "gold", "function", 164),
        ("code/mbpp.validation", "gold", "program", 90),
    ],
)
def test_real_benchmark_files(file: str, kind: str, check: str, clusters: int | None) -> None:
    (made,) = read_packs((str(BENCH / f"{file}.jsonl.gz"),)).benchmarks
    assert (made.kind, made.check) == (kind, check)
    assert clusters in (None, len({i.cluster for i in made.items}))
    assert len({i.id for i in made.items}) == len(made.items)
    for item in made.items:
        assert all(item.choices) and 0 <= item.answer < len(item.choices)


@real
def test_real_files_are_divided_asked_and_compared(make_model: MakeModel, tmp_path: Path) -> None:
    """Two models on packs of every kind, from the files to deltas with errors."""
    names = ("math/gsm8k.test", "en/piqa.validation", "en/blimp.test", "code/humaneval.test", "zh/cmmlu.dev")
    pool = read_packs(tuple(str(BENCH / f"{name}.jsonl.gz") for name in names))
    made = {
        split: build_suite(split, [], EvalConfig(), 0, more=divided(pool, split, SPLITS, 30, 420, 0))
        for split in SPLITS
    }
    assert [b.name for b in made["hidden"].benchmarks] == ["blimp", "cmmlu", "gsm8k", "humaneval", "piqa"]
    asked = [{i.text for b in made[split].benchmarks for i in b.items if i.text} for split in SPLITS]
    assert not asked[0] & asked[1]
    suite = made["hidden"]
    one, other = (measure(make_model(seed, context=512), suite, tmp_path / f"{seed}.parquet") for seed in (1, 2))
    scores = read_scores(one, suite)
    assert scores["gsm8k"].accuracy is None and scores["piqa"].accuracy is not None
    assert all(np.isfinite(s.values).all() and s.gold is not None for s in scores.values())
    found = deltas(one, other, suite, None, scale_of(one, suite))
    assert [d.benchmark for d in found] == [*(b.name for b in suite.benchmarks), "composite"]
    assert all(d.low < d.gain < d.high for d in found)
