import gzip
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.document import document_id
from coevo.tiers.errors import InputError
from coevo.tiers.ingest import Ingested, ingest, local
from coevo.tiers.ingest.chunk import cut, size
from coevo.tiers.ingest.docstrings import docstrings, topics
from coevo.tiers.ingest.extract import main_text
from coevo.tiers.rows import DOCUMENT_SCHEMA
from coevo.tiers.split import source_file

PROSE = "The quick brown fox jumps over the lazy dog, and then it rests. "
CODE = "def add(a, b):\n    return a + b\n"
FREE = IngestConfig(min_bytes=0)


def read(folder: Path, config: IngestConfig = FREE, seed: int = 0, domain: str | None = None) -> Ingested:
    return ingest([SourceConfig(url=str(folder), domain=domain)], config, seed)


def rows(found: Ingested) -> dict[str, dict[str, Any]]:
    return {row["source"]: row for row in found.documents.to_pylist()}


def corpus(root: Path, files: int = 30) -> Path:
    folder = root / "corpus"
    for i in range(files):
        (folder / "en").mkdir(parents=True, exist_ok=True)
        (folder / "en" / f"{i}.txt").write_text(f"Text number {i}. {PROSE * 20}")
    return folder


def test_every_sort_of_file_becomes_documents(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "a.txt").write_text(PROSE)
    (folder / "b.md").write_text(f"# Title\n\n{PROSE}")
    (folder / "c.py").write_text(CODE)
    (folder / "d.jsonl").write_text(json.dumps({"text": PROSE, "id": 7, "domain": "math"}) + "\n")
    with gzip.open(folder / "e.jsonl.gz", "wt") as file:
        file.write(json.dumps({"text": CODE, "source": "repo", "path": "src/x.py#2", "domain": "code"}) + "\n")
    pq.write_table(pa.table({"text": [PROSE], "url": ["http://x/y"]}), folder / "f.parquet")
    found = read(folder)
    assert found.documents.schema == DOCUMENT_SCHEMA
    kinds = {source: (row["domain"], row["kind"]) for source, row in rows(found).items()}
    assert kinds == {
        "mine/a.txt": ("en", "text"),
        "mine/b.md": ("en", "text"),
        "mine/c.py": ("code", "source"),
        "mine/d/7": ("math", "text"),
        "repo/src/x.py#2": ("code", "source"),
        "mine/f/http://x/y": ("en", "text"),
    }
    assert found.records_in == {"code": 2, "en": 3, "math": 1}
    assert found.quarantined.num_rows == 0


def test_ids_are_the_documents_own(tmp_path: Path) -> None:
    for row in read(corpus(tmp_path)).documents.to_pylist():
        assert row["id"] == document_id(row["text"], row["source"])
        assert row["parents"] == []


def test_source_names_do_not_know_the_machine(tmp_path: Path) -> None:
    there = tmp_path / "elsewhere"
    here = corpus(tmp_path, files=3)
    shutil.copytree(here, there / "corpus")
    assert read(here).documents.equals(read(there / "corpus").documents)


