"""regmix: many random mixtures are tried, a regression predicts the rest, and the best predictions are averaged."""

import numpy as np
from pydantic import Field

from ...tiers.record import Record
from .base import RESET
from .mechanism import Context, Floats, Probe
from .trials import Trials, dirichlet


class Settings(Record):
    """Shape of the swarm and of the search."""

    proxies: float = Field(default=0.8, gt=0, le=1)
    """Share of the rounds that try random mixtures; the others train on the answer."""
    strength: tuple[float, float] = (0.1, 5.0)
    """Range of the Dirichlet strengths, log-uniform."""
    searched: int = Field(default=4000, ge=10)
    """Mixtures whose gain is predicted (RegMix: 100 000)."""
    averaged: int = Field(default=128, ge=1)
    """Best predictions that are averaged."""
    ridge: float = Field(default=0.1, gt=0)
    """Penalty of the regression, in units of the features' variance."""


class RegMix(Trials):
    """Ridge on log shares in place of LightGBM: below 128 runs it ranks RegMix's unseen mixtures better."""

    name = "regmix"
    source = "arXiv 2407.01492; log shares: research/feedback.md 1.9"
    modes = RESET
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A random mixture (and as many as probes), until the swarm is done."""
        if context.round > max(1, round(self.settings.proxies * context.rounds)):
            return self.recommend(context), (), f"regmix: the answer of {len(self.gains)} trials"
        drawn = self.sample(context, 1 + context.probes, self.random(context.round))
        told = [dict(zip(self.arms, w.tolist(), strict=True)) for w in drawn[1:]]
        probes = tuple(Probe(name=f"proxy-{i + 1}", mixture=w, reason="random mixture") for i, w in enumerate(told))
        return drawn[0], probes, f"{self.name}: random mixture {context.round}"

    def sample(self, context: Context, n: int, rng: np.random.Generator) -> Floats:
        """[n, K] random mixtures around the reference."""
        low, high = self.settings.strength
        strength = np.exp(rng.uniform(np.log(low), np.log(high), n))
        return dirichlet(context, context.reference, strength, rng)

    def predict(self, mixtures: Floats) -> Floats:
        """[n] predicted gains of mixtures [n, K], in points."""
        x, y = np.log(self.tried + 0.01), self.gained
        centre, scale = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
        z = (x - centre) / scale
        weight = 1 / np.maximum(np.array(self.variances), 1e-9)
        weight = weight / weight.mean()
        level = float((weight * y).sum() / weight.sum())
        penalty = self.settings.ridge * len(y) * np.eye(z.shape[1])
        beta = np.linalg.solve(z.T @ (weight[:, None] * z) + penalty, z.T @ (weight * (y - level)))
        return np.asarray(level + (np.log(mixtures + 0.01) - centre) / scale @ beta)

    def recommend(self, context: Context) -> Floats:
        """The mean of the best predictions among random mixtures."""
        if len(self.gains) < 2:
            return self.best(context)
        drawn = self.sample(context, self.settings.searched, self.random(0))
        best = np.argsort(-self.predict(drawn), kind="stable")[: self.settings.averaged]
        return np.asarray(drawn[best].mean(axis=0))
