"""JSON files and zip archives as sources: text is read, what holds none is counted, what is bad has a reason."""

import gzip
import io
import json
import random
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.ingest import Ingested, ingest
from coevo.tiers.ingest.json_file import NONE, json_rows
from coevo.tiers.ingest.streams import Fault
from coevo.tiers.ingest.warc import Skipped

CONFIG = IngestConfig(domains=("en",), min_bytes=0)
DRAW = random.Random(0)
TEXTS = [" ".join(DRAW.choices(["river", "mill", "town", "north", "lives", "from", "under"], k=40)) for _ in range(4)]
RECORDS = [{"text": text, "id": f"r{i}"} for i, text in enumerate(TEXTS)]


def read(folder: Path, config: IngestConfig = CONFIG) -> Ingested:
    return ingest([SourceConfig(url=str(folder), domain="en")], config, 0)


def texts(found: Ingested) -> list[str]:
    return sorted(found.documents["text"].to_pylist())


def reasons(found: Ingested) -> dict[str, str]:
    return dict(zip(found.quarantined["source"].to_pylist(), found.quarantined["reason"].to_pylist(), strict=True))


LAYOUTS = {
    "a list": json.dumps(RECORDS),
    "indented": json.dumps(RECORDS, indent=2),
    "with a byte order mark": "\ufeff" + json.dumps(RECORDS),
    "an object with a list": json.dumps({"version": 1, "data": RECORDS}),
    "lines": "\n".join(map(json.dumps, RECORDS)),
    "objects in a row": "\n\n".join(json.dumps(r, indent=1) for r in RECORDS),
}


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_records_of_a_json_file_are_read(layout: str, packed: bool, tmp_path: Path) -> None:
    data = LAYOUTS[layout].encode()
    (tmp_path / ("a.json.gz" if packed else "a.json")).write_bytes(gzip.compress(data) if packed else data)
    found = read(tmp_path)
    assert texts(found) == sorted(TEXTS) and not reasons(found)
    assert found.documents["source"].to_pylist()[0].startswith(f"{tmp_path.name}/a/r")


def test_one_record_is_a_document_and_a_configuration_is_counted(tmp_path: Path) -> None:
    (tmp_path / "one.json").write_text(json.dumps(RECORDS[0], indent=2))
    for name, value in {"package": {"name": "x", "content": ["./a"]}, "numbers": [1, 2], "word": "text"}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(value))
    found = read(tmp_path)
    assert texts(found) == TEXTS[:1] and not reasons(found)
    assert found.ignored == {NONE: 3}


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty"),
        (json.dumps(RECORDS).encode()[:-300], "malformed JSON"),
        (json.dumps(RECORDS).encode().replace(b"}, {", b"} {"), "wanted a comma"),
        (b'[{"text": "' + b"\xff\xfe" * 9 + b'"}]', "not UTF-8"),
        (b'{"text": ' + b"[" * 200_000, "nested too deeply"),
        (b'[{"text": "' + b"a" * 9_000_000 + b'"}]', "huge record"),
        (b'[{"text": "a b c"}, 5]', "wanted an object, got int"),
        (b'[{"text": "a b c"}, {"n": 1}]', "missing text field"),
    ],
)
def test_a_bad_json_file_has_a_reason(content: bytes, reason: str, tmp_path: Path) -> None:
    (tmp_path / "good.jsonl").write_text(json.dumps(RECORDS[0]))
    (tmp_path / "bad.json").write_bytes(content)
    found = read(tmp_path)
    assert TEXTS[0] in texts(found)
    assert any(reason in said for said in reasons(found).values()), reasons(found)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@given(st.lists(VALUES, max_size=6), st.sampled_from([None, 1]), st.integers(1, 40))
def test_values_are_those_of_the_parser_wherever_blocks_end(values: list[Any], indent: int | None, block: int) -> None:
    class Place:
        name = "a.json"

        def open(self, mode: str = "rb") -> io.BufferedReader:
            return io.BufferedReader(io.BytesIO(json.dumps([{"text": "x"}, *values], indent=indent).encode()), block)

        def size(self) -> int:
            return 1

    rows = list(json_rows(Place(), ("text",), CONFIG))  # type: ignore[arg-type]
    assert len(rows) == 1 + len(values) and not any(isinstance(row, Skipped) for row in rows)
    for row, value in zip(rows[1:], values, strict=True):
        assert row[1] == value if isinstance(row, tuple) else isinstance(row, Fault) and not isinstance(value, dict)


