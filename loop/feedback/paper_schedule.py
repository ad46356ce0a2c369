"""paper_schedule: the staged order of arXiv 2602.09003, L1 then L2 then L3, L4 kept for the last stage."""

import numpy as np

from ...tiers.tier import Arm, Tier
from .base import Base
from .mechanism import Context, Floats, Probe

STAGES = ((Tier.L1,), (Tier.L2,), (Tier.L3, Tier.L4))


class PaperSchedule(Base):
    """Equal stages over the rounds asked for; a stage trains on its own tier, domains as in the reference."""

    name = "paper_schedule"
    source = "arXiv 2602.09003: L1, then L2, then L3 and L4"

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The stage's tiers; where none of them holds data, the nearest earlier stage that does."""
        last = min((context.round - 1) * len(STAGES) // max(context.rounds, 1), len(STAGES) - 1)
        for stage in range(last, -1, -1):
            inside = np.array([Arm.parse(a).tier in STAGES[stage] for a in context.arms]) & context.live
            wanted = np.where(inside, context.reference, 0.0)
            if wanted.sum() > 0:
                names = "+".join(t.name for t in STAGES[stage])
                return wanted / wanted.sum(), (), f"paper schedule: stage {stage + 1} of {len(STAGES)} ({names})"
        return context.reference.copy(), (), "paper schedule: no staged tier holds data, so the reference"
