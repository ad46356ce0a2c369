"""Packs are read as they are found: each line is asked or counted, whatever its encoding and its fields' names."""

import codecs
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard

from coevo.eval import read_packs
from coevo.eval.pack_items import pack_items
from coevo.tiers.errors import EvalError

BENCH = Path("../shared/data/bench")
BOM = Path("../shared/cases/18_bom.jsonl")
ROWS = [{"id": f"q{n}", "question": f"Où est {n}?", "choices": ["là", "ici"], "answer": n % 2} for n in range(4)]
TEXT = "\n".join(json.dumps(row, ensure_ascii=False) for row in ROWS)
FORMS: dict[str, Callable[[], bytes]] = {
    "a.jsonl": lambda: codecs.BOM_UTF8 + TEXT.encode(),
    "b.jsonl": lambda: TEXT.encode("utf-16"),
    "c.jsonl": lambda: TEXT.replace("\n", "\r\n\r\n").encode(),
    "d.jsonl.gz": lambda: gzip.compress(codecs.BOM_UTF8 + TEXT.encode()),
    "e.jsonl.zst": lambda: zstandard.compress(TEXT.encode()),
    "f.json": lambda: json.dumps(ROWS, indent=1).encode(),
    "g.json": lambda: json.dumps({"version": 1, "data": ROWS}).encode(),
    "h.json.gz": lambda: gzip.compress(json.dumps(ROWS).encode()),
    "i.ndjson": lambda: ("\ufeff" + TEXT + "\n\n").encode(),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_pack_is_read_in_the_forms_that_files_have(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(FORMS[name]())
    pool = read_packs((str(tmp_path),))
    (made,) = pool.benchmarks
    assert [(i.id, i.choices[i.answer]) for i in made.items] == [(f"q{n}", (" là", " ici")[n % 2]) for n in range(4)]
    assert not pool.notes and len(pack_items((str(tmp_path / name),))) == 4


def test_the_case_with_a_mark_before_its_first_line() -> None:
    if not BOM.is_file():
        pytest.skip(f"no {BOM} on this machine")
    (made,) = read_packs((str(BOM),)).benchmarks
    assert [item.id for item in made.items] == [f"q{n}" for n in range(len(made.items))] and len(made.items) >= 4


@pytest.mark.parametrize("broken", [b"\x1f\x8b\x08 cut", b"\x00\xff\xfe binary", b"", b"[1, 2]", b"no json\nat all"])
def test_a_pack_that_cannot_be_read_does_not_stop_the_others(broken: bytes, tmp_path: Path) -> None:
    (tmp_path / "bad.jsonl").write_bytes(broken)
    (tmp_path / "good.jsonl").write_text(TEXT, encoding="utf-8")
    pool = read_packs((str(tmp_path),))
    assert [b.name for b in pool.benchmarks] == ["good"] and len(pool.benchmarks[0].items) == 4
    (note,) = pool.notes
    assert "bad.jsonl is no file of JSON lines" in note and note.endswith("left out")
    with pytest.raises(EvalError, match=r"bad\.jsonl is no file of JSON lines .*restore it or leave it out"):
        read_packs((str(tmp_path / "bad.jsonl"),))
    with pytest.raises(EvalError, match="bad"):
        pack_items((str(tmp_path),))


def test_lines_that_are_no_questions_are_counted_by_reason(tmp_path: Path) -> None:
    odd = ["{cut", "7", json.dumps({"question": "q", "choices": 3, "answer": 0}), json.dumps({"a": "b"})]
    (tmp_path / "mine.jsonl").write_text("\n".join([*odd, TEXT]), encoding="utf-8")
    pool = read_packs((str(tmp_path),))
    assert len(pool.benchmarks[0].items) == 4
    assert pool.notes[0].startswith(
        "mine: 4 of 8 lines left out (1 no JSON, 1 no JSON object, 1 with fields of another"
    )


def test_lines_of_several_kinds_are_a_benchmark_for_each(tmp_path: Path) -> None:
    free = [{"question": f"{n} + 1?", "answer": str(n + 1)} for n in range(2)]
    words = [{"text": "All of this."}, {"context": "The capital of France is", "answer": "Paris"}]
    (tmp_path / "mine.jsonl").write_text("\n".join([TEXT, *(json.dumps(row) for row in [*free, *words])]))
    pool = read_packs((str(tmp_path),))
    assert {(b.name, b.kind, len(b.items)) for b in pool.benchmarks} == {
        ("mine", "choice", 4),
        ("mine_gold", "gold", 3),
        ("mine_bpb", "bpb", 1),
    }
    assert not pool.notes


WATER = "Water freezes at zero degrees."
KNOWN: dict[str, tuple[dict[str, Any], str, tuple[str, ...], int]] = {
    "sciq": (
        {"question": "q?", "distractor1": "x", "distractor2": "y", "correct_answer": "z", "support": WATER},
        f"{WATER}\nQuestion: q?\nAnswer:",
        (" z", " x", " y"),
        0,
    ),
    "sciq pack": (
        {"question": "q?", "choices": ["x", "z"], "answer": 1, "support": WATER},
        f"{WATER}\nQuestion: q?\nAnswer:",
        (" x", " z"),
        1,
    ),
    "race": (
        {"article": WATER, "question": "q?", "options": ["x", "y", "z"], "answer": "C"},
        f"{WATER}\nQuestion: q?\nAnswer:",
        (" x", " y", " z"),
        2,
    ),
    "boolq": (
        {"passage": WATER, "question": "is it", "answer": True},
        f"{WATER}\nQuestion: is it\nAnswer:",
        (" no", " yes"),
        1,
    ),
    "arc": (
        {"question": "q?", "choices": {"text": ["x", "y"], "label": ["1", "2"]}, "answerKey": "2"},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "openbookqa": (
        {"question_stem": "q?", "choices": {"text": ["x", "y"], "label": ["A", "B"]}, "answerKey": "B"},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "piqa": ({"goal": "g?", "sol1": "x", "sol2": "y", "label": 1}, "Question: g?\nAnswer:", (" x", " y"), 1),
    "siqa": (
        {"context": WATER, "question": "q?", "answerA": "x", "answerB": "y", "answerC": "z", "label": "3"},
        f"{WATER}\nQuestion: q?\nAnswer:",
        (" x", " y", " z"),
        2,
    ),
    "ceval": ({"question": "q?", "A": "x", "B": "y", "answer": "B"}, "Question: q?\nAnswer:", (" x", " y"), 1),
    "mmlu_pro": (
        {"question": "q?", "options": ["x", "y"], "answer": "B", "answer_index": 1},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "by wording": ({"question": "q?", "choices": ["4", "3"], "answer": "3"}, "Question: q?\nAnswer:", (" 4", " 3"), 1),
    "medqa": (
        {"question": "q?", "answer": "y", "options": {"A": "x", "B": "y"}, "answer_idx": "B"},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "arc's own file": (
        {
            "question": {"stem": "q?", "choices": [{"text": "x", "label": "A"}, {"text": "y", "label": "B"}]},
            "answerKey": "B",
        },
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "hellaswag": ({"ctx": "A man", "endings": ["x", "y"], "label": "1"}, "Question: A man\nAnswer:", (" x", " y"), 1),
    "one-hot": ({"question": "q?", "choices": ["x", "y"], "labels": [0, 1]}, "Question: q?\nAnswer:", (" x", " y"), 1),
    "truthfulqa": (
        {"question": "q?", "mc1_targets": {"choices": ["x", "y"], "labels": [0, 1]}},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "squad": (
        {"context": WATER, "question": "q?", "answers": {"text": ["ice", "ice"], "answer_start": [0, 0]}},
        f"{WATER}\nQuestion: q?\nAnswer:",
        (" ice",),
        0,
    ),
    "letter and wording": (
        {"question": "q?", "choices": ["x", "y"], "answer": "B) y"},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "a place as a fraction": (
        {"question": "q?", "choices": ["x", "y"], "answer": 1.0},
        "Question: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
    "numbers by value": ({"question": "q?", "choices": [7, 4], "answer": 4}, "Question: q?\nAnswer:", (" 7", " 4"), 1),
    "coqa": ({"story": WATER, "question": "q?", "answer": "ice"}, f"{WATER}\nQuestion: q?\nAnswer:", (" ice",), 0),
    "drop": ({"background": WATER, "query": "q?", "answer": "0"}, f"{WATER}\nQuestion: q?\nAnswer:", (" 0",), 0),
    "svamp": ({"Body": WATER, "Question": "q?", "Answer": 4.0}, f"{WATER}\nQuestion: q?\nAnswer:", (" 4",), 0),
    "math": ({"problem": "q?", "solution": "1 + 1 = 2", "answer": "2"}, "Question: q?\nAnswer:", (" 1 + 1 = 2",), 0),
    "premise": (
        {"premise": WATER, "question": "q?", "choices": ["x", "y"], "label": 1},
        f"{WATER}\nQuestion: q?\nAnswer:",
        (" x", " y"),
        1,
    ),
}


@pytest.mark.parametrize("name", KNOWN)
def test_fields_of_well_known_benchmarks_are_read(name: str, tmp_path: Path) -> None:
    line, text, choices, answer = KNOWN[name]
    (tmp_path / "mine.jsonl").write_text(json.dumps(line))
    pool = read_packs((str(tmp_path),))
    (made,) = pool.benchmarks
    (item,) = made.items
    assert (item.text, item.choices, item.answer) == (text, choices, answer)
    if text.startswith(WATER):
        assert item.cluster.startswith("passage "), "questions about one passage are one cluster"


ODD: list[dict[str, Any]] = [
    {"question": ["a?", "b?"], "choices": [["x", "y"], ["z", "w"]], "answer": [0, 1]},
    {"question": {"a": 1}, "answer": "6"},
    {"question": "q?", "context": {"title": ["t"]}, "answer": "yes"},
    {"question": "q?", "choices": ["x", None], "answer": 0},
    {"question": "q?", "choices": ["x", "y"], "answer": "B) z"},
    {"question": "q?", "choices": ["x", "y"], "answer": [1, 1]},
    {"question": "q?", "choices": ["x", "y"], "answer": 0.5},
    {"question": "q?", "answer": float("nan")},
    {"question": "q?", "choices": ["x", "x ", "y"], "answer": 0},
    {"question": "q?", "choices": {"text": ["x", "y"], "label": ["A", "A"]}, "answerKey": "A"},
]


@pytest.mark.parametrize("line", ODD)
def test_what_is_no_text_or_no_one_answer_is_counted(line: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "mine.jsonl").write_text("\n".join([json.dumps(line), TEXT]), encoding="utf-8")
    pool = read_packs((str(tmp_path),))
    assert [(b.name, len(b.items)) for b in pool.benchmarks] == [("mine", 4)] and "1 of 5 lines left out" in pool.notes[
        0
    ]


FOUR = ["w", "x", "y", "z"]
PLACES: dict[str, tuple[list[Any], list[int]]] = {
    "from one": ([1, 2, 3, 4], [0, 1, 2, 3]),
    "from one, as text": (["4", "1", "2"], [3, 0, 1]),
    "from one, as a fraction": ([4.0, 1.0], [3, 0]),
    "from nought": ([0, 1, 2, 3], [0, 1, 2, 3]),
    "from nought by one line": ([0, 3, 4], [0, 3]),
    "from nought where nothing says otherwise": ([1, 2, 3], [1, 2, 3]),
    "letters and numbers": (["A", 4, 1], [0, 3, 0]),
}


@pytest.mark.parametrize("kind", PLACES)
@pytest.mark.parametrize("field", ["answer", "label", "answer_index"])
def test_choices_are_counted_from_nought_or_one_as_the_file_shows(kind: str, field: str, tmp_path: Path) -> None:
    answers, places = PLACES[kind]
    rows = [{"question": f"{n}?", "choices": FOUR, field: answer} for n, answer in enumerate(answers)]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pool = read_packs((str(tmp_path),))
    assert [item.answer for item in pool.benchmarks[0].items] == places
    assert any("from 1" in note for note in pool.notes) == (
        kind.startswith("from one") or kind == "letters and numbers"
    )
    answers = [item.choices[item.answer].strip() for item in pool.benchmarks[0].items]
    assert [item.answer for item in pack_items((str(tmp_path),))][: len(places)] == answers


def test_labels_that_are_numbers_count_as_the_labels_do(tmp_path: Path) -> None:
    rows = [{"question": f"{n}?", "choices": {"text": FOUR, "label": list("1234")}, "answer": n} for n in "1234"]
    (tmp_path / "mine.jsonl").write_text("\n".join(map(json.dumps, rows)))
    pool = read_packs((str(tmp_path),))
    assert [item.answer for item in pool.benchmarks[0].items] == [0, 1, 2, 3] and not pool.notes


def test_what_is_no_plain_file_or_a_bomb_is_a_note(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.jsonl")
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "dangling.jsonl").symlink_to(tmp_path / "nowhere")
    (tmp_path / "bomb.jsonl.gz").write_bytes(gzip.compress(b" " * (20 << 20)))
    (tmp_path / "bomb.jsonl.zst").write_bytes(zstandard.compress(b" " * (20 << 20)))
    many = "".join(f"{json.dumps(row | {'id': n})}\n" for n in range(900) for row in ROWS).encode()
    (tmp_path / "cut.jsonl.zst").write_bytes(zstandard.compress(many)[:-40])
    (tmp_path / "good.jsonl").write_text(TEXT, encoding="utf-8")
    pool = read_packs((str(tmp_path),))
    assert [(b.name, len(b.items)) for b in pool.benchmarks] == [("good", 4)]
    assert len(pool.notes) == 6
    for reason, count in (("no plain file", 3), ("bomb: grows", 2), ("truncated zstd", 1)):
        assert sum(reason in note for note in pool.notes) == count, pool.notes


def test_marks_between_lines_and_names_that_no_file_can_have(tmp_path: Path) -> None:
    names = ["../../x", "a\0b", ".", "n" * 300, "a/b", "中文 pack"]
    rows = [row | {"bench": name} for name in names for row in ROWS[:1]]
    (tmp_path / "mine.jsonl").write_text("\n\ufeff".join(map(json.dumps, rows)))
    pool = read_packs((str(tmp_path),))
    assert {b.name for b in pool.benchmarks} == {".._.._x", "a_b", "_", "n" * 80, "中文 pack"}


def test_ids_and_names_are_told_apart_and_halves_of_pairs_replaced(tmp_path: Path) -> None:
    rows = [{"id": "a", "question": f"{n}\ud83d?", "choices": ["x", "y"], "answer": 0} for n in range(3)]
    free = {"question": "f?", "answer": "g"}
    (tmp_path / "x.jsonl").write_text(",\r".join(json.dumps(row) for row in [*rows, free]))
    (tmp_path / "x_gold.jsonl").write_text(json.dumps(free | {"question": "h?"}))
    pool = read_packs((str(tmp_path),))
    assert sorted(b.name for b in pool.benchmarks) == ["x", "x_gold", "x_gold_"]
    (main,) = [b for b in pool.benchmarks if b.name == "x"]
    assert len({item.id for item in main.items}) == 3
    assert [item.text for item in main.items] == [f"Question: {n}??\nAnswer:" for n in range(3)]


def test_every_line_of_real_files_is_asked_or_counted() -> None:
    if not BENCH.is_dir():
        pytest.skip("the benchmark files are not on this machine")
    for file in ("zh/gaokao_bench.objective", "en/winograd_wsc.test", "code/mbxp_mbjp.test", "en/boolq.validation"):
        path = BENCH / f"{file}.jsonl.gz"
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            total = sum(1 for _ in lines)
        beside = str(BENCH / "code" / "mbpp.prompt.jsonl.gz")
        pool = read_packs((str(path), beside))
        asked = sum(len(b.items) for b in pool.benchmarks if b.name.startswith(path.name.split(".")[0]))
        counted = sum(int(n.split(": ")[1].split(" of ")[0]) for n in pool.notes if "left out (" in n)
        assert asked + counted == total, file


def test_a_folder_is_read_with_the_folders_below_it(tmp_path: Path) -> None:
    inner = tmp_path / "en" / "old"
    inner.mkdir(parents=True)
    line = {"question": "Which of these is a lake?", "choices": ["Ladoga", "Volga"], "answer": 0}
    (tmp_path / "top.jsonl").write_text(json.dumps(line))
    (inner / "deep.jsonl").write_text(json.dumps(line | {"question": "Which of these is a river?"}))
    assert [b.name for b in read_packs((str(tmp_path),)).benchmarks] == ["deep", "top"]
    assert len(pack_items((str(tmp_path),))) == 2
