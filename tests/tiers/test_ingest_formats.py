"""Every form that raw text comes in: packed files, web archives, LaTeX, notebooks, data sets, URLs, whole folders."""

import base64
import contextlib
import gzip
import json
import zlib
from pathlib import Path

import fsspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from coevo.tiers.config import IngestConfig, SourceConfig
from coevo.tiers.errors import InputError
from coevo.tiers.ingest import Ingested, check_sources, ingest, warc
from coevo.tiers.ingest.asciimath import asciimath_to_latex
from coevo.tiers.ingest.extract import PATHS, extract
from coevo.tiers.ingest.formats import Unreadable, json_text, notebook, xml_text
from coevo.tiers.ingest.identify import identify
from coevo.tiers.ingest.language import language
from coevo.tiers.ingest.latex import latex_body
from coevo.tiers.ingest.licence import folder_licence, folder_repo, licence_of
from coevo.tiers.ingest.pagemath import has_math

SHARED = Path(__file__).parents[3] / "shared" / "data"
PROSE = "The quick brown fox jumps over the lazy dog, and then it rests in the shade of a tree. "
FREE = IngestConfig(min_bytes=0, domains=("code", "en", "math", "zh"))


def read(url: object, domain: str | None = None, config: IngestConfig = FREE, most: int = 1_000_000) -> Ingested:
    return ingest([SourceConfig(url=str(url), domain=domain, max_records=most)], config, 0)


def reasons(found: Ingested) -> list[str]:
    return [str(r) for r in found.quarantined["reason"].to_pylist()]


def evidence(found: Ingested) -> dict[str, dict[str, str]]:
    sources = found.documents["source"].to_pylist()
    return dict(zip(sources, map(json.loads, found.evidence.to_pylist()), strict=True))


def jsonl(n: int) -> bytes:
    return b"".join(json.dumps({"text": f"{i} {PROSE}"}).encode() + b"\n" for i in range(n))


def test_text_packed_as_gzip_or_zstandard_is_read_whatever_its_sort(tmp_path: Path) -> None:
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(PROSE.encode()))
    (tmp_path / "b.md.zst").write_bytes(zstandard.compress(PROSE.encode()))
    frames = zstandard.compress(jsonl(3)) + zstandard.compress(jsonl(2))
    (tmp_path / "c.jsonl.zst").write_bytes(frames)
    found = read(tmp_path)
    assert found.documents.num_rows == 2 + 5
    assert not reasons(found)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (zstandard.compress(jsonl(50_000))[:-2_000], "truncated zstd"),
        (b"not zstd at all", "damaged zstd"),
        (zstandard.compress(b'{"text": "' + b"x" * 300_000_000), "zstd bomb"),
    ],
)
def test_a_bad_zstandard_stream_is_quarantined_and_what_came_before_is_kept(
    data: bytes, reason: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.jsonl.zst").write_bytes(data)
    (tmp_path / "good.txt").write_text(PROSE)
    found = read(tmp_path)
    assert len(reasons(found)) == 1 and reasons(found)[0].startswith((reason, "huge line"))
    assert (found.documents.num_rows > 1) == reason.startswith("truncated")
    assert reason.startswith("truncated") or "good.txt" in found.documents["source"][0].as_py()


def record(body: bytes, sort: str = "response", url: str = "http://x.org/a", media: str = "application/http") -> bytes:
    head = f"WARC/1.0\r\nWARC-Type: {sort}\r\nWARC-Target-URI: {url}\r\nContent-Type: {media}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body + b"\r\n\r\n"


def answer(body: bytes, *headers: str, media: str = "text/html; charset=utf-8", status: int = 200) -> bytes:
    lines = (f"HTTP/1.1 {status} OK", f"Content-Type: {media}", *headers, "", "")
    return "\r\n".join(lines).encode() + body


PAGE = f"<html><body><article><p>{PROSE * 5}</p><p>{PROSE * 5}</p></article></body></html>".encode()


def chunked(body: bytes) -> bytes:
    cut = len(body) // 2
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (body[:cut], body[cut:])) + b"0\r\n\r\n"


