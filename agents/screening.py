"""Screening: whether a new rubric tells anything about a document's worth that the rubrics there are do not."""

import numpy as np
from numpy.typing import NDArray

from ..tiers.ranking import mean_ranks
from ..tiers.record import Record

Floats = NDArray[np.float64]

RESAMPLES = 1_000
LEAST = 40
"""Documents below which nothing is resolved."""


class Screened(Record):
    """The partial rank correlation of a rubric's grades with influence, given the other rubrics' grades."""

    correlation: float
    low: float
    """95 % interval, bootstrap over documents."""
    high: float
    n: int
    passed: bool
    reason: str


def screen(grades: Floats, others: Floats, influence: Floats, seed: int = 0) -> Screened:
    """Partial Spearman correlation of `grades` with `influence` given `others`, and whether it is surely positive.

    Source: the offline objective of research/feedback.md 3.6; training runs are far too expensive as a metric for the
    words of a prompt, so a new one has to earn its trial here.

    Args:
        grades: [n] by the new rubric; NaN where it gave none.
        others: [n, P] by the rubrics in use.
        influence: [n] of each document on the feedback items; NaN where unknown.
        seed: of the bootstrap.
    """
    known = np.isfinite(grades) & np.isfinite(influence) & np.isfinite(others).all(axis=1)
    x, z, y = grades[known], others[known], influence[known]
    n = int(known.sum())
    if n < LEAST:
        return Screened(correlation=0.0, low=-1.0, high=1.0, n=n, passed=False, reason=f"only {n} documents to compare")
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, n, size=(RESAMPLES, n))
    found = partial_spearman(x, z, y)
    low, high = (float(q) for q in np.quantile([partial_spearman(x[d], z[d], y[d]) for d in draws], [0.025, 0.975]))
    said = f"partial rank correlation with influence {found:+.2f} (95 % {low:+.2f}..{high:+.2f}, n = {n})"
    verdict = "tells something new" if low > 0 else "tells nothing new" if high < 0 else "unresolved"
    return Screened(correlation=found, low=low, high=high, n=n, passed=low > 0, reason=f"{verdict}: {said}")


def partial_spearman(x: Floats, z: Floats, y: Floats) -> float:
    """Correlation of the ranks of x [n] and y [n], those of z [n, P] regressed out; 0 if either is explained wholly."""
    design = np.column_stack([np.ones(len(x)), *(mean_ranks(column) for column in z.T)])
    both = np.column_stack([mean_ranks(x), mean_ranks(y)])
    rest = both - design @ np.linalg.lstsq(design, both, rcond=None)[0]
    norms = np.linalg.norm(rest, axis=0)
    if min(norms) < 1e-6 * len(x):
        return 0.0
    return float(rest[:, 0] @ rest[:, 1] / (norms[0] * norms[1]))
