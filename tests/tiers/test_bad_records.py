import base64
import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.ingest import Ingested, ingest
from coevo.tiers.ingest.decode import decode

GOOD = json.dumps({"text": "A good record among bad ones.", "domain": "en"}).encode() + b"\n"
LIMITS = IngestConfig(min_bytes=0, max_line_bytes=2_000, max_record_bytes=1_000, max_unpacked_bytes=3_000_000)


def read(path: Path, config: IngestConfig = LIMITS) -> Ingested:
    return ingest([SourceConfig(url=str(path))], config, 0)


def reasons(found: Ingested) -> list[str]:
    return list(found.quarantined["reason"].to_pylist())


def line(**fields: object) -> bytes:
    return json.dumps(fields).encode()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"text": "caf\xe9"}', "not UTF-8: byte 0xe9"),
        (line(text="a\0b"), "binary: NUL"),
        (line(text=""), "empty"),
        (line(text=" \n\t "), "empty"),
        (line(text="x" * 1_500), "huge record: 1500 bytes > 1000"),
        (line(text="x" * 5_000), "huge line: more than 2000 bytes"),
        (b'{"text": "cut sho', "malformed JSON"),
        (b"[1, 2]", "malformed JSON: wanted an object, got list"),
        (b"[" * 1_900, "malformed JSON"),
        (line(title="no text"), "missing text field"),
        (line(text=None), "missing text field"),
        (line(text=12), "missing text field: text is a int"),
        (b'{"text": "half a \\ud83d pair"}', "not Unicode: lone surrogate"),
        (line(text="x", domain="cooking"), "domain 'cooking' is not among code, en, math: add it to `domains`"),
        (line(raw_b64="!!!"), "raw_b64 is not base64"),
        (line(raw_b64=base64.b64encode(b"PK\3\4\0\0").decode()), "binary: NUL"),
    ],
)
def test_a_bad_line_is_quarantined_and_its_neighbours_live(bad: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(GOOD + bad + b"\n" + GOOD)
    found = read(path)
    assert found.documents.num_rows == 2
    assert len(reasons(found)) == 1
    assert reason in reasons(found)[0]
    assert sum(found.records_in.values()) == 3
    assert found.quarantined["source"][0].as_py().startswith("r")


def test_the_same_record_twice_is_quarantined_once(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(line(text="the same", source="s", id=1) + b"\n" + line(text="the same", source="s", id=1))
    found = read(path)
    assert found.documents.num_rows == 1
    assert "repeated" in reasons(found)[0]


def test_a_number_beyond_what_python_reads_is_malformed(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_bytes(GOOD + b'{"text": ' + b"9" * 9_000 + b"}")
    assert reasons(read(path, IngestConfig(min_bytes=0)))[0].startswith("malformed JSON")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"caf\xe9 au lait", "not UTF-8: byte 0xe9 at 3"),
        (b"\x7fELF\0\0", "binary: NUL at byte 4"),
        (b"", "empty"),
        (b"x" * 1_001, "huge record: more than 1000 bytes"),
        (b"\xff\xfeh\0i", "damaged UTF-16"),
    ],
)
def test_a_bad_file_is_quarantined(data: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("A good file.")
    (tmp_path / "bad.txt").write_bytes(data)
    found = read(tmp_path)
    assert found.documents.num_rows == 1
    assert reason in reasons(found)[0]


def packed(count: int) -> bytes:
    return gzip.compress(b"".join(line(text=f"record {i} {os.urandom(40).hex()}") + b"\n" for i in range(count)))


def bomb() -> bytes:
    return gzip.compress(GOOD + (b" " * 99 + b"\n") * 300_000)


@pytest.mark.parametrize(
    ("make", "reason", "survivors"),
    [
        (lambda: packed(400)[:-2_000], "truncated gzip", 50),
        (bomb, "gzip bomb", 1),
        (lambda: b"not gzip at all", "damaged gzip", 0),
        (lambda: packed(4_000)[:-40_000] + b"\xff" * 400 + packed(400), "damaged gzip", 50),
        (lambda: gzip.compress(GOOD + b'{"text": "' + b"x" * 40_000_000), "gzip bomb", 1),
    ],
)
def test_a_bad_gzip_gives_what_it_has_and_says_where_it_ends(
    make: Callable[[], bytes], reason: str, survivors: int, tmp_path: Path
) -> None:
    (tmp_path / "r.jsonl.gz").write_bytes(make())
    (tmp_path / "good.txt").write_text("A good file.")
    found = read(tmp_path)
    assert reason in reasons(found)[-1]
    assert found.documents.num_rows >= 1 + survivors


def test_a_bomb_is_known_by_its_growth_too(tmp_path: Path) -> None:
    (tmp_path / "r.jsonl.gz").write_bytes(bomb())
    found = read(tmp_path, IngestConfig(min_bytes=0))
    assert "grows more than 200 times" in reasons(found)[0]


def test_a_broken_parquet_is_quarantined(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("A good file.")
    pq.write_table(pa.table({"text": ["one", "two"]}), tmp_path / "cut.parquet")
    (tmp_path / "cut.parquet").write_bytes((tmp_path / "cut.parquet").read_bytes()[:-40])
    pq.write_table(pa.table({"body": ["one"]}), tmp_path / "other.parquet")
    (tmp_path / "none.parquet").write_bytes(b"")
    found = read(tmp_path)
    assert found.documents.num_rows == 1
    assert sorted(r.split(":")[0] for r in reasons(found)) == [
        "broken parquet after 0 rows",
        "broken parquet after 0 rows",
        "missing text field",
    ]


def test_bad_cells_of_a_parquet_file_are_quarantined_one_by_one(tmp_path: Path) -> None:
    texts = pa.array([b"good", b"caf\xe9", None, b""], pa.binary())
    pq.write_table(pa.table({"text": texts}), tmp_path / "r.parquet")
    found = read(tmp_path / "r.parquet")
    assert found.documents["text"].to_pylist() == ["good"]
    assert [r.split(":")[0] for r in reasons(found)] == ["not UTF-8", "missing text field", "empty"]


def test_a_pipe_does_not_hang_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    (tmp_path / "dangling.txt").symlink_to(tmp_path / "gone")
    (tmp_path / "good.txt").write_text("A good file.")
    found = read(tmp_path)
    assert found.documents.num_rows == 1
    assert sorted(reasons(found)) == ["cannot be read: No such file or directory", "not a regular file"]


def test_python_that_does_not_parse_as_python_is_still_text(tmp_path: Path) -> None:
    (tmp_path / "old.py").write_text("print 'hello'\n")
    assert read(tmp_path).documents["kind"].to_pylist() == ["source"]  # the rule in clean says why it goes


@pytest.mark.parametrize(
    ("data", "guess", "encoding"),
    [
        ("naïve".encode(), False, "utf-8"),
        ("\ufeffnaïve".encode(), False, "utf-8-sig"),
        ("naïve".encode("utf-16"), False, "utf-16"),
        (b"# -*- coding: koi8-r -*-\nx = '\xc1'", False, "koi8-r"),
        (b"<html><meta charset='iso-8859-1'>caf\xe9", False, "cp1252"),
        ("The café \u201cZoë\u201d is closed; the other one isn't. ".encode("cp1252"), True, "cp1252"),
        ("数据清洗是很重要的一步我们需要把编码弄对".encode("gbk") * 5, True, "gb18030"),
    ],
)
def test_other_encodings_are_read_where_declared_or_sure(data: bytes, guess: bool, encoding: str) -> None:
    found = decode(data, guess=guess)
    assert found.encoding == encoding
    assert found.text is not None


@pytest.mark.parametrize(
    "data",
    [
        "It is a café".encode("cp1252"),  # not asked to guess
        b"# coding: rot13\nx = '\xe9'",
        b"<meta charset=nonsense>caf\xe9",
    ],
)
def test_undeclared_bytes_are_not_guessed_at_unasked(data: bytes) -> None:
    assert decode(data).text is None


@pytest.mark.parametrize(
    "data",
    [
        b"the President\xa1\xa6s report and what it says about the state of things in general",  # Big5 quotes
        ("schön ist es, sagte er, und grün. " * 3).encode() + b"\xff and so on",  # damaged UTF-8
    ],
)
def test_an_unsure_guess_is_refused(data: bytes) -> None:
    found = decode(data, guess=True)
    assert found.text is None
    assert found.reason.startswith("not UTF-8")


def test_recoded_texts_are_counted(tmp_path: Path) -> None:
    raw = base64.b64encode("The café \u201cZoë\u201d is closed; the other one isn't. ".encode("cp1252")).decode()
    (tmp_path / "r.jsonl").write_bytes(line(raw_b64=raw))
    found = read(tmp_path / "r.jsonl")
    assert found.recoded == {"cp1252": 1}
    assert "café" in found.documents["text"][0].as_py()


@pytest.mark.timeout(20)
def test_a_pipe_is_not_read_for_ever_and_an_empty_file_is_counted(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text("A good file.")
    for name in ("a.jsonl", "b.parquet"):
        os.mkfifo(tmp_path / name)
    (tmp_path / "c.jsonl").write_bytes(b"")
    (tmp_path / "d.jsonl").symlink_to("nothing")
    found = read(tmp_path)
    assert found.documents.num_rows == 1
    assert sorted(reasons(found))[-1] == "empty"
    assert sum("not a regular file" in r for r in reasons(found)) == 2
    assert sum("no such file" in r for r in reasons(found)) == 1
