"""Drift: whether a judge still grades as it did, from a fixed set of documents that it grades anew each round."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..tiers.ranking import spearman
from ..tiers.record import Record

Floats = NDArray[np.float64]

ORDER_BAR = 0.8
"""Rank correlation below which a judge no longer says the same; two passes of a steady one have nearly 1."""
SHIFT_BAR = 0.25
"""Mean shift, in sds of the first grades, that is worth a word when its interval excludes zero."""
LEAST = 8
"""Documents below which nothing can be said."""


class Drift(Record):
    """A judge's grades of the anchor documents, now against first."""

    rubric: str
    n: int
    order: float
    """Spearman's rank correlation."""
    shift: float
    """Mean change of the grades, in sds of the first ones."""
    low: float
    """95 % interval of the shift, paired by document."""
    high: float
    verdict: str
    """`steady`, `shifted` (all grades moved, their order held), `drifted` (the order changed) or `unresolved`."""

    @property
    def kept(self) -> float:
        """The part of the rubric's trust that is left: its rank correlation where it drifted, else all."""
        return max(0.0, self.order) if self.verdict == "drifted" else 1.0

    @property
    def reason(self) -> str:
        """In words."""
        measured = f"order {self.order:.2f}, shift {self.shift:+.2f} sd (95 % {self.low:+.2f}..{self.high:+.2f})"
        return f"{self.n} anchor documents: {self.verdict}, {measured}"


def drift(rubric: str, first: Mapping[str, float], now: Mapping[str, float]) -> Drift:
    """How far the grades of the same documents have moved; documents missing on either side are left out.

    Selection ranks within a round, so a common shift is harmless; a changed order is not. Grades that do not vary have
    no order: they count as steady when they stay, as drifted when they move.
    """
    both = sorted(first.keys() & now.keys())
    a, b = (np.array([grades[k] for k in both]) for grades in (first, now))
    n = len(both)
    if n < LEAST:
        return Drift(rubric=rubric, n=n, order=1.0, shift=0.0, low=0.0, high=0.0, verdict="unresolved")
    order = 1.0 if np.array_equal(a, b) else spearman(a, b)  # constant grades that stay have an order too
    sd = float(a.std(ddof=1)) or 1.0
    change = (b - a) / sd
    mean, reach = float(change.mean()), 1.96 * float(change.std(ddof=1)) / n**0.5
    shifted = abs(mean) > SHIFT_BAR and abs(mean) > reach
    verdict = "drifted" if order < ORDER_BAR else "shifted" if shifted else "steady"
    return Drift(rubric=rubric, n=n, order=order, shift=mean, low=mean - reach, high=mean + reach, verdict=verdict)
