"""The store: what is committed is whole, what is altered is named, and what is asked for is found."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coevo.tiers.apply import replay
from coevo.tiers.decision import Action, Decision
from coevo.tiers.document import document_id
from coevo.tiers.errors import InputError, LedgerError
from coevo.tiers.ledger import rows, rows_from_decisions
from coevo.tiers.rows import DOCUMENT_SCHEMA
from coevo.tiers.store import Store
from coevo.tiers.tier import Tier

N = 50
TEXTS = [f"text number {i}" for i in range(N)]
IDS = [document_id(text, "s") for text in TEXTS]


def documents() -> pa.Table:
    domain = ["en" if i % 2 else "math" for i in range(N)]
    return pa.table(
        [IDS, TEXTS, domain, ["s"] * N, ["text"] * N, pa.array([[]] * N, pa.list_(pa.string()))], schema=DOCUMENT_SCHEMA
    )


def ingest() -> pa.Table:
    return rows(0, "ingest", "rule", IDS, Action.INGEST, "read", documents()["domain"], source="s")


def promote(number: int = 0) -> pa.Table:
    return rows(number, "gate", "rule", IDS[:10], Action.PROMOTE, "good", documents()["domain"][:10], Tier.L2)


def edit(text: str = "better") -> pa.Table:
    made = document_id(text, "edit:x")
    named = {"made": made, "text": text, "source": "edit:x", "tier": Tier.L3, "domain": "math", "reason": "mended"}
    return rows_from_decisions(
        [
            Decision.model_validate(
                {"round": 1, "stage": "edit", "agent": "editor", "doc": IDS[0], "action": "edit", **named}
            )
        ]
    )


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.commit(0, "ingest", ingest(), documents())
    made.commit(0, "gate", promote())
    return made


def test_documents_are_found_by_domain_tier_status_and_id(store: Store) -> None:
    store.commit(1, "edit", edit())
    assert store.documents(domain="math", tier=Tier.L2)["id"].to_pylist() == IDS[2:10:2]
    assert store.documents(status="superseded")["text"].to_pylist() == [TEXTS[0]]
    assert store.documents(ids=[IDS[7], IDS[3], IDS[0]])["text"].to_pylist() == [TEXTS[7], TEXTS[3]]
    assert store.documents(ids=[IDS[0]], status=None).num_rows == 1
    assert store.documents(tier=3)["text"].to_pylist() == ["better"]
    assert store.documents()["text"].type == pa.large_string()
    assert store.documents(domain="code").num_rows == 0
    with pytest.raises(InputError, match="no document nowhere"):
        store.documents(ids=["nowhere"])


def test_a_document_is_found_by_the_beginning_of_its_id(store: Store) -> None:
    store.commit(1, "edit", edit())
    found = store.document(document_id("better", "edit:x")[:6])
    assert (found.text, found.tier, found.parents, found.arm) == ("better", Tier.L3, (IDS[0],), "math/L3")
    with pytest.raises(InputError, match="too short"):
        store.document(IDS[0][:5])
    with pytest.raises(InputError, match=f"no documents begin with .*nearest are .*{IDS[0]}"):
        store.document(IDS[0][:6] + "zz")
    with pytest.raises(InputError, match="holds no documents yet"):
        empty(store.root).document("abcdef")


def empty(root: Path) -> Store:
    (root / "empty").mkdir()
    return Store(root / "empty")


def test_two_documents_that_begin_alike_are_told(tmp_path: Path) -> None:
    store = Store(tmp_path)
    twins = pa.table(
        [["abcdef11", "abcdef22"], ["x", "y"], ["en"] * 2, ["s"] * 2, ["text"] * 2, [[], []]], schema=DOCUMENT_SCHEMA
    )
    store.commit(0, "ingest", rows(0, "ingest", "r", twins["id"], Action.INGEST, "read", "en"), twins)
    with pytest.raises(InputError, match=r"2 documents begin with 'abcdef'.*abcdef11, abcdef22"):
        store.document("abcdef")
    assert store.document("abcdef22").text == "y"


def test_a_quarantined_record_needs_no_text(tmp_path: Path) -> None:
    store = Store(tmp_path)
    store.commit(0, "ingest", rows(0, "ingest", "r", ["badbadbad"], Action.QUARANTINE, "NUL bytes"))
    assert store.documents(status="quarantined")["text"].to_pylist() == [None]
    with pytest.raises(InputError, match="quarantined and its text was never kept: NUL bytes"):
        store.document("badbad")


def test_texts_are_found_across_row_groups(tmp_path: Path) -> None:
    n = 45_000
    ids = [f"{i:016x}" for i in range(n)]
    columns = [
        ids,
        [f"t{i}" for i in range(n)],
        ["en"] * n,
        ["s"] * n,
        ["text"] * n,
        pa.array([[]] * n, pa.list_(pa.string())),
    ]
    store = Store(tmp_path)
    store.commit(
        0, "ingest", rows(0, "ingest", "r", ids, Action.INGEST, "x", "en"), pa.table(columns, schema=DOCUMENT_SCHEMA)
    )
    wanted = [44_999, 0, 20_000, 19_999, 40_000]
    found = Store(tmp_path).documents(ids=[ids[i] for i in wanted])
    assert found["text"].to_pylist() == [f"t{i}" for i in wanted]


def test_a_commit_done_twice_changes_nothing(store: Store) -> None:
    before = {p: p.read_bytes() for p in store.root.rglob("*.parquet")}
    again = Store(store.root)
    again.commit(0, "ingest", ingest(), documents())
    again.commit(0, "gate", promote())
    assert {p: p.read_bytes() for p in store.root.rglob("*.parquet")} == before
    assert again.holdings().equals(store.holdings())
    with pytest.raises(LedgerError, match="holds other decisions"):
        again.commit(0, "ingest", ingest(), documents().slice(1))


def test_nothing_is_written_of_what_cannot_be(store: Store) -> None:
    before = sorted(store.root.rglob("*"))
    with pytest.raises(LedgerError, match="would be held without a text"):
        store.commit(1, "ingest", rows(1, "ingest", "r", ["new"], Action.INGEST, "x", "en"))
    with pytest.raises(LedgerError, match="comes before the document"):
        store.commit(1, "gate", rows(1, "gate", "r", ["new"], Action.DROP, "x", "en"))
    with pytest.raises(LedgerError, match="no column 'parents'"):
        store.commit(1, "ingest", ingest().slice(0, 0), documents().drop_columns(["parents"]))
    assert sorted(store.root.rglob("*")) == before


class Killed(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("moment", range(4))
def test_a_kill_anywhere_leaves_nothing_or_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: int) -> None:
    """Before and after each of the two renames (documents, ledger part)."""
    store = Store(tmp_path)
    store.commit(0, "ingest", ingest(), documents())
    real, calls = Path.replace, []

    def dying(self: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == moment // 2 + 1:
            if moment % 2:
                real(self, target)
            raise Killed
        return real(self, target)

    monkeypatch.setattr(Path, "replace", dying)
    with pytest.raises(Killed):
        store.commit(1, "edit", edit())
    monkeypatch.undo()
    reopened = Store(tmp_path)
    whole = moment == 3
    assert reopened.ledger.has(1, "edit") == whole
    assert reopened.holdings().num_rows == N + whole
    assert reopened.verify() == (4 if whole else 2)
    reopened.commit(1, "edit", edit())
    assert not list(tmp_path.rglob("*.tmp"))
    assert reopened.documents(tier=3)["text"].to_pylist() == ["better"]
    assert Store(tmp_path).holdings().equals(reopened.holdings())


def test_kill_9_between_documents_and_ledger(store: Store) -> None:
    code = f"""
