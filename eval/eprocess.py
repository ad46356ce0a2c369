"""E-processes: evidence that may be looked at after every round; E >= 1 / alpha is a level-alpha test at any time."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def harms(gains: Floats, covs: Floats, weights: Floats, spread: float = 1.0) -> Floats:
    """E-process against "no round's mean is below zero", for rounds with common errors of uncertain size.

    For each possible covariance S_j the evidence is the mixture over effects d < 0 of the likelihood ratio of
    N(d sd_j, S_j) to N(0, S_j), sd_j the rounds' standard errors (Robbins, 1970, Annals of Mathematical Statistics
    41:1397-1409). Numerator and denominator are then averaged over j, which is Student's t in sequential form: with a
    right-Haar prior on the scale the ratio is an e-process whatever the scale is (Lai, 1976, Annals of Statistics
    4:265-280; Perez-Ortiz, Lardy, de Heide and Grunwald, 2024, Annals of Statistics 52:1410-1432).

    Args:
        gains: [R, n] trajectories of n rounds.
        covs: [J, n, n] possible error covariances, all positive definite.
        weights: [J] or [R, J] their prior weights.
        spread: variance of the effects in standard errors.

    Returns:
        [R, n] the e-value after every round.
    """
    from scipy.special import log_ndtr, logsumexp

    inverse, steps = _innovations(covs)
    logs = np.log(np.maximum(np.broadcast_to(weights, (len(gains), len(covs))), 1e-300))[:, :, None]
    u = np.einsum("jnm,rm->rjn", inverse, gains)
    scale = np.log(np.diagonal(inverse, axis1=1, axis2=2))
    null = logs + np.cumsum(scale - 0.5 * u**2, axis=2)
    total, precision = np.cumsum(steps * u, axis=2), np.cumsum(steps**2, axis=1)
    width = 1 + spread * precision
    ratio = np.log(2) - 0.5 * np.log(width) + spread * total**2 / (2 * width)
    ratio += log_ndtr(-total * np.sqrt(spread / width))
    return np.asarray(np.exp(np.minimum(logsumexp(null + ratio, axis=1) - logsumexp(null, axis=1), 700)))


def _innovations(covs: Floats) -> tuple[Floats, Floats]:
    """[J, n, n] what turns gains into independent innovations, and [J, n] what a unit effect does to each.

    The gains' weights in the evidence are `steps @ inverse`. A round whose weight would fall below zero would count a
    gain as harm; the step is shortened to keep each weight at zero or more. Any step that the past gains do not decide
    keeps the ratio a martingale under the null.
    """
    inverse = np.linalg.inv(np.linalg.cholesky(covs))
    sd = np.sqrt(np.diagonal(covs, axis1=1, axis2=2))
    steps = np.maximum(np.einsum("jnm,jm->jn", inverse, sd), 0.0)
    kept = np.zeros_like(sd)
    for n in range(sd.shape[1]):
        row = inverse[:, n]
        taking = row < -1e-12 * row[:, n, None]  # what is less is rounding
        room = np.where(taking, kept / np.where(taking, -row, 1.0), np.inf).min(axis=1)
        steps[:, n] = np.minimum(steps[:, n], room)
        kept += steps[:, n, None] * row
        np.maximum(kept, 0.0, out=kept)  # rounding
    return inverse, steps
