"""Store: the documents of a run, what is held at which tier, and the scores; all of it follows from the ledger."""

# ruff: noqa: A002 - `round` and `id` are what the ledger's columns and every caller call them

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from .apply import apply, no_holdings, replay
from .document import Document
from .errors import InputError, LedgerError
from .ledger import UNCOUNTED, Ledger, Register
from .manifest import Manifest, read_manifests, write_manifest
from .parts import content_digest, file_digest, read_part, write_part
from .rows import as_array, made_documents
from .texts import Texts, joined
from .tier import Arm, Tier
from .transitions import APPLIED
from .whole import RESCUE, sweep

SCORES_SCHEMA = pa.schema(
    [
        ("doc_id", pa.string()),
        ("rubric", pa.string()),
        ("version", pa.string()),
        ("round", pa.int32()),
        ("score", pa.float64()),
    ]
)
SHORTEST_PREFIX = 6
SELECTOR = "selector"
"""The name under which the student selector's grades lie beside the judges'; no rubric may be called so."""


class Store:
    """A run folder's documents, opened by replaying its ledger.

    Reading needs no lock; who commits must hold the run's (one writer at a time). Files that `register` does not know
    are not looked at; without one, all are.

    Raises:
        LedgerError: the folder is missing or foreign, or its parts contradict the ledger or a manifest.
    """

    def __init__(self, root: Path, register: Register | None = None) -> None:
        self.root = Path(root)
        if not self.root.is_dir():
            raise LedgerError(f"{self.root} is not a folder: wanted the folder of a run, list runs with: coevo status")
        self.ledger = Ledger(self.root, register)
        self._register = self.ledger.register
        self._texts = Texts(self.root / "tiers" / "documents")
        self._scores = self.root / "tiers" / "scores"
        self._manifests = self.root / "tiers" / "manifests"
        self._clean = False
        self._holdings = self._replayed()
        for part in self.ledger.parts():
            for digest in part.documents:
                self._texts.show(digest)

    def _replayed(self) -> pa.Table:
        """Holdings from the ledger, compared with the last manifest on the way."""
        manifests = self.manifests()
        if not manifests:
            return replay(self.ledger)
        last = manifests[-1]
        for name in last.parts:
            if not (self.root / name).exists():
                raise LedgerError(f"{self.root / name} is missing although round {last.round} lists it: {RESCUE}")
        sealed = replay(self.ledger, last.round)
        if content_digest(sealed) != last.holdings:
            raise LedgerError(f"a part in {self.ledger.folder} was altered after round {last.round} ended: {RESCUE}")
        later = [p for p in self.ledger.parts() if p.round > last.round]
        for part in later:
            sealed = apply(sealed, read_part(part.path, APPLIED).replace_schema_metadata(None))
        return sealed

    def commit(self, round: int, step: str, rows: pa.Table, documents: pa.Table | None = None) -> Path:
        """Make one step true: documents first, then its ledger part, which is the moment it happened.

        A kill anywhere leaves either nothing visible or the whole step; the same commit again changes nothing.

        Args:
            round: number of the round.
            step: one of `ledger.STEPS`.
            rows: table of `LEDGER_SCHEMA`; `seq` is assigned here, on from the ledger's end.
            documents: new texts (`DOCUMENT_SCHEMA`); texts of EDIT and CREATE rows are added to them.

        Returns:
            The ledger part.

        Raises:
            LedgerError: the step was committed with other content, a row moves a document that never appeared, or a
                held document has no text. Nothing is written then.
        """
        self._sweep()
        rows = self.ledger.checked(round, step, rows)
        texts = joined([t for t in (documents, made_documents(rows)) if t is not None])
        if self.ledger.has(round, step):
            digests = (content_digest(texts),) if texts.num_rows else ()
            return self.ledger.append(round, step, rows, digests)
        after = apply(self._holdings, rows)
        self._check_texts(after, texts)
        digests = (self._texts.write(texts),) if texts.num_rows else ()
        for digest in digests:
            self._register.add(self._texts.path(digest))
        path = self.ledger.append(round, step, rows, digests)
        for digest in digests:
            self._texts.show(digest)
        self._holdings = after
        return path

    def _check_texts(self, after: pa.Table, texts: pa.Table) -> None:
        """Raise LedgerError when a document that appears now and is held has no text."""
        new = after.slice(self._holdings.num_rows)
        new = new.filter(pc.equal(new["status"], "held"))["id"]
        bare = new.filter(pc.invert(pc.is_in(new, value_set=texts["id"].combine_chunks())))
        if len(bare) and not all(pc.is_in(bare, value_set=self._texts.ids().combine_chunks()).to_pylist()):
            raise LedgerError(f"document {bare[0]} would be held without a text: give the step's documents to commit")

    def _sweep(self) -> None:
        """Discard what a killed writer left, before the first write: on open, a reader would rob a live writer."""
        if not self._clean:
            for folder in (self.ledger.folder, self._texts.folder, self._scores, self._manifests):
                sweep(folder)
            self._clean = True

    def holdings(self, round: int | None = None) -> pa.Table:
        """Every document that ever appeared and where it stands, now or at the end of a round (`HOLDINGS_SCHEMA`)."""
        return self._holdings if round is None else replay(self.ledger, round)

    def documents(
        self,
        ids: Any = None,
        domain: str | None = None,
        tier: Tier | int | None = None,
        status: str | None = "held",
    ) -> pa.Table:
        """Holdings with their text (large_string; null for a quarantined record that never had one).

        Args:
            ids: only these, in this order; None for all, in order of appearance.
            domain: only this domain.
            tier: only this tier.
            status: held, dropped, quarantined or superseded; None for any.

        Raises:
            InputError: an id is unknown.
        """
        table = self._holdings if ids is None else self._rows_of(as_array(ids, pa.string()))
        for column, wanted in (("domain", domain), ("tier", None if tier is None else int(tier)), ("status", status)):
            if wanted is not None:
                table = table.filter(pc.equal(table[column], wanted))
        return table.append_column("text", self._texts.get(table["id"].combine_chunks()))

    def _rows_of(self, ids: pa.Array) -> pa.Table:
        where = pc.index_in(ids, value_set=self._holdings["id"].combine_chunks())
        if where.null_count:
            unknown = ids.filter(where.is_null())[0]
            raise InputError(f"no document {unknown} in {self.root}: {self._near(str(unknown))}")
        return self._holdings.take(where)

    def document(self, id: str) -> Document:
        """The document whose id begins with `id`, whatever its status.

        Raises:
            InputError: none or several begin so, fewer than six digits were given, or it never had a text.
        """
        if len(id) < SHORTEST_PREFIX:
            raise InputError(f"{id!r} is too short: give at least {SHORTEST_PREFIX} digits of a document's id")
        found = self._holdings.filter(pc.starts_with(self._holdings["id"], id))
        if found.num_rows != 1:
            raise InputError(f"{found.num_rows or 'no'} documents begin with {id!r} in {self.root}: {self._near(id)}")
        row = found.to_pylist()[0]
        text = self._texts.get(found["id"].combine_chunks())[0].as_py()
        if text is None:
            raise InputError(f"document {row['id']} was {row['status']} and its text was never kept: {row['reason']}")
        named = {name: row[name] for name in ("id", "domain", "source", "kind")}
        return Document(**named, text=text, tier=Tier(row["tier"]), parents=tuple(row["parents"]))

    def _near(self, id: str, most: int = 3) -> str:
        """Ids that share the longest beginning with a wanted one, as the end of an error sentence."""
        for length in range(len(id), 0, -1):
            found = self._holdings["id"].filter(pc.starts_with(self._holdings["id"], id[:length]))
            if len(found):
                return f"nearest are {', '.join(sorted(found.to_pylist())[:most])}"
        return "nothing is near it" if self._holdings.num_rows else "the run holds no documents yet"

    def put_scores(self, round: int, rubric: str, version: str, ids: Any, scores: Any) -> Path:
        """Write the scores of one rubric in one round; the same scores again change nothing.

        Args:
            round: number of the round.
            rubric: its name (becomes part of the file name).
            version: who scored: the prompt's digest, or the selector's fingerprint.
            ids: [n] document ids.
            scores: [n] floats.

        Raises:
            LedgerError: other scores lie there.
        """
        self._sweep()
        if not rubric or not rubric.replace("-", "").replace("_", "").isalnum():
            raise LedgerError(f"wanted a rubric's name of letters, digits, - and _, got {rubric!r}")
        n = len(ids)
        named = [pa.repeat(rubric, n), pa.repeat(version, n), pa.repeat(pa.scalar(round, pa.int32()), n)]
        table = pa.table([as_array(ids, pa.string()), *named, as_array(scores, pa.float64())], schema=SCORES_SCHEMA)
        path = self._scores / f"round-{round:03d}-{rubric}.parquet"
        if not path.exists():
            write_part(path, table)
        elif content_digest(read_part(path)) != content_digest(table):
            raise LedgerError(f"{path} holds other scores than were made now: config or code changed, start another")
        self._register.add(path)
        return path

    def scores(self, round: int | None = None) -> pa.Table:
        """The judges' scores of a round, or of all (older rounds first): doc_id, rubric, version, round, score."""
        paths = self._score_files("round-*" if round is None else f"round-{round:03d}-*")
        paths = [p for p in paths if not p.stem.endswith(f"-{SELECTOR}")]
        return pa.concat_tables([SCORES_SCHEMA.empty_table(), *(read_part(p, SCORES_SCHEMA.names) for p in paths)])

    def selector_scores(self, round: int | None = None) -> pa.Table:
        """The student selector's grades of a round, or the last there are, in the form of `scores`; empty if none."""
        paths = self._score_files(f"{'round-*' if round is None else f'round-{round:03d}'}-{SELECTOR}")
        return read_part(paths[-1], SCORES_SCHEMA.names) if paths else SCORES_SCHEMA.empty_table()

    def _score_files(self, pattern: str) -> list[Path]:
        """Finished score files, older rounds first."""
        paths = sorted(self._scores.glob(f"{pattern}.parquet"), key=_by_round)
        return [p for p in paths if self._register.known(p)]

    def seal(self, round: int) -> Manifest:
        """Write down what the run consists of after `round`; the same again changes nothing.

        Raises:
            LedgerError: the round was sealed with other content.
        """
        self._sweep()
        parts = [p for p in self.ledger.parts() if p.round <= round]
        paths = [p.path for p in parts] + [self._texts.path(d) for p in parts for d in p.documents]
        paths += [p for p in self._score_files("round-*") if _by_round(p)[0] <= round]
        known = {name: digest for m in self.manifests() for name, digest in m.parts.items()}
        names = sorted({p.relative_to(self.root).as_posix() for p in paths})
        held = self._holdings if len(parts) == len(self.ledger.parts()) else replay(self.ledger, round)
        manifest = Manifest(
            round=round,
            rows=sum(p.rows for p in parts),
            parts={name: known.get(name) or file_digest(self.root / name) for name in names},
            holdings=content_digest(held),
            held=held_by_arm(held),
        )
        self._register.add(write_manifest(self._manifests, manifest))
        return manifest

    def manifests(self) -> list[Manifest]:
        """Manifests of the sealed rounds, in order."""
        return read_manifests([p for p in self._manifests.glob("round-*.json") if self._register.known(p)])

    def verify(self) -> int:
        """Hash every visible part again.

        Returns:
            How many parts were hashed.

        Raises:
            LedgerError: one is missing or altered; it is named.
        """
        sealed = {name: digest for m in self.manifests() for name, digest in m.parts.items()}
        for name, digest in sealed.items():
            if file_digest(self.root / name) != digest:
                raise LedgerError(f"{self.root / name} was altered after its round was sealed: {RESCUE}")
        loose = [p for p in self.ledger.parts() if p.path.relative_to(self.root).as_posix() not in sealed]
        for part in loose:
            if content_digest(read_part(part.path), UNCOUNTED) != part.content:
                raise LedgerError(f"{part.path} was altered after it was written: {RESCUE}")
            for digest in part.documents:
                self._texts.check(digest)
        return len(sealed) + sum(1 + len(part.documents) for part in loose)


def _by_round(path: Path) -> tuple[int, str]:
    """Round and name of `round-NNN-RUBRIC.parquet`; names alone sort wrongly from round 1000."""
    return int(path.name.split("-")[1]), path.name


def held_by_arm(holdings: pa.Table) -> dict[str, int]:
    """How many documents are held, by arm, in order of its key."""
    held = holdings.filter(pc.equal(holdings["status"], "held"))
    groups = held.group_by(["domain", "tier"]).aggregate([([], "count_all")]).to_pylist()
    return dict(sorted((str(Arm(g["domain"], Tier(g["tier"]))), g["count_all"]) for g in groups))


__all__ = ["SCORES_SCHEMA", "SELECTOR", "Store", "held_by_arm", "no_holdings"]
