"""Bytes become text as in a browser: superset encodings, honest declarations, the next candidate after a wrong one."""

import codecs
import gzip
import zlib
from pathlib import Path

import brotli
import pytest
import zstandard

from coevo.tiers.config import IngestConfig
from coevo.tiers.ingest import warc
from coevo.tiers.ingest.decode import browser_codec, decode
from coevo.tiers.ingest.latex import latex_body

CASES = Path(__file__).parents[3] / "shared" / "cases"
GBK = "镕铸之后的湖面很平静，喆先生住在这里。"
SJIS = "①②㈱髙﨑さんの手紙を読みました。"
KOREAN = "뷁 똠방각하 펲시콜라 마을의 이야기입니다."
WEST = "“Café” – naïve, Zürich € 5…"


def html(text: str, head: str) -> str:
    return f"<html><head>{head}<title>x</title></head><body><p>{text}</p></body></html>"


@pytest.mark.parametrize(
    ("declared", "codec", "text"),
    [
        ("gb2312", "gb18030", GBK),
        ("GB_2312-80", "gb18030", GBK),
        ("gbk", "gb18030", GBK + "𠮷㐀"),
        ("x-gbk", "gb18030", GBK),
        ("Shift_JIS", "cp932", SJIS),
        ("x-sjis", "cp932", SJIS),
        ("euc-kr", "cp949", KOREAN),
        ("ks_c_5601-1987", "cp949", KOREAN),
        ("iso-8859-1", "cp1252", WEST),
        ("us-ascii", "cp1252", WEST),
        ("iso-8859-9", "cp1254", "“İstanbul” – şöyle €"),
        ("tis-620", "cp874", "“สวัสดี” €"),
        ("big5", "big5hkscs", "臺灣的湖很平靜，嘅㗎唔係。"),
        ("koi8-r", "koi8-r", "Река берёт начало в горах."),
        ("macintosh", "mac_roman", "Café “naïve”"),
        ("iso-2022-jp", "iso2022_jp", "日本語の手紙です。"),
    ],
)
@pytest.mark.parametrize("form", ["charset", "http-equiv", "unquoted", "xml", "header"])
def test_a_declared_encoding_is_read_as_browsers_do(declared: str, codec: str, text: str, form: str) -> None:
    heads = {
        "charset": f'<meta charset="{declared}">',
        "http-equiv": f"<META CONTENT='text/html; charset={declared}' HTTP-EQUIV='Content-Type'>",
        "unquoted": f"<meta name=a content=b><meta charset={declared}>",
    }
    source = html(text, heads.get(form, ""))
    if form == "xml":
        source = f'<?xml version="1.0" encoding="{declared}"?>' + source
    result = decode(source.encode(codec), declared=f"text/html; charset={declared}" if form == "header" else "")
    assert result.text == source and result.encoding == codec


@pytest.mark.parametrize(
    "head",
    [
        '<meta name="description" content="how charset=gbk is declared">',
        '<meta property="og:title" content="charset=utf-16">',
        '<!-- <meta charset="gbk"> -->',
        '<meta name="keywords" content="x"> charset=gbk',
        '<meta http-equiv="refresh" content="5; url=?charset=gbk">',
    ],
)
def test_words_about_encodings_declare_none(head: str) -> None:
    source = html(WEST, head + '<meta charset="windows-1252">')
    assert decode(source.encode("cp1252")).text == source


@pytest.mark.parametrize("wrong", ["utf-8", "shift_jis", "us-utf", "rot13", "zip", "utf-16", "euc-jp", "undefined"])
def test_a_header_that_fails_is_followed_by_the_next_candidate(wrong: str) -> None:
    source = html("Prix : 5 €, déjà vu, où ça ? Très œuvre", '<meta charset="windows-1252">')
    result = decode(source.encode("cp1252"), declared=f"text/html; charset={wrong}")
    assert result.text == source and result.encoding == "cp1252"


