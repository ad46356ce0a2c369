"""RunDB: what goes in comes out, and what is no run says so."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.loop.feedback.mechanism import Plan
from coevo.loop.run_db import TABLES, VERSION, RunDB
from coevo.tiers.errors import InputError


@pytest.fixture
def db(tmp_path: Path) -> Iterator[RunDB]:
    with RunDB(tmp_path / "run.db", create=True) as found:
        yield found


def test_rows_come_back_decoded_in_order_of_their_key(db: RunDB) -> None:
    plan = Plan(round=2, mechanism="uniform", mixture={"math/L3": 1.0}, reference={"math/L3": 1.0})
    db.insert("rounds", [{"round": 2, "plan": plan, "status": "done"}, {"round": 1, "seconds": {"train": 1.5}}])
    first, second = db.rows("rounds")
    assert (first["round"], first["seconds"], first["plan"]) == (1, {"train": 1.5}, None)
    assert Plan.model_validate(second["plan"]) == plan
    assert db.rows("rounds", status=None) == [first]
    assert db.rows("rounds", round=7) == []


def test_a_row_of_the_same_key_replaces_and_else_is_refused(db: RunDB) -> None:
    row = {"round": 1, "name": "main", "tokens": 5, "diverged": False}
    db.insert("runs", row)
    db.insert("runs", row | {"tokens": 6})
    assert [(r["tokens"], r["diverged"]) for r in db.rows("runs")] == [(6, False)]
    with pytest.raises(ValueError, match="holds such a row already"):
        db.insert("runs", row, replace=False)


def test_numpy_scalars_are_stored_as_numbers(db: RunDB) -> None:
    db.insert("runs", {"round": np.int64(1), "name": "main", "loss_last": np.float32(0.5), "diverged": np.bool_(True)})
    assert {k: db.rows("runs")[0][k] for k in ("round", "loss_last", "diverged")} == {
        "round": 1,
        "loss_last": 0.5,
        "diverged": True,
    }


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), "5", b"5"])
def test_what_is_no_finite_number_is_refused_and_nothing_of_the_batch_is_written(db: RunDB, bad: object) -> None:
    with pytest.raises(ValueError, match=r"deltas\.gain wants a finite real"):
        db.insert("deltas", [{"round": 1, "benchmark": "a", "gain": 1.0}, {"round": 1, "benchmark": "b", "gain": bad}])
    assert db.rows("deltas") == []


def test_nan_inside_json_is_refused(db: RunDB) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        db.set_meta("noise", {"composite": float("nan")})


def test_unknown_columns_are_refused(db: RunDB) -> None:
    with pytest.raises(ValueError, match="no column gian"):
        db.insert("deltas", {"round": 1, "gian": 1.0})
    with pytest.raises(ValueError, match="no column gian"):
        db.rows("deltas", gian=1.0)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=8,
    )
)
def test_meta_is_any_json(value: Any) -> None:
    with RunDB(":memory:", create=True) as db:
        db.set_meta("key", value)
        assert db.meta("key") == value


def test_meta_has_a_default(db: RunDB) -> None:
    assert db.meta("nothing", 3) == 3


def test_text_that_utf8_cannot_hold_does_not_stop_a_run(db: RunDB) -> None:
    db.insert("events", {"round": 1, "node": "curate", "level": "warning", "message": "bad \ud800 text"})
    assert db.rows("events")[0]["message"] == "bad ? text"


def test_events_are_stamped_and_keep_their_order(db: RunDB) -> None:
    for i in range(3):
        db.insert("events", {"round": 1, "node": "train", "level": "info", "message": str(i)})
    assert [e["message"] for e in db.rows("events")] == ["0", "1", "2"]
    assert all(e["at"] > 1e9 for e in db.rows("events"))


def test_threads_share_one_database(db: RunDB) -> None:
    def write(k: int) -> None:
        for i in range(20):
            db.insert("runs", {"round": k, "name": str(i)})

    threads = [threading.Thread(target=write, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(db.rows("runs")) == 80


def test_a_reader_sees_what_was_written_and_cannot_write(db: RunDB) -> None:
    db.set_meta("a", 1)
    with RunDB(db.path) as reader:
        db.set_meta("a", 2)
        assert reader.meta("a") == 2
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader.set_meta("a", 3)


def test_a_copy_made_while_it_was_open_can_be_read(db: RunDB, tmp_path: Path) -> None:
    db.set_meta("a", 1)
    shutil.copytree(tmp_path, tmp_path / "copy", ignore=shutil.ignore_patterns("copy"))
    with RunDB(tmp_path / "copy" / "run.db") as copy:
        assert copy.meta("a") == 1


def test_checkpoints_of_the_graph_may_live_in_the_same_file(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "run.db")
    other.execute("CREATE TABLE checkpoints (a)")
    other.close()
    with RunDB(tmp_path / "run.db", create=True) as db:
        db.set_meta("a", 1)
    with RunDB(tmp_path / "run.db", create=True) as db:
        assert db.meta("a") == 1


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"run\.db is missing: wanted the run\.db of a coevo run"):
        RunDB(tmp_path / "run.db")


@pytest.mark.parametrize("content", [b"", b"no database at all, but long enough to be taken for one" * 40])
def test_a_foreign_file_is_one_sentence(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "run.db").write_bytes(content)
    with pytest.raises(InputError, match=r"is not a coevo run database|cannot be read"):
        RunDB(tmp_path / "run.db")


def test_a_foreign_database_is_not_taken_over(tmp_path: Path) -> None:
    other = sqlite3.connect(tmp_path / "run.db")
    other.execute("PRAGMA application_id = 7")
    other.close()
    with pytest.raises(InputError, match="is not a coevo run database"):
        RunDB(tmp_path / "run.db", create=True)


def test_another_version_is_one_sentence(db: RunDB) -> None:
    path = db.path
    db.close()
    other = sqlite3.connect(path)
    other.execute(f"PRAGMA user_version = {VERSION + 1}")
    other.close()
    with pytest.raises(InputError, match=f"has format {VERSION + 1}, this coevo reads {VERSION}"):
        RunDB(path)


def test_a_database_cut_short_is_one_sentence(db: RunDB) -> None:
    db.insert("events", [{"round": 1, "node": "n", "level": "info", "message": "x" * 3000} for _ in range(40)])
    path = db.path
    db.close()
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(InputError, match=r"restore run\.db from a copy"), RunDB(path) as broken:
        broken.rows("events")


def test_every_table_of_the_contract_is_there() -> None:
    wanted = {"rounds", "runs", "scores", "deltas", "costs", "rubrics", "arms", "steps", "nodes", "events", "meta"}
    assert wanted <= set(TABLES)


def test_a_delta_keeps_its_degrees_of_freedom(tmp_path: Path) -> None:
    row = {"round": 1, "benchmark": "composite", "split": "feedback", "treatment": "main", "reference": "control"}
    with RunDB(tmp_path / "run.db", create=True) as db:
        db.insert("deltas", row | {"gain": -0.0087, "se": 0.0017, "dof": 1.0})
        assert db.rows("deltas")[0]["dof"] == 1.0
