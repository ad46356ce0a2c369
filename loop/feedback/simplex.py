"""Projection onto mixtures: live arms only, between floor and cap, summing to one."""

import numpy as np
from numpy.typing import NDArray

from .mechanism import Floats


def project(
    wanted: Floats,
    live: NDArray[np.bool_],
    cap: Floats,
    floor: float,
    low: Floats | None = None,
    high: Floats | None = None,
) -> Floats:
    """The mixture nearest to `wanted` in Kullback-Leibler divergence within the bounds.

    That is clip(t * wanted, lower, upper) with the one t for which it sums to 1. Where the bounds leave no room, the
    trust region (`low`, `high`) gives way first, then the caps: a run must train on something.

    Args:
        wanted: [K] non-negative, any sum.
        live: [K] arms that may have a share.
        cap: [K] largest shares.
        floor: smallest share of a live arm.
        low: [K] trust region.
        high: [K] trust region.
    """
    n = max(int(live.sum()), 1)
    upper = np.where(live, np.clip(cap, 0.0, 1.0), 0.0)
    if upper.sum() <= 1.0:
        return np.asarray(upper / upper.sum() if upper.sum() > 0 else live / n, dtype=float)
    lower = np.minimum(np.where(live, min(floor, 1.0 / n), 0.0), upper)
    if low is not None and high is not None:
        inner, outer = np.clip(low, lower, upper), np.clip(high, lower, upper)
        if inner.sum() <= 1.0 <= outer.sum():
            lower, upper = inner, outer
    return _scaled(np.where(live, np.maximum(wanted, 1e-9), 0.0), lower, upper)


def _scaled(wanted: Floats, lower: Floats, upper: Floats) -> Floats:
    """clip(t * wanted, lower, upper) that sums to 1: the sum is piecewise linear in t, so t lies between two kinks."""
    inside = wanted > 0
    w, lo, hi = wanted[inside], lower[inside], upper[inside]
    kinks = np.sort(np.concatenate([lo / w, hi / w]))
    sums = np.clip(kinks[:, None] * w, lo, hi).sum(axis=1)
    i = int(np.clip(np.searchsorted(sums, 1.0), 1, len(kinks) - 1))
    rise = sums[i] - sums[i - 1]
    t = kinks[i - 1] + (kinks[i] - kinks[i - 1]) * ((1.0 - sums[i - 1]) / rise if rise > 0 else 0.0)
    mixture = np.zeros_like(wanted)
    mixture[inside] = np.clip(t * w, lo, hi)
    return np.asarray(mixture / mixture.sum())


def softmax(logs: Floats, live: NDArray[np.bool_]) -> Floats:
    """[K] exp(logs) over the live arms, normalised; nothing for the others, whatever their logs are."""
    kept = np.where(live, logs, -np.inf)
    w = np.exp(kept - kept.max())
    return np.asarray(w / w.sum())
