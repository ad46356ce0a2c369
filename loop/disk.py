"""What the disk may do to a run: be full, or hold a damaged or locked database. One way to know, one sentence each."""

import errno
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ..tiers.errors import CoevoError, InputError
from .run_folder import RunFolder

FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
SAID = re.compile(r"no space left|disk is full|disk quota exceeded|os error (28|122)\b", re.I)
"""How SQLite, Arrow, safetensors, tokenizers and shutil say it, whose errors carry no number."""
HINTED = re.compile(r"disk I/O error|requested and \d+ written", re.I)
"""How SQLite's write-ahead log and numpy say it when it may be something else as well."""
HANDLES = frozenset({errno.EMFILE, errno.ENFILE})
HANDLES_SAID = re.compile(r"too many open files|os error (23|24)\b", re.I)
FORBIDDEN = frozenset({errno.EACCES, errno.EPERM, errno.EROFS})
FORBIDDEN_SAID = re.compile(r"readonly database|unable to open database file", re.I)
LITTLE = 1 << 20
"""A hint is believed where less than this is free, in bytes."""


class DiskFull(CoevoError, OSError):
    """There is no room to go on; what was written before is whole."""


@contextmanager
def explained(root: Path) -> Iterator[None]:
    """Turn what libraries say about the disk below a run into one sentence.

    Raises:
        DiskFull: the disk is full.
        InputError: the run's database is damaged, or another program holds it.
    """
    try:
        yield
    except Exception as e:
        again = RunFolder(root).resume()
        if is_full(e, root):
            free = shutil.disk_usage(root).free
            raise DiskFull(
                f"the disk is full ({_first_line(e)}; {free / 1e6:.1f} MB are free at {root}): nothing is damaged; "
                f"free some space, then continue with: {again}"
            ) from e
        if said := refusal(e):
            raise InputError(said) from e
        if type(e) is sqlite3.DatabaseError:
            raise InputError(f"run.db of {root} is damaged ({e}): restore it from a copy, then {again}") from e
        if isinstance(e, sqlite3.OperationalError) and "locked" in str(e):
            raise InputError(f"run.db of {root} is held by another program ({e}): close it, then {again}") from e
        raise


def is_full(error: BaseException, root: Path) -> bool:
    """Whether an error, or one that it came from, is about a full disk."""
    chain = list(_chain(error))
    if any(getattr(e, "errno", None) in FULL or SAID.search(str(e)) for e in chain):
        return True
    return any(HINTED.search(str(e)) for e in chain) and shutil.disk_usage(root).free < LITTLE


def refusal(error: BaseException) -> str:
    """What a person can do where the system refused a file or a file handle; empty where it did not."""
    for one in _chain(error):
        number, place = getattr(one, "errno", None), getattr(one, "filename", None) or "a file"
        if number in HANDLES or HANDLES_SAID.search(str(one)):
            return (
                f"too many files are open at once ({_first_line(one)}): allow more with `ulimit -n 1024`, then type "
                "the command again; nothing is damaged"
            )
        if number in FORBIDDEN:
            return f"{place} may not be read or written here ({_first_line(one)}): allow it, or work on a copy"
        if isinstance(one, sqlite3.OperationalError) and FORBIDDEN_SAID.search(str(one)):
            return (
                f"a database of the run may not be opened or written here ({one}): make its folder writable, or work "
                "on a copy"
            )
    return ""


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that it came from; those of a worker process end in the text of its traceback."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _first_line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0][:200]
