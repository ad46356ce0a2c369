"""gp_bo: Bayesian optimisation of the mixture with a Gaussian process on square-root shares."""

from math import erf, exp, pi, sqrt

import numpy as np
from pydantic import Field

from ...tiers.estimates import normal_estimate
from ...tiers.record import Record
from .mechanism import Context, Floats, Probe
from .policy import ascent
from .tier_prior import tier_z
from .trials import Trials, dirichlet


class Settings(Record):
    """Kernel and acquisition."""

    length: float = Field(default=0.5, gt=0)
    """Length of the RBF kernel in Hellinger distance."""
    opening: int = Field(default=4, ge=1)
    """Random rounds before the first that the model chooses."""
    bound: float = Field(default=0.0, ge=0)
    """Sds of the upper bound that chooses; 0 means expected improvement."""
    candidates: int = Field(default=240, ge=8)
    """Mixtures among which the acquisition chooses."""


class GpBo(Trials):
    """Gains standardised; noise as measured; the best candidate by expected improvement or upper bound."""

    name = "gp_bo"
    source = "research/feedback.md 1.24; expected improvement: Jones, Schonlau and Welch 1998; ADMIRE-BayesOpt"
    Settings = Settings

    def candidates(self, context: Context, rng: np.random.Generator) -> Floats:
        """[n, K] a quarter each: sparse, even and near-uniform mixtures, and mixtures around the tier prior."""
        quarter = self.settings.candidates // 4
        prior = ascent(context, context.reference, tier_z(self.arms), 3.0)
        flat = np.repeat([0.3, 1.0, 4.0], quarter)
        around = dirichlet(context, prior + 0.0125, np.full(quarter, 1.2), rng)
        return np.vstack([dirichlet(context, context.reference, flat, rng), around])

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """A random mixture at first, then the one that promises most."""
        drawn = self.candidates(context, self.random(context.round))
        if len(self.gains) < self.settings.opening:
            pick = int(self.random(context.round + 10**6).integers(len(drawn)))
            return drawn[pick], (), f"gp_bo: random trial {len(self.gains) + 1} of {self.settings.opening}"
        mean, sd = self.predict(drawn)
        score = mean + self.settings.bound * sd if self.settings.bound else self._improvement(mean, sd)
        pick = int(np.argmax(score))
        told = f"expects {normal_estimate(float(mean[pick]), float(sd[pick]), 2)} points over the control"
        return drawn[pick], (), f"gp_bo: {told}, after {len(self.gains)} trials"

    def recommend(self, context: Context) -> Floats:
        """The tried mixture with the highest posterior mean."""
        if not self.gains:
            return context.reference.copy()
        return np.asarray(self.tried[int(np.argmax(self.predict(self.tried)[0]))])

    def predict(self, mixtures: Floats) -> tuple[Floats, Floats]:
        """Posterior mean and sd [n] of the gains of mixtures [n, K], in points."""
        centre, scale = self.gained.mean(), max(float(self.gained.std()), 1e-6)
        noise = np.maximum(0.1, np.array(self.variances) / scale**2)
        inner = self._kernel(self.tried, self.tried) + np.diag(noise)
        across = self._kernel(mixtures, self.tried)
        solved = np.linalg.solve(inner, np.column_stack([(self.gained - centre) / scale, across.T]))
        variance = np.maximum(1.0 - np.einsum("ij,ji->i", across, solved[:, 1:]), 1e-9)
        return centre + scale * across @ solved[:, 0], scale * np.sqrt(variance)

    def _kernel(self, one: Floats, other: Floats) -> Floats:
        a, b = np.sqrt(np.maximum(one, 0)), np.sqrt(np.maximum(other, 0))
        distance = (a**2).sum(1)[:, None] + (b**2).sum(1)[None] - 2 * a @ b.T
        return np.asarray(np.exp(-0.5 * np.maximum(distance, 0) / self.settings.length**2))

    def _improvement(self, mean: Floats, sd: Floats) -> Floats:
        top = float(self.predict(self.tried)[0].max())
        z = (mean - top) / sd
        below = np.array([0.5 * (1 + erf(v / sqrt(2))) for v in z])
        density = np.array([exp(-0.5 * v * v) / sqrt(2 * pi) for v in z])
        return np.asarray(sd * (z * below + density))
