"""What lies in place of a file and is none is refused by name: a pipe would be waited for."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coevo.eval.suites import load_suite
from coevo.tiers.errors import CoevoError
from coevo.tiers.manifest import read_manifests
from coevo.tiers.parts import file_digest, mapped, open_part, read_part

READERS: dict[str, Callable[[Path], object]] = {
    "a part": read_part,
    "the footer of a part": open_part,
    "a mapped part": mapped,
    "a digest": file_digest,
    "a manifest": lambda path: read_manifests([path]),
    "a suite": load_suite,
}
REPLACED: dict[str, Callable[[Path], object]] = {
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to nothing": lambda path: path.symlink_to("/nowhere/at/all"),
}


@pytest.mark.parametrize("replaced", REPLACED)
@pytest.mark.parametrize("reader", READERS)
def test_what_is_no_file_is_refused_by_name(reader: str, replaced: str, tmp_path: Path) -> None:
    path = tmp_path / "round-001.json"
    REPLACED[replaced](path)
    with pytest.raises(CoevoError, match=r"round-001\.json"):
        READERS[reader](path)
