"""trust_blr: structured regression whose prior is gradient influence, trusted as far as paired probes bear it out."""

from typing import Any

import numpy as np
from pydantic import Field

from .config import FeedbackConfig
from .mechanism import Context, Floats, Probe
from .structured_blr import Settings as StructuredSettings
from .structured_blr import StructuredBlr


class Settings(StructuredSettings):
    """Bold probes: within a round a contrast is linear in shares, so it tells more the bolder it is.

    research/feedback.md 4.7 has mean .9, blocks (1.5, .7, .7), probe (.6, .6, .4), discount .95, trust (1.5, 1.5).
    """

    mean: float = 1.5
    blocks: tuple[float, float, float] = (1.5, 0.7, 1.2)
    probe: tuple[float, float, float] = (3.0, 3.0, 3.0)
    discount: float = Field(default=0.9, gt=0, le=1)
    trust: tuple[float, float] = (0.6, 0.6)
    """Prior mean and sd of kappa: points per unit of share that one sd of influence is worth."""
    memory: float = Field(default=0.5, ge=0, lt=1)
    """Weight of earlier rounds in the running mean of the influence."""
    along: float = 0.6
    """Log share per sd of influence in the probe that follows it and so tests the trust."""


class TrustBlr(StructuredBlr):
    """Arm value = beta + kappa * influence, both learned from the same contrasts; kappa below zero counts as zero.

    Without influence the term is dropped (structured BLR); without probes main against control is all there is (LinTS
    without the draw); without either the tier prior stays.
    """

    name = "trust_blr"
    source = "research/feedback.md 6"
    needs = frozenset()
    Settings = Settings

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        self.influence: Floats = np.zeros(len(arms))
        self.known = False
        super().__init__(config, arms, seed)

    def prior(self) -> tuple[Floats, Floats]:
        """The arms' block prior, and the prior of kappa."""
        mean, cov = super().prior()
        whole = np.zeros((len(mean) + 1, len(mean) + 1))
        whole[:-1, :-1], whole[-1, -1] = cov, self.settings.trust[1] ** 2
        return np.append(mean, self.settings.trust[0]), whole

    def features(self, moved: Floats) -> Floats:
        """Share differences, and what they change of the mixture's influence."""
        return np.column_stack([moved, moved @ self.influence])

    def values(self, coefficients: Floats) -> Floats:
        """Value and trusted influence together."""
        return np.asarray(coefficients[:-1] + max(coefficients[-1], 0.0) * self.influence)

    def jacobian(self, coefficients: Floats) -> Floats:
        """Beta as it is, and influence where it is trusted."""
        return np.column_stack([np.eye(len(self.arms)), self.influence * (coefficients[-1] > 0)])

    def direction(self) -> Floats | None:
        """Along the influence."""
        return np.clip(self.settings.along * _z(self.influence), -1.2, 1.2) if self.known else None

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """As structured BLR, with this round's influence."""
        fresh = context.signals.influence
        if fresh is not None:
            old = self.settings.memory if self.known else 0.0
            new = _reliability(fresh, context.signals.influence_cov) * _z(fresh)
            self.influence, self.known = old * self.influence + (1 - old) * new, True
        return super().plan(context)

    def state_dict(self) -> dict[str, Any]:
        """What was learned, the last mixture and the running influence."""
        return super().state_dict() | {"influence": self.influence.tolist(), "known": self.known}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over a saved state."""
        super().load_state_dict(state)
        self.influence, self.known = np.array(state["influence"]), bool(state["known"])


def _z(x: Floats) -> Floats:
    return np.asarray((x - x.mean()) / max(float(x.std()), 1e-12))


def _reliability(x: Floats, cov: Floats | None) -> float:
    """Share of the spread of `x` [K] that is not its error [K, K]; what all have in common is no spread."""
    if cov is None:
        return 1.0
    error = (np.trace(cov) - cov.mean() * len(x)) / (len(x) - 1)
    return float(np.clip(1 - error / max(float(x.var(ddof=1)), 1e-12), 0.0, 1.0))
