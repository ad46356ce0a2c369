"""Files of packs as lines: JSON lines or one JSON array, packed or not, in the encodings that sources may have."""

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ..tiers.config import IngestConfig
from ..tiers.errors import EvalError
from ..tiers.ingest.decode import decode
from ..tiers.ingest.unpack import unpacked_bytes
from ..tiers.plain import from_json
from .asking import Line

SUFFIXES = tuple(name + packed for name in (".jsonl", ".ndjson", ".json") for packed in ("", ".gz", ".zst"))


@dataclass
class Reading:
    """What a file holds: objects with their place in it, and why the other lines are none."""

    rows: list[tuple[int, Line]] = field(default_factory=list)
    odd: Counter[str] = field(default_factory=Counter)
    failure: str = ""
    """Why the file as a whole cannot be read."""


def files_of(path: Path) -> list[Path]:
    """A file, or the packs in a folder and in the folders below it.

    Raises:
        EvalError: there is nothing of the kind.
    """
    if path.is_dir():
        files = sorted(f for f in path.rglob("*") if f.name.endswith(SUFFIXES))
        if not files:
            raise EvalError(f"packs: no .jsonl or .jsonl.gz file in {path} or in a folder below it")
        return files
    if not path.is_file():
        raise EvalError(f"packs: wanted a file of JSON lines or a folder of them, found nothing at {path}")
    return [path]


def read_file(file: Path) -> Reading:
    """The objects of a file; a line that is none is counted by its reason."""
    if not file.is_file():
        return Reading(failure="it is no plain file")
    try:
        decoded = decode(unpacked_bytes(file.read_bytes(), IngestConfig()))
    except (OSError, ValueError) as error:
        return Reading(failure=f"{type(error).__name__}: {error}")
    if decoded.text is None:
        return Reading(failure=decoded.reason)
    found = Reading()
    for number, value in _values(decoded.text.removeprefix("\ufeff"), found.odd):
        if isinstance(value, dict):
            found.rows.append((number, value))
        else:
            found.odd["no JSON object"] += 1
    if not found.rows:
        return Reading(failure="it holds no JSON object")
    return found


def _values(text: str, odd: Counter[str]) -> list[tuple[int, Any]]:
    """The values of the lines; of a file that is one JSON array (or an object that holds one), its elements."""
    lines = [line.strip("\ufeff \t").rstrip(",") for line in text.replace("\r", "\n").split("\n") if line.strip()]
    found: list[tuple[int, Any]] = []
    for number, line in enumerate(lines):
        try:
            found.append((number, _sound(from_json(line))))
        except ValueError:
            odd["no JSON"] += 1
    if len(found) < len(lines) or (len(found) == 1 and not _is_question(found[0][1])):
        whole = _array(text)
        if whole is not None:
            odd.clear()
            return list(enumerate(whole))
    return found


def _sound(value: Any) -> Any:
    """The value with half of a surrogate pair, which no file can hold, as a question mark."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _array(text: str) -> list[Any] | None:
    try:
        whole = _sound(from_json(text))
    except ValueError:
        return None
    if isinstance(whole, dict):
        lists = [v for v in whole.values() if isinstance(v, list) and v and all(isinstance(x, dict) for x in v)]
        whole = lists[0] if len(lists) == 1 else [whole]
    return whole if isinstance(whole, list) else None


def _is_question(value: Any) -> bool:
    if isinstance(value, dict) and {"question", "choices", "options"} & {str(key).lower() for key in value}:
        return True
    return isinstance(value, dict) and not any(
        isinstance(v, list) and v and all(isinstance(x, dict) for x in v) for v in value.values()
    )
