"""mixmin: the mixture of one-arm models that gives the target texts the highest likelihood; a convex problem."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .mechanism import Context, Floats, Probe


class Settings(Record):
    """Constants of the public code."""

    rate: float = Field(default=1.0, gt=0)
    """Step of the entropic descent."""
    steps: int = Field(default=100, ge=1)
    """Steps at most."""
    tolerance: float = Field(default=1e-4, ge=0)
    """Gain in nats below which it stops."""


class MixMin(Base):
    """min over the simplex of -mean_x log sum_k w_k p_k(x), by entropic descent from uniform."""

    name = "mixmin"
    source = "arXiv 2502.10510; constants: Anvith-Thudi/MixMin"
    needs = frozenset({"target_logprobs"})
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The optimum for the round's one-arm models."""
        logs = np.where(context.live, self.signal(context, "target_logprobs"), -np.inf)
        likely = np.exp(logs - logs.max(axis=1, keepdims=True))
        w = np.where(context.live, 1 / int(context.live.sum()), 0.0)
        before = -np.inf
        for _ in range(self.settings.steps):
            mixed = likely @ w
            value = float(np.log(mixed).mean())
            if value - before < self.settings.tolerance:
                break
            before = value
            w = w * np.exp(self.settings.rate * ((likely / mixed[:, None]).mean(axis=0) - 1.0))
            w = w / w.sum()
        return w, (), f"mixmin: most likely makes the targets {self.arms[int(np.argmax(w))]}"