import os, signal, sys
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_store import Store, edit
import coevo.tiers.ledger as ledger
ledger.write_part = lambda path, table: os.kill(os.getpid(), signal.SIGKILL)
Store(Path({str(store.root)!r})).commit(1, "edit", edit())
"""
    died = subprocess.run([sys.executable, "-c", code], check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})
    assert died.returncode == -signal.SIGKILL
    assert len(list((store.root / "tiers" / "documents").glob("*.parquet"))) == 2  # the orphan lies there, unseen
    reopened = Store(store.root)
    assert reopened.holdings().equals(store.holdings())
    assert reopened.seal(0).rows == N + 10 and len(reopened.seal(0).parts) == 3
    reopened.commit(1, "edit", edit("another"))
    assert [t for t in reopened.documents()["text"].to_pylist() if "text" not in t] == ["another"]


def test_half_written_files_are_swept_by_the_next_writer_not_by_a_reader(store: Store) -> None:
    stale = store.root / "ledger" / ".001-07-edit.parquet.0a.tmp"
    stale.write_bytes(b"half")
    reader = Store(store.root)
    assert reader.holdings().num_rows == N and stale.exists()
    reader.commit(1, "edit", edit())
    assert not stale.exists()


def test_a_sealed_round_lists_every_file_and_can_be_read_later(store: Store) -> None:
    store.put_scores(0, "quality", "q@1", IDS[:3], [0.1, 0.2, 0.3])
    manifest = store.seal(0)
    assert manifest.held == {"en/L0": 20, "en/L2": 5, "math/L0": 20, "math/L2": 5}
    assert set(manifest.parts) == {p.relative_to(store.root).as_posix() for p in store.root.rglob("*.parquet")}
    store.commit(1, "edit", edit())
    assert store.seal(0) == manifest == Store(store.root).manifests()[0]
    assert store.seal(1).held["math/L3"] == 1
    assert store.holdings(0).num_rows == N and store.holdings(1).num_rows == N + 1
    assert store.verify() == 6
    with pytest.raises(LedgerError, match=r"round-001\.json seals the round with other content"):
        store.commit(1, "demote", rows(1, "demote", "rule", IDS[1:3], Action.DEMOTE, "bad", "en", Tier.L1))
        store.seal(1)


def test_scores_lie_beside_the_documents(store: Store) -> None:
    store.put_scores(0, "quality", "q@1", IDS[:2], [0.1, 0.2])
    store.put_scores(0, "quality", "q@1", pa.chunked_array([IDS[:2]]), pa.array([0.1, 0.2]))
    store.put_scores(1, "edu-value", "e@1", IDS[:1], [0.9])
    assert store.scores(0)["score"].to_pylist() == [0.1, 0.2]
    assert store.scores()["rubric"].to_pylist() == ["quality", "quality", "edu-value"]
    assert store.scores(5).num_rows == 0
    with pytest.raises(LedgerError, match=r"round-000-quality\.parquet holds other scores"):
        store.put_scores(0, "quality", "q@1", IDS[:2], [0.1, 0.3])
    with pytest.raises(LedgerError, match="rubric's name"):
        store.put_scores(0, "../x", "v", [], [])


def rewritten(path: Path) -> None:
    """Change the last reason and keep the file's own account of itself."""
    table = pq.read_table(path)
    column = "reason" if "reason" in table.column_names else "text" if "text" in table.column_names else "score"
    values = table[column].to_pylist()
    values[-1] = 0.5 if column == "score" else "altered"
    at = table.column_names.index(column)
    pq.write_table(
        table.set_column(at, table.schema.field(column), pa.array(values, table.schema.field(column).type)), path
    )


