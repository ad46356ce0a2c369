"""Lineage: the trainings that made a run's model, and how many of them stand between two models.

Every training adds seed noise. A comparison of two models has to charge the seed noise of all trainings that one of
them went through and the other did not: of a whole run against its base one a round, of two runs those since they
parted.
"""

from dataclasses import dataclass
from pathlib import Path

from ..training.order import slots_apart
from ..training.packing import load_index
from .config import RunConfig
from .run_db import RunDB
from .run_folder import RunFolder


@dataclass(frozen=True)
class Training:
    """One training on the way from the base to a model."""

    fingerprint: str
    """Of everything that bears on the weights: equal trainings made one and the same model."""
    mixture: dict[str, float]
    stream: str
    """What decides which block stands in which slot but for the mixture: seed, length, packed blocks. Empty where it
    cannot be told: then nothing is taken to be common."""


Lineage = tuple[Training, ...]


def lineage(folder: RunFolder, db: RunDB, config: RunConfig, number: int, name: str) -> Lineage:
    """The trainings behind the model that run `name` of a round made, oldest first.

    In modes `continue` and `stack` these are the accepted runs of the rounds before and the run itself, in `reset` the
    run alone.

    Raises:
        LookupError: a round before it is not done.
    """
    before: list[tuple[int, str]] = []
    if config.mode != "reset":
        accepted = {r["round"]: r["accepted"] for r in db.rows("rounds", status="done")}
        before = [(n, str(accepted[n])) for n in range(1, number)]
    return tuple(_training(folder, db, config, *step) for step in (*before, (number, name)))


def trainings_apart(one: Lineage, other: Lineage) -> tuple[float, float]:
    """How many independent trainings each of two models is from where their lineages part.

    Both start from one base. Trainings that both have are no noise between them. Where the two part they still have
    seed, order and blocks in common if their streams are equal: then they err apart only in the slots that differ
    (`slots_apart`). What follows starts from different models, and counts in full.
    """
    shared = 0
    while shared < min(len(one), len(other)) and one[shared].fingerprint == other[shared].fingerprint:
        shared += 1
    mine, theirs = one[shared:], other[shared:]
    common = mine and theirs and mine[0].stream and mine[0].stream == theirs[0].stream
    saved = 1.0 - slots_apart(mine[0].mixture, theirs[0].mixture) if common else 0.0
    return len(mine) - saved, len(theirs) - saved


def _training(folder: RunFolder, db: RunDB, config: RunConfig, number: int, name: str) -> Training:
    rows = db.rows("runs", round=number, name=name)
    if not rows:
        raise LookupError(f"no training {name!r} in round {number} of {folder.name}")
    mixed = config.training.mixing != "none" and name == "main"
    stream = "" if mixed else _stream(folder.blocks(number), config, number)
    return Training(str(rows[0]["fingerprint"]), dict(rows[0]["mixture"]), stream)


def _stream(blocks: Path, config: RunConfig, number: int) -> str:
    if not (blocks / "index.json").is_file():  # deleted to save disk
        return ""
    return f"{config.seed}/{number}/{load_index(blocks).digest}/{config.training.model_dump_json()}"
