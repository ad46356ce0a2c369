"""gaussian_ts: Thompson sampling of one arm a round under Gaussian beliefs whose evidence is discounted by age."""

import numpy as np
from pydantic import Field

from .config import FeedbackConfig
from .mechanism import Context, Floats
from .one_arm import OneArm
from .one_arm import Settings as OneArmSettings
from .simplex import softmax


class Settings(OneArmSettings):
    """Beliefs in points."""

    prior_sd: float = Field(default=1.0, gt=0)
    """Prior sd of an arm's value; its prior mean is zero."""
    discount: float = Field(default=0.95, gt=0, le=1)
    """Weight of evidence that is one round older."""
    trend: float = Field(default=0.3, ge=0, le=1)
    """Rate of the running mean that gains are measured from: what any mixture gains is no credit of an arm."""
    temperature: float = Field(default=0.5, gt=0)
    """Points of posterior mean that make the policy's shares e times larger."""


class GaussianTs(OneArm):
    """prec_k = 1 / t0^2 + sum g^age / s^2; a draw from every arm's posterior, and the highest is pulled."""

    name = "gaussian_ts"
    source = "Thompson 1933; discounted: arXiv 2305.10718"
    Settings = Settings
    remembers = ("arm", "precision", "shift", "level", "seen")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.precision, self.shift = np.zeros(len(arms)), np.zeros(len(arms))
        self.level, self.seen = 0.0, 0

    def _belief(self) -> tuple[Floats, Floats]:
        precision = self.precision + 1 / self.settings.prior_sd**2
        return self.shift / precision, 1 / precision

    def probabilities(self, context: Context) -> Floats:
        """Softmax of the posterior means."""
        return softmax(self._belief()[0] / self.settings.temperature, context.live)

    def pull(self, context: Context, probabilities: Floats) -> int:
        """The highest draw."""
        mean, variance = self._belief()
        draw = mean + np.sqrt(variance) * self.random(context.round).normal(size=len(mean))
        return int(np.argmax(np.where(context.live, draw, -np.inf)))

    def learn(self, arm: int, gain: float, variance: float) -> None:
        """Gain beyond the running level, with its measured error."""
        points, noise = gain / self.config.point, variance / self.config.point**2
        surplus = points - self.level
        self.level += (self.settings.trend if self.seen else 1.0) * surplus
        self.precision, self.shift = self.settings.discount * self.precision, self.settings.discount * self.shift
        if self.seen:  # the first gain says where the level is, and nothing about the arm
            self.precision[arm] += 1 / max(noise, 1e-12)
            self.shift[arm] += surplus / max(noise, 1e-12)
        self.seen += 1

    def posterior(self) -> tuple[Floats, Floats]:
        """Values as the bandit sees them: what boosting an arm is worth; arms are independent."""
        mean, variance = self._belief()
        return mean * self.config.point, np.diag(variance) * self.config.point**2
