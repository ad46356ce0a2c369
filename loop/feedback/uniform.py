"""uniform: the reference mixture every round, no probes; the baseline that every other mechanism has to beat."""

from typing import Any

import numpy as np

from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats, Probe


class Uniform:
    """Wants the reference, learns nothing."""

    name = "uniform"

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        self.config, self.arms, self.seed = config, arms, seed

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The reference."""
        return context.reference.copy(), (), "uniform: the reference mixture, nothing is learned"

    def observe(self, evidence: Evidence) -> None:
        """Evidence changes nothing."""

    def posterior(self) -> tuple[Floats, Floats]:
        """Zero values [K] with zero covariance [K, K]: no opinion."""
        return np.zeros(len(self.arms)), np.zeros((len(self.arms), len(self.arms)))

    def state_dict(self) -> dict[str, Any]:
        """Nothing to remember."""
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Nothing to take over."""
