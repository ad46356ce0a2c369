"""loopai: the bucket formula of LoopAI: budget by where the model fails, corrected by what more data there gained."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Probe
from .one_arm import full_gain


class Settings(Record):
    """Factors of the formula that nobody measures are the same for all buckets."""

    alpha: float = Field(default=1.0, ge=0)
    """Exponent of the share of failures."""
    low: float = Field(default=0.05, ge=0, lt=1)
    """Smallest share of a bucket, at most half of an equal one."""
    high: float = Field(default=0.5, gt=0, le=1)
    """Largest share of a bucket."""
    explore: float = Field(default=0.05, ge=0, lt=1)
    """Share that is kept for buckets without failures."""


class LoopAi(Base):
    """weight = failures^alpha * learnability, clamped; learnability follows raw gain per unit of data, without error.

    Confidence, severity, transfer and cost of a bucket are factors of the formula too; they are one here.
    """

    name = "loopai"
    source = "OpenDCAI/Dataflow-LoopAI (research/peers.md 2.1)"
    needs = frozenset({"failures"})
    Settings = Settings
    remembers = ("learnability", "shares")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.learnability, self.shares = np.ones(len(arms)), np.zeros(len(arms))

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The formula on this round's failures."""
        failures = np.where(context.live, np.maximum(self.signal(context, "failures"), 0.0), 0.0)
        raw = failures**self.settings.alpha * self.learnability * (failures > 0)
        flat = context.live / context.live.sum()
        formula = raw / raw.sum() if raw.sum() > 0 else flat
        wanted = (1 - self.settings.explore) * formula + self.settings.explore * flat
        low = min(self.settings.low, 0.5 / int(context.live.sum()))
        wanted = np.where(context.live, np.clip(wanted, low, self.settings.high), 0.0)
        self.shares = wanted / wanted.sum()
        return self.shares, (), f"loopai: most failures in {self.arms[int(np.argmax(failures))]}"

    def observe(self, evidence: Evidence) -> None:
        """Metric gain per new sample, credited to every bucket by its share."""
        found = full_gain(evidence)
        if found is not None and self.shares.any():
            per_unit = found[0] / self.config.point * self.shares / self.shares.max()
            self.learnability = np.clip(self.learnability * np.exp(0.1 * per_unit), 0.2, 5.0)