def test_pages_of_a_web_archive_are_read_however_they_were_sent(tmp_path: Path) -> None:
    squeezed = zlib.compressobj(wbits=-15)
    bodies = {
        "plain": answer(PAGE),
        "gzip": answer(gzip.compress(PAGE), "Content-Encoding: gzip"),
        "deflate": answer(squeezed.compress(PAGE) + squeezed.flush(), "Content-Encoding: deflate"),
        "chunked": answer(chunked(PAGE), "Transfer-Encoding: chunked"),
        "unpacked-by-the-crawler": answer(PAGE, "Content-Encoding: gzip", "Transfer-Encoding: chunked"),
        "gbk": answer(
            ("<html><body><p>" + "数据清洗是很重要的一步，我们需要把编码弄对。" * 9 + "</p></body>").encode("gbk"),
            media="text/html; charset=gbk",
        ),
        "wrongly-declared": answer(PAGE, media="text/html; charset=utf-16"),
    }
    pages = [gzip.compress(record(body, url=f"http://x.org/{name}")) for name, body in bodies.items()]
    others = [record(b"software: x", "warcinfo"), record(answer(b"GIF89a", media="image/gif"))]
    others += [record(answer(PAGE, status=404)), record(PROSE.encode() * 3, "conversion", media="text/plain")]
    (tmp_path / "a.warc.gz").write_bytes(b"".join(pages + [gzip.compress(r) for r in others]))
    found = read(tmp_path / "a.warc.gz", "en")
    got = {s.rpartition("/")[2] for s in found.documents["source"].to_pylist()}
    assert got == {*bodies, "a"}
    assert not reasons(found)
    assert found.ignored == {"warc warcinfo": 1, "image/gif": 1, "http 404": 1}
    assert evidence(found)["a/http://x.org/plain"] == {"url": "http://x.org/plain", "extracted": "main"}


def test_a_damaged_web_archive_gives_what_stands_before_the_damage(tmp_path: Path) -> None:
    good = record(answer(PAGE))
    cases = {
        "cut short": good + record(answer(PAGE))[:-500],
        "no length": good + good.replace(b"Content-Length", b"Content-Size"),
        "wanted a record": good + b"junk" * 10,
        "does not unpack": good + record(answer(b"\x1f\x8bjunk", "Content-Encoding: gzip")),
        "unpacks to more": good + record(answer(gzip.compress(b"x" * 9_000_000), "Content-Encoding: gzip")),
        "header lines": good + b"WARC/1.0\r\n" + b"a: b\r\n" * 2_000,
    }
    for said, data in cases.items():
        (tmp_path / "a.warc").write_bytes(data)
        found = read(tmp_path / "a.warc", "en")
        assert found.documents.num_rows == 1, said
        assert len(reasons(found)) == 1 and said in reasons(found)[0], (said, reasons(found))


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.integers(0, 2_000))
def test_no_web_archive_makes_the_reader_fail(tmp_path_factory: pytest.TempPathFactory, junk: bytes, at: int) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "a.warc"
    whole = record(answer(PAGE)) + record(answer(chunked(PAGE), "Transfer-Encoding: chunked"))
    path.write_bytes(whole[:at] + junk + whole[at + len(junk) :])
    for item in warc.pages(path, IngestConfig()):
        assert isinstance(item, tuple | warc.Skipped | warc.Fault)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=60))
def test_no_text_makes_a_parser_fail(text: str) -> None:
    for parse in (latex_body, json_text, notebook, xml_text, asciimath_to_latex, licence_of):
        with contextlib.suppress(Unreadable, RecursionError):
            assert isinstance(parse(text), str)
    assert extract(f"<p><math>{text}</math><script type='math/tex'>{text}</script>").path in ("main", "recall", "body")
    assert language(text).share >= 0


def test_a_deeply_nested_page_is_read_or_refused_in_bounded_time() -> None:
    for page in ("<div>" * 20_000 + PROSE * 9, "<math>" + "<mrow>" * 5_000 + "<mi>x</mi>", "`" * 9_000):
        found = extract(page)
        assert (found.text is None) == bool(found.reason)


