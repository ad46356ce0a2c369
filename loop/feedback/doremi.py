"""doremi: arms on which the model lags behind a reference model get more (group distributionally robust)."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Floats, Probe
from .simplex import softmax


class Settings(Record):
    """Constants of the public code."""

    rate: float = Field(default=1.0, gt=0)
    """Log weight per nat of excess loss (`reweight_eta`)."""
    smoothing: float = Field(default=1e-4, ge=0, le=1)
    """Share of uniform in the weights (`reweight_eps`)."""


class DoReMi(Base):
    """a <- a exp(rate * max(loss - reference loss, 0)), smoothed; what is trained on is the mean of a over the rounds.

    Tiers differ in irreducible loss, so the reference model has to have been trained on the same arms.
    """

    name = "doremi"
    source = "arXiv 2305.10429; constants: sangmichaelxie/doremi"
    needs = frozenset({"losses", "reference_losses"})
    Settings = Settings
    remembers = ("weights", "total", "steps")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.weights = np.full(len(arms), 1 / len(arms))
        self.total, self.steps = np.zeros(len(arms)), 0

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """One step of the weights, and their mean so far."""
        excess = np.maximum(self.signal(context, "losses") - self.signal(context, "reference_losses"), 0.0)
        raised = softmax(np.log(np.maximum(self.weights, 1e-300)) + self.settings.rate * excess, context.live)
        flat = context.live / context.live.sum()
        self.weights = (1 - self.settings.smoothing) * raised + self.settings.smoothing * flat
        self.total, self.steps = self.total + self.weights, self.steps + 1
        wanted = np.where(context.live, self.total, 0.0)
        return wanted / wanted.sum(), (), f"doremi: most excess loss has {self.arms[int(np.argmax(excess))]}"
