"""odm: arms on which the training loss is high teach most; a bandit on importance-weighted losses."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Floats, Probe
from .simplex import softmax


class Settings(Record):
    """Smoothing."""

    memory: float = Field(default=0.9, ge=0, lt=1)
    """Weight of the past in the running reward."""


class Odm(Base):
    """R_k <- a R_k + (1 - a) loss_k / p_k; p = (1 - K e) softmax(e' R) + e with e = min(1 / K, sqrt(ln K / (K t))).

    Made for steps inside a round: below K ln K steps its exploration leaves it uniform, and across rounds noisy tiers
    have the highest loss.
    """

    name = "odm"
    source = "arXiv 2312.02406 (the paper's rule, which the public code departs from)"
    needs = frozenset({"losses"})
    Settings = Settings
    remembers = ("rewards", "shares")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.rewards, self.shares = np.zeros(len(arms)), np.full(len(arms), 1 / len(arms))

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The losses of the round's model are its rewards."""
        losses, k = self.signal(context, "losses"), int(context.live.sum())
        fresh = losses / np.maximum(self.shares, 1e-6)
        self.rewards = self.settings.memory * self.rewards + (1 - self.settings.memory) * fresh
        now, before = _explored(k, context.round), _explored(k, context.round - 1)
        gibbs = softmax(before * self.rewards, context.live)
        self.shares = np.where(context.live, (1 - k * now) * gibbs + now, 0.0)
        self.shares = self.shares / self.shares.sum()
        return self.shares, (), f"odm: highest reward has {self.arms[int(np.argmax(self.rewards))]}"


def _explored(arms: int, step: int) -> float:
    """Least share of an arm after a number of steps: min(1 / K, sqrt(ln K / (K t)))."""
    return min(1 / arms, float(np.sqrt(np.log(max(arms, 2)) / (arms * max(step, 1)))))
