"""Paired deltas of a round: which runs are compared, and the rows that say how it came out."""

from dataclasses import dataclass
from pathlib import Path

from ...eval.delta import deltas
from ...eval.score import Delta
from ...training.order import slots_apart
from ..context import RunContext
from ..lineage import lineage
from .evaluate import round_suite, scores_of, suite
from .floor import SPLITS, noise, scale
from .rubric_probe import SIDES


@dataclass(frozen=True)
class Pair:
    """Two measured models of which one is compared with the other."""

    treatment: str
    reference: str
    split: str
    after: Path
    before: Path
    apart: float = 1.0
    """Seed noise between the two, in units of that between A/A runs: the share of the training slots in which two runs
    of a round differ, and half a unit for every training of the one that the other has not been through."""


def round_pairs(context: RunContext, number: int, started: tuple[int, str]) -> list[Pair]:
    """Main and control against each other and against the model they started from; short runs against their reference.

    Args:
        context: the run.
        number: the round.
        started: round and name of the run that made the starting model.
    """
    found: list[Pair] = []
    for split in SPLITS:
        wanted = [("main", "control"), ("main", "start"), ("control", "start")]
        if split == "feedback":
            wanted += [(name, "centre") for name in probes_of(context, number)] + [SIDES]
            wanted += [(r["name"], "centre") for r in context.db.rows("runs", round=number, grp="ablation")]
        for treatment, reference in wanted:
            before = started if reference == "start" else (number, reference)
            pair = _pair(context, (number, treatment), before, (treatment, reference), split)
            found += [pair] if pair else []
    return found


def probes_of(context: RunContext, number: int) -> list[str]:
    """Names of the round's probes that were scored."""
    scored = {r["name"] for r in context.db.rows("scores", round=number)}
    return [r["name"] for r in context.db.rows("runs", round=number, grp="probe") if r["name"] in scored - {"centre"}]


def record_deltas(
    context: RunContext, number: int, pairs: list[Pair], *, whole: bool = False
) -> dict[tuple[str, str, str], list[Delta]]:
    """Compare the pairs, write the rows, and return them by (treatment, reference, split).

    Args:
        context: the run.
        number: the round; it decides which fold of the feedback items counts.
        pairs: what is compared.
        whole: count all feedback items.
    """
    found: dict[tuple[str, str, str], list[Delta]] = {}
    for pair in pairs:
        floor = noise(context, pair.split).between(pair.apart)
        names = (pair.reference, pair.treatment)
        asked = suite(context, pair.split) if whole else round_suite(context, pair.split, number)
        made = deltas(pair.before, pair.after, asked, floor, scale(context, pair.split), names=names)
        found[pair.treatment, pair.reference, pair.split] = made
    context.db.insert("deltas", [d.model_dump() | {"round": number} for made in found.values() for d in made])
    return found


def _pair(
    context: RunContext, after: tuple[int, str], before: tuple[int, str], names: tuple[str, str], split: str
) -> Pair | None:
    """The pair, if both were measured (a diverged run was not) on this split."""
    try:
        paths = [scores_of(context, number, name, split) for number, name in (after, before)]
    except LookupError:
        return None
    return Pair(names[0], names[1], split, paths[0], paths[1], apart(context, after, before))


def from_base(context: RunContext, number: int, name: str) -> float:
    """Seed noise between a run's model and the base: half of that between two runs, for each training in between."""
    return len(lineage(context.folder, context.db, context.config, number, name)) / 2


def apart(context: RunContext, after: tuple[int, str], before: tuple[int, str]) -> float:
    """Seed noise between two runs, in units of that between A/A runs.

    Of two runs of a round the share of the training slots in which they differ; all where they have not base, seed and
    order in common. Of a run and the model that it started from one unit: its own seed noise, and at most as much of
    what that model had and training forgot; of the base, which has none, half.
    """
    if before == (0, "base"):
        return from_base(context, *after)
    runs = {r["name"]: r for r in context.db.rows("runs", round=after[0])}
    one, other = runs.get(after[1]), runs.get(before[1])
    if after[0] != before[0] or not one or not other or not _streams_match(one["grp"], other["grp"]):
        return 1.0
    if context.config.training.mixing != "none" and "main" in (after[1], before[1]):
        return 1.0
    return slots_apart(one["mixture"], other["mixture"])


def _streams_match(one: str, other: str) -> bool:
    """Whether runs of two groups have seed, order and length in common, and documents too."""
    together = {"probe": "short", "ablation": "short"}
    return together.get(one, one) == together.get(other, other) != "rubric"
