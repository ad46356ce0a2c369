"""horizon_blr: Bayesian regression on log shares that trusts short probes only as far as full runs agree with them."""

from typing import Any

import numpy as np

from ...tiers.estimates import normal_estimate
from .base import Base
from .config import FeedbackConfig
from .design import probes
from .mechanism import Context, Evidence, Floats, Probe
from .regression import OFFSET, Data, Posterior, block_prior, contrast_features, fit, log_shares, stacked_cov
from .simplex import project
from .tier_prior import tier_z

ITERATIONS = 120


class HorizonBlr(Base):
    """The default: GLS with a structured prior and a probe-horizon bias; a cautious step.

    Made for a few rounds that know no influence. The bias answers short probes that reward what is learned fastest.
    """

    name = "horizon_blr"
    source = "research/feedback.md 1.25 and 6 without gradients; the horizon bias is our own"

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self._rounds: list[dict[str, Any]] = []

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The mixture with the best cautious gain over the reference within one step, and probes around it."""
        start = context.reference if context.start is None else context.start
        wanted, gain, sd = self._ascend(context, start) if self._rounds else self._opening(context)
        tried = probes(context, wanted, self.config.probe_size, self.config.floor, self.seed)
        return wanted, tried, self._reason(context, wanted, gain, sd)

    def observe(self, evidence: Evidence) -> None:
        """Keep one round's contrasts; the posterior is computed afresh from all of them."""
        full, probe = [], []
        for c in evidence.contrasts:
            x = contrast_features(c)
            full.append(x.tolist())
            probe.append((x if c.kind == "probe" else 0 * x).tolist())
        gains = [float(c.gain) for c in evidence.contrasts]
        row = {"round": evidence.round, "full": full, "probe": probe, "gain": gains, "cov": evidence.cov.tolist()}
        self._rounds = [r for r in self._rounds if r["round"] != evidence.round] + ([row] if gains else [])

    def posterior(self) -> tuple[Floats, Floats]:
        """Mean [K] and covariance [K, K] of the arm values: composite gain per unit of log share."""
        found = self._fit(np.full(len(self.arms), 1.0 / max(len(self.arms), 1)))
        return found.mean, found.cov

    def state_dict(self) -> dict[str, Any]:
        """Contrasts of all rounds, as seen."""
        return {"rounds": self._rounds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        self._rounds = [dict(r) for r in state["rounds"]]

    def _fit(self, reference: Floats) -> Posterior:
        config = self.config
        mean = config.returns * len(self.arms) * reference
        return fit(self._data(), block_prior(self.arms), mean, config.scale, config.bias)

    def _data(self) -> Data:
        k = len(self.arms)
        now = max((r["round"] for r in self._rounds), default=0)
        n = sum(len(r["gain"]) for r in self._rounds)
        covs = [np.array(r["cov"], dtype=float) for r in self._rounds]
        cov = stacked_cov(covs, [now - r["round"] for r in self._rounds], self.config.discount)
        full = np.array([x for r in self._rounds for x in r["full"]], dtype=float).reshape(n, k)
        probe = np.array([x for r in self._rounds for x in r["probe"]], dtype=float).reshape(n, k)
        return Data(full, probe, np.array([g for r in self._rounds for g in r["gain"]], dtype=float), cov)

    def _opening(self, context: Context) -> tuple[Floats, float, float]:
        """The first round has no evidence: a mild tilt by the tier prior is its full-length experiment."""
        tilt = self.config.tier_weight * tier_z(self.arms)
        return project(context.reference * np.exp(tilt), context.live, context.cap, self.config.floor), 0.0, 0.0

    def _ascend(self, context: Context, start: Floats) -> tuple[Floats, float, float]:
        """Exponentiated gradient on mean - caution * sd of the gain over the reference; the best point seen."""
        found, size = self._fit(context.reference), self.config.step
        low, high = start * np.exp(-size), start * np.exp(size)
        phi0 = log_shares(context.reference)

        def value(w: Floats) -> tuple[float, float, Floats]:
            x = log_shares(w) - phi0
            sd = max(float(x @ found.cov @ x), 1e-18) ** 0.5
            return float(found.mean @ x), sd, found.mean - self.config.caution * (found.cov @ x) / sd

        def bounded(w: Floats) -> Floats:
            return project(w, context.live, context.cap, self.config.floor, low, high)

        w = best = bounded(start)
        top = -float("inf")
        for i in range(ITERATIONS):
            gain, sd, slope = value(w)
            if gain - self.config.caution * sd > top:
                best, top = w, gain - self.config.caution * sd
            g = slope * w / (w + OFFSET)
            g = np.where(context.live, g - w * g.sum(), 0.0)
            w = bounded(w * np.exp(0.3 * size / np.sqrt(1.0 + i) * g / max(float(np.abs(g).max()), 1e-18)))
        gain, sd, _ = value(best)
        return best, gain, sd

    def _reason(self, context: Context, wanted: Floats, gain: float, sd: float) -> str:
        moves = np.where(context.live, log_shares(wanted) - log_shares(context.reference), 0.0)
        order = np.argsort(moves, kind="stable")
        told = f"most above the reference: {self.arms[order[-1]]}, most below: {self.arms[order[0]]}"
        if not self._rounds:
            return f"horizon_blr: no evidence yet, tilt by the tier prior ({told})"
        predicted = normal_estimate(gain, sd, 3)
        return f"horizon_blr: predicted gain over the reference, in composite sds: {predicted}; {told}"
