"""Whatever is in a file, reading it ends soon with documents or a quarantined record, and the counts add up."""

import gzip
import io
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.errors import InputError
from coevo.tiers.ingest import ingest
from coevo.tiers.ingest.extract import extract
from coevo.tiers.ingest.latex import latex_body

PROSE = "The quick brown fox jumps over the lazy dog, and then it rests with the others. "
TAGS = ("div", "p", "table", "tr", "td", "math", "mrow", "mfrac", "msup", "mi", "script", "style", "svg", "br", "x:y")
CAPS = IngestConfig(min_bytes=0, max_record_bytes=200_000)


def parquet() -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.table({"text": [PROSE * 3, None, "x"], "id": ["a", "b", "c"]}), sink)
    return sink.getvalue()


JSONL = "\n".join(json.dumps({"text": PROSE * (i + 1), "id": str(i)}) for i in range(4)).encode()
PAGE = f"<html><head><meta charset='gbk'></head><body><p>{PROSE * 4}</p><math><mi>x</mi></math></body>".encode()
HTTP = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: %d\r\n\r\n%s" % (len(PAGE), PAGE)
RECORD = (
    b"WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://a.example/%d\r\nContent-Length: %d\r\n\r\n%s\r\n\r\n"
)
WARC = b"".join(RECORD % (i, len(HTTP), HTTP) for i in range(3))
WHOLE = {
    "a.jsonl": JSONL,
    "a.jsonl.gz": gzip.compress(JSONL),
    "a.jsonl.zst": zstandard.compress(JSONL),
    "a.parquet": parquet(),
    "a.html": PAGE,
    "a.html.gz": gzip.compress(PAGE),
    "a.warc": WARC,
    "a.warc.gz": gzip.compress(WARC),
    "a.tex": b"\\documentclass{a}\\begin{document}Let $x$ be. % no\n\\begin{verbatim}\n%\n\\end{verbatim}",
    "a.txt": PROSE.encode() * 3,
}


def read(folder: Path, name: str, data: bytes) -> None:
    (folder / name).write_bytes(data)
    (folder / "good.txt").write_text(PROSE * 3)
    found = ingest([SourceConfig(url=str(folder), domain="en")], CAPS, 0)
    assert sum(found.records_in.values()) == found.documents.num_rows + found.quarantined.num_rows
    assert "good.txt" in "".join(found.documents["source"].to_pylist())
    assert all(found.quarantined["reason"].to_pylist())


@pytest.mark.parametrize("name", WHOLE)
@settings(max_examples=25, deadline=5_000, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_damaged_file_is_quarantined_and_the_rest_goes_on(tmp_path: Path, name: str, data: st.DataObject) -> None:
    whole = WHOLE[name]
    at, junk = data.draw(st.integers(0, len(whole))), data.draw(st.binary(max_size=40))
    rest = data.draw(st.sampled_from((whole[at:], whole[at + len(junk) :], b"", b"\0" * 9 + whole[at:])))
    read(tmp_path, name, whole[:at] + junk + rest)


def test_names_of_columns_that_are_no_text_are_quarantined(tmp_path: Path) -> None:
    read(tmp_path, "a.parquet", parquet().replace(b"text", b"\xabext"))


@settings(max_examples=60, deadline=5_000)
@given(
    st.lists(st.tuples(st.sampled_from(TAGS), st.booleans(), st.text(max_size=20)), max_size=40), st.integers(1, 400)
)
def test_any_page_is_read_or_refused(parts: list[tuple[str, bool, str]], depth: int) -> None:
    body = "".join(f"<{'' if opens else '/'}{tag} class='{said[:5]}'>{said}" for tag, opens, said in parts)
    found = extract(f"<html><body>{'<div><math><mrow>' * depth}{body}<p>{PROSE * 2}")
    assert (found.text is None) == bool(found.reason)


@given(
    st.lists(
        st.sampled_from(("\\begin{document}", "\\end{document}", "%", "\\begin{verbatim}", "\\%", "$", "{", "\n", "x")),
        max_size=60,
    )
)
def test_any_latex_is_read(parts: list[str]) -> None:
    assert isinstance(latex_body("".join(parts)), str)


def test_a_folder_of_nothing_that_can_be_read_says_why(tmp_path: Path) -> None:
    (tmp_path / "a.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(InputError, match="no text in"):
        ingest([SourceConfig(url=str(tmp_path), domain="en")], CAPS, 0)
