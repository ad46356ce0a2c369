"""A build knows what it read: changed sources are read again, own folders never, and what is left out is counted."""

import itertools
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from zipfile import ZipFile

import pyarrow.parquet as pq
import pytest
import zstandard

from coevo.tiers.bulk.build import Built, build
from coevo.tiers.config import BulkConfig, IngestConfig, SourceConfig
from coevo.tiers.engine import Inline
from coevo.tiers.errors import InputError
from coevo.tiers.ingest import stream
from coevo.tiers.ingest.chunk import cut
from coevo.tiers.ingest.files import read_path

LETTERS = ("ba", "ler", "mi", "ston", "ca", "rin", "de", "vel", "tu", "mar", "ko", "len")
WORDS = ["".join(parts) for parts in itertools.product(LETTERS, repeat=3)]
JOINTS = ("the", "of", "and", "to", "that", "with", "have", "be", "in", "was", "near", "by")


def prose(seed: int, sentences: int = 12) -> str:
    """Different texts that the rules let pass."""
    draw = random.Random(seed)
    lines = ([w for _ in range(9) for w in (draw.choice(JOINTS), draw.choice(WORDS))] for _ in range(sentences))
    return "\n".join(" ".join(words).capitalize() + "." for words in lines)


def made(source: Path, out: Path, **config: object) -> Built:
    return build([SourceConfig(url=str(source))], out, BulkConfig.model_validate(config), Inline())


def texts(built: Built, out: Path) -> set[str]:
    return {text for part in built.parts for text in pq.read_table(out / part)["text"].to_pylist()}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    folder = tmp_path / "source"
    folder.mkdir()
    for i in range(3):
        (folder / f"{i}.txt").write_text(prose(i))
    lines = [json.dumps({"text": prose(i), "id": i}) for i in range(10, 14)]
    (folder / "rows.jsonl").write_text("\n".join(lines[:3]) + "\n{broken")
    return folder


CHANGES: dict[str, Callable[[Path], object]] = {
    "mended": lambda f: (f / "rows.jsonl").write_text(
        "\n".join(json.dumps({"text": prose(i), "id": i}) for i in range(10, 14))
    ),
    "grown": lambda f: (f / "0.txt").write_text(prose(0) + "\n" + prose(30)),
    "same size": lambda f: (f / "1.txt").write_text(prose(1).replace("year", "jear")),
    "new file": lambda f: (f / "new.txt").write_text(prose(40)),
    "new stream": lambda f: (f / "new.jsonl").write_text(json.dumps({"text": prose(41)})),
    "removed": lambda f: (f / "2.txt").unlink(),
    "removed stream": lambda f: (f / "rows.jsonl").unlink(),
    "new twin": lambda f: (f / "00.txt").write_text(prose(2)),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_source_that_changed_is_read_again_and_the_build_is_that_of_a_new_folder(
    change: str, source: Path, tmp_path: Path
) -> None:
    first = made(source, tmp_path / "out")
    CHANGES[change](source)
    again, fresh = made(source, tmp_path / "out"), made(source, tmp_path / "other")
    assert again == fresh and texts(again, tmp_path / "out") == texts(fresh, tmp_path / "other")
    assert again != first or change == "same size"
    assert made(source, tmp_path / "out") == again


def test_a_source_that_was_only_touched_is_not_read_again(source: Path, tmp_path: Path) -> None:
    first = made(source, tmp_path / "out")
    parts = {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")}
    for path in source.iterdir():
        os.utime(path, ns=(1, 1))
    assert made(source, tmp_path / "out") == first
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "out").rglob("*.parquet")} == parts


