"""One record of a jsonl or parquet file: which text it holds, what it is called, or why it is none."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from .decode import decode
from .domains import HTML, guess, kind_of, suffix
from .extract import main_text
from .sample import Raw, Sample
from .streams import Fault, lines, parquet_rows

TEXTS = ("text", "html", "raw_b64")
NAMES = ("domain", "source", "path", "url", "id", "kind")


class Malformed(ValueError):
    """The record is none; the message is the reason."""


def read_records(path: Path, name: str, default: str | None, sample: Sample) -> None:
    """Offer every record of a jsonl or parquet file to the sample.

    Args:
        path: the file.
        name: its stable name.
        default: domain of records that name none.
        sample: what takes or rejects them.
    """
    item = None
    for item in _rows(path, sample):
        if isinstance(item, Fault):
            sample.reject(f"{name}#{item.place}" if item.place else name, default or "", item.reason)
            continue
        number, row = item
        source, domain = f"{name}#{number}", default or ""
        try:
            fields = _fields(row)
            domain = guess(name, fields.get("domain"), default, sample.config.domains)
            source = source_name(fields, name, number)
            if not sample.closed(domain, sample.key(source)):
                sample.offer(_raw(fields, source, domain, sample))
        except Malformed as error:
            sample.reject(source, domain, str(error))
    if item is None:
        sample.reject(name, default or "", "empty")


def source_name(fields: dict[str, str], name: str, number: int) -> str:
    """`<source>/<path, url, id or number>`, with the file's name where the record states no source."""
    file = PurePosixPath(name)
    collection = fields.get("source") or str(file.with_name(file.name.removesuffix(".gz").rpartition(".")[0]))
    return f"{collection}/{fields.get('path') or fields.get('url') or fields.get('id') or number}"


def _rows(path: Path, sample: Sample) -> Iterator[tuple[int, bytes | dict[str, Any]] | Fault]:
    if suffix(path.name) == ".parquet":
        yield from parquet_rows(path, TEXTS, NAMES)
    else:
        yield from lines(path, sample.config)


def _fields(row: bytes | dict[str, Any]) -> dict[str, str]:
    """The fields we know, as strings."""
    table = parse_line(row) if isinstance(row, bytes) else row
    return {key: _string(key, table[key]) for key in (*TEXTS, *NAMES) if table.get(key) is not None}


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
    return Raw(source, fields["text"], domain, fields.get("kind") or kind_of(source.partition("#")[0], domain))


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
    looks_html = suffix(source) in HTML or "<html" in found.text[:2000].lower()
    if looks_html and domain != "code":
        return page(found.text, source, domain, sample)
    return Raw(source, found.text, domain, kind_of(source, domain))


READERS: dict[str, Callable[[dict[str, str], str, str, Sample], Raw]] = {
    "text": _from_text,
    "html": _from_html,
    "raw_b64": _from_bytes,
}


def page(html: str, source: str, domain: str, sample: Sample) -> Raw:
    """A page's main text.

    Raises:
        Malformed: it is too large, or has none.
    """
    if len(html) > sample.config.max_record_bytes:
        raise Malformed(f"huge record: {len(html)} characters of HTML > {sample.config.max_record_bytes}")
    if "\0" in html:
        raise Malformed(f"binary: NUL at character {html.index(chr(0))}")
    text, reason = main_text(html)
    if text is None:
        raise Malformed(reason if html.strip() else "empty")
    return Raw(source, text, domain, "html")
