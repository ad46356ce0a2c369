"""In-run mixing: a run's own losses move its mixture while it trains; deterministic, and off by default.

ODM (arXiv 2312.02406) prefers arms on which the loss is high, as a bandit; ADO (arXiv 2410.11820) those whose fitted
scaling law still falls fastest. A high loss may be noise as well as news: both want arms that were filtered.
"""

from typing import Protocol

import numpy as np

from .order import Floats, Ints


class Mixer(Protocol):
    """Shares of the next step from the losses of those before."""

    def shares(self, step: int) -> Floats:
        """[K] on the simplex."""
        ...

    def observe(self, arms: Ints, losses: Floats) -> None:
        """Arm [rows] and mean loss [rows] of a step's rows."""
        ...


class Odm:
    """Online data mixing.

    `paper`: R_k <- a R_k + (1 - a) loss_k / p_k; p = (1 - K e) softmax(e' R) + e with e = min(1 / K, sqrt(ln K /
    (K t))). `code` (the authors' repository departs from it): R_k <- a R_k + (1 - a) exp(loss_k), p in proportion to
    R. The planned mixture rules for the first tenth of the steps.
    """

    MEMORY = 0.9
    WARM = 0.1

    def __init__(self, prior: Floats, steps: int, *, linear: bool) -> None:
        self._prior, self._linear, self._warm = prior, linear, max(1, round(self.WARM * steps))
        self._rewards, self._shares, self._t = np.zeros(len(prior)), prior, 0

    def shares(self, step: int) -> Floats:
        """[K] of the next step."""
        if step < self._warm:
            self._shares = self._prior
        elif self._linear:
            self._shares = _normalised(np.where(self._rewards > 0, self._rewards, self._rewards.max()))
        else:
            least, before = self._explored(self._t), self._explored(max(1, self._t - 1))
            exponent = before * self._rewards
            gibbs = _normalised(np.exp(exponent - exponent.max()))
            self._shares = _normalised((1 - len(gibbs) * least) * gibbs + least)
        return self._shares

    def observe(self, arms: Ints, losses: Floats) -> None:
        """Mean loss of each arm in the step is its reward; an arm that was not drawn keeps what it had."""
        self._t += 1
        for k in np.unique(arms):
            loss = float(np.nanmean(losses[arms == k]))
            fresh = np.exp(min(loss, 20.0)) if self._linear else loss / max(float(self._shares[k]), 1e-6)
            first = self._linear and self._rewards[k] == 0
            self._rewards[k] = fresh if first else self.MEMORY * self._rewards[k] + (1 - self.MEMORY) * fresh

    def _explored(self, t: int) -> float:
        k = len(self._prior)
        return min(1 / k, float(np.sqrt(np.log(max(k, 2)) / (k * max(t, 1)))))


class Ado:
    """Adaptive data optimisation: share ~ prior_k h_k^0.5 max(a_k, .05) (L_k - eps_k) / n_k.

    L_k = eps_k + beta_k n_k^-a_k is fitted to the arm's losses by rows n_k seen, h is the running mean of realised
    shares; no share under 1 %, and what is played is .9 of the mean so far and .1 of the newest. The planned mixture
    rules for the first fifth of the steps; laws are fitted anew every twentieth.
    """

    WARM, REFIT, MEMORY, FLOOR = 0.2, 0.05, 0.9, 0.01

    def __init__(self, prior: Floats, steps: int) -> None:
        self._prior, self._warm, self._every = (
            prior,
            max(2, round(self.WARM * steps)),
            max(1, round(self.REFIT * steps)),
        )
        self._seen = np.zeros(len(prior))
        self._curve: list[list[tuple[float, float]]] = [[] for _ in prior]
        self._history, self._mean, self._means = prior.copy(), prior.copy(), 1
        self._laws: list[Floats | None] = [None] * len(prior)

    def shares(self, step: int) -> Floats:
        """[K] of the next step."""
        if step < self._warm:
            return self._prior
        if (step - self._warm) % self._every == 0:
            self._laws = [fit_law(np.array(curve)) for curve in self._curve]
        slope = np.array([self._slope(k) for k in range(len(self._prior))])
        wanted = _normalised(self._prior * np.sqrt(self._history) * slope)
        wanted = _normalised(np.maximum(wanted, self.FLOOR * (self._prior > 0)))
        self._means += 1
        self._mean = self._mean + (wanted - self._mean) / self._means
        return _normalised(0.9 * self._mean + 0.1 * wanted)

    def observe(self, arms: Ints, losses: Floats) -> None:
        """Mean loss of each arm in the step is a point of its curve."""
        for k in np.unique(arms):
            self._seen[k] += np.sum(arms == k)
            self._curve[k].append((float(self._seen[k]), float(np.nanmean(losses[arms == k]))))
        realised = np.bincount(arms, minlength=len(self._prior)) / len(arms)
        self._history = self.MEMORY * self._history + (1 - self.MEMORY) * realised

    def _slope(self, k: int) -> float:
        """How fast the loss of an arm falls by its next row."""
        law, n = self._laws[k], max(float(self._seen[k]), 1.0)
        if law is None:
            return 1.0 / n
        _, beta, a = (float(x) for x in law)
        return float(max(a, 0.05) * beta * n**-a / n)


def fit_law(curve: Floats) -> Floats | None:
    """(eps, beta, a) of L(n) = eps + beta n^-a, 0 <= a <= .8, robustly fitted to points [m, 2] of (n, L).

    None for fewer than four points. The log-scale Huber fit of ADO from a small grid of starts.
    """
    from scipy.optimize import least_squares  # slow to import, and only ADO fits curves

    curve = curve[np.isfinite(curve[:, 1])] if len(curve) else np.zeros((0, 2))
    if len(curve) < 4:
        return None
    n, loss = curve[:, 0], np.maximum(curve[:, 1], 1e-6)

    def residual(x: Floats) -> Floats:
        found: Floats = np.log(x[0] + x[1] * n ** -x[2]) - np.log(loss)
        return found

    low = float(loss.min())
    bounds = ([1e-9, 1e-9, 0.0], [max(low, 1e-6), 10 * float(loss.max()) + 1.0, 0.8])
    fits = [
        least_squares(residual, (share * low, float(loss.max()), a), bounds=bounds, loss="huber", f_scale=1e-3)
        for share in (0.2, 0.8)
        for a in (0.1, 0.5)
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    return np.asarray(best.x, dtype=np.float64)


def mixer(name: str, prior: Floats, steps: int) -> Mixer:
    """The mixer of that name, from the planned shares [K]."""
    if name == "ado":
        return Ado(prior, steps)
    return Odm(prior, steps, linear=name == "odm_code")


def _normalised(shares: Floats) -> Floats:
    total = float(shares.sum())
    return shares / total if total > 0 else np.full(len(shares), 1 / len(shares))
