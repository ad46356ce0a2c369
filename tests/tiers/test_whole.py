"""Files and folders appear complete, are on disk before they have their name, and leave nothing behind."""

import ast
import os
from pathlib import Path

import pytest

from coevo.tiers.errors import LedgerError
from coevo.tiers.store import Store
from coevo.tiers.whole import sweep, unfinished, whole_file, whole_folder, write_whole

PROJECT = Path(__file__).parents[2]
ROOMS = ("agents", "eval", "loop", "prompts", "tiers", "training")


class Killed(BaseException):
    pass


def test_a_killed_writer_leaves_the_old_content(tmp_path: Path) -> None:
    write_whole(tmp_path / "a", b"old")
    with pytest.raises(Killed), whole_file(tmp_path / "a") as fresh:
        fresh.write_bytes(b"ne")
        raise Killed
    assert [p.name for p in tmp_path.iterdir()] == ["a"] and (tmp_path / "a").read_bytes() == b"old"


def test_a_killed_folder_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Killed), whole_folder(tmp_path / "f") as fresh:
        (fresh / "x").write_text("1")
        raise Killed
    assert list(tmp_path.iterdir()) == []
    with whole_folder(tmp_path / "f") as fresh:
        (fresh / "inner").mkdir()
        (fresh / "inner" / "x").write_text("1")
    assert (tmp_path / "f" / "inner" / "x").read_text() == "1"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_contents_are_synced_before_the_name_and_the_name_after(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order: list[str] = []
    real_sync, real_replace = os.fsync, Path.replace

    def sync(handle: int) -> None:
        order.append(Path(f"/proc/self/fd/{handle}").readlink().name.split(".")[-1])
        real_sync(handle)

    def replace(self: Path, target: Path) -> Path:
        order.append("rename")
        return real_replace(self, target)

    monkeypatch.setattr(os, "fsync", sync)
    monkeypatch.setattr(Path, "replace", replace)
    if kind == "file":
        write_whole(tmp_path / "a.bin", b"1")
        assert order == ["tmp", "rename", tmp_path.name]
        return
    with whole_folder(tmp_path / "a") as fresh:
        (fresh / "weights.bin").write_bytes(b"1")
    assert order == ["tmp", "bin", "rename", tmp_path.name]


def test_sweep_deletes_what_is_unfinished_at_any_depth_and_nothing_else(tmp_path: Path) -> None:
    kept = tmp_path / "models" / "main.tmp"
    stale = [unfinished(tmp_path / "models" / "main") / "x", unfinished(tmp_path / "scores" / "a.parquet")]
    for path in (kept, *stale):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")
    sweep(tmp_path)
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == [kept]


def test_a_disk_that_refuses_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LedgerError, match=r"cannot write .*file/x"):
        write_whole(tmp_path / "file" / "x", b"")


def test_nobody_else_renames_files() -> None:
    """One way to write atomically: a rename anywhere else is a seventh variant."""
    allowed = {"tiers/whole.py", "training/models.py"}  # the latter takes a discarded folder's name away
    calls = [
        f"{path.relative_to(PROJECT)}:{node.lineno}"
        for room in ROOMS
        for path in sorted((PROJECT / room).rglob("*.py"))
        if str(path.relative_to(PROJECT)) not in allowed
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _renames(node)
    ]
    assert calls == []


def _renames(call: ast.Call) -> bool:
    """`path.rename(to)`, `path.replace(to)` (a string's has two arguments, a dataclass's keywords), `os.replace`."""
    assert isinstance(call.func, ast.Attribute)
    if call.func.attr == "rename":
        return True
    in_os = isinstance(call.func.value, ast.Name) and call.func.value.id == "os"
    return call.func.attr == "replace" and not call.keywords and (in_os or len(call.args) == 1)


def test_rounds_from_a_thousand_on_come_after_those_before(tmp_path: Path) -> None:
    store = Store(tmp_path)
    for number in (999, 1000, 100, 2):
        store.put_scores(number, "quality", "q@1", ["d"], [float(number)])
        store.put_scores(number, "selector", "s", ["d"], [float(number)])
    assert store.scores()["round"].to_pylist() == [2, 100, 999, 1000]
    assert store.selector_scores()["score"].to_pylist() == [1000.0]
    assert store.scores(100)["score"].to_pylist() == [100.0]
    for number in (999, 1000):
        store.seal(number)
    assert [m.round for m in store.manifests()] == [999, 1000]
    assert len(store.manifests()[0].parts) == 6 and len(Store(tmp_path).manifests()[1].parts) == 8
