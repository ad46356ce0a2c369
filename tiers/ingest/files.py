"""Folders and files as sources: which files are read, and how one file of each sort is."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from ..errors import InputError
from .decode import decode
from .domains import HTML, READABLE, guess, kind_of, suffix
from .records import Malformed, page, read_records
from .sample import Raw, Sample

SKIPPED = frozenset({"__pycache__", "node_modules", "site-packages"})
RECORDS = frozenset({".jsonl", ".parquet"})


def read_path(url: str, domain: str | None, sample: Sample) -> None:
    """Offer everything readable under a folder, or one file.

    Args:
        url: path of the folder or file.
        domain: for files whose folder says none.
        sample: what takes or rejects the records.

    Raises:
        InputError: there is nothing there, it may not be read, or it is of no known sort.
    """
    root = source_root(url)
    if root.is_dir():
        found = [(path, f"{root.resolve().name}/{path.relative_to(root).as_posix()}") for path in walk(root, sample)]
    else:
        found = [(root, root.name)]
    _read_all([(path, printable(name)) for path, name in found], domain, sample)


def source_root(url: str) -> Path:
    """The folder or file that a source names, if it may be read.

    Raises:
        InputError: as `read_path`.
    """
    root = Path(url).expanduser()
    if not root.exists():
        why = "is a link to nothing" if root.is_symlink() else "does not exist"
        raise InputError(f"source {url} {why}: give `local:`, or the path of a folder or file with text")
    if not os.access(root, os.R_OK):
        raise InputError(f"source {url} may not be read: chmod it, or name another")
    if not root.is_dir() and not readable(root.name):
        raise InputError(f"source {url} is of no known sort: wanted {', '.join(sorted(READABLE))} or .jsonl.gz")
    return root


def walk(root: Path, sample: Sample) -> Iterator[Path]:
    """Readable files under a folder, sorted; not hidden ones, not the excluded, not run folders."""
    excluded = {Path(folder).expanduser().resolve() for folder in sample.config.exclude}
    for folder, folders, files in os.walk(root, onerror=_refuse):
        here = Path(folder)
        if here.resolve() in excluded or {"run.db", "resolved.yaml"} <= set(files):
            folders.clear()
            continue
        folders[:] = sorted(name for name in folders if name not in SKIPPED and not name.startswith("."))
        for name in sorted(files):
            if readable(name) and not name.startswith("."):
                yield here / name
            else:
                sample.ignored[suffix(name) or name] += 1


def readable(name: str) -> bool:
    """Whether a file of this name is of a sort we read (of the packed ones, only jsonl.gz)."""
    return suffix(name) in READABLE and (not name.lower().endswith(".gz") or suffix(name) == ".jsonl")


def printable(name: str) -> str:
    """A file name as Unicode; bytes that are none become U+FFFD."""
    return os.fsencode(name).decode("utf-8", "replace")


def read_file(path: Path, name: str, domain: str, sample: Sample, weight: float = 1.0, most: int | None = None) -> None:
    """Offer one file of text, Markdown, HTML or Python.

    Args:
        path: the file.
        name: its stable name, which becomes its `source`.
        domain: of its text.
        sample: what takes or rejects it.
        weight: see `Sample`.
        most: see `Sample.offer`.
    """
    try:
        text = load(path, sample)
        raw = (
            page(text, name, domain, sample) if suffix(name) in HTML else Raw(name, text, domain, kind_of(name, domain))
        )
    except Malformed as error:
        sample.reject(name, domain, str(error))
    else:
        sample.offer(raw, weight, most)


def load(path: Path, sample: Sample) -> str:
    """A whole file as text, newlines made line feeds.

    Raises:
        Malformed: it is too large, not a plain file, unreadable or not text.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):  # a pipe would never end
            raise Malformed("not a regular file")
        with path.open("rb") as stream:
            data = stream.read(sample.config.max_record_bytes + 1)
    except OSError as error:
        raise Malformed(f"cannot be read: {error.strerror or error}") from error
    if len(data) > sample.config.max_record_bytes:
        raise Malformed(f"huge record: more than {sample.config.max_record_bytes} bytes")
    found = decode(data)
    if found.text is None:
        raise Malformed(found.reason)
    if found.encoding not in ("utf-8", "utf-8-sig"):
        sample.recoded[found.encoding] += 1
    return found.text.replace("\r\n", "\n").replace("\r", "\n")


def _read_all(found: list[tuple[Path, str]], default: str | None, sample: Sample) -> None:
    """Read plain files in the order of their keys, so that those beyond the caps are never opened; then the streams."""
    for path, name in sorted(found, key=lambda item: (sample.key(item[1]), item[1])):
        if suffix(name) in RECORDS:
            read_records(path, name, default, sample)
            continue
        domain = guess(name, None, default, sample.config.domains)
        if not sample.closed(domain, sample.key(name)):
            read_file(path, name, domain, sample)


def _refuse(error: OSError) -> None:
    raise InputError(
        f"folder {error.filename} may not be read ({error.strerror}): chmod it, or name another"
    ) from error
