"""Trials: mixtures that were tried and what each gained over the control; base of the black-box searches."""

import numpy as np

from .base import Base
from .config import FeedbackConfig
from .mechanism import Context, Evidence, Floats


class Trials(Base):
    """Remembers every tried mixture with its gain over the control's, in points."""

    remembers = ("mixtures", "gains", "variances", "by_benchmark")

    def __init__(self, config: FeedbackConfig, arms: tuple[str, ...], seed: int) -> None:
        super().__init__(config, arms, seed)
        self.mixtures: list[list[float]] = []
        self.gains: list[float] = []
        self.variances: list[float] = []
        self.by_benchmark: list[list[float]] = []

    def observe(self, evidence: Evidence) -> None:
        """Main against control as it is; a probe as main's gain plus its own, stretched to full length."""
        full = next((i for i, c in enumerate(evidence.contrasts) if c.kind == "full"), None)
        for i, c in enumerate(evidence.contrasts):
            if c.kind not in ("full", "probe"):
                continue
            base = 0.0 if c.kind == "full" or full is None else evidence.contrasts[full].gain
            error = 0.0 if c.kind == "full" or full is None else float(evidence.cov[full, full])
            self.mixtures.append(c.mixture.tolist())
            self.gains.append((base + c.gain / c.fraction) / self.config.point)
            self.variances.append((error + float(evidence.cov[i, i]) / c.fraction**2) / self.config.point**2)
            self.by_benchmark.append((c.benchmarks / c.fraction / self.config.point).tolist())

    @property
    def tried(self) -> Floats:
        """[n, K] mixtures."""
        return np.array(self.mixtures, dtype=float).reshape(len(self.gains), len(self.arms))

    @property
    def gained(self) -> Floats:
        """[n] points over the control."""
        return np.array(self.gains, dtype=float)

    def best(self, context: Context) -> Floats:
        """[K] the tried mixture that gained most; the reference before any was tried."""
        return self.tried[int(np.argmax(self.gained))] if self.gains else context.reference.copy()

    def posterior(self) -> tuple[Floats, Floats]:
        """Ridge of the gains on log shares: what the trials say of single arms, for readers."""
        k = len(self.arms)
        x = np.log(self.tried + 0.01) - np.log(1 / k + 0.01)
        weight = 1 / np.maximum(np.array(self.variances), 1e-9)
        cov = np.linalg.inv(x.T @ (weight[:, None] * x) + np.eye(k) / 0.25)
        return cov @ x.T @ (weight * self.gained) * self.config.point, cov * self.config.point**2


def dirichlet(context: Context, centre: Floats, strength: Floats, rng: np.random.Generator) -> Floats:
    """[n, K] random mixtures of the live arms, one for each strength: Dirichlet(strength * K_live * centre)."""
    live = np.flatnonzero(context.live)
    shape = np.maximum(strength[:, None] * len(live) * centre[live] / centre[live].sum(), 1e-3)
    drawn = rng.standard_gamma(shape) + 1e-12
    found = np.zeros((len(strength), len(centre)))
    found[:, live] = drawn / drawn.sum(axis=1, keepdims=True)
    return found
