"""Ledger: every decision and every bulk verdict of a run, append-only, one immutable part a step."""

# ruff: noqa: A002 - `round` and `id` are what the ledger's columns and every caller call them

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import pyarrow as pa

from .errors import LedgerError
from .parts import content_digest, open_part, read_part, write_part
from .rows import LEDGER_SCHEMA, decisions, rows, rows_from_decisions, verdict_rows
from .whole import RESCUE

__all__ = ["LEDGER_SCHEMA", "STEPS", "Ledger", "Part", "decisions", "rows", "rows_from_decisions", "verdict_rows"]

STEPS = (
    "ingest",
    "mend",
    "split",
    "clean",
    "dedup",
    "decontaminate",
    "score",
    "select",
    "edit",
    "synthesize",
    "verify",
    "organize",
    "gate",
    "demote",
)
"""The steps of a round in their order; `mend` supersedes what can be repaired, `split` sets
held-out sources aside, `demote` acts on what was measured."""

UNCOUNTED = ("seq", "seconds")
"""Columns that bear no identity: a step done twice may take another time."""

_NAME = re.compile(r"(\d{3,})-(\d{2})-([a-z]+)\.parquet")


@dataclass(frozen=True)
class Part:
    """One step of one round on disk."""

    round: int
    step: str
    path: Path
    first: int
    """`seq` of its first row."""
    rows: int
    content: str
    """Digest of its rows without `UNCOUNTED`."""
    documents: tuple[str, ...]
    """Digests of the document parts that were written for it."""

    @property
    def end(self) -> int:
        """`seq` after its last row."""
        return self.first + self.rows


class Register(Protocol):
    """Who knows which files were finished: a file without an entry is as good as absent."""

    def known(self, path: Path) -> bool:
        """Whether a file was finished."""
        ...

    def add(self, path: Path) -> None:
        """Enter a file that is whole on disk; the same again changes nothing."""
        ...


class AllOnDisk:
    """The register of a folder that stands by itself: whatever lies there was finished."""

    def known(self, path: Path) -> bool:
        """Whether a file is there."""
        return path.exists()

    def add(self, path: Path) -> None:
        """Nothing to enter."""


