"""Doubly robust values of mixtures that were not tried, from those that were: a model, corrected where it was wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...eval.score import verdict
from ...tiers.tier import arms
from ..config import RunConfig
from ..feedback.mechanism import Evidence, Floats
from ..feedback.regression import Data, block_prior, contrast_features, fit, log_shares, stacked_cov

Z = 1.959963984540054
REACH = 1.5
"""Bandwidths from the nearest run beyond which nothing that was tried says anything of a plan."""
LEAST_SHARE = 0.5
"""Share of the rounds that have to be supported before an overall value is told."""
LEAST_SAMPLE = 10.0
"""Effective number of runs, over the supported rounds, below which no overall value is told."""


@dataclass(frozen=True)
class Logged:
    """What a round tried: n points, control (zero, exactly known) first."""

    evidence: Evidence
    reference: Floats
    """[K] control's mixture."""
    points: Floats
    """[n, K] displacement from control in log shares."""
    gains: Floats
    """[n] measured gain over control, as of a full run."""
    cov: Floats
    """[n, n] of the gains; zero for control."""
    compared: bool
    """Whether main was measured against control."""


@dataclass(frozen=True)
class Value:
    """A plan's estimated gain over control in one round, and over what the run itself trained on."""

    round: int
    gain: float
    error: tuple[float, float]
    """Of the gain: the model's, which all rounds share, and the measurements', which are each round's own."""
    difference: float
    difference_error: tuple[float, float]
    logged: float
    """Measured gain of the run's own main over control."""
    ess: float
    distance: float
    """From the nearest run, in bandwidths."""
    supported: bool
    why: str

    @property
    def se(self) -> float:
        """Standard error of the gain."""
        return float(np.hypot(*self.error))


def values(logged: Sequence[Logged], plans: Sequence[Floats], config: RunConfig) -> list[Value]:
    """A value for every round's plan [K], by the model of all other rounds and the round's own residuals.

    `V = x.beta + sum_i w_i (y_i - x_i.beta)`: beta is fitted without the round (cross-fitting: Chernozhukov et al.,
    2018), w are kernel weights of the round's runs around the plan, normalised (Kallus and Zhou, 2018, for continuous
    actions). It is right where either the model is, or runs are near.
    """
    return [_value(i, logged, plan, config) for i, plan in enumerate(plans)]


def overall(found: Sequence[Value]) -> dict[str, Any]:
    """The mean over supported rounds, or a refusal that says what is missing."""
    good = [v for v in found if v.supported]
    told: dict[str, Any] = {"supported": len(good), "ess": float(sum(v.ess for v in good)), "least": LEAST_SAMPLE}
    why = _too_little(found, told["ess"])
    if why:
        return told | {"verdict": "refused", "reason": why, "gain": None, "difference": None}
    difference = _mean([v.difference for v in good], [v.difference_error for v in good])
    return told | {
        "reason": "",
        "gain": _mean([v.gain for v in good], [v.error for v in good]),
        "difference": difference,
        "verdict": verdict(difference["low"], difference["high"]),
    }


def _too_little(found: Sequence[Value], sample: float) -> str:
    """Why the rounds say too little for an overall value, or an empty string."""
    good = sum(v.supported for v in found)
    if good < LEAST_SHARE * len(found) or not good:
        first = next((v.why for v in found if v.why), "")
        return f"only {good} of {len(found)} rounds tried anything near what it would have planned ({first})"
    if sample < LEAST_SAMPLE:
        return f"{good} rounds have an effective sample of {sample:.1f} runs, a verdict takes {LEAST_SAMPLE:g}"
    return ""