@pytest.mark.parametrize(
    ("html", "latex"),
    [
        ("<math><mfrac><mi>a</mi><mi>b</mi></mfrac></math>", r"$\frac{a}{b}$"),
        ("<math display='block'><msup><mi>x</mi><mn>2</mn></msup></math>", "$$x^{2}$$"),
        ('<math alttext="a%&#10;+b"></math>', "$a+b$"),
        (
            "<span class='katex'><span class='katex-mathml'><math><semantics><mi>x</mi>"
            "<annotation encoding='application/x-tex'>\\hat{x}</annotation></semantics></math></span>"
            "<span class='katex-html'>x</span></span>",
            r"$\hat{x}$",
        ),
        ("<span class='MathJax_Preview'>x</span><script type='math/tex; mode=display'>x^2</script>", "$$x^2$$"),
        ("<mjx-container><mjx-math>x</mjx-math><math><mi>x</mi></math></mjx-container>", "$x$"),
        ("<img src='/latex.php?latex=%5Calpha' alt='alpha'>", r"$\alpha$"),
        ("<img class='mwe-math tex' alt='{\\displaystyle e^{x}}'>", "$e^{x}$"),
        ("<script src='ASCIIMathML.js'></script>`sum_(i=1)^n i`", r"$\sum_{i = 1}^{n} i$"),
    ],
)
def test_mathematics_in_pages_becomes_latex_where_it_stood(html: str, latex: str) -> None:
    found = extract(
        f"<html><body><article><p>{PROSE} Let us say {html} here.</p><p>{PROSE * 4}</p></article></body></html>"
    )
    assert found.text is not None and f"Let us say {latex} here." in " ".join(found.text.split())
    assert found.formulas >= 1


def test_words_that_only_begin_like_marks_are_no_mathematics() -> None:
    assert not has_math("<p class='text-center texture'>Math.max(latex, x)</p>")
    assert has_math("<IMG CLASS='x tex' alt='e^x'>") and has_math("<M:MATH>")


def test_tables_that_set_a_page_out_become_lines_and_tables_of_data_stay() -> None:
    rows = "".join(f"<tr><td></td><td>Answer {i}: {PROSE}</td></tr>" for i in range(4))
    laid = extract(f"<html><body><table><tr><td></td></tr>{rows}</table></body></html>").text
    assert (
        laid is not None and "|" not in laid and [s[:8] for s in laid.split("\n")] == [f"Answer {i}" for i in range(4)]
    )
    data = "".join(f"<tr><td>{i}</td><td>{PROSE}</td></tr>" for i in range(4))
    kept = extract(f"<html><body><p>{PROSE}</p><table>{data}</table></body></html>").text
    assert kept is not None and "| 2 | " in kept


def test_a_page_that_the_main_path_finds_empty_is_read_by_another_and_that_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.html").write_text(f"<html><body><nav>Home</nav><p>{PROSE}</p><p>And<b> on</b>.</p></body></html>")
    for blind, name in ((1, "recall"), (2, "body")):
        paths = (*((n, lambda *_: "") for n, _ in PATHS[:blind]), *PATHS[blind:])
        monkeypatch.setattr("coevo.tiers.ingest.extract.PATHS", paths)
        found = read(tmp_path)
        (how,) = evidence(found).values()
        assert how["extracted"] == name
    assert found.documents["text"][0].as_py() == f"{PROSE.strip()}\nAnd on."


@pytest.mark.parametrize(
    ("source", "latex"),
    [
        ("sqrt(x^2+1)/2", r"\frac{\sqrt{x^{2} + 1}}{2}"),
        ("[[a,b],[c,d]]", r"\left[ \begin{matrix} a & b \\ c & d \end{matrix} \right]"),
        ("lim_(h->0) abs(h)", r"\lim_{h \to 0} \left| h \right|"),
        ("f(x)) + 1", r"f \left( x \right) ) + 1"),
        ('x "if" y', r"x \text{if} y"),
    ],
)
def test_asciimath_is_written_as_latex(source: str, latex: str) -> None:
    assert asciimath_to_latex(source) == latex


