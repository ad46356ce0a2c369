"""Evidence: the round's contrasts on feedback items with their joint error; all that a mechanism gets to see."""

import numpy as np

from ...eval.delta import evidence_cov
from ...tiers.tier import arms
from ..context import RunContext
from ..feedback.mechanism import Contrast, Evidence, Floats
from ..feedback.policy import vector
from .deltas import probes_of
from .evaluate import scores_of
from .floor import noise, scale, suite
from .judges import calibrations, rubrics_in_use
from .selection import arm_means


def gather(context: RunContext, number: int) -> Evidence:
    """Main against control, and every probe against the centre; two runs on one mixture say nothing."""
    rubrics = rubrics_in_use(context)
    trust = np.array([c.trust for c in (calibrations(context, number)[r] for r in rubrics)])
    runs = {r["name"]: r for r in context.db.rows("runs", round=number)}
    scored = {r["name"] for r in context.db.rows("scores", round=number, split="feedback")}
    wanted = [("full", "main", "control")] + [("probe", p, "centre") for p in probes_of(context, number)]
    wanted = [w for w in wanted if {w[1], w[2]} <= scored and runs[w[1]]["mixture"] != runs[w[2]]["mixture"]]
    if not wanted:
        return Evidence(number, (), np.zeros((0, 0)), rubrics, trust)
    files = [tuple(scores_of(context, number, n, "feedback") for n in (ref, new)) for _, new, ref in wanted]
    gains, cov = evidence_cov(
        [(a, b) for a, b in files], suite(context, "feedback"), noise(context, "feedback"), scale(context, "feedback")
    )
    means = arm_means(context, number, rubrics)
    made = [
        _contrast(context, kind, runs[new], runs[ref], float(gains[i]), means)
        for i, (kind, new, ref) in enumerate(wanted)
    ]
    return Evidence(number, tuple(made), cov, rubrics, trust)


def _contrast(
    context: RunContext, kind: str, new: dict[str, object], ref: dict[str, object], gain: float, means: Floats
) -> Contrast:
    keys = tuple(arms(context.config.domains))
    mixture, baseline = (vector(dict(r["mixture"]), keys) for r in (new, ref))  # type: ignore[call-overload]
    full = context.config.training.steps
    short = max(1, round(full * context.config.probes.fraction))
    return Contrast(
        kind="full" if kind == "full" else "probe",
        treatment=str(new["name"]),
        reference=str(ref["name"]),
        mixture=mixture,
        baseline=baseline,
        fraction=1.0 if kind == "full" else short / full,
        gain=gain,
        selection=(mixture - baseline) @ means,
    )
