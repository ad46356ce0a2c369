"""Belief: a Gaussian belief about the coefficients of paired contrasts, discounted by age, in information form."""

from typing import Any

import numpy as np

from .mechanism import Contrast, Floats


class Belief:
    """Coefficients ~ N(mean, cov) a priori; every batch y = X theta + N(0, V) adds X'V^-1X and X'V^-1y.

    What is older counts `discount` less per batch (research/feedback.md 1.4: A <- discount A + X'V^-1X). V need not be
    diagonal: contrasts that share a control are taken as they are (generalised least squares).
    """

    def __init__(self, mean: Floats, cov: Floats, discount: float = 1.0) -> None:
        self.prior_mean, self.prior_precision = mean, np.linalg.inv(cov)
        self.discount = discount
        self._known: tuple[Floats, Floats] | None = None
        self.precision, self.shift = np.zeros(cov.shape), np.zeros(len(mean))

    def update(self, features: Floats, gains: Floats, cov: Floats) -> None:
        """Take in a batch: features [n, d], gains [n], their covariance [n, n]."""
        self._known = None
        solved = np.linalg.solve(cov, np.column_stack([features, gains]))
        added = features.T @ solved[:, :-1]
        self.precision = self.discount * self.precision + 0.5 * (added + added.T)
        self.shift = self.discount * self.shift + features.T @ solved[:, -1]

    def posterior(self) -> tuple[Floats, Floats]:
        """Mean [d] and covariance [d, d]."""
        if self._known is None:
            cov = np.linalg.inv(self.prior_precision + self.precision)
            self._known = cov @ (self.prior_precision @ self.prior_mean + self.shift), 0.5 * (cov + cov.T)
        return self._known

    def state_dict(self) -> dict[str, Any]:
        """What was learned so far, as JSON; of the symmetric precision the lower triangle, row by row."""
        rows, columns = np.tril_indices(len(self.shift))
        return {"precision": self.precision[rows, columns].tolist(), "shift": self.shift.tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what was learned."""
        self._known = None
        self.shift = np.array(state["shift"], dtype=float)
        rows, columns = np.tril_indices(len(self.shift))
        self.precision[rows, columns] = self.precision[columns, rows] = state["precision"]


def moves(contrasts: list[Contrast]) -> Floats:
    """[n, K] share differences, times the fraction of a full run for which they were felt."""
    return np.array([c.fraction * (c.mixture - c.baseline) for c in contrasts])
