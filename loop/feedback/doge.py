"""doge: arms whose gradient points where the target's points get more; what points away counts as nothing."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Floats, Probe
from .simplex import softmax


class Settings(Record):
    """Constants of the public re-implementation, in sds of the alignment."""

    rate: float = Field(default=0.3, gt=0)
    """Log weight per sd of alignment (1 / mu)."""
    clip: float = Field(default=5.0, gt=0)
    """Largest alignment that counts, in sds."""
    signed: bool = False
    """Whether what points away from the target loses; DoGE cuts at zero, which hides arms that harm."""


class Doge(Base):
    """a <- a exp(rate * clip(alignment, 0, 5)); what is trained on is the mean of a over the rounds."""

    name = "doge"
    source = "arXiv 2310.15393; clipping as in HazyResearch/aioli"
    needs = frozenset({"influence"})
    Settings = Settings
    remembers = ("logs", "total", "steps")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.logs, self.total, self.steps = np.zeros(len(arms)), np.zeros(len(arms)), 0

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """One step of the weights, and their mean so far."""
        raw = self.signal(context, "influence")
        alignment = raw / max(float(np.sqrt((raw**2).mean())), 1e-12)
        low = -self.settings.clip if self.settings.signed else 0.0
        self.logs = self.logs + self.settings.rate * np.clip(alignment, low, self.settings.clip)
        self.total, self.steps = self.total + softmax(self.logs, context.live), self.steps + 1
        wanted = np.where(context.live, self.total, 0.0)
        return wanted / wanted.sum(), (), f"doge: best aligned is {self.arms[int(np.argmax(alignment))]}"
