"""aioli: a linear mixing law measured as it goes, by sweeping mixtures that are mostly one arm."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import CONTINUE, Base
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Probe
from .policy import start_of


class Settings(Record):
    """Constants of the public code."""

    one_hot: float = Field(default=0.75, gt=0, le=1)
    """Share of its own arm in a sweep's mixture; the rest is uniform (.625 to .75)."""
    rate: float = Field(default=0.2, gt=0)
    """Log share per normalised unit of the law (.1 to .5)."""
    memory: float = Field(default=0.5, ge=0, lt=1)
    """Weight of an arm's earlier sweeps."""


class Aioli(Base):
    """gain of a mixture = sum_k a_k w_k: a from one-hot sweeps, made positive, and p ~ p exp(rate K a / sum a).

    The sweeps are the round's probes, arm after arm; the composite stands for the sum over the law's losses.
    """

    name = "aioli"
    source = "arXiv 2411.05735; constants: HazyResearch/aioli"
    modes = CONTINUE
    needs = frozenset({"probes"})
    Settings = Settings
    remembers = ("law", "swept", "next", "due")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.law, self.swept = np.zeros(len(arms)), np.zeros(len(arms))
        self.next = 0
        self.due: list[int] = []

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A step on the law as far as it is measured; the next arms are swept."""
        start, live = start_of(context), np.flatnonzero(context.live)
        known = (self.swept > 0) & context.live
        shifted = np.where(known, self.law - self.law[known].min(), 0.0) if known.any() else np.zeros(len(start))
        mean = shifted[known].mean() if known.any() else 0.0
        score = np.where(known, shifted, mean) / mean if mean > 0 else np.ones(len(start))
        wanted = np.where(context.live, start * np.exp(self.settings.rate * (score - score.max())), 0.0)
        count = min(context.probes, len(live))
        self.due = [int(live[(self.next + i) % len(live)]) for i in range(count)]
        self.next = (self.next + count) % len(live)
        return wanted / wanted.sum(), tuple(self._sweep(context, i) for i in self.due), f"aioli: {len(self.due)} sweeps"

    def _sweep(self, context: Context, arm: int) -> Probe:
        flat = context.live / context.live.sum()
        mixture = self.settings.one_hot * np.eye(len(self.arms))[arm] + (1 - self.settings.one_hot) * flat
        told = dict(zip(self.arms, mixture.tolist(), strict=True))
        return Probe(name=sweep(self.arms[arm]), mixture=told, reason=f"mostly {self.arms[arm]}")

    def observe(self, evidence: Evidence) -> None:
        """What a sweep gained per unit of the share that it moved, over its centre."""
        place = {sweep(a): i for i, a in enumerate(self.arms)}
        for c in evidence.contrasts:
            arm = place.get(c.treatment, -1) if c.kind == "probe" else -1
            moved = float(c.mixture[arm] - c.baseline[arm]) * c.fraction
            if arm >= 0 and moved > 1e-6:
                old = self.settings.memory if self.swept[arm] else 0.0
                self.law[arm] = old * self.law[arm] + (1 - old) * c.gain / moved
                self.swept[arm] += 1

    def posterior(self) -> tuple[Floats, Floats]:
        """The law, per unit of log share at uniform; no error is known, so the spread of the law stands for it."""
        k = len(self.arms)
        spread = float(self.law.std()) if self.swept.any() else 1.0
        return self.law / k, np.diag(spread**2 / (1.0 + self.swept)) / k**2


def sweep(arm: str) -> str:
    """The name of an arm's sweep."""
    return f"sweep-{arm.replace('/', '-')}"
