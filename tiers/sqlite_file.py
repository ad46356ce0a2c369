"""SQLite files of foreign folders: plain tables only, so that nothing but data is read from them and nothing runs."""

import re
import sqlite3
from pathlib import Path

from .errors import InputError

_RUNS = re.compile(r"\b(check|generated|virtual)\b|\bas\s*\(", re.IGNORECASE)
"""What makes a table compute when it is read or written."""


def check_plain(connection: sqlite3.Connection, path: Path) -> None:
    """See that a database holds nothing but plain tables, and forbid its schema to call functions.

    Raises:
        InputError: it holds a view, a trigger, an index of somebody's own, or a table that computes.
        sqlite3.Error: it cannot be read.
    """
    connection.execute("PRAGMA trusted_schema = OFF")
    for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master").fetchall():
        if kind == "index" and text is None:  # SQLite's own, of a primary key
            continue
        if kind != "table" or _RUNS.search(str(text or "")):
            what = kind if kind != "table" else "computing table"
            raise InputError(
                f"{path} holds a {what} {str(name)[:60]!r}, which coevo never makes and does not run: restore the file "
                "from a copy of the run"
            )
