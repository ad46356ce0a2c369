"""Rubric hedge: what each rubric's own selection would have gained, from the measured worth of score buckets."""

from collections.abc import Sequence

import numpy as np

from ...tiers.errors import InputError
from .config import FeedbackConfig
from .mechanism import Evidence, Floats
from .regression import stacked_cov

RATE, CLIP, BUCKET_SD, MOST = 0.3, 0.5, 1.5, 10.0
"""Learning rate, largest change of a log weight, prior sd of a bucket's worth (`rubric_unit`), largest importance."""


def counterfactual(history: Sequence[Evidence], config: FeedbackConfig) -> tuple[Floats, Floats, Floats]:
    """Value [P] of every rubric of the newest round selecting alone, its sd [P], and the effective number of contrasts.

    Only set-level gains are observed, so documents are parted into buckets: gain = fraction * (bucket shares of the
    treatment - of the reference) . r + error, r ~ N(0, (1.5 unit)^2), and V_p = pi_p . r. A rubric that would select
    what was hardly ever selected is estimated from few contrasts: N / (1 + chi^2(pi_p || mu)), the ratio cut at 10
    (research/feedback.md 3.1).

    Raises:
        InputError: nobody measured buckets.
    """
    target = history[-1].rubric_buckets
    rows = [(e, i, c) for e in history for i, c in enumerate(e.contrasts) if len(c.buckets)]
    if target is None:
        raise InputError("feedback.rubric_method hedge needs score buckets, which nobody measures here: use fusion")
    unit, (p, c) = config.rubric_unit, target.shape
    prior = (BUCKET_SD * unit) ** 2 * np.eye(c)
    if not rows:
        return np.zeros(p), np.sqrt(np.einsum("pc,cd,pd->p", target, prior, target)), np.zeros(p)
    x = np.array([r.fraction * r.buckets for _, _, r in rows])
    y = np.array([r.gain for _, _, r in rows])
    kept = [[i for e2, i, _ in rows if e2 is e] for e in history if any(e2 is e for e2, _, _ in rows)]
    used = [e for e in history if any(e2 is e for e2, _, _ in rows)]
    covs = [e.cov[np.ix_(i, i)] for e, i in zip(used, kept, strict=True)]
    total = stacked_cov(covs, [history[-1].round - e.round for e in used], config.discount) + x @ prior @ x.T
    gain = np.linalg.solve(total, x @ prior).T
    mean, cov = gain @ y, prior - gain @ x @ prior
    sd = np.sqrt(np.maximum(np.einsum("pc,cd,pd->p", target, cov, target), 0.0))
    return target @ mean, sd, _effective(target, len(rows))


def hedged(weights: Floats, values: Floats, config: FeedbackConfig) -> Floats:
    """[P] weights after one step: omega exp(clip(eta (V - omega . V) / unit, +-.5)), normalised."""
    move = RATE * (values - weights @ values) / config.rubric_unit
    raised = np.maximum(weights, 1e-6) * np.exp(np.clip(move, -CLIP, CLIP))
    return np.asarray(raised / raised.sum())


def _effective(target: Floats, contrasts: int) -> Floats:
    behaviour = np.maximum(target.mean(axis=0), 1e-9)
    ratio = np.minimum(target / behaviour, MOST)
    return np.asarray(contrasts / (1.0 + np.maximum((ratio**2 * behaviour).sum(axis=1) - 1.0, 0.0)))
