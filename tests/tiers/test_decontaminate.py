import gzip
import json
import os
import random
from pathlib import Path

import pyarrow as pa
import pytest

from coevo.tiers.config import DecontaminateConfig
from coevo.tiers.decontaminate import CLEAN, decontaminate

SHARED = Path(os.environ.get("COEVO_SHARED_DATA", Path(__file__).parents[3] / "shared" / "data"))
WORDS = [f"{a}{b}" for a in ("ran", "tos", "mil", "pek", "dor", "lun") for b in ("a", "en", "ish", "or", "ity", "um")]
QUESTION = "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. How many?"
HEADER = "Licensed under the terms of the open licence, you may not use this file except in compliance with it. "


def text(seed: int, length: int = 80) -> str:
    return " ".join(random.Random(seed).choices(WORDS, k=length))


def docs(*texts: str) -> pa.Table:
    return pa.table({"id": [str(i) for i in range(len(texts))], "text": pa.array(texts, pa.large_string())})


def kept(texts: list[str], benchmark: list[str], config: DecontaminateConfig | None = None) -> list[bool]:
    return list(decontaminate(docs(*texts), benchmark, config)["kept"].to_pylist())


def test_a_quotation_is_refused_and_quoted() -> None:
    verdicts = decontaminate(docs(text(0), f"{text(1)} {QUESTION.upper()} {text(2)}"), [text(9), QUESTION])
    assert verdicts["kept"].to_pylist() == [True, False]
    assert verdicts["reason"].to_pylist() == [
        CLEAN,
        "overlaps benchmark text 1 in 13 words: 'natalia sold clips to 48 of her friends in april and then she'",
    ]


def test_case_and_punctuation_hide_nothing() -> None:
    assert kept([QUESTION.replace(" ", " -- ").lower()], [QUESTION]) == [False]


@pytest.mark.parametrize(("words", "stays"), [(12, True), (13, False)])
def test_thirteen_words_in_a_row_are_what_counts(words: int, stays: bool) -> None:
    assert kept([" ".join(QUESTION.split()[:words]) + " " + text(0)], [QUESTION]) == [stays]


def test_short_items_must_stand_whole_and_tiny_ones_are_not_looked_for() -> None:
    short = "what is the capital city of the republic"
    assert kept([f"{text(0)} {short} {text(1)}", f"{text(0)} {short[:-9]}"], [short]) == [False, True]
    assert kept(["12 + 35 = 47 and then some"], ["12 + 35 ="]) == [True]


def test_boilerplate_does_not_count_by_itself() -> None:
    corpus = [HEADER + text(i) for i in range(30)]
    assert all(kept(corpus, [HEADER + text(99, 400)]))
    few = DecontaminateConfig(common=40)
    assert not any(kept(corpus, [HEADER + text(99, 400)], few))


def test_a_whole_item_counts_however_common_it_is() -> None:
    assert not any(kept([f"{text(i)} {QUESTION}" for i in range(30)], [QUESTION]))


def test_rulers_quote_nothing() -> None:
    assert kept(["0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 " * 3], ["0 " * 40]) == [True]


def test_a_character_of_chinese_counts_half_a_word() -> None:
    item = "在一个等腰三角形中已知顶角的度数是底角的两倍求这个三角形三个内角分别是多少度"
    other = "".join(random.Random(0).choices("春夏秋冬风花雪月山川湖海日月星辰", k=60))
    assert kept([other + item + other, other + item[:20] + other], [item]) == [False, True]


def test_batches_make_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [text(i) + (f" {QUESTION}" if i % 7 == 0 else "") for i in range(50)]
    whole = decontaminate(docs(*texts), [QUESTION, text(77)])
    monkeypatch.setattr("coevo.tiers.clean.BATCH_ROWS", 6)
    assert decontaminate(docs(*texts), [QUESTION, text(77)]).equals(whole)
    assert whole["kept"].to_pylist() == [i % 7 != 0 for i in range(50)]


def test_no_benchmark_and_no_documents() -> None:
    assert kept([text(0)], []) == [True]
    assert kept([text(0)], ["", "one two"]) == [True]
    assert kept([], [QUESTION]) == []


@pytest.mark.skipif(not SHARED.is_dir(), reason=f"no shared data at {SHARED}: set COEVO_SHARED_DATA")
def test_planted_items_are_found_and_nothing_else_is() -> None:
    with gzip.open(SHARED / "quality" / "contamination_rephrased.jsonl.gz", "rt") as file:
        items = [r["original"] for r in map(json.loads, file) if r.get("original")][:300]
    with gzip.open(SHARED / "l0" / "math" / "stacks-project.jsonl.gz", "rt") as file:
        hosts = [r["text"][:1500] for r in map(json.loads, file)][:300]
    planted = [f"{hosts[i % len(hosts)]}\n\n{item}\n\n{hosts[-i % len(hosts)]}" for i, item in enumerate(items)]
    assert not any(kept(planted, items))
    assert all(kept(hosts, items))