def archive(path: Path, members: dict[str, bytes | str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in members.items():
            made.writestr(name, content)


def test_files_of_an_archive_are_read_as_those_of_a_folder(tmp_path: Path) -> None:
    archive(
        tmp_path / "a.zip",
        {
            "en/one.txt": TEXTS[0],
            "en/rows.jsonl": json.dumps(RECORDS[1]),
            "en/rows.json": json.dumps([RECORDS[2]]),
            "en/packed.txt.gz": gzip.compress(TEXTS[3].encode()),
            "picture.png": b"\x89PNG",
            "inner.zip": b"PK",
            "__MACOSX/en/._one.txt": b"\0",
            ".hidden.txt": b"no",
        },
    )
    found = read(tmp_path)
    assert texts(found) == sorted(TEXTS) and not reasons(found)
    assert f"{tmp_path.name}/a.zip/en/one.txt" in found.documents["source"].to_pylist()
    assert found.ignored == {".png": 1, ".zip in an archive": 1, ".txt": 1}
    assert texts(read(tmp_path / "a.zip")) == sorted(TEXTS)


def test_members_that_are_no_plain_files_have_a_reason(tmp_path: Path) -> None:
    link = zipfile.ZipInfo("link.txt")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as made:
        made.writestr("good.txt", TEXTS[0])
        made.writestr("../up.txt", TEXTS[1])
        made.writestr("/root.txt", TEXTS[1])
        made.writestr(link, "/etc/passwd")
        with pytest.warns(UserWarning, match="Duplicate"):
            made.writestr("good.txt", TEXTS[2])
    found = read(tmp_path)
    assert texts(found) == TEXTS[:1]
    assert sorted(reasons(found).values()) == [
        "a name that leaves the archive",
        "a name that leaves the archive",
        "a second file of this name",
        "no plain file",
    ]


def test_an_encrypted_member_has_a_reason(tmp_path: Path) -> None:
    archive(tmp_path / "a.zip", {"secret.txt": TEXTS[0]})
    data = bytearray((tmp_path / "a.zip").read_bytes())
    data[data.index(b"PK\x01\x02") + 8] |= 1
    (tmp_path / "a.zip").write_bytes(data)
    (tmp_path / "good.txt").write_text(TEXTS[3])
    assert reasons(read(tmp_path)) == {f"{tmp_path.name}/a.zip/secret.txt": "encrypted"}


def test_bombs_and_damaged_archives_are_set_aside(tmp_path: Path) -> None:
    (tmp_path / "good.txt").write_text(TEXTS[0])
    archive(tmp_path / "ratio.zip", {"a.txt": b"a" * 40_000_000})
    archive(tmp_path / "inner.zip", {"a.jsonl.gz": gzip.compress(b"a" * 40_000_000)})
    archive(tmp_path / "cut.zip", {"a.txt": TEXTS[1]})
    (tmp_path / "cut.zip").write_bytes((tmp_path / "cut.zip").read_bytes()[:-30])
    archive(tmp_path / "flipped.zip", {"a.txt": TEXTS[1]})
    data = bytearray((tmp_path / "flipped.zip").read_bytes())
    data[40] ^= 0xFF
    (tmp_path / "flipped.zip").write_bytes(data)
    found = reasons(read(tmp_path))
    root = tmp_path.name
    assert "zip bomb: grows more than 200 times" in found[f"{root}/ratio.zip"]
    assert any("gzip bomb" in reason for name, reason in found.items() if "inner.zip" in name)
    assert "damaged zip" in found[f"{root}/cut.zip"]
    assert "cannot be read" in found[f"{root}/flipped.zip/a.txt"]
    small = CONFIG.model_copy(update={"max_unpacked_bytes": 100})
    archive(tmp_path / "large.zip", {"a.txt": TEXTS[1]})
    assert "zip bomb: unpacks to" in reasons(read(tmp_path, small))[f"{root}/large.zip"]
