"""Manifest: what a finished round consists of, down to the digest of every file."""

# ruff: noqa: A002 - `round` and `id` are what the ledger's columns and every caller call them

from collections.abc import Iterable
from pathlib import Path

from pydantic import ValidationError

from .errors import LedgerError
from .parts import readable
from .record import Record
from .whole import RESCUE, write_whole


class Manifest(Record):
    """A round on disk; a snapshot, a fork and a resume are copies of what it lists."""

    schema_version: int = 1
    round: int
    rows: int
    """Ledger rows up to and with this round."""
    parts: dict[str, str]
    """Digest of the bytes of every file, by its path relative to the run folder."""
    holdings: str
    """Digest of the holdings that the ledger replays to."""
    held: dict[str, int]
    """Documents held, by arm (L0 included)."""


def manifest_path(folder: Path, round: int) -> Path:
    """Where the manifest of a round lies."""
    return folder / f"round-{round:03d}.json"


def read_manifests(paths: Iterable[Path]) -> list[Manifest]:
    """Manifests, by round.

    Raises:
        LedgerError: one cannot be read.
    """
    found = []
    for path in paths:
        try:
            with readable(path):
                found.append(Manifest.model_validate_json(path.read_bytes()))
        except ValidationError as e:
            raise LedgerError(f"{path} is cut short, altered or of another version: {RESCUE}") from e
    return sorted(found, key=lambda m: m.round)


def write_manifest(folder: Path, manifest: Manifest) -> Path:
    """Put a manifest on disk and return its path; the same one again changes nothing.

    Raises:
        LedgerError: another one lies there.
    """
    path = manifest_path(folder, manifest.round)
    if path.exists():
        with readable(path):
            there = Manifest.model_validate_json(path.read_bytes())
        if there != manifest:
            raise LedgerError(f"{path} seals the round with other content: seal a round once, after its last step")
        return path
    write_whole(path, manifest.model_dump_json(indent=1).encode())
    return path
