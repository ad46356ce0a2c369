"""RunDB: the tables of a run (rounds, runs, deltas, costs ...) in one SQLite file that copies and opens anywhere."""

import errno
import hashlib
import json
import math
import sqlite3
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from pydantic import BaseModel

from ..tiers.errors import InputError
from ..tiers.plain import from_json
from ..tiers.sqlite_file import check_plain

APPLICATION = 0x636F6576  # "coev", so that a foreign SQLite file is known at once
VERSION = 4


class Table(NamedTuple):
    """Columns of one table by storage class; `key` columns name a row, so writing it again replaces it."""

    key: tuple[str, ...]
    columns: dict[str, str]


def _table(key: str, columns: str) -> Table:
    pairs = (c.split(":") for c in columns.split())
    return Table(tuple(key.split()), dict(pairs))


TABLES: dict[str, Table] = {
    "rounds": _table(
        "round",
        "round:int status:text started:real ended:real plan:json accepted:text accept_reason:text "
        "posterior:json alarm:text planned_state:json learned_state:json seconds:json",
    ),
    "runs": _table(
        "round name",
        "round:int name:text grp:text mixture:json epochs:json tokens:int seconds:real loss_first:real loss_last:real "
        "losses:json path:text fingerprint:text diverged:bool",
    ),
    "scores": _table("round name split", "round:int name:text split:text path:text"),
    "deltas": _table(
        "round benchmark split treatment reference",
        "round:int benchmark:text split:text metric:text treatment:text reference:text before:real after:real "
        "gain:real se:real dof:real low:real high:real p:real n:int clusters:int verdict:text",
    ),
    "costs": _table(
        "round role model",
        "round:int role:text model:text calls:int tokens_in:int tokens_out:int seconds:real usd:real "
        "decisions:int errors:int",
    ),
    "rubrics": _table(
        "round rubric",
        "round:int rubric:text prompt:text weight:real trust:real worth:real worth_se:real reason:text",
    ),
    "arms": _table(
        "round arm",
        "round:int arm:text share:real reference:real value:real value_se:real documents:int tokens:int epochs:real",
    ),
    "steps": _table(
        "round step domain",
        "round:int step:text domain:text count_in:int kept:int dropped:int quarantined:int "
        "actions:json reasons:json seconds:real",
    ),
    "nodes": _table("round node", "round:int node:text key:text result:json seconds:real"),
    "artefacts": _table("path", "path:text digest:text"),
    "events": _table("", "at:real round:int node:text level:text message:text"),
    "meta": _table("key", "key:text value:json"),
}
_PYTHON: dict[str, tuple[type, ...]] = {"int": (int,), "real": (int, float), "text": (str,), "bool": (bool,)}
DIGEST = "_digest"
"""Column that every table has: the digest of the row's other columns, compared whenever the row is read."""
_SQL = {"int": "INTEGER", "real": "REAL", "text": "TEXT", "json": "TEXT", "bool": "INTEGER"}


