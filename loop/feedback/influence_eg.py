"""influence_eg: exponentiated gradient on the gradients' influence, believed as it comes; no probe is run."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .mechanism import Context, Floats, Probe
from .policy import ascent, start_of
from .tier_prior import tier_z


class Settings(Record):
    """Step sizes."""

    rate: float = Field(default=0.15, gt=0)
    """Log share per sd of influence."""
    clip: float = Field(default=0.4, gt=0)
    """Largest change of a log share in one round."""


class InfluenceEg(Base):
    """w <- w exp(clip(rate z(influence))), from the tier prior; as good as the influence is, and no better."""

    name = "influence_eg"
    source = "research/feedback.md 4.7; influence: TracIn (arXiv 2002.08484), LESS (arXiv 2402.04333)"
    needs = frozenset({"influence"})
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """One step; the first goes from the tier prior."""
        start = start_of(context)
        if context.start is None:
            start = ascent(context, start, tier_z(self.arms), 3.0)
        influence = self.signal(context, "influence")
        z = (influence - influence.mean()) / max(float(influence.std()), 1e-12)
        wanted = ascent(context, start, self.settings.rate * z, self.settings.clip)
        return wanted, (), f"{self.name}: most influence has {self.arms[int(np.argmax(z))]}"