def test_the_domain_is_stated_then_named_by_folder_then_configured_then_guessed(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    (folder / "math").mkdir(parents=True)
    (folder / "math" / "a.txt").write_text(PROSE)
    (folder / "b.txt").write_text(PROSE)
    (folder / "c.jsonl").write_text(json.dumps({"text": PROSE, "domain": "en"}))
    domains = {source: row["domain"] for source, row in rows(read(folder, domain="code")).items()}
    assert domains == {"x/math/a.txt": "math", "x/b.txt": "code", "x/c/1": "en"}
    assert rows(read(folder))["x/b.txt"]["domain"] == "en"


def test_the_sample_obeys_its_caps_and_its_seed(tmp_path: Path) -> None:
    folder = corpus(tmp_path)
    few = IngestConfig(min_bytes=0, max_documents=7)
    taken = [set(read(folder, few, seed).documents["source"].to_pylist()) for seed in (0, 0, 1)]
    assert [len(sources) for sources in taken] == [7, 7, 7]
    assert taken[0] == taken[1] != taken[2]
    small = read(folder, IngestConfig(min_bytes=0, max_bytes=5_000)).documents
    assert 0 < sum(size(text) for text in small["text"].to_pylist()) <= 5_000


def test_the_sample_does_not_depend_on_the_order_of_reading(tmp_path: Path) -> None:
    lines = [json.dumps({"text": f"{i} {PROSE}", "source": "s", "path": f"p{i}"}) for i in range(200)]
    config = IngestConfig(min_bytes=0, max_documents=20)
    tables = []
    for order in (lines, lines[::-1], lines[100:] + lines[:100]):
        (tmp_path / "r.jsonl").write_text("\n".join(order))
        tables.append(read(tmp_path / "r.jsonl", config).documents)
    assert tables[0].num_rows == 20
    assert tables[0].equals(tables[1]) and tables[0].equals(tables[2])


def test_a_larger_sample_contains_the_smaller(tmp_path: Path) -> None:
    folder = corpus(tmp_path)
    small, large = (
        set(read(folder, IngestConfig(min_bytes=0, max_documents=n)).documents["id"].to_pylist()) for n in (5, 15)
    )
    assert small < large


def test_run_folders_excluded_folders_and_caches_are_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "x"
    for name in ("run", "given", ".git", "__pycache__", "kept"):
        (folder / name).mkdir(parents=True)
        (folder / name / "a.txt").write_text(PROSE)
    for name in ("run.db", "resolved.yaml"):
        (folder / "run" / name).write_text("")
    (folder / "kept" / "b.csv").write_text("1,2")
    found = read(folder, IngestConfig(min_bytes=0, exclude=(str(folder / "given"),)))
    assert list(rows(found)) == ["x/kept/a.txt"]
    assert found.ignored == {".csv": 1, "folder of a run": 1}


@pytest.mark.parametrize("code", [False, True])
def test_cutting_loses_nothing_but_space(code: bool) -> None:
    text = "\n\n".join(CODE * 30 if code else PROSE * (i % 40 + 1) for i in range(40))
    pieces = list(cut(text, 2_000, code))
    assert "".join("".join(pieces).split()) == "".join(text.split())
    assert max(size(p) for p in pieces) <= 3_000
    if code:
        assert all(piece.startswith("def ") for piece in pieces)


@pytest.mark.parametrize("text", ["x" * 50_000, "汉" * 20_000, "a b " * 10_000, "\n" * 9_000 + "end"])
def test_texts_without_pauses_are_cut_all_the_same(text: str) -> None:
    pieces = list(cut(text, 1_000, False))
    assert all(size(piece) <= 1_500 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(text.split())


def test_short_texts_are_left_as_they_are() -> None:
    assert list(cut("\n  as it is \n", 1_000, False)) == ["\n  as it is \n"]


def test_docstrings_come_by_name_and_from_add_newdoc() -> None:
    long = "word " * 60
    source = f'''"""{long}"""
class A:
    """{long}"""
    def b(self):
        """{long}"""
    def c(self):
        """short"""
add_newdoc("numpy", "zeros", """{long}""")
'''
    assert [name for name, _ in docstrings(source)] == ["__doc__", "A", "A.b", "zeros"]
    assert dict(topics('topics = {"if": "The if statement"}')) == {"if": "The if statement"}


def test_local_text_is_enough_for_every_domain_and_names_no_path() -> None:
    config = IngestConfig(max_bytes=300_000, min_bytes=250_000)
    found = ingest([SourceConfig(url="local:")], config, 0)
    sources = found.documents["source"].to_pylist()
    assert {s.partition("/")[0] for s in sources} == {"stdlib", "site"}
    assert not [s for s in sources if "coevo" in s or "__pycache__" in s or s.startswith("/") or ".." in s]
    domains: dict[str, set[str]] = {}
    for row in found.documents.to_pylist():
        domains.setdefault(row["domain"], set()).add(source_file(row["source"]))
    assert set(domains) == {"code", "en", "math"}
    assert not domains["code"] & (domains["en"] | domains["math"])
    assert found.documents.equals(ingest([SourceConfig(url="local:")], config, 0).documents)


@pytest.mark.parametrize("hash_seed", ["1", "2"])
def test_the_sample_is_the_same_under_any_hash_seed(hash_seed: str, tmp_path: Path) -> None:
    config = IngestConfig(min_bytes=0, max_documents=9)
    script = (
        "import sys; from coevo.tiers.ingest import ingest; from coevo.tiers.config import *;"
        "c = IngestConfig(min_bytes=0, max_documents=9);"
        "print(*ingest([SourceConfig(url=sys.argv[1])], c, 0).documents['id'].to_pylist())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(corpus(tmp_path))],
        env=os.environ | {"PYTHONHASHSEED": hash_seed},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == read(tmp_path / "corpus", config).documents["id"].to_pylist()


def test_local_scanning_opens_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (
        "pkg/a.py",
        "pkg/tests/b.py",
        "pkg/__pycache__/c.py",
        "coevo-0.1.dist-info/METADATA",
        "math_verify/grader.py",
        "latex2sympy2_extended-1.dist-info/METADATA",
        "p-1.dist-info/METADATA",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    monkeypatch.setattr(Path, "open", lambda *_: pytest.fail("opened a file"))
    assert sorted(item.name for item in local.scan(tmp_path, "site", 0)) == [
        "site/p-1.dist-info/METADATA",
        "site/pkg/a.py",
    ]


def test_pages_give_their_main_text(tmp_path: Path) -> None:
    body = "".join(f"<p>Paragraph {i} of the article. {PROSE * 2}</p>" for i in range(5))
    page = f"<html><body><nav><a href='/'>Home</a></nav><article>{body}</article><script>x=1</script></body></html>"
    text, reason = main_text(page)
    assert reason == ""
    assert text is not None and "Paragraph 4" in text and "x=1" not in text and "<p>" not in text
    (tmp_path / "p.html").write_text(page)
    (row,) = read(tmp_path).documents.to_pylist()
    assert row["kind"] == "html" and "Paragraph 4" in row["text"]


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("nowhere/at/all", "does not exist"),
        ("nosuch://bucket/x", "unknown protocol"),
        ("file.xyz", "no known sort"),
        ("empty", "no text in"),
    ],
)
def test_a_source_that_cannot_be_read_says_so(
    url: str, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file.xyz").write_text("x")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=says):
        ingest([SourceConfig(url=url)], FREE, 0)


def test_no_source_and_an_unreadable_one_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no source"):
        ingest([], FREE, 0)
    folder = corpus(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # the tests may run as root, who may read everything
    with pytest.raises(InputError, match="may not be read"):
        read(folder)


def test_too_little_of_a_domain_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"wanted at least 20000 bytes of text in every domain, got .* of code.*"):
        read(corpus(tmp_path), IngestConfig())


def test_text_of_another_domain_only_names_the_setting_that_takes_it_in(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "\u6570\u5b66", "domain": "zh"}\n')
    with pytest.raises(InputError, match=r"got records of zh only from .*--set 'domains=\[zh\]'"):
        read(tmp_path)


def test_the_domains_that_have_text_are_offered_as_a_setting(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("def f(x):\n    return x\n" * 2_000)
    with pytest.raises(InputError, match=r"got 0 of en, 0 of math from .*--set 'domains=\[code\]'"):
        read(tmp_path, IngestConfig())
    with pytest.raises(InputError, match="is a link to nothing"):
        (tmp_path / "dangling").symlink_to("nothing")
        read(tmp_path / "dangling")


def test_a_corpus_of_nothing_but_bad_records_names_the_reason(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("{nope\n{nope\n")
    with pytest.raises(InputError, match="2 records were unreadable, mostly: malformed JSON"):
        read(tmp_path)