class RunDB:
    """Rows of a run as plain dicts; one connection that the graph's threads may share.

    Args:
        path: the run's `run.db`.
        create: open for writing and make what is missing. Without it the file is only read.

    Raises:
        InputError: the file is missing, unreadable, foreign or of another version of coevo.
    """

    def __init__(self, path: Path | str, create: bool = False) -> None:
        self.path = Path(path)
        self._lock = threading.RLock()
        if not create and not self.path.is_file():
            raise InputError(f"{self.path} is missing: wanted the run.db of a coevo run. List runs with: coevo status")
        try:
            self._connection = _writing(self.path) if create else _reading(self.path)
            found = self._pragma("application_id")
            if create and not found and not self._has_tables():
                self._create()
            elif found != APPLICATION:
                raise InputError(f"{self.path} is not a coevo run database: point at a folder made by 'coevo run'")
            elif self._pragma("user_version") != VERSION:
                got = self._pragma("user_version")
                raise InputError(
                    f"{self.path} has format {got}, this coevo reads {VERSION}: open it with its own version"
                )
        except sqlite3.Error as e:
            if "disk is full" in str(e):
                raise OSError(errno.ENOSPC, "No space left on device", str(self.path)) from e
            raise InputError(f"{self.path} cannot be read ({e}): restore run.db from a copy of the run") from e

    def rows(self, table: str, **where: object) -> list[dict[str, Any]]:
        """Rows whose columns equal `where` (None matches unset ones), ordered by key, JSON columns decoded.

        Raises:
            InputError: the file is damaged.
        """
        known = TABLES[table]
        unknown = set(where) - set(known.columns)
        if unknown:
            raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
        tests = " AND ".join(f'"{c}" IS ?' for c in where)
        order = ", ".join(f'"{c}"' for c in known.key) or "rowid"
        names = ", ".join(f'"{c}"' for c in (*known.columns, DIGEST))
        query = f"SELECT {names} FROM {table}{' WHERE ' + tests if tests else ''} ORDER BY {order}"
        try:
            with self._lock:
                stored = self._connection.execute(query, tuple(where.values())).fetchall()
            if any(row_digest(cells) != digest for *cells, digest in stored):
                raise sqlite3.DatabaseError("a row was altered")
            return [_decoded(known, cells) for *cells, _ in stored]
        except (sqlite3.Error, ValueError) as e:
            why = str(e)[:100]
            raise InputError(f"{self.path}: table {table} cannot be read ({why}): restore run.db from a copy") from e

    def insert(self, table: str, rows: Mapping[str, Any] | Iterable[Mapping[str, Any]], replace: bool = True) -> None:
        """Write one row or many, all of them or none; `replace` overwrites rows of the same key.

        A missing column is stored as unset, a missing `at` as now.

        Raises:
            ValueError: an unknown column, a number that is not finite, or (without `replace`) a key that exists.
        """
        many = [cast("Mapping[str, Any]", rows)] if isinstance(rows, Mapping) else list(rows)
        encoded = [_encoded(table, row) for row in many]
        encoded = [[*cells, row_digest(cells)] for cells in encoded]
        names = (*TABLES[table].columns, DIGEST)
        columns, marks = ", ".join(f'"{c}"' for c in names), ", ".join("?" * len(names))
        verb = "INSERT OR REPLACE" if replace else "INSERT"
        try:
            with self._lock, self._connection:
                self._connection.executemany(f"{verb} INTO {table} ({columns}) VALUES ({marks})", encoded)
        except sqlite3.IntegrityError as e:
            raise ValueError(f"{table} holds such a row already: {e}") from e

    def meta(self, key: str, default: Any = None) -> Any:
        """What was stored under `key`, or `default`."""
        found = self.rows("meta", key=key)
        return found[0]["value"] if found else default

    def set_meta(self, key: str, value: Any) -> None:
        """Store a JSON value (or a Record) under `key`."""
        self.insert("meta", {"key": key, "value": value})

    def check(self) -> None:
        """See that the file is sound: its structure, and every row.

        Raises:
            InputError: it is damaged.
        """
        try:
            with self._lock:
                (state,) = self._connection.execute("PRAGMA integrity_check(1)").fetchone()
        except sqlite3.Error as e:
            state = str(e)
        if state != "ok":
            raise InputError(f"{self.path} is damaged ({str(state)[:100]}): restore run.db from a copy of the run")
        for table in TABLES:
            self.rows(table)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()

    def __enter__(self) -> "RunDB":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _pragma(self, name: str) -> int:
        return int(self._connection.execute(f"PRAGMA {name}").fetchone()[0])

    def _has_tables(self) -> bool:
        """Whether somebody made our tables already (the graph's checkpoints may be there before them)."""
        names = {row[0] for row in self._connection.execute("SELECT name FROM sqlite_master")}
        return bool(names & set(TABLES))

    def _create(self) -> None:
        with self._connection:
            self._connection.execute("BEGIN")  # a kill in between must not leave half a database
            for name, table in TABLES.items():
                columns = [f'"{c}" {_SQL[kind]}' for c, kind in table.columns.items()] + [f'"{DIGEST}" TEXT']
                key = [f"PRIMARY KEY ({', '.join(table.key)})"] if table.key else []
                self._connection.execute(f"CREATE TABLE {name} ({', '.join(columns + key)})")
            self._connection.execute(f"PRAGMA user_version = {VERSION}")
            self._connection.execute(f"PRAGMA application_id = {APPLICATION}")


def _writing(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=30.0, check_same_thread=False)
    check_plain(connection, path)  # before the first write, which a trigger would answer
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _reading(path: Path) -> sqlite3.Connection:
    where = path.resolve().as_uri()
    connection = sqlite3.connect(f"{where}?mode=ro", uri=True, timeout=30.0, check_same_thread=False)
    try:
        check_plain(connection, path)
    except sqlite3.OperationalError:
        connection.close()
        if path.with_name(path.name + "-wal").exists():
            raise
        # A write-ahead file cannot be made on a read-only disk; with no writer there, none is needed.
        connection = sqlite3.connect(f"{where}?immutable=1", uri=True, check_same_thread=False)
        check_plain(connection, path)
    return connection


def _encoded(table: str, row: Mapping[str, Any]) -> list[Any]:
    columns = TABLES[table].columns
    unknown = set(row) - set(columns)
    if unknown:
        raise ValueError(f"{table} has no column {', '.join(sorted(unknown))}")
    return [_cell(f"{table}.{c}", kind, row.get(c)) for c, kind in columns.items()]


def _cell(where: str, kind: str, value: Any) -> Any:
    if where == "events.at" and value is None:
        return time.time()
    if value is None:
        return None
    if kind == "json":
        plain = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
        return json.dumps(plain, allow_nan=False, separators=(",", ":"))
    value = value.item() if hasattr(value, "item") else value
    if not isinstance(value, _PYTHON[kind]) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueError(f"{where} wants a finite {kind}, got {value!r}")
    if kind == "text":
        return str(value).encode("utf-8", "replace").decode()
    number: Any = value
    return float(number) if kind == "real" else int(number)  # as SQLite gives them back


def row_digest(cells: Sequence[Any]) -> str:
    """16 hex digits of a row's values as they are stored."""
    return hashlib.blake2b(repr(tuple(cells)).encode(), digest_size=8).hexdigest()


def _decoded(table: Table, row: Sequence[Any]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for (name, kind), value in zip(table.columns.items(), row, strict=True):
        if value is not None and kind == "json":
            value = from_json(value)
        elif value is not None and kind == "bool":
            value = bool(value)
        out[name] = value
    return out
