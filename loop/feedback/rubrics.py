"""Rubric weights by regression of gains on selection differences (SDR): what one sd of a rubric's score was worth."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...tiers.errors import InputError
from ...tiers.record import Record
from .config import FeedbackConfig
from .mechanism import Evidence, Floats
from .regression import SCALES, block_prior, contrast_features, stacked_cov


class RubricWorth(Record):
    """One rubric after a round: what it was measured to be worth, and the weight it selects with next."""

    rubric: str
    weight: float
    """Share in [0, 1]; weights of all rubrics sum to 1, or all are 0 when none is trusted."""
    worth: float
    """Composite sds per sd of the rubric's mean score in the training set."""
    worth_se: float
    trust: float
    reason: str


def rubric_worth(
    history: Sequence[Evidence], weights: Mapping[str, float], arms: tuple[str, ...], config: FeedbackConfig
) -> tuple[RubricWorth, ...]:
    """Weights for the next round, in the order of the newest evidence's rubrics.

    gain = fraction * selection @ worth + fraction * log-share difference @ beta + error. The arm values beta are
    integrated out under the structured prior, so a rubric gets no credit for a change of mixture; what identifies its
    worth are the `rubric` contrasts, whose mixtures are the same and whose documents are not. Analogous to
    Lande-Arnold selection gradients (research/feedback.md 3.2): ranking by a linear score is best when its weights are
    proportional to `worth`. Weights move half-way (`rubric_rate`) to the positive part of the worth, times trust.

    Args:
        history: evidence of the rounds so far, the newest last.
        weights: weights in force, by rubric; a rubric that is missing starts with an equal share.
        arms: the axis of the contrasts' mixtures.
        config: prior and rate.

    Raises:
        InputError: no evidence, or a trust or selection that does not fit the rubrics.
    """
    if not history:
        raise InputError("rubric weights want the evidence of at least one round, got none")
    names, trust = history[-1].rubrics, np.clip(history[-1].trust, 0.0, 1.0)
    if len(trust) != len(names):
        raise InputError(f"wanted a trust for each of {len(names)} rubrics, got {len(trust)}")
    if not names:
        return ()
    mean, sd, n = _regress(history, names, arms, config)
    old = np.array([max(weights.get(r, 1.0 / len(names)), 0.0) for r in names])
    positive = np.where(trust > 0, np.maximum(mean, 0.0), 0.0)
    new = _normed(old)
    if n and positive.sum() > 0:
        new = (1 - config.rubric_rate) * new + config.rubric_rate * _normed(positive)
    new = _normed(new * trust)
    return tuple(
        RubricWorth(
            rubric=r,
            weight=float(new[i]),
            worth=float(mean[i]),
            worth_se=float(sd[i]),
            trust=float(trust[i]),
            reason=_reason(float(mean[i]), float(sd[i]), float(trust[i]), n),
        )
        for i, r in enumerate(names)
    )


def _regress(
    history: Sequence[Evidence], names: tuple[str, ...], arms: tuple[str, ...], config: FeedbackConfig
) -> tuple[Floats, Floats, int]:
    """Posterior mean [P] and sd [P] of the worth, and the number of contrasts that informed it."""
    selection, x, probe, gain = [], [], [], []
    for e in history:
        for c in e.contrasts:
            if len(c.selection) != len(e.rubrics):
                raise InputError(
                    f"contrast {c.treatment}: wanted {len(e.rubrics)} selection differences, got {len(c.selection)}"
                )
            f = 1.0 if c.kind == "full" else c.fraction
            by_name = dict(zip(e.rubrics, c.selection.tolist(), strict=True))
            selection.append([f * by_name.get(r, 0.0) for r in names])
            x.append(contrast_features(c))
            probe.append(float(c.kind == "probe"))
            gain.append(c.gain)
    m0, s0 = config.rubric_mean * config.rubric_unit, config.rubric_sd * config.rubric_unit
    p, n = len(names), len(gain)
    if not n:
        return np.full(p, m0), np.full(p, s0), 0
    features, s = np.array(x), np.array(selection)
    wide = (SCALES[-1] * config.scale) ** 2 * block_prior(arms)  # the widest prior: what arms may explain is theirs
    both = np.outer(probe, probe) * config.bias**2
    error = stacked_cov([e.cov for e in history], [history[-1].round - e.round for e in history], config.discount)
    noise = error + features @ wide @ features.T * (1 + both)
    total = noise + s0**2 * s @ s.T + 1e-12 * np.eye(n)
    gain_matrix = s0**2 * np.linalg.solve(total, s).T
    mean = m0 + gain_matrix @ (np.array(gain) - s @ np.full(p, m0))
    cov = s0**2 * (np.eye(p) - gain_matrix @ s)
    return np.asarray(mean, dtype=float), np.sqrt(np.maximum(np.diag(cov), 0.0)), n


def _normed(w: Floats) -> Floats:
    total = float(w.sum())
    return w / total if total > 0 else np.zeros_like(w)


def _reason(mean: float, sd: float, trust: float, n: int) -> str:
    if trust <= 0:
        return "no weight: it failed its calibration (trust 0)"
    if not n:
        return f"prior only, no contrast yet; trust {trust:.2f}"
    return f"worth {mean:+.4f} +- {sd:.4f} composite sds per sd of its score, from {n} contrasts; trust {trust:.2f}"