@pytest.mark.parametrize("sealed", [True, False])
@pytest.mark.parametrize("which", ["ledger/*-ingest.parquet", "tiers/documents/*.parquet"])
def test_an_altered_part_is_named(store: Store, which: str, sealed: bool) -> None:
    if sealed:
        store.seal(0)
    (path,) = store.root.glob(which)
    assert store.verify() > 0
    rewritten(path)
    with pytest.raises(LedgerError, match=f"{path.name} was altered"):
        store.verify()
    if sealed and "ledger" in which:
        with pytest.raises(LedgerError, match="ledger was altered after round 0 ended"):
            Store(store.root)


def test_altered_scores_are_named(store: Store) -> None:
    path = store.put_scores(0, "quality", "q@1", IDS[:2], [0.1, 0.2])
    store.seal(0)
    rewritten(path)
    with pytest.raises(LedgerError, match=r"round-000-quality\.parquet was altered"):
        store.verify()


@pytest.mark.parametrize("which", ["ledger/*-gate.parquet", "tiers/documents/*.parquet"])
def test_a_missing_part_is_named_on_opening(store: Store, which: str) -> None:
    store.seal(0)
    (path,) = store.root.glob(which)
    path.unlink()
    with pytest.raises(LedgerError, match=f"{path.name} is missing"):
        Store(store.root)


