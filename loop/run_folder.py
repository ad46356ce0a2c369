"""RunFolder: what a run looks like on disk, who works on it, and whether it is a run at all."""

import fcntl
import hashlib
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..agents.journal import NAME as JOURNAL
from ..tiers.errors import InputError, LedgerError
from ..tiers.whole import sweep, whole_folder, write_whole
from .config import RunConfig, dump_config, load_config
from .run_db import RunDB

RESOLVED = "resolved"
"""Meta key: digests that resolved.yaml may have: what was written last, and what before."""


@dataclass(frozen=True)
class RunFolder:
    """One folder is the whole run; copied elsewhere it can still be inspected and resumed."""

    root: Path

    @property
    def name(self) -> str:
        """What commands call the run."""
        return self.root.name

    def resume(self, options: str = "") -> str:
        """The command that continues the run, as it is typed where this one was."""
        runs = os.environ.get("COEVO_RUNS", "runs")
        elsewhere = "" if self.root.parent.resolve() == Path(runs).resolve() else f"--runs {self.root.parent}"
        return " ".join(filter(None, ("coevo resume", self.name, options, elsewhere)))

    @property
    def database(self) -> Path:
        """SQLite: checkpoints, rounds, runs, scores, deltas, costs."""
        return self.root / "run.db"

    @property
    def journal(self) -> Path:
        """SQLite: every finished call of a paid model."""
        return self.root / JOURNAL

    @property
    def prompts(self) -> Path:
        """Prompts of this run's own, one file each: they stand beside or in place of the built-in ones."""
        return self.root / "prompts"

    @property
    def models(self) -> Path:
        """Base and trained models, by round and role."""
        return self.root / "models"

    @property
    def scores(self) -> Path:
        """Suites and per-item results."""
        return self.root / "scores"

    def influence(self, number: int) -> Path:
        """Parquet: gradient influence of the documents that were sampled before a round."""
        return self.scores / f"influence-{number}.parquet"

    @property
    def report(self) -> Path:
        """The self-contained report."""
        return self.root / "report.html"

    @property
    def begun(self) -> bool:
        """Whether anything was read or decided yet."""
        return any((self.root / "ledger").glob("*.parquet"))

    def round_models(self, number: int) -> Path:
        """Folder of the models trained in a round."""
        return self.models / f"round-{number:03d}"

    def blocks(self, number: int, side: str = "") -> Path:
        """Folder of a round's packed arms; a rubric probe's two sides have blocks of their own."""
        return self.round_models(number) / (f"blocks-{side}" if side else "blocks")

    def packed_documents(self, number: int) -> Path:
        """Parquet of (arm, id): which documents a round packed, in their order."""
        return self.blocks(number) / "documents.parquet"

    def config(self) -> RunConfig:
        """The resolved config.

        Raises:
            InputError: the folder is not a run, or its config cannot be read by this version.
        """
        path = self.root / "resolved.yaml"
        if not path.is_file():
            raise InputError(
                f"{self.root} is not a coevo run: wanted resolved.yaml in it. List runs with: coevo status"
            )
        try:
            return load_config(str(path))
        except InputError as e:
            raise InputError(f"{e}; restore {path} from a copy of the run") from e

    def check(self, config: RunConfig) -> None:
        """Whether this is the config that the run began with, up to its limits.

        Raises:
            InputError: `resolved.yaml` was cut short or edited.
        """
        path = self.root / "resolved.yaml"
        with RunDB(self.database) as db:
            began, written = db.meta("fingerprint"), db.meta(RESOLVED, [])
        if began and began != config.fingerprint:
            raise InputError(
                f"{path} has other settings than the run began with (fingerprint "
                f"{config.fingerprint}, wanted {began}): restore it from a copy, or start another run with --name"
            )
        if written and _digest(path.read_bytes()) not in written:
            raise InputError(
                f"{path} was altered after coevo wrote it: restore it from a copy; limits are changed by options such "
                f"as: {self.resume('--rounds N')}"
            )

    def write_config(self, config: RunConfig) -> None:
        """Replace the resolved config (a resume may change limits)."""
        path, content = self.root / "resolved.yaml", dump_config(config).encode()
        there = [_digest(path.read_bytes())] if path.exists() else []  # stays valid: a kill may come in between
        with RunDB(self.database, create=True) as db:
            db.set_meta(RESOLVED, [_digest(content), *there])
        write_whole(path, content)

    def sweep(self) -> None:
        """Delete what a killed process left half-written (a model at each kill adds up); only for who holds the run."""
        sweep(self.root)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the run for writing.

        Raises:
            InputError: another process holds it.
        """
        try:
            handle = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as e:
            raise InputError(
                f"the run folder {self.root} is not writable ({e.strerror}): make it writable, or work on a copy of it"
            ) from e
        try:
            _take(handle)
            os.truncate(handle, 0)
            os.write(handle, str(os.getpid()).encode())
            yield
        except BlockingIOError as e:
            holder = (self.root / ".lock").read_text() or "another process"
            raise InputError(f"run {self.name!r} is being worked on by process {holder}: wait for it or stop it") from e
        finally:
            os.close(handle)


def _digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=16).hexdigest()


def _take(handle: int) -> None:
    """Lock the file; a reader that looks who works on the run holds it for an instant, so it is tried again."""
    for _ in range(10):
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(0.05)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def create_run(
    runs: Path, name: str, config: RunConfig, given: str, prompts: Mapping[str, str] | None = None
) -> RunFolder:
    """A new run folder: `config.yaml` (as given), `resolved.yaml` (every value), `prompts` by file name, a database.

    It gets its name when all of that is in it: what was killed half-made could be neither continued nor made again.

    Raises:
        InputError: the name is taken or not a plain folder name, or the folder cannot be written.
    """
    if not name or "/" in name or name.startswith("."):
        raise InputError(f"--name wants a plain folder name such as math-loop, got {name!r}")
    folder = RunFolder(runs / name)
    if folder.root.exists():
        raise InputError(f"{folder.root} exists already: continue it with '{folder.resume()}' or choose another --name")
    try:
        with whole_folder(folder.root) as fresh:
            _fill(RunFolder(fresh), config, given, prompts or {})
    except LedgerError as e:
        raise InputError(f"cannot write to {runs}: {e.__cause__}. Choose another place with --runs") from e
    return folder


def _fill(folder: RunFolder, config: RunConfig, given: str, prompts: Mapping[str, str]) -> None:
    for inner in (folder.models, folder.scores):
        inner.mkdir()
    (folder.root / "config.yaml").write_text(given, encoding="utf-8")
    folder.write_config(config)
    for prompt, text in prompts.items():
        write_whole(folder.prompts / prompt, text.encode())
    if prompts:
        _list(folder)


def _list(folder: RunFolder) -> None:
    """Make the user's own prompts artefacts of the run."""
    from .artefacts import Artefacts

    with RunDB(folder.database, create=True) as db:
        for path in sorted(folder.prompts.iterdir()):
            Artefacts(folder.root, db).add(path)


def open_run(runs: Path, name: str) -> RunFolder:
    """The run called `name` in `runs`, or the folder at that path.

    Raises:
        InputError: there is no such run, or it is not a run folder.
    """
    folder = RunFolder(Path(name) if Path(name).is_dir() and "/" in name else runs / name)
    if not folder.root.is_dir():
        known = ", ".join(list_runs(runs)) or "none yet; start one with: coevo run"
        raise InputError(f"no run {name!r} in {runs}: there is {known}")
    missing = [n for n in ("resolved.yaml", "run.db") if not (folder.root / n).is_file()]
    if missing:
        raise InputError(
            f"{folder.root} is not a whole coevo run ({' and '.join(missing)} missing): restore a copy, or use another"
        )
    if not folder.database.stat().st_size and folder.begun:
        raise InputError(f"{folder.database} is empty: restore it from a copy of the run")
    return folder


def list_runs(runs: Path) -> list[str]:
    """Names of the runs in a folder, newest last."""
    found = [p.parent for p in runs.glob("*/resolved.yaml") if not p.parent.name.startswith(".")]
    return [p.name for p in sorted(found, key=lambda p: p.stat().st_mtime)]