class Ledger:
    """The parts in `ledger/` of a run folder, as far as its register knows them."""

    def __init__(self, root: Path, register: Register | None = None) -> None:
        self.folder = Path(root) / "ledger"
        self.register = register or AllOnDisk()
        self._known: dict[str, Part] = {}

    def __len__(self) -> int:
        """Rows so far."""
        return sum(part.rows for part in self.parts())

    def path(self, round: int, step: str) -> Path:
        """Where the part of a step lies.

        Raises:
            LedgerError: there is no such step.
        """
        if step not in STEPS or round < 0:
            raise LedgerError(f"wanted a step of {', '.join(STEPS)} in round 0 or later, got {step!r} in {round}")
        return self.folder / f"{round:03d}-{STEPS.index(step):02d}-{step}.parquet"

    def has(self, round: int, step: str) -> bool:
        """Whether a step was committed."""
        path = self.path(round, step)
        return path.name in self._known or self.register.known(path)

    def append(self, round: int, step: str, rows: pa.Table, documents: Collection[str] = ()) -> Path:
        """Write the rows of one step, numbered on from the ledger's end; the same rows again change nothing.

        A part that lies there and that the register does not know yet is taken over if it holds the same rows.

        Args:
            round: number of the round.
            step: one of `STEPS`.
            rows: table of `LEDGER_SCHEMA`; `seq` is assigned here.
            documents: digests of the document parts these rows speak of.

        Raises:
            LedgerError: the step lies there with other content, or the rows belong to another step.
        """
        path = self.path(round, step)
        rows = self.checked(round, step, rows)
        content = content_digest(rows, UNCOUNTED)
        if self._holds(path, content, tuple(documents)):
            self.register.add(path)
            return path
        first = len(self)
        rows = rows.set_column(0, "seq", pa.array(np.arange(first, first + rows.num_rows)))
        meta = {"first": first, "content": content, "documents": list(documents)}
        write_part(path, rows.replace_schema_metadata({"coevo": json.dumps(meta)}))
        self.register.add(path)
        return path

    def _holds(self, path: Path, content: str, documents: tuple[str, ...]) -> bool:
        """Whether the part lies there already; one that is not registered and was damaged counts as absent.

        Raises:
            LedgerError: another part lies there.
        """
        known = self.register.known(path)
        if not path.exists() or not (known or _sound(path)):
            return False
        part = _describe(path)
        if (part.content, part.documents) != (content, documents) or not (known or part.first == len(self)):
            raise LedgerError(f"{path} holds other decisions than were made now: config or code changed, start another")
        return True

    def checked(self, round: int, step: str, rows: pa.Table) -> pa.Table:
        """The rows, if they have the ledger's schema and are of this step.

        Raises:
            LedgerError: they do not or are not.
        """
        if rows.schema.names != LEDGER_SCHEMA.names:
            raise LedgerError(f"rows of {step} have columns {rows.schema.names}: build them with tiers.rows")
        rows = rows.cast(LEDGER_SCHEMA)
        rounds, steps = rows["round"].unique().to_pylist(), rows["step"].unique().to_pylist()
        if rows.num_rows and (rounds, steps) != ([round], [step]):
            raise LedgerError(
                f"wanted rows of round {round}, {step}, got rounds {rounds}, {steps}: commit each by itself"
            )
        return rows

    def parts(self, round: int | None = None, step: str | None = None) -> list[Part]:
        """Parts in the order they were written.

        Raises:
            LedgerError: a part is unreadable, foreign or missing.
        """
        paths = (p for p in sorted(self.folder.glob("*.parquet")) if p.name in self._known or self.register.known(p))
        found = [self._part(path) for path in paths]
        found.sort(key=lambda p: (p.first, p.end, p.round, STEPS.index(p.step)))
        for before, part in zip([None, *found], found, strict=False):
            if part.first != (before.end if before else 0):
                raise LedgerError(f"the ledger part before {part.path} is missing: {RESCUE}")
        return [p for p in found if round in (None, p.round) and step in (None, p.step)]

    def read(self, round: int | None = None, step: str | None = None, columns: list[str] | None = None) -> pa.Table:
        """Rows in `seq` order, of all rounds and steps unless one is named.

        Raises:
            LedgerError: a part is unreadable, foreign or missing.
        """
        tables = [read_part(part.path, columns).replace_schema_metadata(None) for part in self.parts(round, step)]
        names = columns or LEDGER_SCHEMA.names
        return pa.concat_tables([pa.schema([LEDGER_SCHEMA.field(n) for n in names]).empty_table(), *tables])

    def batches(self, columns: list[str], size: int, through: int | None = None) -> Iterator[pa.Table]:
        """All rows of rounds up to `through` in `seq` order, in tables of about `size` rows made of whole parts."""
        pending: list[pa.Table] = []
        for part in self.parts():
            if through is not None and part.round > through:
                continue
            pending.append(read_part(part.path, columns).replace_schema_metadata(None))
            if sum(t.num_rows for t in pending) >= size:
                yield pa.concat_tables(pending)
                pending = []
        if pending:
            yield pa.concat_tables(pending)

    def _part(self, path: Path) -> Part:
        """What a part says of itself, read once: parts never change."""
        if path.name not in self._known:
            self._known[path.name] = _describe(path)
        return self._known[path.name]


def _sound(path: Path) -> bool:
    """Whether a part can be read and holds the rows that it was written with."""
    try:
        return content_digest(read_part(path), UNCOUNTED) == _describe(path).content
    except LedgerError:
        return False


def _describe(path: Path) -> Part:
    """Read the footer of a part.

    Raises:
        LedgerError: it is unreadable or was not written by coevo.
    """
    name = _NAME.fullmatch(path.name)
    file = open_part(path)
    meta = (file.schema_arrow.metadata or {}).get(b"coevo")
    known = name is not None and name[3] in STEPS and int(name[2]) == STEPS.index(name[3])
    if name is None or not known or meta is None or file.schema_arrow.names != LEDGER_SCHEMA.names:
        raise LedgerError(f"{path} is no ledger part of this coevo version: move it elsewhere or use the run's version")
    said = json.loads(meta)
    documents = tuple(said["documents"])
    return Part(int(name[1]), name[3], path, said["first"], file.metadata.num_rows, said["content"], documents)
