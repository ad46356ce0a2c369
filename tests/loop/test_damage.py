"""A finished run whose files were damaged: a resume refuses, names the file, and never goes on with other content."""

import os
import random
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from coevo.eval.scores import read_scores
from coevo.eval.suites import load_suite
from coevo.loop.artefacts import checked_index
from coevo.loop.context import RunContext, open_context
from coevo.loop.graph import build
from coevo.loop.nodes import bind
from coevo.loop.progress import Progress
from coevo.loop.run_db import TABLES, RunDB
from coevo.loop.run_folder import RunFolder
from coevo.loop.runner import _entry
from coevo.tiers.errors import CoevoError
from coevo.tiers.index import index_path
from coevo.tiers.parts import write_part
from coevo.tiers.seal import check_sealed

from .interrupt import table

pytestmark = pytest.mark.slow
FLIPS = 12
"""Bits that are flipped in each kind of file, one at a time."""
OPENED = [
    "ledger/002-*-demote.parquet",
    "ledger/000-00-ingest.parquet",
    "tiers/documents/*.parquet",
    "tiers/scores/round-001-*.parquet",
    "tiers/manifests/round-002.json",
    "scores/suite-feedback.json",
    "resolved.yaml",
    "models/base/seal.json",
    "models/round-002/main/seal.json",
    "models/round-002/blocks/seal.json",
    "models/round-002/blocks-*/seal.json",
]
"""Files that every resume reads at its start."""
SEALED = [
    "models/base/model.safetensors",
    "models/base/tokenizer.json",
    "models/round-002/main/model.safetensors",
    "models/round-002/main/trained.json",
    "models/round-002/blocks/*.npy",
    "models/round-002/blocks/index.json",
    "models/round-002/blocks/documents.parquet",
]
"""Files that are compared when something is loaded from their folder."""


REPLACED: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
    "a link to another file": lambda path: path.symlink_to(__file__),
}


@pytest.fixture(scope="module")
def root(finished: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the run that each test damages and mends."""
    return Path(shutil.copytree(finished.folder / "runs" / "whole", tmp_path_factory.mktemp("damage") / "whole"))


def opened(root: Path) -> RunContext:
    """What a resume with one more round does before its first node."""
    folder, quiet = RunFolder(root), Progress(quiet=True)
    config = folder.config()
    folder.check(config)
    context = open_context(folder, config.model_copy(update={"rounds": 3}), quiet, threading.Event())
    graph = build(bind(context), folder.database)
    try:
        _entry(graph, {"configurable": {"thread_id": "main"}}, context)
    finally:
        graph.checkpointer.conn.close()
    return context


def flipped(content: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(content))
    return content[:at] + bytes([content[at] ^ (1 << draw.randrange(8))]) + content[at + 1 :]


def damages(content: bytes, draw: random.Random) -> list[bytes | None]:
    """The content with one bit flipped, cut short at several places, and none at all."""
    cut = [content[: draw.randrange(len(content))] for _ in range(3)]
    return [*(flipped(content, draw) for _ in range(FLIPS)), *cut, None]


def refused(path: Path, read: Callable[[], object], draw: random.Random) -> None:
    """Whoever reads a damaged file says so and names it; once it is mended nobody minds."""
    content = path.read_bytes()
    for damage in damages(content, draw):
        path.unlink() if damage is None else path.write_bytes(damage)
        with pytest.raises(CoevoError, match=path.name):
            read()
    path.unlink(missing_ok=True)
    for replace in REPLACED.values():  # a pipe would be waited for
        replace(path)
        with pytest.raises(CoevoError, match=path.name):
            read()
        path.rmdir() if path.is_dir() else path.unlink()
    path.write_bytes(content)
    read()


@pytest.mark.parametrize("pattern", OPENED)
def test_a_resume_reads_nothing_that_was_damaged(root: Path, pattern: str) -> None:
    path = sorted(root.glob(pattern))[-1]
    refused(path, lambda: opened(root).db.close(), random.Random(pattern))


@pytest.mark.parametrize("pattern", SEALED)
def test_nothing_is_loaded_from_a_damaged_folder(root: Path, pattern: str) -> None:
    path = sorted(root.glob(pattern))[-1]
    refused(path, lambda: check_sealed(path.parent, [path.name]), random.Random(pattern))


def test_a_model_of_which_nothing_is_left_is_missed_by_who_needs_it(root: Path) -> None:
    (root / "models" / "round-001").rename(root / "elsewhere")
    opened(root).db.close()
    (root / "elsewhere").rename(root / "models" / "round-001")


def test_a_damaged_or_exchanged_index_is_refused_or_reads_the_same(root: Path) -> None:
    path, whole, seen = index_path(root), checked_index(root).facts, 0
    content = path.read_bytes()
    for damage in (d for d in damages(content, random.Random(2)) if d is not None):
        path.write_bytes(damage)
        try:
            assert checked_index(root).facts.equals(whole)
        except CoevoError as error:
            assert path.name in str(error)
            seen += 1
    assert whole.num_rows and seen >= 10
    write_part(path, whole.slice(1))
    with pytest.raises(CoevoError, match=r"index\.parquet was altered"):
        checked_index(root)
    path.unlink()
    with pytest.raises(CoevoError, match=r"index\.parquet is missing"):
        checked_index(root)
    path.write_bytes(content)
    assert checked_index(root).facts.equals(whole)


def test_damaged_scores_are_refused_or_read_the_same(root: Path) -> None:
    """A flip may fall into statistics that nobody reads."""
    suite, path = load_suite(root / "scores" / "suite-hidden.json"), sorted(root.glob("scores/round-002-*-hidden.*"))[0]

    def read() -> list[Any]:
        return [[s.items, s.values.tolist(), str(s.accuracy), str(s.gold)] for s in read_scores(path, suite).values()]

    whole, content, seen = read(), path.read_bytes(), 0
    draw = random.Random(0)
    for damage in (d for _ in range(4) for d in damages(content, draw)):
        path.unlink() if damage is None else path.write_bytes(damage)
        try:
            assert read() == whole
        except CoevoError as error:
            assert path.name in str(error)
            seen += 1
    path.write_bytes(content)
    assert seen >= 40


def test_a_journal_that_lost_calls_is_refused(root: Path) -> None:
    with RunDB(root / "run.db", create=True) as db:
        calls = db.meta("calls")
        db.set_meta("calls", calls + 2)
    with pytest.raises(CoevoError, match=rf"calls\.db holds {calls} of {calls + 2} recorded calls"):
        opened(root)
    with RunDB(root / "run.db", create=True) as db:
        db.set_meta("calls", calls)
    opened(root).db.close()


def test_a_damaged_database_is_refused_or_reads_the_same(root: Path, tmp_path: Path) -> None:
    """A flip may fall into free space; what is read is then what was written."""
    before = {name: table(root, name) for name in TABLES}
    draw, seen, content = random.Random(1), 0, (root / "run.db").read_bytes()
    for _ in range(60):
        (root / "run.db").write_bytes(flipped(content, draw))
        try:
            opened(root).db.close()
        except CoevoError as error:
            assert "run.db" in str(error)
            seen += 1
        else:
            assert {name: table(root, name) for name in TABLES} == before
        for stale in root.glob("run.db-*"):
            stale.unlink()
    (root / "run.db").write_bytes(content)
    assert seen >= 20
