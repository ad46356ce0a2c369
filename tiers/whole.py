"""Whole: the one way in which a file or a folder comes into being, complete under its name or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from .errors import LedgerError

RESCUE = "restore it from a copy of the run, or start another with: coevo run"
"""What to do about a file that is missing or altered."""
UNFINISHED = ".*.tmp"
"""Pattern of the names under which something is written."""


def write_whole(path: Path, content: bytes) -> None:
    """Write a file atomically and durably.

    Raises:
        LedgerError: the disk refuses (full, read-only).
    """
    with whole_file(path) as temporary:
        temporary.write_bytes(content)


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A name beside `path` to write to; when the block ends well the file gets its name, after fsync.

    Raises:
        LedgerError: the disk refuses (full, read-only).
    """
    temporary = unfinished(path)
    with _explained(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            publish(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)  # on a full disk it would keep what is left


@contextmanager
def whole_folder(path: Path) -> Iterator[Path]:
    """An empty folder beside `path` to fill; when the block ends well it gets its name, after fsync of all files.

    Raises:
        LedgerError: the disk refuses (full, read-only), or `path` is a folder that holds something.
    """
    temporary = unfinished(path)
    with _explained(path):
        temporary.mkdir(parents=True)
        try:
            yield temporary
            publish(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)


def unfinished(path: Path) -> Path:
    """A fresh name beside `path`, hidden, for what is not complete yet."""
    return path.with_name(f".{path.name}.{uuid4().hex}.tmp")


def publish(temporary: Path, path: Path) -> None:
    """Rename what was written to its name; contents are on disk before, the name is after (POSIX rename, fsync).

    Raises:
        OSError: the disk refuses.
    """
    for written in (temporary, *temporary.rglob("*")) if temporary.is_dir() else (temporary,):
        _sync(written)
    temporary.replace(path)
    _sync(path.parent)


def sweep(root: Path) -> None:
    """Delete what killed writers left unfinished below `root`; only for the process that holds the run's lock."""
    for path in list(root.rglob(UNFINISHED)):
        if path.is_dir():
            # a worker outlives its killed controller by half a second, and may still write there
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as e:
        raise LedgerError(f"cannot write {path}: {e.strerror or e}. Mend that, then continue with: coevo resume") from e