def test_a_file_that_changes_while_it_is_read_stops_the_build_and_the_next_one_is_right(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = read_path

    def meddled(*args: object) -> None:
        read(*args)  # type: ignore[arg-type]
        (source / "0.txt").write_text(prose(50))

    monkeypatch.setattr(stream, "read_path", meddled)
    with pytest.raises(InputError, match=r"0\.txt changed while it was read: build again"):
        made(source, tmp_path / "out")
    monkeypatch.undo()
    assert made(source, tmp_path / "out") == made(source, tmp_path / "other")


def test_builds_and_runs_below_a_source_are_not_read(source: Path, tmp_path: Path) -> None:
    alone = made(source, tmp_path / "out")
    inside = made(source, source / "built")
    assert made(source, source / "built") == inside
    (source / "old").mkdir()
    for name in ("run.db", "resolved.yaml", "notes.txt"):
        (source / "old" / name).write_text(prose(60))
    later = made(source, tmp_path / "later")
    assert later.kept == inside.kept == alone.kept
    assert later.ignored == {"folder of a build": 1, "folder of a run": 1}


def test_what_is_of_no_kind_that_is_read_is_counted(source: Path, tmp_path: Path) -> None:
    for name in ("a.docx", "b.docx", "c.gif", "d.csv", "noext"):
        (source / name).write_bytes(b"PK\x03\x04")
    assert made(source, tmp_path / "out").ignored == {".docx": 2, ".gif": 1, ".csv": 1, "noext": 1}


def test_a_long_window_needs_a_setting_and_the_reason_names_it(source: Path, tmp_path: Path) -> None:
    line = json.dumps({"text": prose(70)}).encode() + b"\n"
    wide = zstandard.ZstdCompressionParameters.from_level(3, window_log=28, enable_ldm=True)
    packer = zstandard.ZstdCompressor(compression_params=wide).compressobj()
    (source / "wide.jsonl.zst").write_bytes(packer.compress(line) + packer.flush())
    refused = made(source, tmp_path / "out")
    (reason,) = (why for why in refused.unread if "window" in why)
    assert "ingest.max_window_bytes to 268435456" in reason
    config = {"ingest": {**BulkConfig().ingest.model_dump(), "max_window_bytes": 1 << 28}}
    assert sum(made(source, tmp_path / "wide", **config).kept.values()) == sum(refused.kept.values()) + 1


@pytest.mark.parametrize("heading", ["CHAPTER {}", "Chapter {}. Of mills", "# Part {}", "\\chapter{{Mill {}}}"])
def test_a_book_is_cut_before_its_chapters_and_nothing_of_it_is_dropped(heading: str, tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    chapters = [heading.format(i + 1) + "\n\n" + prose(100 + i, 260) for i in range(30)]
    (tmp_path / "books" / "book.txt").write_text("\n\n".join(chapters))
    assert (tmp_path / "books" / "book.txt").stat().st_size > 800_000
    built = made(tmp_path / "books", tmp_path / "out")
    assert not built.reasons.get("too-long") and sum(built.kept.values()) >= 6
    starts = sum(
        text.startswith(heading.partition(" ")[0].partition("{")[0]) for text in texts(built, tmp_path / "out")
    )
    assert starts >= sum(built.kept.values()) - 1


def test_pieces_of_a_book_are_its_text() -> None:
    book = "\n\n".join(f"第{n}章 山水\n\n" + "河水从北边的山上流下来。" * 200 for n in "一二三四五六七八九")
    pieces = list(cut(book, 9_000, False))
    assert len(pieces) > 5 and all(piece.startswith("第") for piece in pieces)
    assert "".join(pieces).replace("\n", "") == book.replace("\n", "")


def test_a_setting_of_shorter_texts_makes_shorter_pieces(tmp_path: Path) -> None:
    (tmp_path / "books").mkdir()
    (tmp_path / "books" / "book.txt").write_text("\n\n".join(prose(i, 10) for i in range(80)))
    built = made(
        tmp_path / "books",
        tmp_path / "out",
        clean={"max_chars": 9_000},
        ingest=IngestConfig(min_bytes=0).model_dump() | {"document_bytes": 50_000},
    )
    assert not built.reasons.get("too-long") and built.kept


def test_json_and_archives_are_built_as_other_files_are(source: Path, tmp_path: Path) -> None:
    plain = made(source, tmp_path / "plain")
    (source / "package.json").write_text('{"name": "x"}')
    (source / "empty.json").write_text("")
    with ZipFile(source / "a.zip", "w") as archive:
        archive.writestr(
            "inner/page.md", " ".join(f"A sentence of its own, number {i}, stands here." for i in range(40))
        )
        archive.writestr("inner/picture.png", b"")
    found = made(source, tmp_path / "out")
    assert sum(found.read.values()) == sum(plain.read.values()) + 2, "the page, and the empty file with its reason"
    assert found.ignored == plain.ignored | {"JSON without records": 1, ".png": 1}
