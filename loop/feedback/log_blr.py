"""log_blr: Bayesian regression on log shares with Thompson sampling; the search of reset mode."""

from typing import Any

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import RESET, Base
from .belief import Belief
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Probe
from .policy import ascent
from .regression import block_prior
from .tier_prior import tier_z
from .trials import dirichlet


class Settings(Record):
    """Elasticities in points per unit of log share.

    research/feedback.md 4.7 has mean .09, blocks (.225, .105, .105), opening 4 and offset .02.
    """

    thompson: bool = True
    """Try the optimum of a draw from the posterior; else that of its mean."""
    mean: float = 0.25
    """Prior mean of an elasticity, per unit of tier z."""
    blocks: tuple[float, float, float] = (0.6, 0.3, 0.4)
    """Prior sds of the tier, domain and cell part."""
    noise: float = Field(default=0.3, ge=0)
    """Variance that the model itself misses, in points squared."""
    opening: int = Field(default=0, ge=0)
    """Random trials before the first that the model chooses."""
    offset: float = Field(default=0.15, gt=0)
    """c of log(w + c)."""


class LogBlr(Base):
    """gain = beta . (log(w + c) - log(reference + c)) + the control's error; the optimum is w ~ max(beta, 0)."""

    name = "log_blr"
    source = "research/feedback.md 4.7 (BLR on log shares); Thompson 1933"
    modes = RESET
    Settings = Settings

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        k = len(arms)
        cov = np.zeros((k + 1, k + 1))
        cov[:k, :k], cov[k, k] = block_prior(arms, self.settings.blocks), 4.0
        self.belief = Belief(np.append(self.settings.mean * tier_z(arms), 0.0), cov)
        self.trials = 0

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A random mixture around the tier prior at first, then the optimum of a draw."""
        rng = self.random(context.round)
        if self.trials < self.settings.opening:
            prior = ascent(context, context.reference, tier_z(self.arms), 3.0)
            strength = np.array([11.2 / int(context.live.sum()) + 0.15])
            told = f"log_blr: random trial {self.trials + 1} of {self.settings.opening}"
            return dirichlet(context, prior + 0.013, strength, rng)[0], (), told
        mean, cov = self.belief.posterior()
        beta = rng.multivariate_normal(mean, cov, method="cholesky") if self.settings.thompson else mean
        return self._optimum(context, beta[:-1]), (), f"log_blr: the optimum of a draw, after {self.trials} trials"

    def recommend(self, context: Context) -> Floats:
        """The optimum of the posterior mean."""
        return self._optimum(context, self.belief.posterior()[0][:-1])

    def observe(self, evidence: Evidence) -> None:
        """Every contrast is a row; probes count for the fraction for which they felt their mixture."""
        used = [i for i, c in enumerate(evidence.contrasts) if c.kind in ("full", "probe")]
        if not used:
            return
        contrasts = [evidence.contrasts[i] for i in used]
        c = self.settings.offset
        moved = np.array([x.fraction * (np.log(x.mixture + c) - np.log(x.baseline + c)) for x in contrasts])
        full = np.array([float(x.kind == "full") for x in contrasts])
        cov = evidence.cov[np.ix_(used, used)] / self.config.point**2 + self.settings.noise * np.eye(len(used))
        gains = np.array([x.gain for x in contrasts]) / self.config.point
        self.belief.update(np.column_stack([moved, full]), gains, cov)
        self.trials += 1

    def posterior(self) -> tuple[Floats, Floats]:
        """Mean [K] and covariance [K, K]: composite gain per unit of log share."""
        mean, cov = self.belief.posterior()
        return mean[:-1] * self.config.point, cov[:-1, :-1] * self.config.point**2

    def state_dict(self) -> dict[str, Any]:
        """What was learned, and from how many trials."""
        return {"belief": self.belief.state_dict(), "trials": self.trials}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        self.belief.load_state_dict(state["belief"])
        self.trials = int(state["trials"])

    def _optimum(self, context: Context, beta: Floats) -> Floats:
        """Argmax of beta . log(w + c) on the simplex: w = max(t beta - c, 0) with the t for which it sums to one."""
        worth = np.where(context.live, np.maximum(beta, 1e-6), 0.0)
        order = np.sort(worth)[::-1]
        scale = (1 + self.settings.offset * np.arange(1, len(order) + 1)) / np.cumsum(order)
        inside = np.flatnonzero(scale * order > self.settings.offset)
        return np.asarray(np.maximum(scale[inside[-1]] * worth - self.settings.offset, 0.0))
