"""Screened: which benchmarks told a round's mixtures apart, and which no more than equal runs differ."""

from dataclasses import asdict

import numpy as np

from ...eval.score import Suite
from ...eval.scores import read_scores
from ...eval.screening import screen
from ..context import RunContext
from .deltas import probes_of
from .evaluate import round_suite, scores_of
from .floor import equal_runs

Floats = np.ndarray


def record_screening(context: RunContext, number: int) -> None:
    """Signal-to-noise of every feedback benchmark in a round, written down; none of fewer than two measured mixtures.

    Signal is the range over the short runs (centre and probes; without probes main and control), noise the sd of the
    A/A runs. Short runs have their luck in common, so that a benchmark is called deaf too often rather than too seldom.
    """
    short = ["centre", *probes_of(context, number)]
    names = short if len(short) > 2 else ["main", "control"]
    asked = round_suite(context, "feedback", number)
    scored = {r["name"] for r in context.db.rows("scores", round=number, split="feedback")}
    if not {*names} <= scored:
        return
    different = _means(context, asked, [(number, name) for name in names])
    same = _means(context, asked, [(0, name) for name in equal_runs(context)])
    found = {
        n: asdict(s) | {"ratio": min(s.ratio, 1e9), "runs": len(names)} for n, s in screen(different, same).items()
    }
    context.db.set_meta(f"screen-{number}", found)


def _means(context: RunContext, asked: Suite, runs: list[tuple[int, str]]) -> dict[str, Floats]:
    """Means by benchmark of several measured runs."""
    scores = [read_scores(scores_of(context, number, name, "feedback"), asked) for number, name in runs]
    return {b.name: np.array([s[b.name].values.mean() for s in scores]) for b in asked.benchmarks}
