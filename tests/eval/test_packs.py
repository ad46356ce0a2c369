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
    How,
    Split,
    Suite,
    build_suite,
    deltas,
    divided,
    measure,
    read_packs,
    read_scores,
    scale_of,
    suite_texts,
)
from coevo.eval.pack_items import pack_items
from coevo.tiers.benchmark_item import BenchmarkItem
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


def question(n: int, **more: Any) -> dict[str, Any]:
    return {"id": f"q{n}", "question": f"{n} + 1?", "choices": [f"{n + 1}", f"{n}"], "answer": 0, **more}


def lines(folder: Path, name: str, *rows: Mapping[str, Any]) -> str:
    (folder / name).write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return str(folder / name)


def test_choices_are_listed_and_answered_by_a_letter(tmp_path: Path) -> None:
    file = lines(tmp_path, "sums.test.jsonl", question(1), question(2, domain="zh"), {"good": "a b", "bad": "b a"})
    one, zh, pair = read_packs((file,), letters=True).benchmarks[0].items
    assert (one.text, one.choices) == ("Question: 1 + 1?\nA. 2\nB. 1\nAnswer:", (" A", " B"))
    assert (zh.text, zh.choices) == ("问题：2 + 1?\nA. 3\nB. 2\n答案：", ("A", "B"))
    assert (pair.text, pair.choices) == ("", ("a b", "b a")), "what asks nothing has no letters"


def test_examples_come_from_the_file_beside_and_of_the_same_subject(tmp_path: Path) -> None:
    asked = [question(n, subject="ab"[n % 2]) for n in range(10, 20)]
    lines(tmp_path, "sums.dev.jsonl", *(question(n, subject="ab"[n % 2]) for n in range(10)))
    file = lines(tmp_path, "sums.test.jsonl", *asked)
    found = read_packs((file,), shots=2, letters=True).benchmarks[0].items
    assert [i.id for i in found] == [row["id"] for row in asked]
    for item in found:
        assert item.before.count("Question:") == item.before.count("Answer: A\n\n") == 2
        told = [int(part.split(" ")[1]) for part in item.before.split("\n\n")[:-1]]
        assert all(n < 10 and n % 2 == int(item.id[1:]) % 2 for n in told)
    assert read_packs((str(tmp_path),), shots=2, letters=True).benchmarks[0].items == found, "a folder is read alike"
    assert read_packs((file,), shots=2, letters=True).benchmarks[0].items == found, "and always alike"
    with pytest.raises(EvalError, match=r"wants 11 examples, sums has 10: lower it or add a file sums\.dev\.jsonl"):
        read_packs((file,), shots=11)


def test_examples_without_a_file_of_their_own_are_not_asked(tmp_path: Path) -> None:
    file = lines(tmp_path, "sums.jsonl", *(question(n) for n in range(10)))
    (made,) = read_packs((file,), shots=3).benchmarks
    assert len(made.items) == 7
    (before,) = {item.before for item in made.items}
    assert before.count("Question:") == 3
    assert not any(item.text in before for item in made.items)


def test_examples_are_in_the_prompt_and_in_nothing_else(model: Path, tmp_path: Path) -> None:
    """Scored as one text; but what training data must not contain, and what decides over splits, is the question."""
    lines(tmp_path, "sums.dev.jsonl", *(question(n) for n in range(90, 95)))
    file = lines(tmp_path, "sums.test.jsonl", *(question(n) for n in range(30)))
    (made,) = read_packs((file,), shots=2).benchmarks
    glued = made.model_copy(
        update={"items": tuple(i.model_copy(update={"before": "", "text": i.before + i.text}) for i in made.items)}
    )
    one, other = (Suite(split="hidden", benchmarks=(b,), digest=d) for b, d in ((made, "before"), (glued, "glued")))
    first = read_scores(measure(model, one, tmp_path / "one.parquet"), one)["sums"]
    second = read_scores(measure(model, other, tmp_path / "other.parquet"), other)["sums"]
    np.testing.assert_array_equal(first.values, second.values)
    assert suite_texts(one)[0] == made.items[0].text + made.items[0].choices[0]


def test_a_chat_template_is_put_around_questions_or_missed(model: Path, tmp_path: Path) -> None:
    import shutil

    (made,) = read_packs((lines(tmp_path, "sums.jsonl", *(question(n) for n in range(30))),)).benchmarks
    suite = Suite(split="hidden", benchmarks=(made,), digest="sums")
    with pytest.raises(EvalError, match=r"asks for a chat template, and the tokenizer in .* has none"):
        measure(model, suite, tmp_path / "out.parquet", how=How(chat=True))
    talker = tmp_path / "talker"
    shutil.copytree(model, talker)
    turns = "{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
    (talker / "chat_template.jinja").write_text(turns + "{% if add_generation_prompt %}<me>{% endif %}")
    found = read_scores(measure(talker, suite, tmp_path / "chat.parquet", how=How(chat=True)), suite)["sums"]
    by_hand = tuple(
        i.model_copy(update={"text": f"<user>{i.text}<me>", "choices": tuple(c.strip() for c in i.choices)})
        for i in made.items
    )
    hand = Suite(split="hidden", benchmarks=(made.model_copy(update={"items": by_hand}),), digest="by hand")
    wanted = read_scores(measure(model, hand, tmp_path / "hand.parquet"), hand)["sums"]
    np.testing.assert_array_equal(found.values, wanted.values)


def test_what_cannot_be_asked_is_counted_or_refused(tmp_path: Path) -> None:
    good = {"question": "q", "choices": ["a", "b"], "answer": 0}
    (tmp_path / "some.jsonl").write_text("\n".join(map(json.dumps, [good, good | {"answer": [0, 1]}, {"question": 1}])))
    found = read_packs((str(tmp_path / "some.jsonl"),))
    assert len(found.benchmarks[0].items) == 1
    reasons = "1 without one right answer, 1 without a question, a pair, a program or a text"
    assert found.notes == (f"some: 2 of 3 lines left out ({reasons})",)
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
def test_texts_of_packs_are_those_of_all_lines_even_of_what_cannot_be_asked(tmp_path: Path) -> None:
    said = "A statement that is long enough to be quoted by a document."
    lines = [{"question": "Why?", "choices": ["so", "not so"], "answer": 1}, {"statement": said, "id": "x/1"}]
    (tmp_path / "mine.jsonl").write_text("\n".join(json.dumps(line) for line in [*lines, lines[1]]))
    assert pack_items((str(tmp_path), str(tmp_path / "mine.jsonl"))) == [
        BenchmarkItem("Why?", answer="not so", choices=("so", "not so")),
        BenchmarkItem(said),
    ]


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
