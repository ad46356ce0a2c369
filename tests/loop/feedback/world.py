"""A planted world: log-law learning with transfer, forgetting, saturation and repetition; its probes mislead."""

from dataclasses import dataclass

import numpy as np

from coevo.loop.feedback.mechanism import Contrast, Evidence, Floats
from coevo.tiers.tier import arms

ARMS = tuple(arms())
DOMAIN = np.repeat(np.arange(3), 4)
TIER = np.tile(np.arange(4), 3)
LIVE_RATE = (1.0, 1.0, 0.9, 0.5)
KINDS = ("bpb", "cloze")
FRACTION = 0.34
MAX_EPOCHS = 4.0


@dataclass
class State:
    """What the model carries: recent exposure by domain (slow part) and mastery of formats by domain (fast part)."""

    slow: Floats
    fast: Floats


class World:
    """Everything that a run of coevo asks of a machine, in microseconds.

    `null` plants a world in which data do not matter, `noise` multiplies the errors of measurement, `horizon` the ways
    in which short probes mislead.
    """

    def __init__(self, seed: int, null: bool = False, noise: float = 1.0, horizon: float = 1.0) -> None:
        rng = np.random.default_rng([seed, 7])
        self.rng = np.random.default_rng([seed, 8])
        self.null = null
        self.live = rng.random(12) < np.array(LIVE_RATE)[TIER]
        tiers = np.array([(1.0, 1.15, 1.3, 1.3), (1.0, 1.1, 0.7, 0.6), (1.0, 1.0, 1.0, 1.0)][rng.integers(3)])
        self.quality = tiers[TIER] * np.exp(rng.normal(0, 0.2, 12))
        self.transfer = np.eye(3) + (1 - np.eye(3)) * rng.uniform(0.0, 0.25, (3, 3))
        self.forget = rng.uniform(0.4, 0.6)
        self.unique = np.array([3.0, 0.8, 0.2, 0.08])[TIER] * np.exp(rng.normal(0, 0.3, 12))
        # gains in sds of the items: three bpb, three cloze, arithmetic
        self.slow_gain = np.concatenate([rng.uniform(0.5, 1.1, 3), rng.uniform(0.1, 0.5, 3), rng.uniform(0.0, 0.3, 1)])
        self.fast_gain = np.concatenate([rng.uniform(0.0, 0.3, 3), rng.uniform(0.0, 0.3, 3), rng.uniform(0.4, 1.0, 1)])
        self.fast_rate = rng.uniform(4.0, 12.0)
        self.format = np.array([0.1, 0.2, 1.0, 0.8])[TIER]
        self.probe_bias = np.exp(rng.normal(0, 0.4 * horizon, 3))
        self.fast_gain = self.fast_gain * horizon
        self.item_se, self.seed_sd = 0.010 * noise, 0.008 * noise

    @property
    def cap(self) -> Floats:
        return np.minimum(MAX_EPOCHS * self.unique, 1.0)

    @property
    def reference(self) -> Floats:
        return np.asarray(self.live / self.live.sum())

    def base(self) -> State:
        """Trained on plain L1 for long: the steady state of the slow part, no format mastered."""
        return State(self.transfer @ np.full(3, 1 / 3) / -np.log(1 - self.forget), np.zeros(3))

    def realised(self, w: Floats) -> Floats:
        """The trainer's epoch cap: the excess goes to the other arms."""
        w = np.where(self.live, w, 0.0)
        for _ in range(12):
            over = np.maximum(w - self.cap, 0)
            room = np.where((w > 0) & (w < self.cap), w, 0.0)
            if over.sum() < 1e-12 or room.sum() == 0:
                break
            w = w - over + over.sum() * room / room.sum()
        return np.asarray(w / w.sum())

    def train(self, state: State, w: Floats, fraction: float = 1.0) -> State:
        w = self.realised(w)
        epochs = np.maximum(w / self.unique, 1e-12)
        repeat = np.where(epochs > 1, (1 + 3.0 * (1 - np.exp(-(epochs - 1) / 3.0))) / epochs, 1.0)
        useful = w * repeat * self.quality
        keep = (1 - self.forget) ** fraction
        rate = (1 - keep) / -np.log(1 - self.forget)
        own = np.bincount(DOMAIN, useful, 3)
        if fraction < 1:
            own = own * self.probe_bias
        fmt = np.bincount(DOMAIN, w * self.format, 3)
        return State(
            keep * state.slow + rate * self.transfer @ own, state.fast * 0.8**fraction + fraction * self.fast_rate * fmt
        )

    def ability(self, state: State) -> Floats:
        """[7] true mean score of every benchmark, in sds of its items."""
        d = np.array([0, 1, 2, 0, 1, 2, 2])
        slow, fast = np.log(state.slow + 0.02)[d], (1 - np.exp(-state.fast))[d]
        return np.zeros(7) if self.null else self.slow_gain * slow + self.fast_gain * fast

    def composite(self, state: State) -> float:
        return float(self.ability(state).mean())

    @property
    def se(self) -> float:
        """Standard error of one measured contrast."""
        return float(np.sqrt(self.item_se**2 + 2 * self.seed_sd**2))

    def measure(self, number: int, pairs: list[tuple[str, Floats, Floats, State, State]]) -> Evidence:
        """Evidence of a round: pairs (kind, mixture, baseline, treatment, reference); probes share their centre."""
        n = len(pairs)
        probe = np.array([kind == "probe" for kind, *_ in pairs])
        shared = 0.5 * self.item_se**2 + self.seed_sd**2
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
