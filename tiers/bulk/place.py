"""Where a build's stages put their parts, and the claim that says what is built there."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..whole import write_whole

CLAIM, LISTING, DONE = "build.json", "units.json", "built.json"
"""Files of a build: what is built, what is read for it, and what it came to."""


@dataclass(frozen=True, slots=True)
class Place:
    """The folder of a build."""

    root: Path

    def part(self, stage: str, name: str) -> Path:
        """A stage's part of a shard that is read whole: Parquet."""
        return self.root / stage / f"{name}.parquet"

    def seen(self, stage: str, name: str) -> Path:
        """A stage's part of a shard that is read in place (`parts.mapped`)."""
        return self.root / stage / f"{name}.arrow"

    def claim(self, name: str, said: Any) -> None:
        """Write down what is built here, or see that it is the same.

        Raises:
            InputError: something else was begun here.
        """
        path, told = self.root / name, json.dumps(said, sort_keys=True, indent=1)
        if path.exists() and path.read_text("utf-8") != told:
            raise InputError(
                f"{self.root} holds a build of other sources or settings: name another folder, or delete it"
            )
        write_whole(path, told.encode())