def test_utf8_wins_over_any_declaration_and_utf16_needs_a_mark_or_a_header() -> None:
    source = html(GBK, '<meta charset="gbk">')
    assert decode(source.encode()).text == source
    wide = source.encode("utf-16-le")
    assert decode(wide, declared="text/html; charset=utf-16le").text == source
    assert decode(codecs.BOM_UTF16_LE + wide).text == source
    assert decode(wide).text is None


def test_every_codec_that_is_named_exists() -> None:
    for name in ("gb2312", "x-sjis", "ks_c_5601-1987", "windows-874", "x-mac-cyrillic", "iso-8859-8-i", "cn-big5"):
        assert codecs.lookup(browser_codec(name))
    assert browser_codec("rot13") == browser_codec("") == browser_codec("none such") == ""


def answer(body: bytes, *headers: str) -> bytes:
    lines = ["HTTP/1.1 200 OK", "Content-Type: text/html; charset=utf-8", *headers]
    data = "\r\n".join(lines).encode() + b"\r\n\r\n" + body
    head = "WARC/1.0\r\nWARC-Type: response\r\nWARC-Target-URI: http://x.org/\r\nContent-Type: application/http\r\n"
    return f"{head}Content-Length: {len(data)}\r\n\r\n".encode() + data + b"\r\n\r\n"


BODY = html("The river rises in the northern hills, and the towns along it live from milling. " * 4, "").encode()
DEFLATED = zlib.compressobj(wbits=-15)
PACKED = {
    "gzip": gzip.compress(BODY, mtime=0),
    "deflate": zlib.compress(BODY),
    "raw deflate": DEFLATED.compress(BODY) + DEFLATED.flush(),
    "zstd": zstandard.compress(BODY),
    "br": brotli.compress(BODY),
}


@pytest.mark.parametrize(
    "coding",
    ["gzip", "x-gzip", "deflate", "br", "zstd", "none", "utf-8", "UTF-8", "identity", "binary", "compress", "dcb", ""],
)
def test_a_plain_body_is_read_whatever_its_header_says(coding: str, tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(answer(BODY, f"Content-Encoding: {coding}"))
    ((_, fields),) = warc.pages(tmp_path / "a.warc", IngestConfig())  # type: ignore[misc]
    assert fields["html"] == BODY.decode()


@pytest.mark.parametrize(
    ("coding", "kind"),
    [
        ("gzip", "gzip"),
        ("deflate", "deflate"),
        ("deflate", "raw deflate"),
        ("zstd", "zstd"),
        ("br", "br"),
        ("gzip", "deflate"),
    ],
)
def test_a_packed_body_is_unpacked_once_or_twice(coding: str, kind: str, tmp_path: Path) -> None:
    twice = answer(gzip.compress(PACKED[kind]), f"Content-Encoding: {coding}, gzip")
    (tmp_path / "a.warc").write_bytes(answer(PACKED[kind], f"Content-Encoding: {coding}") + twice)
    pages = list(warc.pages(tmp_path / "a.warc", IngestConfig()))
    assert [page[1]["html"] for page in pages if isinstance(page, tuple)] == [BODY.decode()] * 2


@pytest.mark.parametrize(
    ("body", "coding", "reason"),
    [
        (PACKED["gzip"][:-20], "gzip", "cut short"),
        (PACKED["gzip"][:30] + b"\x00" * 99, "gzip", "does not unpack"),
        (bytes(range(256)) * 4, "br", "does not unpack"),
        (PACKED["br"][:-20], "br", "cut short"),
        (brotli.compress(bytes(range(256)) * 20_000), "br", "unpacks to more"),
        (bytes(range(256)) * 4, "compress", "'compress' is not read"),
        (zstandard.compress(b"a" * 5_000_000), "zstd", "unpacks to more"),
        (gzip.compress(b"a" * 5_000_000), "gzip", "unpacks to more"),
    ],
)
def test_a_bad_body_has_a_reason(body: bytes, coding: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / "a.warc").write_bytes(answer(body, f"Content-Encoding: {coding}"))
    (fault,) = warc.pages(tmp_path / "a.warc", IngestConfig())
    assert isinstance(fault, warc.Fault) and reason in fault.reason


def test_text_that_begins_like_a_chunk_is_no_chunk(tmp_path: Path) -> None:
    chunked = b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in (BODY[:100], BODY[100:])) + b"0\r\n\r\n"
    data = answer(chunked, "Transfer-Encoding: chunked") + answer(b"add\n" + BODY, "Transfer-Encoding: chunked")
    (tmp_path / "a.warc").write_bytes(data)
    pages = [page[1]["html"] for page in warc.pages(tmp_path / "a.warc", IngestConfig()) if isinstance(page, tuple)]
    assert pages == [BODY.decode(), "add\n" + BODY.decode()]


