"""Seals: a folder that is finished lists the digests of its files, and who loads from it compares them first."""

import hashlib
import json
from collections.abc import Collection
from functools import lru_cache
from pathlib import Path

from .errors import LedgerError
from .parts import file_digest
from .whole import RESCUE, write_whole

SEAL = "seal.json"
"""Name of the list in its folder: digest by file name, and one digest of the list itself."""


def seal_folder(folder: Path) -> None:
    """List every file in a folder and below; the last thing done to it."""
    paths = sorted(p for p in folder.rglob("*") if p.is_file() and p.name != SEAL and not p.name.endswith(".tmp"))
    files = {p.relative_to(folder).as_posix(): file_digest(p) for p in paths}
    write_whole(folder / SEAL, json.dumps({"files": files, "digest": _digest(files)}, indent=1).encode())


def check_sealed(folder: Path, names: Collection[str] = ()) -> None:
    """Compare the files of a sealed folder with its list, once a process; a folder without a seal is somebody else's.

    Args:
        folder: a model, an adapter inside of one, or packed arms.
        names: only these files, each time; all unless given.

    Raises:
        LedgerError: a file is missing or altered; it is named.
    """
    home = folder.parent if folder.name == "adapter" and not (folder / SEAL).is_file() else folder
    if not (home / SEAL).is_file():
        return
    if names:
        _compare(home, {name: digest for name, digest in _listed(home).items() if name in names})
    else:
        _compare_once(str(home.resolve()), file_digest(home / SEAL))


def intact(folder: Path) -> frozenset[str]:
    """Names of the files in a folder that are as they were sealed; none where the seal is missing or damaged."""
    try:
        files = _listed(folder)
    except LedgerError:
        return frozenset()
    return frozenset(n for n, digest in files.items() if (folder / n).is_file() and file_digest(folder / n) == digest)


def is_intact(folder: Path) -> bool:
    """Whether a folder is sealed and nothing in it is missing or altered."""
    try:
        return {*_listed(folder)} == intact(folder)
    except LedgerError:
        return False


@lru_cache(maxsize=256)
def _compare_once(folder: str, seal: str) -> None:
    """Compare all files; the seal's own digest is part of the key, so that a folder made anew is compared again."""
    _compare(Path(folder), _listed(Path(folder)))


def _compare(folder: Path, files: dict[str, str]) -> None:
    for name, digest in files.items():
        if file_digest(folder / name) != digest:
            raise LedgerError(f"{folder / name} was altered after it was written: {RESCUE}")


def _listed(folder: Path) -> dict[str, str]:
    """Digest by file name.

    Raises:
        LedgerError: the list is missing or damaged.
    """
    path = folder / SEAL
    try:
        told = json.loads(path.read_bytes())
        files = {str(name): str(digest) for name, digest in told["files"].items()}
        sound = told["digest"] == _digest(files)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as e:
        raise LedgerError(f"{path} is missing, cut short or altered ({type(e).__name__}): {RESCUE}") from e
    if not sound:
        raise LedgerError(f"{path} was altered after it was written: {RESCUE}")
    return files


def _digest(files: dict[str, str]) -> str:
    return hashlib.blake2b(json.dumps(files, sort_keys=True).encode(), digest_size=16).hexdigest()
