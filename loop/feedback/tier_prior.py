"""tier_prior: a fixed belief that refined tiers are worth more, never corrected by evidence."""

import numpy as np

from ...tiers.tier import Arm, Tier
from .base import Base
from .mechanism import Context, Floats, Probe

TIER_Z = {Tier.L0: 0.0, Tier.L1: -1.0, Tier.L2: -0.3, Tier.L3: 0.8, Tier.L4: 0.5}
"""Believed value of a tier, in sds between tiers (research/feedback.md 1.4)."""


def tier_z(arms: tuple[str, ...]) -> Floats:
    """[K] believed value of each arm's tier."""
    return np.array([TIER_Z[Arm.parse(a).tier] for a in arms])


class TierPrior(Base):
    """Tilts the reference by exp(z of the tier), every round the same."""

    name = "tier_prior"
    source = "research opinion: refined tiers are worth more (research/feedback.md 1.4)"

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The tilted reference."""
        wanted = context.reference * np.exp(tier_z(context.arms))
        return wanted / wanted.sum(), (), "tier prior: L3 and L4 above L2 above L1, not measured"