@pytest.mark.parametrize(
    ("source", "body"),
    [
        (r"see \url{https://x.org/a%20b} here % gone", r"see \url{https://x.org/a%20b} here "),
        (r"see \href{https://x.org/a%2Fb}{the % gone", r"see \href{https://x.org/a%2Fb}{the "),
        (r"value \verb|50%x| or \verb*+a%b+ % gone", r"value \verb|50%x| or \verb*+a%b+ "),
        (r"use \lstinline[language=C]!a % b! or \mintinline{c}{a % b} % gone", r"use \lstinline[language=C]!a % b! or \mintinline{c}{a % b} "),
        (r"\path{/a%b} and \nolinkurl{c%d}% gone", r"\path{/a%b} and \nolinkurl{c%d}"),
        ("\\begin{Verbatim}\na % b\n\\end{Verbatim} % gone", "\\begin{Verbatim}\na % b\n\\end{Verbatim} "),
        ("\\begin{minted}{c}\na % b;\n\\end{minted}", "\\begin{minted}{c}\na % b;\n\\end{minted}"),
        ("\\begin{alltt}\n5 % 2\n\\end{alltt}", "\\begin{alltt}\n5 % 2\n\\end{alltt}"),
        ("% \\begin{verbatim}\nsecret % gone\n% \\end{verbatim}\nend", "secret \nend"),
        ("\\begin{document}a\n% \\end{document}\nb\\end{document} c", "a\nb"),
        ("% \\begin{document}\nx\n\\begin{document}a\\end{document}", "a"),
        ("\\begin{document}\\begin{verbatim}\n\\end{document} %\n\\end{verbatim} b\\end{document}", "\\begin{verbatim}\n\\end{document} %\n\\end{verbatim} b"),
        ("\\lstnewenvironment{prog}{}{}\n\\begin{document}\n\\begin{prog}\na % b\n\\end{prog}\n\\end{document}", "\\begin{prog}\na % b\n\\end{prog}"),
        (r"over 90\% of \\% gone" + "\n" + r"an odd run \\\% stays", r"over 90\% of \\" + "\n" + r"an odd run \\\% stays"),
        ("\\begin{comment}\nhidden\n\\end{comment}\nshown", "shown"),
        (r"\urlstyle{tt} % gone", r"\urlstyle{tt} "),
        (r"\verbatiminput{a} % gone", r"\verbatiminput{a} "),
    ],
)  # fmt: skip
def test_a_percent_sign_of_latex_is_a_comment_only_where_tex_takes_it_for_one(source: str, body: str) -> None:
    assert latex_body(source) == body.strip() + "\n"


@pytest.mark.skipif(not CASES.exists(), reason="the collection of small failing inputs is not beside this checkout")
def test_the_collected_cases() -> None:
    for path in CASES.glob("05_*.html"):
        text = decode(path.read_bytes()).text
        assert text and ("镕铸" in text or "Café, naïve, Zürich – “quoted” words" in text)
    items = list(warc.pages(CASES / "06_codings.warc", IngestConfig()))
    assert [item.reason for item in items if isinstance(item, warc.Fault)] == ["damaged HTTP body: it is cut short"]
    body = latex_body((CASES / "04_comments.tex").read_text())
    for kept in ("hello%20world", "a%2Fb", "|50%x|", "a % b; % kept too", "100 % 7", "secret words"):
        assert kept in body
    assert "TODO" not in body and "hidden without" not in body and "after the document" not in body
