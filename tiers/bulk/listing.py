"""What a build reads, as it is now: changed sources are read again, and what was made of them is made again."""

import json
import shutil
from collections.abc import Sequence

from ..config import IngestConfig, SourceConfig
from ..ingest.units import Listing, Unit, list_units
from ..whole import write_whole
from .place import DONE, LISTING, Place

BY_CONTENT = ("l0", "quarantine", "mend", "clean", "sketches", "keys")
"""Stages whose parts depend on one unit alone: those of units that are as they were stay."""
ACROSS = ("meetings", "groups", "dedup", "decontaminate", "l1", "judged", "grades", "drawn", "selected", "l2")
"""Stages that look at all units together, or build on such a stage."""
FINISHED = (DONE, "selection.json", "selected.json")


def current_listing(place: Place, sources: Sequence[SourceConfig], config: IngestConfig) -> Listing:
    """The units of a build as its sources are now, and what is passed over.

    Parts of units that are gone or changed are removed, and with them everything that was made of all units together.

    Raises:
        InputError: a source is missing or unreadable.
    """
    path = place.root / LISTING
    if not path.exists():  # it marks the folder as a build, which may lie below a source
        write_whole(path, b"[]")
    before = [Unit.of_json(fields) for fields in json.loads(path.read_text("utf-8"))]
    listing = list_units(sources, config, before)
    keys = {unit.key for unit in listing.units}
    if before and keys != {unit.key for unit in before}:
        _forget(place, keys)
    write_whole(path, json.dumps([unit.as_json() for unit in listing.units]).encode())
    return listing


def _forget(place: Place, keys: set[str]) -> None:
    """Remove what does not follow from units with these keys alone."""
    for name in FINISHED:
        (place.root / name).unlink(missing_ok=True)
    for stage in ACROSS:
        shutil.rmtree(place.root / stage, ignore_errors=True)
    for stage in BY_CONTENT:
        for part in (place.root / stage).glob("*.*"):
            if part.name.partition("-")[0].partition(".")[0] not in keys:
                part.unlink()
