"""structured_blr: Bayesian regression of paired probes on share differences, tiers and domains alike a priori."""

from typing import Any

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .belief import Belief, moves
from .config import FeedbackConfig
from .design import random_probes
from .mechanism import Context, Evidence, Floats, Probe
from .policy import ascent, start_of
from .regression import block_prior
from .tier_prior import tier_z


class Settings(Record):
    """Values are in points (`feedback.point`) per unit of share; published were probes of (.6, .6, .4)."""

    thompson: bool = False
    """Step on a draw from the posterior instead of its mean."""
    mean: float = 1.5
    """Prior mean of a value, per unit of tier z."""
    blocks: tuple[float, float, float] = (1.5, 0.7, 0.7)
    """Prior sds of the tier, domain and cell part of a value."""
    discount: float = Field(default=0.9, gt=0, le=1)
    """Weight of evidence that is one round older: values drift as the model learns."""
    probe: tuple[float, float, float] = (3.0, 3.0, 3.0)
    """Sds of a probe's tilt of tiers, domains and cells, in log share."""
    tau: float = Field(default=6.0, gt=0)
    """Points per unit of share that move a log share by one."""
    clip: float = Field(default=0.5, gt=0)
    """Largest change of a log share in one round."""
    full: bool = True
    """Whether main against control is evidence too, beside the probes."""


class StructuredBlr(Base):
    """Arm values by generalised least squares with a block prior; an exponentiated-gradient step on them."""

    name = "structured_blr"
    source = "research/feedback.md 1.25 and 4.7 (BLR + paired probes); exponentiated gradient: Kivinen and Warmuth 1997"
    needs = frozenset({"probes"})
    Settings = Settings

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        mean, cov = self.prior()
        self.belief = Belief(mean, cov, self.settings.discount)
        self.weights: Floats = np.full(len(arms), 1 / len(arms))

    def prior(self) -> tuple[Floats, Floats]:
        """Mean [d] and covariance [d, d] of the coefficients, of which the first K are arm values."""
        return self.settings.mean * tier_z(self.arms), block_prior(self.arms, self.settings.blocks)

    def features(self, moved: Floats) -> Floats:
        """[n, d] of [n, K] share differences."""
        return moved

    def values(self, coefficients: Floats) -> Floats:
        """[K] points per unit of share."""
        return coefficients

    def jacobian(self, coefficients: Floats) -> Floats:
        """[K, d] change of the values with the coefficients."""
        return np.eye(len(self.arms))

    def direction(self) -> Floats | None:
        """[K] log-share direction of the first probe, where it is not a random one."""
        return None

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A step on the values from where the last round ended; the first round is the tier prior."""
        if context.start is None:
            wanted = ascent(context, context.reference, tier_z(self.arms), 3.0)
        else:
            mean, cov = self.belief.posterior()
            if self.settings.thompson:
                mean = self.random(context.round).multivariate_normal(mean, cov, method="cholesky")
            wanted = ascent(context, start_of(context), self.values(mean) / self.settings.tau, self.settings.clip)
        self.weights = wanted
        rng, floor = self.random(context.round + 10**6), self.config.floor
        tried = random_probes(context, wanted, self.settings.probe, floor, rng, self.direction())
        return wanted, tried, self._reason(context)

    def observe(self, evidence: Evidence) -> None:
        """Take in the round's contrasts, with the covariance that a shared reference gives them."""
        used = [
            i
            for i, c in enumerate(evidence.contrasts)
            if c.kind == "probe" or (c.kind == "full" and self.settings.full)
        ]
        if used:
            contrasts = [evidence.contrasts[i] for i in used]
            gains = np.array([c.gain for c in contrasts]) / self.config.point
            cov = evidence.cov[np.ix_(used, used)] / self.config.point**2
            self.belief.update(self.features(moves(contrasts)), gains, cov)

    def posterior(self) -> tuple[Floats, Floats]:
        """Mean [K] and covariance [K, K] of the arm values: composite gain per unit of log share, at the last mix."""
        mean, cov = self.belief.posterior()
        to_log = self.weights * self.config.point
        linear = self.jacobian(mean)
        return to_log * self.values(mean), to_log[:, None] * (linear @ cov @ linear.T) * to_log

    def state_dict(self) -> dict[str, Any]:
        """What was learned and the last mixture."""
        return {"belief": self.belief.state_dict(), "weights": self.weights.tolist()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        self.belief.load_state_dict(state["belief"])
        self.weights = np.array(state["weights"])

    def _reason(self, context: Context) -> str:
        if context.start is None:
            return f"{self.name}: no evidence yet, the tier prior"
        values = np.where(context.live, self.values(self.belief.posterior()[0]), np.nan)
        best, worst = int(np.nanargmax(values)), int(np.nanargmin(values))
        return (
            f"{self.name}: most worth is {self.arms[best]} ({values[best]:+.2f} points per unit of share), "
            f"least {self.arms[worst]} ({values[worst]:+.2f})"
        )
