"""OneArm: how a bandit that pulls one arm a round plays a game of mixtures; base of the classic bandits."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Probe


class Settings(Record):
    """How a pulled arm becomes a mixture, and a gain a reward."""

    boost: float = Field(default=0.5, gt=0, le=1)
    """Share of the mixture that the pulled arm gets on top of the policy's own shares."""
    range: float = Field(default=6.0, gt=0)
    """Points of gain between a reward of 0 and one of 1: fixed, so that rewards of all rounds mean the same."""


def full_gain(evidence: Evidence) -> tuple[float, float] | None:
    """Gain of main over control and its variance; None where the round has no such contrast."""
    for i, c in enumerate(evidence.contrasts):
        if c.kind == "full":
            return c.gain, float(evidence.cov[i, i])
    return None


class OneArm(Base):
    """Every round an arm is pulled; the mixture is part policy, part that arm (research/feedback.md 1.2)."""

    Settings = Settings
    remembers: tuple[str, ...] = ("arm", "pulls", "total")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        k = len(arms)
        self.arm = -1
        self.pulls, self.total = np.zeros(k), np.zeros(k)

    def probabilities(self, context: Context) -> Floats:
        """[K] the policy: any weights, zero on arms that are not live."""
        raise NotImplementedError

    def pull(self, context: Context, probabilities: Floats) -> int:
        """The arm of the round: drawn from the policy."""
        return int(self.random(context.round).choice(len(self.arms), p=probabilities))

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """Part policy, part the pulled arm."""
        wanted = np.where(context.live, self.probabilities(context), 0.0)
        wanted = wanted / wanted.sum()
        self.arm = self.pull(context, wanted)
        mixed = (1 - self.settings.boost) * wanted + self.settings.boost * np.eye(len(self.arms))[self.arm]
        return mixed, (), f"{self.name}: pulls {self.arms[self.arm]}"

    def observe(self, evidence: Evidence) -> None:
        """The gain of main over control is the reward of the arm that was pulled."""
        found = full_gain(evidence)
        if found is not None and self.arm >= 0:
            self.learn(self.arm, found[0], found[1])

    def learn(self, arm: int, gain: float, variance: float) -> None:
        """Take the gain of one pull, in composite units."""
        self.pulls[arm] += 1
        self.total[arm] += self.reward(gain)

    def reward(self, gain: float) -> float:
        """In [0, 1]; one half is no gain."""
        return float(np.clip(0.5 + gain / self.config.point / self.settings.range, 0.0, 1.0))

    def posterior(self) -> tuple[Floats, Floats]:
        """Mean reward of an arm as a gain, shrunk to none by one pull's worth, and its spread; arms are independent."""
        unit = self.settings.range * self.config.point
        mean = (self.total - 0.5 * self.pulls) / (self.pulls + 1.0) * unit
        return mean, np.diag(0.25 * unit**2 / (self.pulls + 1.0))
