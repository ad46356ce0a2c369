"""Rubric weights: what one sd of a rubric's score was measured to be worth, and how far weights follow."""

from collections.abc import Mapping, Sequence

import numpy as np

from ...tiers.errors import InputError
from ...tiers.estimates import normal_estimate
from ...tiers.record import Record
from .config import FeedbackConfig
from .mechanism import Evidence, Floats
from .regression import SCALES, block_prior, contrast_features, stacked_cov
from .rubric_hedge import counterfactual, hedged
from .rubric_influence import averaged

BESIDE = 3 / 7
"""Prior sd of a worth beside the influence, in units of its sd without one."""


class RubricWorth(Record):
    """One rubric after a round: what it was measured to be worth, and the weight it selects with next."""

    rubric: str
    weight: float
    """Share in [0, 1] (or down to -1 with `rubric_signed`); absolute weights sum to 1; all 0: none is trusted."""
    worth: float
    """Composite sds per sd of the rubric's mean score in the training set."""
    worth_se: float
    trust: float
    reason: str


def rubric_worth(
    history: Sequence[Evidence], weights: Mapping[str, float], arms: tuple[str, ...], config: FeedbackConfig
) -> tuple[RubricWorth, ...]:
    """Weights for the next round, in the order of the newest evidence's rubrics.

    `fusion`: gain = fraction * (selection @ (worth + kappa * influence) + log-share difference @ beta) + error.
    The arm values beta are integrated out under the structured prior, so a rubric gets no credit for a change of
    mixture; what identifies its worth are the `rubric` contrasts, whose mixtures are the same and whose documents are
    not. Analogous to Lande-Arnold selection gradients (research/feedback.md 3.2, 3.5): ranking by a linear score is
    best when its weights are proportional to the worth. Influence is trusted as far as contrasts bear it out; where no
    round measured it the term is dropped. Weights move half-way (`rubric_rate`) to the worth, times trust.
    `influence` believes the influence alone, `hedge` what each rubric's selection would have gained (3.1).

    Args:
        history: evidence of the rounds so far, the newest last.
        weights: weights in force, by rubric; a rubric that is missing starts with an equal share.
        arms: the axis of the contrasts' mixtures.
        config: method, prior and rate.

    Raises:
        InputError: no evidence, a trust or selection that does not fit the rubrics, or nothing that the method needs.
    """
    if not history:
        raise InputError("rubric weights want the evidence of at least one round, got none")
    names, trust = history[-1].rubrics, np.clip(history[-1].trust, 0.0, 1.0)
    if len(trust) != len(names):
        raise InputError(f"wanted a trust for each of {len(names)} rubrics, got {len(trust)}")
    if not names:
        return ()
    mean, sd, n = _estimate(history, names, arms, config)
    old = np.array([weights.get(r, 1.0 / len(names)) for r in names])
    new = _moved(old if config.rubric_signed else np.maximum(old, 0.0), mean, trust, n, config)
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


def _estimate(
    history: Sequence[Evidence], names: tuple[str, ...], arms: tuple[str, ...], config: FeedbackConfig
) -> tuple[Floats, Floats, int]:
    """Worth [P], its sd [P], and the number of contrasts that informed it, by the method that is configured."""
    influence = averaged(history, names)
    contrasts = sum(len(e.contrasts) for e in history)
    if config.rubric_method == "hedge":
        values, sd, _ = counterfactual(history, config)
        return values, sd, contrasts
    if config.rubric_method == "influence":
        if influence is None:
            raise InputError(
                "feedback.rubric_method influence needs the influence of documents: set feedback.influence above 0, "
                "or use fusion"
            )
        return config.rubric_unit * influence, np.full(len(names), config.rubric_unit), contrasts + 1
    return _regress(history, names, arms, config, influence)


def _moved(old: Floats, worth: Floats, trust: Floats, n: int, config: FeedbackConfig) -> Floats:
    """The weights after one step; without contrasts, or when nothing is worth anything, they stay as they are."""
    wanted = np.where(trust > 0, worth if config.rubric_signed else np.maximum(worth, 0.0), 0.0)
    new = _normed(old)
    if n and config.rubric_method == "hedge":
        new = hedged(np.maximum(new, 0.0), worth, config)
    elif n and np.abs(wanted).sum() > 0:
        new = (1 - config.rubric_rate) * new + config.rubric_rate * _normed(wanted)
    return _normed(new * trust)


def _regress(
    history: Sequence[Evidence],
    names: tuple[str, ...],
    arms: tuple[str, ...],
    config: FeedbackConfig,
    influence: Floats | None,
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
    m0, variance, readout = _prior(len(names), config, influence)
    n = len(gain)
    if not n:
        return readout @ m0, np.sqrt(readout**2 @ variance), 0
    features, s = np.array(x), np.array(selection) @ readout
    wide = (SCALES[-1] * config.scale) ** 2 * block_prior(arms)  # the widest prior: what arms may explain is theirs
    both = np.outer(probe, probe) * config.bias**2
    error = stacked_cov([e.cov for e in history], [history[-1].round - e.round for e in history], config.discount)
    noise = error + features @ wide @ features.T * (1 + both)
    total = noise + (variance * s) @ s.T + 1e-12 * np.eye(n)
    gain_matrix = variance[:, None] * np.linalg.solve(total, s).T
    mean = m0 + gain_matrix @ (np.array(gain) - s @ m0)
    cov = (np.eye(len(m0)) - gain_matrix @ s) * variance
    if influence is not None and mean[-1] < 0:  # what points the wrong way is not believed backwards
        mean[-1] = 0.0
    return readout @ mean, np.sqrt(np.maximum(np.diag(readout @ cov @ readout.T), 0.0)), n


def _prior(p: int, config: FeedbackConfig, influence: Floats | None) -> tuple[Floats, Floats, Floats]:
    """Mean [d] and variance [d] of the coefficients, and how [P, d] they make up the worth."""
    unit = config.rubric_unit
    if influence is None:
        return np.full(p, config.rubric_mean * unit), np.full(p, (config.rubric_sd * unit) ** 2), np.eye(p)
    mean, sd = config.rubric_trust
    variance = np.array([(BESIDE * config.rubric_sd * unit) ** 2] * p + [(sd * unit) ** 2])
    return np.append(np.zeros(p), mean * unit), variance, np.column_stack([np.eye(p), influence])


def _normed(w: Floats) -> Floats:
    total = float(np.abs(w).sum())
    return w / total if total > 0 else np.zeros_like(w)


def _reason(mean: float, sd: float, trust: float, n: int) -> str:
    if trust <= 0:
        return "no weight: it failed its calibration (trust 0)"
    if not n:
        return f"prior only, no contrast yet; trust {trust:.2f}"
    worth = normal_estimate(mean, sd)
    return f"worth {worth} composite sds per sd of its score, from {n} contrasts; trust {trust:.2f}"
