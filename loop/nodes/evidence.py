"""Evidence: the round's contrasts on feedback items with their joint error; all that a mechanism gets to see."""

from dataclasses import replace

import numpy as np

from ...eval.delta import evidence_cov
from ...tiers.tier import arms
from ..context import Controls, RunContext
from ..feedback.evidence_json import dump, load
from ..feedback.mechanism import Contrast, Evidence, Floats, Kind
from ..feedback.policy import vector
from .deltas import apart, probes_of
from .evaluate import round_suite, scores_of
from .floor import noise, scale
from .influence import with_influence, with_rubric_influence
from .judges import calibrations, rubrics_in_use
from .proposal import wished
from .rubric_probe import SIDES, selection_of
from .selection import arm_means

Pair = tuple[Kind, str, str]
"""What kind of contrast, the treatment's name, and the reference's."""


def gather(context: RunContext, number: int) -> Evidence:
    """The round's evidence, looked up if it was gathered before: later steps of `learn` move documents."""
    if not context.db.meta(f"evidence-{number}"):
        keep_evidence(context, number, measure(context, number))
    return load_evidence(context, number)


def measure(context: RunContext, number: int) -> Evidence:
    """Main against control, every probe against the centre, the rubric pair; a run against its equal says nothing."""
    rubrics = rubrics_in_use(context)
    trust = np.array([c.trust for c in (calibrations(context, number)[r] for r in rubrics)])
    runs = {r["name"]: r for r in context.db.rows("runs", round=number)}
    wanted = _pairs(context, number, runs)
    if not wanted:
        return Evidence(number, (), np.zeros((0, 0)), rubrics, trust)
    files = [tuple(scores_of(context, number, n, "feedback") for n in (ref, new)) for _, new, ref in wanted]
    gains, cov = evidence_cov(
        [(a, b) for a, b in files],
        round_suite(context, "feedback", number),
        noise(context, "feedback"),
        scale(context, "feedback"),
        [apart(context, (number, new), (number, ref)) for _, new, ref in wanted],
    )
    means = arm_means(context, number, rubrics)
    by_benchmark = _gains(context, number)
    made = [
        replace(
            _contrast(context, kind, runs[new], runs[ref], float(gains[i]), means), benchmarks=by_benchmark[new, ref]
        )
        for i, (kind, new, ref) in enumerate(wanted)
    ]
    if wanted[-1][0] == "rubric":
        made[-1] = replace(made[-1], selection=selection_of(context, number, rubrics))
    asked = with_influence(context, number, wished(context, number))
    return with_rubric_influence(context, Evidence(number, tuple(made), cov, rubrics, trust, asked))


def _pairs(context: RunContext, number: int, runs: dict[str, dict[str, object]]) -> list[Pair]:
    """The round's contrasts, the rubric pair last; only what was scored, and what differs in its data."""
    scored = {r["name"] for r in context.db.rows("scores", round=number, split="feedback")}
    found: list[Pair] = [("full", "main", "control")]
    found.extend(("probe", p, "centre") for p in probes_of(context, number))
    found = [p for p in found if {p[1], p[2]} <= scored and runs[p[1]]["mixture"] != runs[p[2]]["mixture"]]
    if set(SIDES) <= scored:
        found.append(("rubric", SIDES[0], SIDES[1]))
    return found


def _gains(context: RunContext, number: int) -> dict[tuple[str, str], Floats]:
    """[B] gains in sds of the benchmarks' items, by treatment and reference."""
    units = scale(context, "feedback").sd
    found: dict[tuple[str, str], list[float]] = {}
    for row in context.db.rows("deltas", round=number, split="feedback"):
        if row["benchmark"] in units:
            found.setdefault((row["treatment"], row["reference"]), []).append(row["gain"] / units[row["benchmark"]])
    return {pair: np.array(gains) for pair, gains in found.items()}


def _contrast(
    context: RunContext, kind: Kind, new: dict[str, object], ref: dict[str, object], gain: float, means: Floats
) -> Contrast:
    keys = tuple(arms(context.config.domains))
    mixture, baseline = (vector(dict(r["mixture"]), keys) for r in (new, ref))  # type: ignore[call-overload]
    full = context.config.training.steps
    return Contrast(
        kind=kind,
        treatment=str(new["name"]),
        reference=str(ref["name"]),
        mixture=mixture,
        baseline=baseline,
        fraction=1.0 if kind == "full" else context.config.probes.steps(full) / full,
        gain=gain,
        selection=(mixture - baseline) @ means,
    )


def keep_evidence(context: Controls, number: int, evidence: Evidence) -> None:
    """Write a round's contrasts down: what the mechanism sees, for readers and for later rounds."""
    context.db.set_meta(f"evidence-{number}", dump(evidence))


def load_evidence(context: Controls, number: int) -> Evidence:
    """The evidence that was gathered in a round."""
    return load(number, context.db.meta(f"evidence-{number}"))