def test_a_cut_document_part_is_named_when_it_is_read(store: Store) -> None:
    (path,) = store.root.glob("tiers/documents/*.parquet")
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(LedgerError, match=f"{path.name} is cut short or altered"):
        Store(store.root).documents()


def test_a_broken_manifest_and_a_foreign_folder_are_named(store: Store) -> None:
    store.seal(0)
    (path,) = store.root.glob("tiers/manifests/*.json")
    path.write_text("{")
    with pytest.raises(LedgerError, match=r"round-000\.json is cut short"):
        Store(store.root)
    with pytest.raises(LedgerError, match="is not a folder"):
        Store(store.root / "nowhere")
    other = store.root / "other"
    (other / "ledger").mkdir(parents=True)
    pq.write_table(pa.table({"x": [1]}), other / "ledger" / "mine.parquet")
    with pytest.raises(LedgerError, match=r"mine\.parquet is no ledger part"):
        Store(other)


def test_a_copied_run_is_the_same_run(store: Store, tmp_path: Path) -> None:
    store.seal(0)
    copy = tmp_path / "copy"
    for path in [p for p in store.root.rglob("*") if p.is_file()]:
        target = copy / path.relative_to(store.root)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    other = Store(copy)
    assert other.holdings().equals(store.holdings()) and other.verify() == store.verify()
    assert replay(other.ledger).equals(store.holdings())


class Listed:
    """A register in memory."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def known(self, path: Path) -> bool:
        return path.name in self.names

    def add(self, path: Path) -> None:
        self.names.add(path.name)


def test_what_the_register_does_not_know_is_not_looked_at_and_made_again_alike(tmp_path: Path) -> None:
    """The register lost its newest entries: as if the process had died just before them."""
    register = Listed()
    store = Store(tmp_path, register)
    store.commit(0, "ingest", ingest(), documents())
    early = set(register.names)
    store.commit(0, "gate", promote())
    store.put_scores(0, "quality", "q@1", IDS[:2], [0.1, 0.2])
    store.seal(0)
    whole, files = store.holdings(), {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()}
    register.names = set(early)
    again = Store(tmp_path, register)
    assert not again.ledger.has(0, "gate") and not again.manifests() and not again.scores().num_rows
    assert set(again.holdings()["tier"].to_pylist()) == {0}
    again.commit(0, "gate", promote())
    again.put_scores(0, "quality", "q@1", IDS[:2], [0.1, 0.2])
    again.seal(0)
    assert again.holdings().equals(whole)
    assert {p: p.read_bytes() for p in tmp_path.rglob("*") if p.is_file()} == files


def test_an_unlisted_part_of_other_content_is_refused_and_a_damaged_one_replaced(tmp_path: Path) -> None:
    register = Listed()
    store = Store(tmp_path, register)
    store.commit(0, "ingest", ingest(), documents())
    early = set(register.names)
    part = store.commit(1, "edit", edit())
    content = part.read_bytes()
    register.names = set(early)
    with pytest.raises(LedgerError, match="holds other decisions than were made now"):
        Store(tmp_path, register).commit(1, "edit", edit("another"))
    register.names = set(early)
    for path in (part, *(tmp_path / "tiers" / "documents").glob("*.parquet")):
        if path.name not in early:
            path.write_bytes(path.read_bytes()[:-20])
    mended = Store(tmp_path, register)
    mended.commit(1, "edit", edit())
    assert part.read_bytes() == content and mended.documents(tier=3)["text"].to_pylist() == ["better"]
