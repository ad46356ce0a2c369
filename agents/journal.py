"""Journal: every paid answer, on disk before it is used: a killed round repeats no call and counts none twice."""

import hashlib
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from ..tiers.decision import Usage
from ..tiers.errors import InputError, LedgerError
from ..tiers.record import Record
from ..tiers.sqlite_file import check_plain
from ..tiers.whole import RESCUE

APPLICATION = 0x636F6576  # "coev": tells a journal from any other SQLite file
NAME = "calls.db"
"""What a run's journal is called in its folder."""
SCHEMA = """
create table if not exists calls (
    key text primary key, scope text not null, model text not null, answer text not null,
    tokens_in integer not null, tokens_out integer not null, calls integer not null,
    seconds real not null, usd real not null, at real not null, question text not null default '',
    digest text not null default ''
) without rowid
"""
_USAGE = "tokens_in, tokens_out, calls, seconds, usd"
_COLUMNS = f"key, scope, model, answer, {_USAGE}, at, question"


class Answer(Record):
    """What one call brought back."""

    text: str
    """The provider's answer as JSON text."""
    usage: Usage = Usage()


class Journal:
    """One row per finished call, by the digest of what was asked.

    `scope` names the piece of work (a round): an answer found in the journal brings its usage along when the same piece
    of work asks again (it was killed and resumed), and costs nothing when another one asks, so that sums over decisions
    are sums of money. Under another `anew` a question is another one, for who wants to know whether the answer is still
    the same. Threads may share a journal; two that ask the same at once make one call.

    Raises:
        LedgerError: the file is not a journal, or cannot be read or written.
    """

    def __init__(self, path: Path, scope: str = "", anew: str = "") -> None:
        self.path = path
        self.scope = scope
        self._suffix = f"@{anew}" if anew else ""
        self._lock = threading.Lock()
        self._asking: dict[str, tuple[threading.Lock, int]] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        with self._explained():
            self._connection = sqlite3.connect(path, timeout=30, check_same_thread=False, isolation_level=None)
            self._open()

    def call(self, key: str, model: str, ask: Callable[[], Answer], question: str = "") -> Answer:
        """The recorded answer to `key`, or what `ask` brings back, recorded first.

        An `ask` that raises leaves nothing behind: the next call with this key asks again. `question` is the digest of
        what was asked, whoever was asked and under which settings: a replay finds the answer by it.
        """
        with self._only_asker(key):
            found = self.find(key)
            if found is None:
                answer = ask()
                found = answer if self._record(key, model, answer, question) else self.find(key)
        if found is None:
            raise LedgerError(f"{self.path} lost an answer that was just written; check the disk and resume")
        return found

    def costs(self, scope: str | None = None) -> dict[str, Usage]:
        """Money and tokens by model, each recorded call once; of one scope, or of all."""
        sums = ", ".join(f"sum({name})" for name in _USAGE.split(", "))
        where, values = ("where scope = ?", (scope,)) if scope is not None else ("", ())
        with self._lock, self._explained():
            rows = self._connection.execute(
                f"select model, {sums} from calls {where} group by model order by model", values
            )
            return {model: _usage(row) for model, *row in rows}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Fold the write-ahead log back into the file and let go of it."""
        with self._lock, self._explained():
            self._connection.close()

    def _open(self) -> None:
        (application,) = self._connection.execute("pragma application_id").fetchone()
        (tables,) = self._connection.execute("select count(*) from sqlite_master").fetchone()
        if application != APPLICATION and tables:
            raise LedgerError(f"{self.path} is some other SQLite database, wanted a coevo journal; move it away")
        check_plain(self._connection, self.path)
        self._connection.execute("pragma journal_mode = wal")
        # normal: a commit survives kill -9 at 0.1 ms a call; full would survive a power cut too, at 7 ms, one by one
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute(f"pragma application_id = {APPLICATION}")
        self._connection.execute(SCHEMA)
        if "question" not in {row[1] for row in self._connection.execute("pragma table_info(calls)")}:
            self._connection.execute("alter table calls add column question text not null default ''")
        if "digest" not in {row[1] for row in self._connection.execute("pragma table_info(calls)")}:
            self._connection.execute("alter table calls add column digest text not null default ''")

    def count(self) -> int:
        """How many calls are recorded."""
        with self._lock, self._explained():
            (count,) = self._connection.execute("select count(*) from calls").fetchone()
        return int(count)

    def sync(self) -> None:
        """Make what is recorded survive a power cut."""
        with self._lock, self._explained():
            self._connection.execute("pragma wal_checkpoint(full)").fetchall()

    def check(self) -> None:
        """Compare every recorded call with its digest.

        Raises:
            LedgerError: the file is damaged.
        """
        with self._lock, self._explained():
            (state,) = self._connection.execute("pragma integrity_check(1)").fetchone()
            rows = self._connection.execute(f"select {_COLUMNS}, digest from calls").fetchall()
        if state != "ok" or any(digest and digest != _digest(row) for *row, digest in rows):
            raise LedgerError(f"{self.path} was altered after it was written: {RESCUE}")

    def find(self, key: str) -> Answer | None:
        """The recorded answer to `key`, if there is one."""
        with self._lock, self._explained():
            row = self._connection.execute(
                f"select answer, scope, {_USAGE} from calls where key = ?", (key + self._suffix,)
            ).fetchone()
        if row is None:
            return None
        text, scope, *usage = row
        return Answer(text=text, usage=_usage(usage) if scope == self.scope else Usage())

    def _record(self, key: str, model: str, answer: Answer, question: str) -> bool:
        """Whether this answer is the one that counts."""
        costs = [getattr(answer.usage, name) for name in _USAGE.split(", ")]
        row = (key + self._suffix, self.scope, model, answer.text, *costs, time.time(), question)
        row = (*row, _digest(row))
        with self._lock, self._explained():
            # `or ignore`: a second process that asked the same meanwhile was first, and its answer is the one used
            marks = ", ".join("?" * len(row))
            command = f"insert or ignore into calls ({_COLUMNS}, digest) values ({marks})"
            return self._connection.execute(command, row).rowcount == 1

    @contextmanager
    def _only_asker(self, key: str) -> Iterator[None]:
        """Threads with the same key enter one after the other; the entry goes with the last one."""
        with self._lock:
            gate, waiting = self._asking.get(key, (threading.Lock(), 0))
            self._asking[key] = (gate, waiting + 1)
        try:
            with gate:
                yield
        finally:
            with self._lock:
                gate, waiting = self._asking.pop(key)
                if waiting > 1:
                    self._asking[key] = (gate, waiting - 1)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise LedgerError(
                f"the journal of paid answers {self.path} cannot be used ({error}); free disk space or "
                "restore the file, then resume: answers already recorded are safe"
            ) from error


class Recording:
    """A journal that is only read: what one model answered to which question.

    Raises:
        InputError: there is no journal at `path` (a file, or the folder of a run), or it does not say whose answers
            are meant.
    """

    def __init__(self, path: Path, model: str = "") -> None:
        self.path = path / NAME if path.is_dir() else path
        if not self.path.is_file():
            raise InputError(f"wanted a journal, the {NAME} of a run or the run's folder, at {path}; found none")
        self._lock = threading.Lock()
        try:
            self._connection = _opened_for_reading(self.path)
            check_plain(self._connection, self.path)
            models = [m for (m,) in self._connection.execute("select distinct model from calls order by model")]
        except sqlite3.Error as error:
            raise InputError(f"{self.path} is no journal of answers that can be read ({error})") from error
        self.model = model or (models[0] if len(models) == 1 else "")
        """The URL of the model that answered."""
        if self.model not in models:
            which = " or ".join(f"replay:{m}@{path}" for m in models) or "a run with a model: nothing is recorded here"
            raise InputError(f"{self.path} holds no answers of {model!r}; wanted {which}")

    def find(self, question: str, scope: str = "") -> str | None:
        """The answer to a question, by its digest: the one given in `scope`, else the first."""
        wanted = "select answer from calls where model = ? and question = ? order by scope != ?, at limit 1"
        with self._lock:
            row = self._connection.execute(wanted, (self.model, question, scope)).fetchone()
        return None if row is None else str(row[0])


def _opened_for_reading(path: Path) -> sqlite3.Connection:
    # a folder that cannot be written to has no place for the files that a log needs: without one, none is needed
    log = path.with_name(f"{path.name}-wal")
    how = "mode=ro" if log.exists() and log.stat().st_size else "mode=ro&immutable=1"
    return sqlite3.connect(f"{path.resolve().as_uri()}?{how}", uri=True, check_same_thread=False)


def _digest(row: Sequence[object]) -> str:
    """16 hex digits of a call as it is stored."""
    return hashlib.blake2b(repr(tuple(row)).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def _usage(row: list[float]) -> Usage:
    tokens_in, tokens_out, calls, seconds, usd = row
    return Usage(tokens_in=int(tokens_in), tokens_out=int(tokens_out), calls=int(calls), seconds=seconds, usd=usd)
