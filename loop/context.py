"""Controls: what a round is decided with. RunContext: these and the open rooms, for the nodes that do the work."""

import os
import threading
from dataclasses import dataclass, field
from pathlib import Path

from ..tiers.store import Store
from .artefacts import Artefacts, check_journal, checked_store
from .config import RunConfig
from .progress import Progress
from .run_db import RunDB
from .run_folder import RunFolder
from .workers import Stopping, Workers


class Controls:
    """What planning and judging a round needs, in a run as in the lab: settings, memory, and somebody to tell."""

    config: RunConfig
    db: RunDB
    progress: Progress
    stopping: threading.Event

    def safe_point(self) -> None:
        """A place where the run may stop without losing anything.

        Raises:
            Stopping: somebody asked.
        """
        if self.stopping.is_set():
            raise Stopping

    def event(self, number: int, node: str, level: str, message: str) -> None:
        """Remember something a reader of the run should know, and say it; a node that is done again says it once."""
        row = {"round": number, "node": node, "level": level, "message": message}
        if not self.db.rows("events", **row):
            self.db.insert("events", row)
        self.progress.say(f"{node}: {level}: {message}")


@dataclass(frozen=True)
class RunContext(Controls):
    """What a node needs besides its state; made once a process."""

    folder: RunFolder
    config: RunConfig
    store: Store
    db: RunDB
    workers: Workers
    progress: Progress
    cache: Path
    """Base models by fingerprint, shared by all runs of a user."""
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def artefacts(self) -> Artefacts:
        """The files that the run has finished."""
        return Artefacts(self.folder.root, self.db)

    def relative(self, path: Path | str) -> str:
        """A path inside the run folder, as it is written into the run."""
        return str(Path(path).resolve().relative_to(self.folder.root.resolve()))

    def absolute(self, relative: str) -> Path:
        """Where a path written into the run lies now."""
        return self.folder.root / relative


def open_context(folder: RunFolder, config: RunConfig, progress: Progress, stopping: threading.Event) -> RunContext:
    """The rooms of a run, opened for writing.

    Raises:
        LedgerError: a file of the run is missing or altered, or the files contradict each other.
        InputError: run.db is damaged.
    """
    workers = Workers(config.workers, stopping, progress.job)
    db = RunDB(folder.database, create=True)
    db.check()
    check_journal(folder, db)
    store = checked_store(folder.root, db)
    return RunContext(folder, config, store, db, workers, progress, cache_folder(), stopping)


def cache_folder() -> Path:
    """Where base models are kept: `$COEVO_CACHE`, else the user's cache folder."""
    home = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get("COEVO_CACHE") or Path(home) / "coevo")