def test_latex_keeps_its_body_and_loses_its_comments() -> None:
    body = "A 5\\% rise. % why\n% alone\n\\begin{verbatim}\n% kept\n\\end{verbatim}\n"
    text = "\\usepackage{x}\n\\begin{document}\n" + body + "\\end{document}"
    assert latex_body(text) == "A 5\\% rise. \n\\begin{verbatim}\n% kept\n\\end{verbatim}\n"


def test_records_of_known_formats_give_their_text(tmp_path: Path) -> None:
    book = {"cells": [{"cell_type": "markdown", "source": ["# T\n"]}, {"cell_type": "code", "source": "x = 1"}]}
    rows = [
        {"id": "nb", "format": "ipynb", "text": json.dumps(book), "domain": "code"},
        {
            "id": "xml",
            "format": "cnxml",
            "text": "<d><p>Let <math><mi>x</mi></math> be.</p><p>Two</p></d>",
            "domain": "math",
        },
        {"id": "js", "format": "json", "text": '{"id": "q", "title": "春曉", "lines": ["春眠不覺曉"]}', "domain": "zh"},
        {"id": "bad", "format": "ipynb", "text": "{", "domain": "code"},
        {"id": "raw", "raw_b64": base64.b64encode(PAGE).decode(), "format": "html", "domain": "en"},
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(map(json.dumps, rows)))
    found = read(tmp_path)
    texts = dict(zip(found.documents["source"].to_pylist(), found.documents["text"].to_pylist(), strict=True))
    name = tmp_path.name
    assert texts.pop(f"{name}/r/raw").startswith("The quick")
    assert texts == {
        f"{name}/r/nb": "# T\n\n```python\nx = 1\n```",
        f"{name}/r/xml": "Let $x$ be.\n\nTwo",
        f"{name}/r/js": "春曉\n春眠不覺曉",
    }
    assert reasons(found)[0].startswith("malformed notebook")


def test_licence_and_repository_are_kept_from_the_record_the_file_and_the_folder(tmp_path: Path) -> None:
    (tmp_path / "LICENSE").write_text(
        "Permission is hereby granted, free of charge, to any\nperson obtaining a copy ..."
    )
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config").write_text('[remote "origin"]\n\turl = https://me:secret@x.org/a/b.git\n')
    (tmp_path / "a.rs").write_text("// SPDX-License-Identifier: Apache-2.0\nfn main() {}\n")
    (tmp_path / "b.go").write_text("package main\n")
    (tmp_path / "r.jsonl").write_text(json.dumps({"text": PROSE, "license": "CC0", "repo": "o/r", "url": "http://u"}))
    got = {source.rpartition("/")[2]: known for source, known in evidence(read(tmp_path)).items()}
    assert folder_licence(tmp_path) == "MIT" and folder_repo(tmp_path) == "https://x.org/a/b.git"
    assert got["a.rs"] == {"licence": "Apache-2.0", "repo": "https://x.org/a/b.git"}
    assert got["b.go"]["licence"] == "MIT"
    assert got["u"] == {"licence": "CC0", "repo": "o/r", "url": "http://u"}


def test_fsspec_urls_are_read_and_bad_ones_say_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(PROSE)
    (tmp_path / "b.jsonl.gz").write_bytes(gzip.compress(jsonl(2)))
    (tmp_path / "c.xyz").write_text("")
    found = read(f"file://{tmp_path}")
    assert found.documents.num_rows == 3 and found.ignored == {".xyz": 1}
    memory = fsspec.filesystem("memory")
    memory.pipe("/corpus/p.md", PROSE.encode())
    check_sources([SourceConfig(url="memory://corpus")])
    assert read("memory://corpus").documents["source"].to_pylist() == ["corpus/p.md"]
    for url, said in (("memory://nowhere", "does not exist"), ("nosuch://x", "unknown protocol")):
        with pytest.raises(InputError, match=said):
            check_sources([SourceConfig(url=url)])


