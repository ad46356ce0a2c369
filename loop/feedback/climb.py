"""climb: a regression that is refined where it promises most, in phases of ever fewer and better trials."""

import numpy as np
from pydantic import Field

from .mechanism import Context, Floats, Probe
from .regmix import RegMix
from .regmix import Settings as RegMixSettings


class Settings(RegMixSettings):
    """The phases."""

    phases: tuple[float, ...] = (64, 32, 16)
    """Relative numbers of trials: the first are random, the others chosen by the regression of those before."""
    kept: float = Field(default=0.1, gt=0, le=1)
    """Share of the best predictions that a phase draws its trials from."""
    averaged: int = Field(default=16, ge=1)


class Climb(RegMix):
    """Random mixtures first; each further phase draws from the best tenth that the regression predicts."""

    name = "climb"
    source = "CLIMB, arXiv 2504.13161"
    Settings = Settings

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The phase's trials; the last rounds train on the answer."""
        found = super().plan(context)
        return found[0], found[1], found[2].replace("regmix", self.name)

    def sample(self, context: Context, n: int, rng: np.random.Generator) -> Floats:
        """[n, K] random mixtures of the first phase, promising ones of the later."""
        phases = np.cumsum(self.settings.phases) / np.sum(self.settings.phases)
        done = context.round / max(self.settings.proxies * context.rounds, 1.0)
        if done <= phases[0] or len(self.gains) < 4 or n == self.settings.searched:
            return super().sample(context, n, rng)
        pool = super().sample(context, self.settings.searched, rng)
        best = np.argsort(-self.predict(pool), kind="stable")[: max(n, round(self.settings.kept * len(pool)))]
        return np.asarray(pool[rng.choice(best, n, replace=False)])
