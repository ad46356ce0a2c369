"""The embedded world of the lab with the evidence of a round, as the trials of this folder play it."""

import numpy as np

from coevo.loop.feedback.mechanism import Contrast, Evidence, Floats
from coevo.loop.lab.embedded import EmbeddedWorld, Mastery
from coevo.tiers.tier import arms

ARMS = tuple(arms())
FRACTION = 0.34
State = Mastery


class World(EmbeddedWorld):
    """`EmbeddedWorld` with the errors of one composite contrast, and a generator of its own for them."""

    def __init__(self, seed: int, null: bool = False, noise: float = 1.0, horizon: float = 1.0) -> None:
        super().__init__(seed, null, noise, horizon)
        self.rng = np.random.default_rng([seed, 8])
        self.item_error, self.seed_error = 0.010 * noise, 0.008 * noise

    def base(self) -> Mastery:
        return self.start()

    def ability(self, state: Mastery) -> Floats:
        return self.scores(state)

    @property
    def se(self) -> float:
        """Standard error of one measured contrast."""
        return float(np.sqrt(self.item_error**2 + 2 * self.seed_error**2))

    def measure(self, number: int, pairs: list[tuple[str, Floats, Floats, Mastery, Mastery]]) -> Evidence:
        """Evidence of a round: pairs (kind, mixture, baseline, treatment, reference); probes share their centre."""
        n = len(pairs)
        probe = np.array([kind == "probe" for kind, *_ in pairs])
        shared = 0.5 * self.item_error**2 + self.seed_error**2
        cov = np.eye(n) * self.se**2 + shared * (np.outer(probe, probe) & ~np.eye(n, dtype=bool))
        noise = np.linalg.cholesky(cov) @ self.rng.normal(size=n)
        contrasts = tuple(
            Contrast(
                kind="probe" if kind == "probe" else "full",
                treatment=f"{kind}-{i}",
                reference="centre" if kind == "probe" else "control",
                mixture=self.realised(w),
                baseline=self.realised(w0),
                fraction=FRACTION if kind == "probe" else 1.0,
                gain=self.composite(a) - self.composite(b) + float(noise[i]),
                selection=np.zeros(0),
            )
            for i, (kind, w, w0, a, b) in enumerate(pairs)
        )
        return Evidence(round=number, contrasts=contrasts, cov=cov)