def test_a_remote_file_that_goes_away_is_quarantined_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    memory = fsspec.filesystem("memory")
    memory.pipe({"/gone/a.txt": PROSE.encode(), "/gone/b.txt": PROSE.encode(), "/gone/c.jsonl": jsonl(3)})
    opened = memory.open

    def refuse(path: str, *args: object, **kwargs: object) -> object:
        if path.endswith("a.txt"):
            raise RuntimeError("connection lost")
        return opened(path, *args, **kwargs)

    monkeypatch.setattr(type(memory), "open", lambda self, path, *a, **k: refuse(path, *a, **k))
    found = read("memory://gone")
    assert found.documents.num_rows == 4
    assert reasons(found) == ["cannot be read: RuntimeError: connection lost"]
    assert sum(found.records_in.values()) == 5


def test_a_data_set_is_streamed_by_name_up_to_the_limit(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").write_bytes(jsonl(30))
    found = read(f"datasets:{tmp_path}?split=train", "en", most=7)
    assert found.documents.num_rows == 7
    assert set(evidence(found).values().__iter__().__next__()) == {"repo"}
    with pytest.raises(InputError, match="unknown splits"):
        read(f"datasets:{tmp_path}?splits=train")
    with pytest.raises(InputError, match="cannot be opened"):
        read(f"datasets:{tmp_path}/nowhere")


@pytest.mark.parametrize(
    ("text", "domain", "code"),
    [
        (PROSE * 3, "en", "en"),
        ("数据清洗是很重要的一步，我们需要把编码弄对，然后再去掉重复的段落。" * 3, "zh", "zh"),
        ("吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。", "", "ja"),
        ("Der Hund und die Katze sind in dem Haus, aber sie haben sich nicht gern und das ist so.", "", "de"),
        (
            "import os\n\ndef main(path):\n    for name in os.listdir(path):\n        print(name)\n    return 0\n",
            "code",
            "",
        ),
        (
            "Let $x$ be a prime integer and $p(x)$ a polynomial. Then the theorem is $x^2$ and the proof is done.",
            "math",
            "en",
        ),
    ],
)
def test_domain_and_language_are_told_by_the_text(text: str, domain: str, code: str) -> None:
    found = identify(text, "a.txt")
    assert found.domain == domain
    assert found.language == code or domain == "code"


def test_records_without_a_domain_are_sorted_by_their_text_where_asked(tmp_path: Path) -> None:
    rows = [
        PROSE * 3,
        "数据清洗是很重要的一步，我们需要把编码弄对，然后再去掉重复的段落。" * 3,
        "int f(int a) {\n  a = 2;\n  return a;\n}\n",
    ]
    (tmp_path / "r.jsonl").write_text("\n".join(json.dumps({"text": t}) for t in rows))
    found = read(tmp_path, "auto")
    assert sorted(found.documents["domain"].to_pylist()) == ["code", "en", "zh"]


@pytest.mark.skipif(not SHARED.exists(), reason="the shared raw corpora are not here")
def test_real_web_archives_are_read_and_their_counts_add_up() -> None:
    for path in sorted((SHARED / "warc").glob("*.warc*")):
        items = list(warc.pages(path, IngestConfig()))
        pages = [i for i in items if isinstance(i, tuple)]
        faults = [i for i in items if isinstance(i, warc.Fault)]
        assert pages or faults, path.name
        assert len(pages) >= len(faults), (path.name, faults[:3])


@pytest.mark.skipif(not SHARED.exists(), reason="the shared raw corpora are not here")
def test_languages_of_real_pages_are_told() -> None:
    right = total = 0
    for folder, code in (("en/inaugural", "en"), ("zh/laws", "zh"), ("en/rust-book", "en"), ("zh/drcd-wiki-tw", "zh")):
        with gzip.open(SHARED / "l0" / f"{folder}.jsonl.gz", "rt", encoding="utf-8") as file:
            for line in list(file)[:60]:
                total += 1
                right += language(json.loads(line)["text"]).code == code
    assert right / total > 0.97
