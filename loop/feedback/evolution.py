"""evolution: antithetic evolution strategies on log shares; credit by pairs of opposite probes, nothing is modelled."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Probe
from .policy import ascent, start_of
from .simplex import project


class Settings(Record):
    """Step sizes."""

    size: float = Field(default=0.7, gt=0)
    """Log-share amplitude of a probe."""
    rate: float = Field(default=0.3, gt=0)
    """Log share per point of an arm's estimated gain."""
    clip: float = Field(default=1.0, gt=0)
    """Largest change of a log share in one round."""


class Evolution(Base):
    """Probes w exp(+-size u), u in {-1, 1}^K; g = mean over the pairs of u (y+ - y-) / f; w <- w exp(rate g)."""

    name = "evolution"
    source = "Salimans, Ho, Chen, Sidor and Sutskever 2017 (arXiv 1703.03864); research/feedback.md 4.7"
    needs = frozenset({"probes"})
    Settings = Settings
    remembers = ("signs", "slope")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.signs: list[list[float]] = []
        self.slope = np.zeros(len(arms))

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A step along the last round's estimate; pairs of opposite probes around it."""
        wanted = ascent(context, start_of(context), self.settings.rate * self.slope, self.settings.clip)
        pairs = context.probes // 2
        self.signs = self.random(context.round).choice([-1.0, 1.0], (pairs, len(self.arms))).tolist()
        tried = [self._probe(context, wanted, i, side) for i in range(pairs) for side in (1, -1)]
        return wanted, tuple(tried), f"evolution: {pairs} antithetic pairs"

    def _probe(self, context: Context, centre: Floats, pair: int, side: int) -> Probe:
        tilt = side * self.settings.size * np.array(self.signs[pair])
        mixture = project(centre * np.exp(tilt), context.live, context.cap, self.config.floor)
        told = dict(zip(self.arms, mixture.tolist(), strict=True))
        return Probe(name=f"pair-{pair}-{'plus' if side > 0 else 'minus'}", mixture=told, reason="antithetic pair")

    def observe(self, evidence: Evidence) -> None:
        """Difference of the two sides of every pair that was measured whole."""
        seen = {c.treatment: c.gain / c.fraction / self.config.point for c in evidence.contrasts if c.kind == "probe"}
        slopes = [
            np.array(u) * (seen[f"pair-{i}-plus"] - seen[f"pair-{i}-minus"])
            for i, u in enumerate(self.signs)
            if {f"pair-{i}-plus", f"pair-{i}-minus"} <= set(seen)
        ]
        self.slope = np.mean(slopes, axis=0) if slopes else np.zeros(len(self.arms))

    def posterior(self) -> tuple[Floats, Floats]:
        """Slope per unit of log share; its own size stands for its error."""
        unit = self.config.point / (2 * self.settings.size)
        return self.slope * unit, np.eye(len(self.arms)) * max(float((self.slope**2).mean()), 1e-6) * unit**2
