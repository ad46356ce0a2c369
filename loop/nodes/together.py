"""Together: main against control in several rounds, or on both splits, with the errors that they have in common."""

from collections.abc import Sequence
from pathlib import Path

from ...eval.clustered import Error
from ...eval.excess import Side, excess
from ...eval.rounds import Repeated, repeated
from ..context import RunContext
from .deltas import apart
from .evaluate import round_suite, scores_of
from .floor import SPLITS, equal_runs, noise, scale


def rounds_together(context: RunContext, numbers: Sequence[int]) -> dict[str, Repeated]:
    """Main against control on feedback items, by benchmark, the composite last; all rounds must have scored both."""
    return repeated(
        [_pair(context, n, "feedback") for n in numbers],
        [round_suite(context, "feedback", n) for n in numbers],
        noise(context, "feedback"),
        scale(context, "feedback"),
        [apart(context, (n, "main"), (n, "control")) for n in numbers],
    )


def split_excess(context: RunContext, number: int) -> tuple[float, Error]:
    """By how much main gained more over control on feedback items than on hidden ones, and the error of that."""
    feedback, hidden = (
        Side(
            round_suite(context, split, number),
            scale(context, split),
            _pair(context, number, split),
            [scores_of(context, 0, name, split) for name in equal_runs(context)],
        )
        for split in SPLITS
    )
    return excess(feedback, hidden, apart(context, (number, "main"), (number, "control")))


def _pair(context: RunContext, number: int, split: str) -> tuple[Path, Path]:
    return scores_of(context, number, "control", split), scores_of(context, number, "main", split)
