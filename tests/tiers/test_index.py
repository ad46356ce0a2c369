"""The L4 index: facts are found, merged when equal, kept apart when not, and carry their provenance."""

import sys
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from coevo.tiers.errors import InputError, LedgerError
from coevo.tiers.index import Statement, build_index, encode, index_path, open_index
from coevo.tiers.parts import write_part
from coevo.tiers.rows import DOCUMENT_SCHEMA


def documents(*facts: tuple[str, str]) -> pa.Table:
    n = len(facts)
    columns = [[f"d{i}" for i in range(n)], [f[1] for f in facts], [f[0] for f in facts], [f"s{i}" for i in range(n)]]
    return pa.table(
        [*columns, ["fact"] * n, pa.array([[f"p{i}"] for i in range(n)], pa.list_(pa.string()))], schema=DOCUMENT_SCHEMA
    )


FACTS = documents(
    ("math", "The derivative of sin(x) is cos(x)."),
    ("math", "12 + 35 = 47"),
    ("math", "12 + 36 = 48"),
    ("en", "The JSON decoder raises an error on trailing data."),
    ("code", "def double(x): return 2 * x"),
    ("math", "the  derivative of sin(x) is cos(x)"),
    ("code", "DEF double(x): return 2 * x"),
    ("en", " "),
)


def test_equal_facts_are_one_with_all_their_provenance(tmp_path: Path) -> None:
    index = build_index(tmp_path, FACTS)
    assert len(index) == 6
    best = index.search("derivative of sin", 1)[0]
    assert (best.documents, best.origins, best.sources) == (("d0", "d5"), ("p0", "p5"), ("s0", "s5"))
    assert best.text == "The derivative of sin(x) is cos(x)."


def test_a_document_states_several_facts_and_one_of_another_key_is_another(tmp_path: Path) -> None:
    said = {
        "d0": [Statement("A lichen is a partnership.", "k1", "is a partnership"), Statement("It is old.", "k2")],
        "d3": [Statement("a lichen is the partnership", "k1", "the partnership"), Statement("  ", "k3")],
    }
    index = build_index(tmp_path, FACTS, {"d3": "two votes"}, said, {"p0": "raw/lichen.txt"})
    assert [f["text"] for f in index.facts.to_pylist()] == [
        "a lichen is the partnership",
        "A lichen is a partnership.",
        "It is old.",
    ]
    best = index.search("partnership", 1, "math")[0]
    assert best.documents == ("d0",) and best.sources == ("s0", "raw/lichen.txt") and best.verified == ()
    assert best.passages == ("is a partnership",) and open_index(tmp_path).search("partnership", 1, "math") == [best]


def test_an_index_of_before_origins_were_kept_is_read(tmp_path: Path) -> None:
    built = build_index(tmp_path, FACTS)
    write_part(index_path(tmp_path), built.facts.drop_columns(["origins", "passages"]))
    found = open_index(tmp_path).search("trailing data", 1)[0]
    assert (found.documents, found.origins) == (("d3",), ())


def test_on_either_side_of_a_kill_the_file_is_one_that_was_recorded(tmp_path: Path) -> None:
    recorded: list[Collection[str]] = []
    build_index(tmp_path, FACTS.slice(0, 1))
    before = index_path(tmp_path).read_bytes()
    build_index(tmp_path, FACTS, record=recorded.append)
    either, last = recorded
    assert len(open_index(tmp_path, either)) == len(open_index(tmp_path, last)) == 6
    index_path(tmp_path).write_bytes(before)
    assert len(open_index(tmp_path, either)) == 1
    with pytest.raises(LedgerError, match=r"index\.parquet was altered"):
        open_index(tmp_path, last)


def test_near_facts_stay_apart_and_the_nearest_comes_first(tmp_path: Path) -> None:
    hits = build_index(tmp_path, FACTS).search("12 + 36 = 48", 3)
    assert [h.text for h in hits[:2]] == ["12 + 36 = 48", "12 + 35 = 47"]
    assert hits[0].score == pytest.approx(1, abs=1e-5) and hits[0].score > hits[1].score > hits[2].score


def test_a_query_can_be_kept_to_a_domain(tmp_path: Path) -> None:
    index = build_index(tmp_path, FACTS)
    assert {h.domain for h in index.search("double", 10, domain="code")} == {"code"}
    assert len(index.search("double", 10)) == 6 and index.search("double", 0) == []


def test_it_is_read_back_as_it_was_and_built_once(tmp_path: Path) -> None:
    built = build_index(tmp_path, FACTS)
    before = index_path(tmp_path).stat().st_mtime_ns
    build_index(tmp_path, FACTS)
    assert index_path(tmp_path).stat().st_mtime_ns == before
    assert open_index(tmp_path).search("trailing data") == built.search("trailing data")
    build_index(tmp_path, FACTS.slice(0, 1))
    assert len(open_index(tmp_path)) == 1


def test_an_empty_index_answers_nothing_and_a_broken_one_is_named(tmp_path: Path) -> None:
    assert open_index(tmp_path).search("anything") == []
    assert len(build_index(tmp_path, FACTS.slice(0, 0))) == 0
    index_path(tmp_path).write_bytes(b"junk")
    with pytest.raises(LedgerError, match=r"index\.parquet is cut short or altered"):
        open_index(tmp_path)


def test_without_faiss_the_message_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = build_index(tmp_path, FACTS)
    monkeypatch.setitem(sys.modules, "faiss", None)
    with pytest.raises(InputError, match="pip install"):
        index.search("x y z")


def test_vectors_are_unit_and_the_same_for_the_same_words() -> None:
    vectors = encode(["Hello  World", "hello world", "x", "", "\ud800 lone"])
    assert np.array_equal(vectors[0], vectors[1])
    assert np.linalg.norm(vectors, axis=1)[[0, 2, 4]] == pytest.approx(1)
    assert vectors[3].sum() == 0
    assert vectors.dtype == np.float32
