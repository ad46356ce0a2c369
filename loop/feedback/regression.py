"""Structured Bayesian regression of paired contrasts, averaged over a grid of prior scales."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ...tiers.tier import Arm
from .mechanism import Contrast, Floats

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0)
BIASES = (0.3, 1.0, 2.0)
BLOCKS = (0.7, 0.7, 0.35)  # sd of the tier, domain and cell part of a value
OFFSET = 0.01  # c of log(w + c): a share below it hardly counts


@dataclass(frozen=True)
class Data:
    """n contrasts of K arms, stacked over rounds."""

    full: Floats
    """[n, K] feature difference as a full-length run feels it (times the fraction, for a probe)."""
    probe: Floats
    """[n, K] the same for probes, zero rows for full contrasts: what the horizon bias loads on."""
    gain: Floats
    """[n]"""
    cov: Floats
    """[n, n] error of the gains, inflated by age."""


@dataclass(frozen=True)
class Posterior:
    """Arm values (composite gain per unit of log share), the probes' bias, and the weight of each prior in the grid."""

    mean: Floats
    cov: Floats
    bias: Floats
    weights: Floats
    """[len(SCALES) * len(BIASES)]"""


def log_shares(mixture: Floats) -> Floats:
    """[K] the features: log(w + c); gains are near linear in them, also on real runs (research/feedback.md 0.3)."""
    return np.asarray(np.log(mixture + OFFSET))


def contrast_features(contrast: Contrast) -> Floats:
    """[K] what a contrast's gain is a linear function of: the log-share difference, for a probe times its fraction.

    A run of a fraction f of the tokens has felt a mixture for f of the time, so it shows f of the effect. The features
    are scaled, not the gain divided by f: then short probes weigh as little as their error says.
    """
    x = log_shares(contrast.mixture) - log_shares(contrast.baseline)
    return x * contrast.fraction if contrast.kind == "probe" else x


def stacked_cov(covs: Sequence[Floats], ages: Sequence[int], discount: float) -> Floats:
    """[n, n] block-diagonal error covariance of several rounds, inflated by 1 / discount per round of age."""
    n = sum(len(c) for c in covs)
    out, at = np.zeros((n, n)), 0
    for cov, age in zip(covs, ages, strict=True):
        end = at + len(cov)
        out[at:end, at:end] = cov / discount**age
        at = end
    return out


def block_prior(arms: tuple[str, ...], blocks: tuple[float, float, float] = BLOCKS) -> Floats:
    """[K, K] prior covariance from the sds of a value's tier, domain and cell part: arms of one tier are alike."""
    parsed = [Arm.parse(a) for a in arms]
    tier = np.array([[a.tier == b.tier for b in parsed] for a in parsed], dtype=float)
    domain = np.array([[a.domain == b.domain for b in parsed] for a in parsed], dtype=float)
    return np.asarray(blocks[0] ** 2 * tier + blocks[1] ** 2 * domain + blocks[2] ** 2 * np.eye(len(arms)))


def fit(data: Data, unit: Floats, mean: Floats, scale: float, bias: float) -> Posterior:
    """Posterior of the arm values, model-averaged over prior scale and bias size by marginal likelihood.

    gain = full @ beta + probe @ b + error, with beta ~ N(s mean, s^2 unit), b ~ N(0, (s t)^2 unit), for every s in
    `scale * SCALES` and t in `bias * BIASES`. The scale makes the prior free of the composite's unit; t is how far
    probes may differ systematically from full runs, and is learned from where the two disagree.

    Args:
        data: the contrasts.
        unit: [K, K] prior covariance at scale 1.
        mean: [K] prior mean at scale 1.
        scale: prior sd of a value, in composite sds.
        bias: prior sd of the bias, in sds of the values.
    """
    fits = [_fit_one(data, unit, mean, scale * s, bias * t) for s in SCALES for t in BIASES]
    logs = np.array([f[3] for f in fits])
    weights = np.exp(logs - logs.max())
    weights /= weights.sum()
    means = np.array([f[0] for f in fits])
    centre = weights @ means
    cov = sum(w * (f[1] + np.outer(f[0] - centre, f[0] - centre)) for w, f in zip(weights, fits, strict=True))
    return Posterior(centre, np.asarray(cov), weights @ np.array([f[2] for f in fits]), weights)


def _fit_one(data: Data, unit: Floats, mean: Floats, s: float, t: float) -> tuple[Floats, Floats, Floats, float]:
    prior = s * s * unit
    across = prior @ data.full.T
    total = data.full @ across + t * t * data.probe @ prior @ data.probe.T + data.cov
    chol = np.linalg.cholesky(total + 1e-12 * np.eye(len(total)))
    residual = np.linalg.solve(chol, data.gain - s * data.full @ mean)
    half = np.linalg.solve(chol, across.T)
    bias = t * t * np.linalg.solve(chol, data.probe @ prior).T @ residual
    evidence = -0.5 * float(residual @ residual) - float(np.log(np.diag(chol)).sum())
    return s * mean + half.T @ residual, prior - half.T @ half, bias, evidence
