"""Suites: reproducible, disjoint, short enough, clustered by source file, and open about what they lack."""

import json
from pathlib import Path

import pytest

from coevo.eval import EvalConfig, HeldOut, Suite, build_suite, load_suite, reserved, save_suite, suite_texts
from coevo.eval.arithmetic import answer, items
from coevo.tiers.errors import EvalError

from .conftest import CONFIG, texts


def test_the_embedded_suite_has_seven_benchmarks(suite: Suite) -> None:
    assert [b.name for b in suite.benchmarks] == [
        *("bpb_code", "bpb_en", "bpb_math", "cloze_code", "cloze_en", "cloze_math"),
        "arithmetic",
    ]
    assert all(len(b.items) == 24 and len({i.id for i in b.items}) == 24 for b in suite.benchmarks)
    assert suite.omitted == ()


def test_the_suite_is_a_function_of_the_texts_and_the_seed_alone(suite: Suite) -> None:
    assert build_suite("feedback", texts(1)[::-1], CONFIG, seed=0) == suite
    assert build_suite("feedback", texts(1), CONFIG, seed=1).digest != suite.digest
    assert build_suite("hidden", texts(1), CONFIG, seed=0).digest != suite.digest


def test_items_are_spread_over_all_source_files(suite: Suite) -> None:
    for benchmark in suite.benchmarks[:6]:
        files = [item.cluster for item in benchmark.items]
        assert {files.count(f) for f in files} == {2}, f"{benchmark.name} does not take two items of each file"


def test_questions_fit_256_tokens_of_any_byte_level_tokenizer() -> None:
    suite = build_suite("feedback", texts(1), EvalConfig(), seed=0)
    for benchmark in suite.benchmarks:
        for item in benchmark.items:
            if benchmark.kind != "bpb":
                assert all(len((item.text + choice).encode()) <= 255 for choice in item.choices)
            else:
                assert EvalConfig().bpb_bytes // 2 <= len(item.text.encode()) <= EvalConfig().bpb_bytes


def test_the_true_choice_continues_the_text_and_the_others_come_from_other_files(suite: Suite) -> None:
    held = texts(1)
    for benchmark in suite.benchmarks[3:6]:
        for item in benchmark.items:
            own = [h.text for h in held if h.source_file == item.cluster]
            for place, choice in enumerate(item.choices):
                assert any(item.text + choice in text for text in own) == (place == item.answer)
            assert len(set(item.choices)) == 4
            assert all(choice[0] == " " and choice[1] != " " for choice in item.choices)


def test_the_answer_stands_at_every_place(suite: Suite) -> None:
    for benchmark in suite.benchmarks[3:]:
        assert {item.answer for item in benchmark.items} == {0, 1, 2, 3}


def test_scripts_without_spaces_are_cut_between_characters() -> None:
    held = [HeldOut("".join(chr(0x4E00 + n * 900 + m) for m in range(900)), "zh", f"{n}.txt") for n in range(12)]
    suite = build_suite("hidden", held, CONFIG, seed=0)
    assert [b.name for b in suite.benchmarks] == ["bpb_zh", "cloze_zh"]
    whole = {h.source_file: h.text for h in held}
    assert all(i.text + i.choices[i.answer] in whole[i.cluster] for i in suite.benchmarks[1].items)


def test_texts_of_the_other_suite_are_not_used_again(suite: Suite) -> None:
    twin = build_suite("hidden", texts(1), CONFIG, seed=0, exclude=[suite])
    assert not set(suite_texts(twin)) & set(suite_texts(suite))


def test_too_few_files_are_named_not_passed_over() -> None:
    held = texts(1, files=12, domains=("en",)) + texts(1, files=3, domains=("math",))
    suite = build_suite("feedback", held, CONFIG, seed=0)
    assert [b.name for b in suite.benchmarks] == ["bpb_en", "cloze_en", "arithmetic"]
    assert [o.benchmark for o in suite.omitted] == ["bpb_math", "cloze_math"]
    assert suite.omitted[0].reason == "3 held-out source files with usable text, 6 wanted"


def test_nothing_to_ask_is_an_error() -> None:
    with pytest.raises(EvalError, match=r"no feedback benchmark could be built \(bpb_en: 2 held-out source files"):
        build_suite("feedback", texts(1, files=2, domains=("en",)), CONFIG, seed=0)
    with pytest.raises(EvalError, match="no held-out text was given"):
        build_suite("hidden", [], CONFIG, seed=0)


def test_rulers_and_tables_are_not_asked() -> None:
    held = [HeldOut("=+-|" * 300, "en", f"{n}.txt") for n in range(12)]
    with pytest.raises(EvalError, match="0 held-out source files"):
        build_suite("feedback", held, CONFIG, seed=0)


def test_a_suite_survives_the_disk_and_tampering_is_seen(suite: Suite, tmp_path: Path) -> None:
    path = save_suite(suite, tmp_path / "suites" / "feedback.json")
    assert load_suite(path) == suite
    content = json.loads(path.read_text())
    content["benchmarks"][0]["items"][0]["text"] += "!"
    path.write_text(json.dumps(content))
    with pytest.raises(EvalError, match="were altered"):
        load_suite(path)
    path.write_text(path.read_text()[:-20])
    with pytest.raises(EvalError, match="no suite can be read"):
        load_suite(path)


def test_arithmetic_splits_share_no_problem() -> None:
    config = EvalConfig(arithmetic_items=240)
    feedback, hidden = items("feedback", config, 0), items("hidden", config, 0)
    assert len(feedback) == len(hidden) == 240
    for split, questions in (("feedback", feedback), ("hidden", hidden)):
        for item in questions:
            left, operator, right, _ = item.text.split()
            assert reserved(int(left), operator, int(right)) == split
            assert item.choices[item.answer] == f" {answer((int(left), operator, int(right)))}"
            assert len(set(item.choices)) == 4 and all(int(choice) >= 0 for choice in item.choices)


def test_reserved_sees_sums_and_products_from_both_sides() -> None:
    pairs = [(a, b) for a in range(10, 60) for b in range(10, 60)]
    assert all(reserved(a, op, b) == reserved(b, op, a) for a, b in pairs for op in "+*")
    share = sum(reserved(a, "+", b) is not None for a, b in pairs) / len(pairs)
    assert 0.2 < share < 0.3