def _value(i: int, logged: Sequence[Logged], plan: Floats, config: RunConfig) -> Value:
    here = logged[i]
    beta, cov = _model([e for j, e in enumerate(logged) if j != i], config)
    x = log_shares(plan) - log_shares(here.reference)
    weights, ess, distance = _near(x, here)
    residual = here.gains - here.points @ beta
    gain = float(x @ beta + weights @ residual)
    main = np.zeros(len(weights))
    if here.compared:
        main[1] = 1.0
    move, turn = x - main @ here.points, weights - main
    own = float(main @ here.gains)
    why = _lack(distance, here.compared)
    # the residuals of the model are those of its coefficients, too: x less the weighted points is what beta bears alone
    return Value(
        round=here.evidence.round,
        gain=gain,
        error=_error(x - weights @ here.points, cov, weights, here.cov),
        difference=gain - own,
        difference_error=_error(move - turn @ here.points, cov, turn, here.cov),
        logged=own,
        ess=ess,
        distance=distance,
        supported=not why,
        why=why,
    )


def _model(others: Sequence[Logged], config: RunConfig) -> tuple[Floats, Floats]:
    """Arm values [K] and covariance [K, K] from the contrasts of some rounds, as the loop's own regression has them."""
    keys = tuple(arms(config.domains))
    feedback = config.feedback
    contrasts = [c for e in others for c in e.evidence.contrasts]
    full = np.array([contrast_features(c) for c in contrasts]).reshape(len(contrasts), len(keys))
    probe = full * np.array([[c.kind == "probe"] for c in contrasts])
    cov = stacked_cov([e.evidence.cov for e in others], [0] * len(others), 1.0)
    data = Data(full, probe, np.array([c.gain for c in contrasts]), cov)
    mean = feedback.returns * len(keys) * others[-1].reference
    found = fit(data, block_prior(keys), mean, feedback.scale, feedback.bias)
    return found.mean, found.cov


def _near(x: Floats, here: Logged) -> tuple[Floats, float, float]:
    """Weights [n] of the round's runs around a plan, their effective number, and the nearest one in bandwidths.

    A run counts by its nearness and by its precision: `exp(-d^2 / 2) / (v + v0 d^2)` with v its own variance and v0 the
    median one, so that control, which is known exactly, has all the weight where it is the plan. Distances d weigh each
    arm by its share of control, in units of the median distance from a run to its nearest neighbour.
    """
    width = _width(here)
    d = np.sqrt(((here.points - x) ** 2 * here.reference).sum(axis=1)) / width
    own = np.diag(here.cov)
    typical = float(np.median(own[own > 0])) if (own > 0).any() else 1.0
    raw = np.exp(-0.5 * (d**2 - d.min() ** 2)) / (own / typical + d**2 + 1e-9)
    weights = raw / raw.sum()
    return weights, float(1 / (weights**2).sum()), float(d.min())


def _width(here: Logged) -> float:
    between = np.sqrt(((here.points[:, None] - here.points[None]) ** 2 * here.reference).sum(axis=2))
    np.fill_diagonal(between, np.inf)
    nearest = between.min(axis=1)
    known = nearest[np.isfinite(nearest) & (nearest > 0)]
    return float(np.median(known)) if len(known) else 1e-9


def _lack(distance: float, compared: bool) -> str:
    if not compared:
        return "main was not measured against control"
    return f"the nearest run is {distance:.1f} bandwidths away" if distance > REACH else ""


def _error(bare: Floats, cov: Floats, weights: Floats, noise: Floats) -> tuple[float, float]:
    """Of the model, in the direction that no residual has corrected, and of the measurements."""
    model, measured = float(bare @ cov @ bare), float(weights @ noise @ weights)
    return float(np.sqrt(max(model, 0.0))), float(np.sqrt(max(measured, 0.0)))


def _mean(estimates: Sequence[float], errors: Sequence[tuple[float, float]]) -> dict[str, float]:
    """Mean with a 95 % interval in which no error averages out.

    The rounds' models share their data, and their measurements share items and noise floor: a log does not tell how
    much, and full correlation is the most that it can be.
    """
    mean, n = float(np.mean(estimates)), len(estimates)
    se = float(np.hypot(*np.array(errors).mean(axis=0)))
    return {"mean": mean, "se": se, "low": mean - Z * se, "high": mean + Z * se, "n": n}
