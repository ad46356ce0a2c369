"""World: what stands in for data, training and benchmarks; all that a world of one's own has to say."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np

from ..feedback.config import PUBLISHED, FeedbackConfig
from ..feedback.mechanism import Floats, Mode, Signals

GRADIENT_STEP = 1e-4


class World(ABC):
    """A model that is trained on mixtures in microseconds, and whose true abilities are known.

    A subclass sets `domains`, `benchmarks` and `stock`, and says how a state is trained and what it scores. States are
    never changed in place: `train` returns a new one. Scores are in standard deviations of a benchmark's items, the
    unit of the loop's composite; `points` of the world's own `unit` make one.
    """

    name: ClassVar[str] = "world"
    unit: ClassVar[str] = "sd"
    points: ClassVar[float] = 1.0

    feedback: ClassVar[FeedbackConfig] = PUBLISHED
    """Settings that mechanisms play with here unless a spec or `--set` says otherwise."""

    domains: tuple[str, ...]
    """Arms are these with the tiers L1 to L4, in the canonical order of `tiers.tier.arms`: the axis of every [K]."""
    benchmarks: tuple[str, ...]
    stock: Floats
    """[K] tokens that each arm holds, in full runs; an arm with less than a fortieth of one cannot be trained on."""
    item_se: float = 0.01
    """Standard error from items of one run's score on one benchmark, in a paired comparison."""
    seed_sd: float = 0.008
    """Standard deviation of one run's score on one benchmark over seeds of training."""
    lasting: float = 0.5
    """Share of the items' error variance that is the same in every round, since the same items are asked."""
    modes: frozenset[Mode] = frozenset({"reset", "continue"})
    """What runs make sense in it."""
    offers: frozenset[str] = frozenset()
    """Names of the `Signals` that this world measures."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    @abstractmethod
    def start(self) -> Any:
        """State of the base model."""

    @abstractmethod
    def train(self, state: Any, mixture: Floats, fraction: float = 1.0) -> Any:
        """State after `fraction` of a full run's tokens at a mixture [K]."""

    @abstractmethod
    def scores(self, state: Any) -> Floats:
        """[B] true scores on the feedback benchmarks."""

    def hidden(self, state: Any) -> Floats:
        """[B] true scores on the hidden twins: the same unless something games the feedback items."""
        return self.scores(state)

    def realised(self, mixture: Floats) -> Floats:
        """[K] shares that the trainer can serve; those asked for unless the world says otherwise."""
        return mixture

    def measured(self, state: Any, seed: Floats, items: Floats, hidden: bool = False) -> Floats:
        """[B] scores of one run as measured.

        Args:
            state: the trained model.
            seed: [B] standard normal luck of the training seed: one draw for both splits.
            items: [B] standard normal luck of the items.
            hidden: which split.
        """
        true = self.hidden(state) if hidden else self.scores(state)
        return np.asarray(true + self.seed_sd * seed + self.item_se * items)

    @property
    def run_variance(self) -> float:
        """Error variance of one run's composite."""
        return (self.item_se**2 + self.seed_sd**2) / len(self.benchmarks)

    def composite(self, state: Any) -> float:
        """True composite on hidden items: what a run is judged by."""
        return float(self.hidden(state).mean())

    def gradient(self, state: Any, mixture: Floats) -> Floats:
        """[K] change of the true composite after a full run per unit of each share (not held on the simplex)."""
        steps = mixture + GRADIENT_STEP * np.eye(len(mixture))
        base = self.composite(self.train(state, mixture))
        return np.array([self.composite(self.train(state, w)) - base for w in steps]) / GRADIENT_STEP

    def signals(self, state: Any, reference: Any, mixture: Floats, round: int) -> Signals:  # noqa: A002 - the plan's word
        """What is known of the arms besides paired runs as a round is planned; whatever `offers` names.

        Args:
            state: the model that the round starts from.
            reference: a model trained on the reference mixture all along.
            mixture: [K] where the last round left the weights.
            round: of the plan.
        """
        return Signals()
