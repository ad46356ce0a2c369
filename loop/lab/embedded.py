"""The embedded world: three domains, seven benchmarks and short probes that mislead, as measured at 1.3M parameters."""

from dataclasses import dataclass

import numpy as np

from ...tiers.tier import DOMAINS
from ..feedback.config import FeedbackConfig
from ..feedback.mechanism import Floats
from .checks import switch, within
from .world import World

LIVE_RATE = (1.0, 1.0, 0.9, 0.5)
MAX_EPOCHS = 4.0
DOMAIN = np.repeat(np.arange(3), 4)
TIER = np.tile(np.arange(4), 3)


@dataclass
class Mastery:
    """What the model carries: recent exposure by domain (slow part) and mastery of formats by domain (fast part)."""

    slow: Floats
    fast: Floats


class EmbeddedWorld(World):
    """Log-law learning with transfer, forgetting, saturation and repetition, at the scale of the embedded default.

    Args:
        seed: of the world.
        null: data do not matter.
        noise: factor on the errors of measurement.
        horizon: factor on the ways in which short probes mislead.
    """

    name = "embedded"
    feedback = FeedbackConfig()
    domains = DOMAINS
    benchmarks = ("bpb-code", "bpb-en", "bpb-math", "cloze-code", "cloze-en", "cloze-math", "arithmetic")

    def __init__(self, seed: int, null: bool = False, noise: float = 1.0, horizon: float = 1.0) -> None:
        super().__init__(seed)
        within(self.name, noise=(noise, 0, 1000), horizon=(horizon, 0, 10))
        switch(self.name, null=null)
        rng = np.random.default_rng([seed, 7])
        self.null = null
        self.live = rng.random(12) < np.array(LIVE_RATE)[TIER]
        tiers = np.array([(1.0, 1.15, 1.3, 1.3), (1.0, 1.1, 0.7, 0.6), (1.0, 1.0, 1.0, 1.0)][rng.integers(3)])
        self.quality = tiers[TIER] * np.exp(rng.normal(0, 0.2, 12))
        self.transfer = np.eye(3) + (1 - np.eye(3)) * rng.uniform(0.0, 0.25, (3, 3))
        self.forget = rng.uniform(0.4, 0.6)
        self.unique = np.array([3.0, 0.8, 0.2, 0.08])[TIER] * np.exp(rng.normal(0, 0.3, 12))
        self.stock = np.where(self.live, self.unique, 0.0)
        # gains in sds of the items: three bpb, three cloze, arithmetic
        self.slow_gain = np.concatenate([rng.uniform(0.5, 1.1, 3), rng.uniform(0.1, 0.5, 3), rng.uniform(0.0, 0.3, 1)])
        self.fast_gain = np.concatenate([rng.uniform(0.0, 0.3, 3), rng.uniform(0.0, 0.3, 3), rng.uniform(0.4, 1.0, 1)])
        self.fast_rate = rng.uniform(4.0, 12.0)
        self.format = np.array([0.1, 0.2, 1.0, 0.8])[TIER]
        self.probe_bias = np.exp(rng.normal(0, 0.4 * horizon, 3))
        self.fast_gain = self.fast_gain * horizon
        # one composite contrast was seen to err by .010 from items and .008 a run from seeds
        self.item_se, self.seed_sd = 0.010 * noise * (7 / 2) ** 0.5, 0.008 * noise * 7**0.5

    @property
    def cap(self) -> Floats:
        """[K] largest share that repeats no document more than four times."""
        return np.minimum(MAX_EPOCHS * self.unique, 1.0)

    @property
    def reference(self) -> Floats:
        """[K] equal shares of the live arms."""
        return np.asarray(self.live / self.live.sum())

    def start(self) -> Mastery:
        """Trained on plain L1 for long: the steady state of the slow part, no format mastered."""
        return Mastery(self.transfer @ np.full(3, 1 / 3) / -np.log(1 - self.forget), np.zeros(3))

    def realised(self, mixture: Floats) -> Floats:
        """The trainer's epoch cap: the excess goes to the other arms."""
        w = np.where(self.live, mixture, 0.0)
        for _ in range(12):
            over = np.maximum(w - self.cap, 0)
            room = np.where((w > 0) & (w < self.cap), w, 0.0)
            if over.sum() < 1e-12 or room.sum() == 0:
                break
            w = w - over + over.sum() * room / room.sum()
        return np.asarray(w / w.sum())

    def train(self, state: Mastery, mixture: Floats, fraction: float = 1.0) -> Mastery:
        """Recent exposure decays and is fed; a short run learns formats at full speed and domains with a bias."""
        w = self.realised(mixture)
        epochs = np.maximum(w / self.unique, 1e-12)
        repeat = np.where(epochs > 1, (1 + 3.0 * (1 - np.exp(-(epochs - 1) / 3.0))) / epochs, 1.0)
        useful = w * repeat * self.quality
        keep = (1 - self.forget) ** fraction
        rate = (1 - keep) / -np.log(1 - self.forget)
        own = np.bincount(DOMAIN, useful, 3)
        if fraction < 1:
            own = own * self.probe_bias
        fmt = np.bincount(DOMAIN, w * self.format, 3)
        return Mastery(
            keep * state.slow + rate * self.transfer @ own, state.fast * 0.8**fraction + fraction * self.fast_rate * fmt
        )

    def scores(self, state: Mastery) -> Floats:
        """[7] true mean score of every benchmark, in sds of its items."""
        d = np.array([0, 1, 2, 0, 1, 2, 2])
        slow, fast = np.log(state.slow + 0.02)[d], (1 - np.exp(-state.fast))[d]
        return np.zeros(7) if self.null else self.slow_gain * slow + self.fast_gain * fast
