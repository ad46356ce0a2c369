"""exp3: exponential weights on importance-weighted rewards; needs far more rounds than arms to say anything."""

from math import e

import numpy as np

from .config import FeedbackConfig
from .mechanism import Context, Floats, Probe
from .one_arm import OneArm
from .simplex import softmax


class Exp3(OneArm):
    """p = (1 - g) W / sum W + g / K and W_k *= exp(g r / (p_k K)) for the pulled arm, g tuned to the run's rounds."""

    name = "exp3"
    source = "Auer, Cesa-Bianchi, Freund and Schapire 2002"
    remembers = ("arm", "pulls", "total", "logs", "chance", "rounds")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.logs = np.zeros(len(arms))
        self.chance, self.rounds = 1.0, 1

    @property
    def gamma(self) -> float:
        """Exploration: min(1, sqrt(K ln K / ((e - 1) T)))."""
        k = len(self.arms)
        return min(1.0, float(np.sqrt(k * np.log(k) / ((e - 1) * self.rounds))))

    def probabilities(self, context: Context) -> Floats:
        """Exponential weights mixed with uniform."""
        self.rounds = context.rounds
        flat = context.live / context.live.sum()
        return np.asarray((1 - self.gamma) * softmax(self.logs, context.live) + self.gamma * flat)

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """As every bandit; the chance of the pulled arm is remembered."""
        wanted = self.probabilities(context)
        found = super().plan(context)
        self.chance = float(wanted[self.arm])
        return found

    def learn(self, arm: int, gain: float, variance: float) -> None:
        """Importance-weighted reward into the log weight."""
        super().learn(arm, gain, variance)
        self.logs[arm] += self.gamma * self.reward(gain) / self.chance / len(self.arms)
