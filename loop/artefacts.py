"""Artefacts: which files a run has finished, with their digests; what is not listed never happened."""

from collections.abc import Collection
from pathlib import Path

from ..agents.journal import Journal
from ..tiers.errors import LedgerError
from ..tiers.index import KnowledgeIndex, open_index
from ..tiers.parts import file_digest
from ..tiers.seal import SEAL
from ..tiers.store import Store
from ..tiers.whole import RESCUE
from .run_db import RunDB
from .run_folder import RunFolder

CALLS = "calls"
"""Meta key: how many calls the journal held when costs were last recorded."""
INDEX = "index"
"""Meta key: digests that the facts in `tiers/index.parquet` may have."""


class Artefacts:
    """The table `artefacts` of `run.db`: a file is listed once it is whole on disk, with everything it follows from.

    So run.db says how far a run has come. A file that it does not list (the process died just before, or the newest
    writes of run.db were lost) is not looked at; its step is done again, and what it makes must be the same.
    """

    def __init__(self, root: Path, db: RunDB) -> None:
        self._root, self._db = root, db
        self._seen: set[str] = set()

    def known(self, path: Path) -> bool:
        """Whether a file was finished."""
        name = self._name(path)
        if name not in self._seen and self._db.rows("artefacts", path=name):
            self._seen.add(name)
        return name in self._seen

    def add(self, path: Path) -> None:
        """List a file that is whole on disk; the same again changes nothing."""
        row = {"path": self._name(path), "digest": file_digest(path)}
        if self._db.rows("artefacts", path=row["path"]) != [row]:
            self._db.insert("artefacts", row)

    def check(self) -> None:
        """Compare every listed file with its digest; a model of which nothing is left is missed by who needs it.

        Raises:
            LedgerError: one is missing or altered; it is named.
        """
        for row in self._db.rows("artefacts"):
            path = self._root / row["path"]
            if path.name == SEAL and not path.parent.exists():
                continue
            if file_digest(path) != row["digest"]:
                raise LedgerError(f"{path} was altered after it was written: {RESCUE}")

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def check_journal(folder: RunFolder, db: RunDB) -> None:
    """See that the journal still holds the calls that costs were recorded of.

    Raises:
        LedgerError: it is damaged, or older than the run's database.
    """
    calls = int(db.meta(CALLS, 0))
    if not folder.journal.exists() and not calls:
        return
    with Journal(folder.journal) as journal:
        journal.check()
        if journal.count() < calls:
            raise LedgerError(f"{folder.journal} holds {journal.count()} of {calls} recorded calls: {RESCUE}")


def record_index(db: RunDB, digests: Collection[str]) -> None:
    """Keep the digests that the index of facts may have; the same again changes nothing."""
    if db.meta(INDEX) != list(digests):
        db.set_meta(INDEX, list(digests))


def checked_index(root: Path) -> KnowledgeIndex:
    """The facts of a run as its database recorded them.

    Raises:
        LedgerError: the file is missing or altered.
    """
    with RunDB(root / "run.db") as db:
        return open_index(root, db.meta(INDEX, ()))


def checked_store(root: Path, db: RunDB) -> Store:
    """The documents of a run as far as run.db goes, every file compared with its digest first.

    Raises:
        LedgerError: a file is missing or altered, or the files contradict each other.
    """
    artefacts = Artefacts(root, db)
    artefacts.check()
    return Store(root, artefacts)
