"""olmix: a log-linear law for every benchmark, and the mixture that the laws together call best, found exactly."""

import numpy as np
from pydantic import Field

from .mechanism import Context, Floats
from .regmix import RegMix
from .regmix import Settings as RegMixSettings
from .simplex import project


class Settings(RegMixSettings):
    """The laws and the proposal."""

    reducible: float = Field(default=25.0, gt=0)
    """Points by which a benchmark could still rise: the scale of exp(t . w)."""
    anchor: float = Field(default=0.05, ge=0)
    """Pull of the reference: weight of the Kullback-Leibler divergence from it."""
    strength: tuple[float, float] = (0.1, 5.0)
    steps: int = Field(default=200, ge=1)
    """Steps of the mirror descent on the convex proposal."""


class Olmix(RegMix):
    """y_b = exp(c + t_b . w): min over w of sum_b exp(t_b . (w - reference)) + anchor * KL(w, reference), caps kept.

    The law is fitted to log(1 - gain / reducible), which is linear in the shares; where only the composite is known
    there is one law.
    """

    name = "olmix"
    source = "arXiv 2602.12237; allenai/olmix"
    Settings = Settings

    def laws(self, context: Context) -> Floats:
        """[B, K] the t of every benchmark."""
        whole = [list(g) if g else [v] for g, v in zip(self.by_benchmark, self.gains, strict=True)]
        known = [r for r in whole if len(r) == len(whole[0])]
        y = np.log(np.maximum(1 - np.array(known) / self.settings.reducible, 1e-3))
        x = self.tried[: len(known)] - context.reference
        penalty = self.settings.ridge * max(float((x**2).sum() / x.shape[1]), 1e-6) * np.eye(x.shape[1])
        return np.linalg.solve(x.T @ x + penalty, x.T @ y).T

    def recommend(self, context: Context) -> Floats:
        """The exact optimum of the fitted laws within the epoch caps."""
        if len(self.gains) < 2:
            return self.best(context)
        t, w = self.laws(context), context.reference.copy()
        for i in range(self.settings.steps):
            slope = (np.exp(t @ (w - context.reference)) @ t) / len(t)
            pull = self.settings.anchor * (np.log(np.maximum(w, 1e-9)) - np.log(np.maximum(context.reference, 1e-9)))
            step = 1.0 / np.sqrt(1.0 + i) / max(float(np.abs(slope).max()), 1e-9)
            w = project(w * np.exp(-np.clip(step * (slope + pull), -1, 1)), context.live, context.cap, 0.0)
        return np.asarray(w)
