"""The rubric world: documents of hidden worth, judges that see it through nuisances, and selection by their weights."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from ..feedback.mechanism import Floats

SELECTED = 0.1
"""Share of the documents that is selected."""
WORTH = 2.0
"""Composite pp that a selected set gains per unit of its mean hidden worth (A)."""
RUN_SD = 0.43
"""Error of one run's composite at full length, in pp."""
GOODHART = 0.18
"""Worth that a document loses per sd of the first rubric beyond 1.5: what it takes to please that judge."""


@dataclass(frozen=True)
class Signal:
    """Quality of the influence of documents: correlation with the worth, and a bias towards what judges like."""

    correlation: float
    bias: float

    GRADES: ClassVar[dict[str, tuple[float, float]]] = {"good": (0.2, 0.0), "biased": (0.2, 0.5), "weak": (0.05, 0.0)}

    @classmethod
    def of(cls, grade: str) -> "Signal":
        """The published grades: `good`, `biased` and `weak`."""
        return cls(*cls.GRADES[grade])


@dataclass
class RubricWorld:
    """Section 3 of research/feedback.md, with every constant of 4.7: P rubrics, one latent worth.

    Selection takes the tenth that `weights @ scores` ranks highest; what that set gains is A times its mean worth.

    Attributes:
        scores: [n, P] standardised scores.
        worth: [n] hidden marginal worth u, Goodhart effect included.
    """

    seed: int
    influence: str = "good"
    documents: int = 6000
    fraction: float = 0.5
    """Length of the runs that observe a set; the error of a gain is that of a full run divided by it."""
    judge_bias: float = 0.0
    """Mean by which every rubric likes the first nuisance more than it was planted to: judges of one family."""
    null: bool = False
    """Whether no document is worth more than another."""
    scores: Floats = field(init=False, repr=False)
    worth: Floats = field(init=False, repr=False)

    def __post_init__(self) -> None:
        rng = np.random.default_rng([self.seed, 5])
        n, p = self.documents, 6
        validity = np.array([0.50, 0.45, 0.05, 0.0, 0.15, -0.35]) + rng.normal(0, 0.10, p)
        loading = np.array(
            [(0.5, 0, 0), (0, 0.5, 0), (0.7, 0, 0.2), (0, 0.2, 0.7), (0.1, 0.1, 0.4), (0.4, 0.3, 0)]
        ) + rng.normal(0, 0.10, (p, 3))
        loading[:, 0] += self.judge_bias
        u, nuisance = rng.normal(0, 1, n), rng.normal(0, 1, (n, 3))
        own = np.sqrt(np.maximum(0.1, 1 - validity**2 - (loading**2).sum(axis=1)))
        raw = u[:, None] * validity + nuisance @ loading.T + own * rng.normal(0, 1, (n, p))
        self.scores = (raw - raw.mean(axis=0)) / raw.std(axis=0)
        self.worth = u - GOODHART * np.maximum(self.scores[:, 0] - 1.5, 0.0)
        if self.null:
            self.worth = np.zeros(n)
        self.signal = Signal.of(self.influence)
        self._taste = rng.normal(0, 1, p)

    @property
    def rubrics(self) -> tuple[str, ...]:
        """Names of the rubrics."""
        return tuple(f"rubric-{i + 1}" for i in range(self.scores.shape[1]))

    @property
    def gain_sd(self) -> float:
        """Error of one observed set's composite, in pp."""
        return RUN_SD / self.fraction

    def select(self, weights: Floats) -> "np.ndarray[tuple[int], np.dtype[np.int64]]":
        """Indices of the documents that weights [P] select."""
        rank = self.scores @ weights
        return np.argpartition(-rank, int(SELECTED * self.documents))[: int(SELECTED * self.documents)]

    def gain(self, weights: Floats) -> float:
        """True composite gain of the set that weights [P] select, in pp."""
        return float(WORTH * self.worth[self.select(weights)].mean())

    def means(self, weights: Floats) -> Floats:
        """[P] mean scores of the set that weights select: known exactly, and free."""
        return np.asarray(self.scores[self.select(weights)].mean(axis=0))

    def observed(self, sets: Floats, rng: np.random.Generator) -> Floats:
        """[J] measured composites of runs on the sets that weights [J, P] select, each with its own error."""
        return np.array([self.gain(w) for w in sets]) + self.gain_sd * rng.normal(0, 1, len(sets))

    def sample_influence(self, rng: np.random.Generator, documents: int = 512) -> tuple[Floats, Floats]:
        """Scores [m, P] of a sample and the influence [m] of its documents, as biased as the world's signal is."""
        drawn = rng.choice(self.documents, documents, replace=False)
        rho, s = self.signal.correlation, self.scores[drawn]
        noise = np.sqrt(1 - rho**2) * rng.normal(0, 1, documents)
        return s, rho * self.worth[drawn] + noise + self.signal.bias * rho * (s @ self._taste)

    def equal(self) -> float:
        """Gain of equal weights: what learning has to beat."""
        return self.gain(np.full(self.scores.shape[1], 1.0))

    def oracle(self, perturbations: int = 150) -> float:
        """Gain of the least-squares direction, refined by local perturbations that are kept when they help."""
        rng = np.random.default_rng([self.seed, 6])
        fitted = np.asarray(np.linalg.lstsq(self.scores, self.worth, rcond=None)[0], dtype=np.float64)
        best = fitted / max(float(np.abs(fitted).sum()), 1e-12)
        top = self.gain(best)
        for _ in range(perturbations):
            tried: Floats = best + rng.normal(0, 0.1, len(best)) * float(np.abs(best).max())
            found = self.gain(tried)
            if found > top:
                best, top = tried, found
        return top

    def share(self, weights: Floats) -> float:
        """(gain - equal) / (oracle - equal) of weights [P]."""
        equal, oracle = self.equal(), self.oracle()
        return (self.gain(weights) - equal) / max(oracle - equal, 1e-12)
