"""One record of a jsonl, parquet or WARC file or a data set: its text, its name, or why it is none."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any, TypeAlias

from . import formats, warc
from .decode import decode
from .domains import ARCHIVES, AUTO, HTML, by_suffix, guess, kind_of, suffix
from .extract import extract
from .identify import identify
from .json_file import json_rows
from .place import Place
from .sample import Raw, Sample
from .streams import Fault, lines, parquet_rows

TEXTS = ("text", "html", "raw_b64", "content")
NAMES = ("domain", "source", "path", "url", "id", "kind", "format")
ABOUT = ("licence", "license", "repo", "url", "date", "language", "author", "title")
"""Fields kept as evidence; `license` is kept as `licence`, so that one name is asked for."""

Row: TypeAlias = tuple[int, bytes | dict[str, Any]] | Fault | warc.Skipped


class Malformed(ValueError):
    """The record is none; the message is the reason."""


def read_records(
    path: Place, name: str, default: str | None, sample: Sample, about: dict[str, str] | None = None
) -> None:
    """Offer every record of a json, jsonl, parquet or WARC file to the sample.

    Args:
        path: the file.
        name: its stable name.
        default: domain of records that name none; `auto`: by each text.
        sample: what takes or rejects them.
        about: what is known of the folder; a record's own fields go before.
    """
    offer_rows(_rows(path, sample), name, default, sample, about or {})


def offer_rows(rows: Iterator[Row], name: str, default: str | None, sample: Sample, about: dict[str, str]) -> None:
    """Offer records to the sample one by one; arguments as for `read_records`."""
    item: Row | None = None
    stated = "" if default in (None, AUTO) else str(default)
    for item in rows:
        if isinstance(item, warc.Skipped):
            sample.ignored[item.what] += 1
        elif isinstance(item, Fault):
            sample.reject(f"{name}#{item.place}" if item.place else name, stated, item.reason)
        else:
            _offer(item, name, default, sample, about)
    if item is None:
        sample.reject(name, stated, "empty")


def _offer(
    item: tuple[int, bytes | dict[str, Any]], name: str, default: str | None, sample: Sample, about: dict[str, str]
) -> None:
    """One record to the sample, or why not."""
    number, row = item
    source, domain = f"{name}#{number}", "" if default in (None, AUTO) else str(default)
    try:
        fields = _fields(row)
        default = default or by_suffix(fields.get("path", name))
        domain = guess(name, fields.get("domain"), default, sample.config.domains)
        source = source_name(fields, name, number)
        if domain == AUTO or not sample.closed(domain, sample.key(source)):
            raw = _raw(fields, source, domain, sample)
            sample.offer(settled(replace(raw, evidence=evidence(raw.evidence, about | _about(fields))), sample))
    except Malformed as error:
        sample.reject(source, "" if domain == AUTO else domain, str(error))


def settled(raw: Raw, sample: Sample) -> Raw:
    """The record with the domain that its text is of, where nothing else said it."""
    if raw.domain != AUTO:
        return raw
    found = identify(raw.text, raw.source)
    domain = found.domain or by_suffix(raw.source.partition("#")[0])
    known = evidence(raw.evidence, {"language": found.language} if found.language else {})
    return replace(
        raw, domain=domain, kind="source" if domain == "code" and raw.kind == "text" else raw.kind, evidence=known
    )


def evidence(held: str, more: dict[str, str]) -> str:
    """Canonical JSON of what is known already and what is added; empty values are none."""
    joined = json.loads(held) | {name: value for name, value in more.items() if value}
    return json.dumps(joined, sort_keys=True, ensure_ascii=False)


def _about(fields: dict[str, str]) -> dict[str, str]:
    return {"licence" if name == "license" else name: fields[name] for name in ABOUT if name in fields}


def source_name(fields: dict[str, str], name: str, number: int) -> str:
    """`<source>/<path, url, id or number>`, with the file's name where the record states no source."""
    file = PurePosixPath(name)
    plain = file.name.removesuffix(".gz").removesuffix(".zst")
    collection = fields.get("source") or str(file.with_name(plain.rpartition(".")[0] or plain))
    return f"{collection}/{fields.get('path') or fields.get('url') or fields.get('id') or number}"


