"""skill_it: arms that help what the model is still bad at, by a graph of which arm helps which."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Floats, Probe
from .simplex import softmax


class Settings(Record):
    """Constants of the public code."""

    rate: float = Field(default=0.2, gt=0)
    """Log share per unit of graph-weighted loss (.1 to .5 in the paper's experiments)."""
    window: int = Field(default=3, ge=1)
    """Rounds whose losses are added up."""


class SkillIt(Base):
    """p_i ~ p0_i exp(rate * sum over the window of sum_j A_ij L_j), restarting from p0 each round.

    Useless where the graph is nearly empty or nearly complete, as its authors say.
    """

    name = "skill_it"
    source = "arXiv 2307.14430; constants: HazyResearch/skill-it"
    needs = frozenset({"losses", "skills"})
    Settings = Settings
    remembers = ("losses",)

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.losses: list[list[float]] = []

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """Exponential weights of what every arm could still teach."""
        self.losses = [*self.losses, self.signal(context, "losses").tolist()][-self.settings.window :]
        graph = np.maximum(self.signal(context, "skills"), 0.0)
        graph = graph / max(float(graph.max()), 1e-12)
        teaches = graph @ np.sum(self.losses, axis=0)
        start = np.log(np.maximum(context.reference, 1e-300))
        wanted = softmax(start + self.settings.rate * teaches, context.live)
        return wanted, (), f"skill_it: most to teach has {self.arms[int(np.argmax(teaches))]}"