def _rows(path: Place, sample: Sample) -> Iterator[Row]:
    if suffix(path.name) in ARCHIVES:
        yield from warc.pages(path, sample.config)
    elif suffix(path.name) == ".json":
        yield from json_rows(path, TEXTS, sample.config)
    elif suffix(path.name) == ".parquet":
        yield from parquet_rows(path, TEXTS, tuple(dict.fromkeys((*NAMES, *ABOUT))), sample.config)
    else:
        yield from lines(path, sample.config)


def _fields(row: bytes | dict[str, Any]) -> dict[str, str]:
    """The fields we know, as strings."""
    table = parse_line(row) if isinstance(row, bytes) else row
    return {key: _string(key, table[key]) for key in (*TEXTS, *NAMES, *ABOUT) if table.get(key) is not None}


def parse_line(line: bytes) -> dict[str, Any]:
    """A line of JSON as a dict.

    Raises:
        Malformed: it is not UTF-8, not JSON or not an object.
    """
    try:
        value = json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise Malformed(f"not UTF-8: byte 0x{line[error.start]:02x} at {error.start}") from error
    except RecursionError as error:
        raise Malformed("malformed JSON: nested too deeply") from error
    except ValueError as error:
        raise Malformed(f"malformed JSON: {error}"[:200]) from error
    if not isinstance(value, dict):
        raise Malformed(f"malformed JSON: wanted an object, got {type(value).__name__}")
    return value


def _string(key: str, value: Any) -> str:
    """A field as text; names may be numbers, texts may not."""
    if isinstance(value, bytes):
        found = decode(value)
        if found.text is None:
            raise Malformed(found.reason)
        return found.text
    if key in TEXTS and not isinstance(value, str):
        raise Malformed(f"missing text field: {key} is a {type(value).__name__}")
    return str(value) if key in TEXTS else str(value)[:500].encode("utf-8", "replace").decode()


def _raw(fields: dict[str, str], source: str, domain: str, sample: Sample) -> Raw:
    """The record's text under its name."""
    for key in TEXTS:
        if key in fields:
            return READERS[key](fields, source, domain, sample)
    raise Malformed("missing text field: wanted text, html or raw_b64")


def _from_text(fields: dict[str, str], source: str, domain: str, sample: Sample) -> Raw:
    said = fields.get("text", fields.get("content", ""))
    read = formats.READERS.get(fields.get("format", "").lower())
    try:
        text = read(said) if read and len(said) <= sample.config.max_record_bytes else said
    except formats.Unreadable as error:
        raise Malformed(str(error)) from error
    return Raw(source, text, domain, fields.get("kind") or kind_of(source.partition("#")[0], domain))


def _from_html(fields: dict[str, str], source: str, domain: str, sample: Sample) -> Raw:
    return page(fields["html"], source, domain, sample)


def _from_bytes(fields: dict[str, str], source: str, domain: str, sample: Sample) -> Raw:
    try:
        data = base64.b64decode(fields["raw_b64"], validate=True)
    except binascii.Error as error:
        raise Malformed(f"raw_b64 is not base64: {error}") from error
    found = decode(data, guess=True)
    if found.text is None:
        raise Malformed(found.reason)
    if found.encoding not in ("utf-8", "utf-8-sig"):
        sample.recoded[found.encoding] += 1
    looks_html = fields.get("format") == "html" or suffix(source) in HTML or "<html" in found.text[:2000].lower()
    if looks_html and domain != "code":
        return page(found.text, source, domain, sample)
    return Raw(source, found.text, domain, kind_of(source, domain))


READERS: dict[str, Callable[[dict[str, str], str, str, Sample], Raw]] = {
    "text": _from_text,
    "html": _from_html,
    "raw_b64": _from_bytes,
    "content": _from_text,
}


def page(html: str, source: str, domain: str, sample: Sample, *, fallbacks: bool = True) -> Raw:
    """A page's main text.

    Raises:
        Malformed: it is too large, or has none.
    """
    if len(html) > sample.config.max_record_bytes:
        raise Malformed(f"huge record: {len(html)} characters of HTML > {sample.config.max_record_bytes}")
    if "\0" in html:
        raise Malformed(f"binary: NUL at character {html.index(chr(0))}")
    found = extract(html, fallbacks=fallbacks)
    if found.text is None:
        raise Malformed(found.reason if html.strip() else "empty")
    how = {"extracted": found.path} | ({"formulas": str(found.formulas)} if found.formulas else {})
    return Raw(source, found.text, domain, "html", evidence("{}", how) if fallbacks else "{}")
