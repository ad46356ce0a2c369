"""The planted world: log-law abilities with tiers, transfer, forgetting, repetition, readiness, surprises and drift."""

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from ...tiers.errors import InputError
from ...tiers.tier import arms
from ..feedback.mechanism import Floats, Signals
from .calibration import BENCHMARKS, DOMAINS, Calibration
from .checks import switch, within
from .world import World

SLOPE = 0.85
"""Logistic scale of accuracy against ability."""
POINTS = 50.0
"""Percentage points in one standard deviation of 0/1 items at an accuracy of one half."""
TEXTS = 8
"""Target texts of each benchmark whose log-probabilities are known."""


@dataclass(frozen=True)
class Exposure:
    """What a model carries: how much it has seen that serves each capability, and of each arm."""

    capability: Floats
    """[B] effective exposure (E)."""
    arm: Floats
    """[K] tokens seen of each arm, in full runs (n)."""
    gamed: float = 0.0
    """Exposure to text that mimics the feedback items."""
    age: int = 0
    """Full runs since the base; the world drifts with it."""


class PlantedWorld(World):
    """Four domains, four tiers, five benchmarks (research/feedback.md 4): every equation, jittered for every seed.

    Args:
        seed: of the world; its measurement noise and its influence signal have generators of their own.
        influence: correlation of the influence signal with the truth: .62, .32 and 0 are the published grades.
        surprise: chance of a surprise; 35 of 55 are an L3 cell that has collapsed, the others a very good L1 cell.
        drift: sd by which the log of every transfer coefficient moves in a round.
        noise: factor on all errors of measurement.
        channel: `accuracy`, or `bpb` with a quarter of the item noise.
        null: no data matter; every mixture leads to the same scores.
        trap: gain, in pp per log of exposure, of feedback items alone from one L3 cell that is otherwise worthless.
        item_bias: sd of the log ratio of feedback and hidden items' transfer: what can be overfitted.
        horizon: length of a full run in tokens (D); reset mode uses 3.
        jitter: factor on what sets worlds apart; 0 is the calibration itself.
        calibration: the constants.
    """

    name = "planted"
    unit = "pp"
    points = POINTS
    domains = DOMAINS
    benchmarks = BENCHMARKS
    offers = frozenset({"influence", "losses", "reference_losses", "skills", "target_logprobs", "failures", "proposal"})

    def __init__(
        self,
        seed: int,
        *,
        influence: float = 0.62,
        surprise: float = 0.55,
        drift: float = 0.0,
        noise: float = 1.0,
        channel: Literal["accuracy", "bpb"] = "accuracy",
        null: bool = False,
        trap: float = 0.0,
        item_bias: float = 0.0,
        horizon: float = 1.0,
        jitter: float = 1.0,
        calibration: Calibration | None = None,
    ) -> None:
        super().__init__(seed)
        within(
            self.name,
            influence=(influence, 0, 1),
            surprise=(surprise, 0, 1),
            drift=(drift, 0, 10),
            noise=(noise, 0, 1000),
            trap=(trap, 0, 1000),
            item_bias=(item_bias, 0, 10),
            horizon=(horizon, 0.01, 100),
            jitter=(jitter, 0, 10),
        )
        switch(self.name, null=null)
        if channel not in ("accuracy", "bpb"):
            raise InputError(f"world {self.name}: channel wants accuracy or bpb, got {channel!r}")
        c = self.calibration = calibration or Calibration()
        self.drift, self.noise, self.null, self.trap, self.horizon = drift, noise, null, trap, horizon
        self.channel, self.quality_of_influence = channel, influence
        rng = np.random.default_rng([seed, 0])
        transfer, quality, stock = np.array(c.transfer), np.array(c.quality), np.array(c.stock)
        self.transfer = transfer * np.exp(rng.normal(0, 0.35 * jitter, transfer.shape))
        quality = quality * np.exp(rng.normal(0, 0.20 * jitter, quality.shape))
        self.floor, self.onset, self.guess = np.array(c.ability), np.array(c.onset), np.array(c.guess)
        self.gain = np.array(c.gain) * np.exp(rng.normal(0, 0.20 * jitter, len(BENCHMARKS)))
        self.stock = (stock * np.exp(rng.normal(0, 0.30 * jitter, stock.shape))).T.ravel()
        self.surprise = _plant(quality, rng, surprise)
        self.trapped = 4 * int(rng.integers(len(DOMAINS))) + 2
        self.quality = quality.T.ravel()
        if trap:
            self.quality[self.trapped] *= 0.1
        self.feedback_bias = np.exp(item_bias * rng.normal(0, 1, self.transfer.shape))
        self.influence_bias = rng.normal(0, 1, len(self.stock))
        self.domain = np.repeat(np.arange(len(DOMAINS)), 4)
        self.tier = np.tile(np.arange(4), len(DOMAINS))
        self._waits = np.array(c.readiness)[self.tier]
        self.item_se = noise * (0.25 if channel == "bpb" else 1.0) * float(np.sqrt(c.discordant / (2 * c.items)))
        self.item_se *= 100 / POINTS
        self.seed_sd = noise * c.seed_sd * 0.25 / SLOPE * 100 / POINTS

    def start(self) -> Exposure:
        """A model with some exposure to everything, and all data fresh."""
        return Exposure(np.full(len(BENCHMARKS), self.calibration.exposure), np.zeros(len(self.stock)))

    def train(self, state: Exposure, mixture: Floats, fraction: float = 1.0) -> Exposure:
        """Equations 1 to 3 and 7: repetition, readiness, transfer with forgetting, drift."""
        length = self.horizon * fraction
        seen = state.arm + length * mixture
        fresh = self._worth(seen) - self._worth(state.arm)
        added = self._transfer_at(state.age) @ np.bincount(self.domain, self._value(state) * fresh, len(DOMAINS))
        kept = max(0.0, 1 - self.calibration.forgetting * length)
        gamed = kept * state.gamed + 4 * float(fresh[self.trapped])
        return Exposure(np.maximum(0.0, kept * state.capability + added), seen, gamed, state.age + (fraction >= 1.0))

    def scores(self, state: Exposure) -> Floats:
        """Equations 4 and 5 on the feedback items, which a trap or a bias of the items may flatter."""
        return self._accuracy(self.abilities(state, feedback=True)) * 100 / POINTS

    def hidden(self, state: Exposure) -> Floats:
        """Equations 4 and 5 on hidden items."""
        return self._accuracy(self.abilities(state)) * 100 / POINTS

    def measured(self, state: Exposure, seed: Floats, items: Floats, hidden: bool = False) -> Floats:
        """Equation 6: seed noise on the ability, item noise on the accuracy."""
        ability = self.abilities(state, feedback=not hidden) + self.noise * self.calibration.seed_sd * seed
        return np.asarray(self._accuracy(ability) * 100 / POINTS + self.item_se * items)

    def abilities(self, state: Exposure, feedback: bool = False) -> Floats:
        """[B] latent abilities (theta)."""
        seen = np.ones(len(BENCHMARKS)) * self.calibration.exposure if self.null else state.capability
        theta = self.floor + self.gain * np.log1p(seen / self.onset)
        if feedback and not self.null:
            theta = theta + self.gain * np.log(self._flattery(state)) + self.trap / 25 * SLOPE * np.log1p(state.gamed)
        return np.asarray(theta)

    def gradient(self, state: Exposure, mixture: Floats) -> Floats:
        """The exact derivative of the true composite in the shares, in sds per unit of share."""
        after = self.train(state, mixture)
        theta = self.abilities(after)
        logistic = 1 / (1 + np.exp(-theta / SLOPE))
        slope = (1 - self.guess) * logistic * (1 - logistic) / SLOPE
        slope = slope * self.gain / (self.onset + after.capability) * (after.capability > 0) * 100 / POINTS
        if self.null:
            slope = 0 * slope
        per_domain = slope @ self._transfer_at(state.age) / len(BENCHMARKS)
        marginal = self._marginal(state.arm + self.horizon * mixture)
        return np.asarray(self.horizon * per_domain[self.domain] * self._value(state) * marginal)

    def influence(self, state: Exposure, mixture: Floats, round: int) -> Floats:  # noqa: A002 - the plan's word
        """Equation 8: the standardised gradient with a bias fixed for the world and noise of the round."""
        noise = np.random.default_rng([self.seed, 2, round]).normal(0, 1, len(self.stock))
        if self.quality_of_influence <= 0:
            return np.asarray(1.2 * self.influence_bias + 0.7 * noise)
        g = self.gradient(state, mixture)
        sd = float(np.sqrt((1 / self.quality_of_influence**2 - 1) / 2))  # two errors of one size: .62 is .9, .32 is 2
        z = (g - g.mean()) / g.std() if g.std() > 0 else 0 * g
        return np.asarray(z + sd * (self.influence_bias + noise))

    def signals(self, state: Exposure, reference: Exposure, mixture: Floats, round: int) -> Signals:  # noqa: A002
        """Everything that the field's mechanisms ask for, from the truth by the error that each really has."""
        return Signals(
            influence=self.influence(state, mixture, round),
            losses=self.losses(state),
            reference_losses=self.losses(reference),
            skills=self._skills(state),
            target_logprobs=self._target_logprobs(state),
            failures=self._failures(state),
            proposal=self._wish(state),
        )

    def losses(self, state: Exposure) -> Floats:
        """[K] nats a token: what no model can know of a tier (most in L1), and what this one has still to learn."""
        theta = self.abilities(state)[: len(DOMAINS)]
        return np.asarray(np.array([2.4, 2.1, 1.7, 1.6])[self.tier] + np.exp(-theta)[self.domain])

    def _skills(self, state: Exposure) -> Floats:
        """[K, K] fall of the loss on arm j per token of arm i, from the transfer between their domains."""
        across = self._transfer_at(state.age)[: len(DOMAINS)].T
        return np.asarray(self._value(state)[:, None] * across[np.ix_(self.domain, self.domain)])

    def _target_logprobs(self, state: Exposure) -> Floats:
        """[n, K] of texts like each benchmark's under models trained on one arm each, with the texts' own scatter."""
        fresh = self._worth(state.arm + self.horizon) - self._worth(state.arm)
        added = self._transfer_at(state.age)[:, self.domain] * (self._value(state) * fresh)
        seen = np.maximum((1 - self.calibration.forgetting * self.horizon) * state.capability[:, None] + added, 0.0)
        theta = self.floor[:, None] + self.gain[:, None] * np.log1p(seen / self.onset[:, None])
        return np.asarray(self._scatter - np.repeat(np.exp(-theta), TEXTS, axis=0))

    @cached_property
    def _scatter(self) -> Floats:
        """[n, K] how much texts of one benchmark differ."""
        shape = (TEXTS * len(BENCHMARKS), len(self.stock))
        return np.random.default_rng([self.seed, 4]).normal(0, 0.3, shape)

    def _failures(self, state: Exposure) -> Floats:
        """[K] failed items, each blamed on the domains that serve its benchmark and on all their tiers alike."""
        serves = np.maximum(self._transfer_at(state.age), 0.0)
        blamed = (1 - self._accuracy(self.abilities(state))) @ (serves / serves.sum(axis=1, keepdims=True))
        return np.asarray((blamed / blamed.sum() / 4)[self.domain])

    def _wish(self, state: Exposure) -> dict[str, float]:
        """Log shares that a strategist wants who believes in tiers and reads failing items, and knows nothing else."""
        failures = self._failures(state)
        z = (failures - failures.mean()) / max(float(failures.std()), 1e-12)
        wish = np.clip(0.4 * np.array([-1.0, -0.3, 0.8, 0.5])[self.tier] + 0.3 * z, -0.8, 0.8)
        return dict(zip(arms(self.domains), wish.tolist(), strict=True))

    def _worth(self, seen: Floats) -> Floats:
        """Equation 1: [K] what so many tokens of an arm are worth in fresh ones."""
        r, u = self.calibration.repeats, self.stock
        beyond = np.maximum(seen / u - 1, 0.0)
        return np.asarray(np.minimum(seen, u) - u * r * np.expm1(-beyond / r))

    def _marginal(self, seen: Floats) -> Floats:
        return np.asarray(np.exp(-np.maximum(seen / self.stock - 1, 0.0) / self.calibration.repeats))

    def _value(self, state: Exposure) -> Floats:
        """Equation 2: [K] quality times readiness."""
        m = float(state.capability.mean())
        return self.quality * (1 - self._waits + 1.6 * self._waits * m / (m + self.calibration.maturity))

    def _transfer_at(self, age: int) -> Floats:
        """Equation 7: the transfer matrix after so many rounds."""
        if not self.drift or not age:
            return self.transfer
        steps = np.random.default_rng([self.seed, 3]).normal(0, self.drift, (age, *self.transfer.shape))
        return np.asarray(self.transfer * np.exp(steps.sum(axis=0)))

    def _flattery(self, state: Exposure) -> Floats:
        """[B] how much more the feedback items see of an exposure than the hidden ones."""
        spent = np.bincount(self.domain, state.arm, len(DOMAINS)) + 1 / len(DOMAINS)
        share = spent / spent.sum()
        return np.asarray((np.abs(self.transfer) * self.feedback_bias) @ share / (np.abs(self.transfer) @ share))

    def _accuracy(self, theta: Floats) -> Floats:
        return np.asarray(self.guess + (1 - self.guess) / (1 + np.exp(-theta / SLOPE)))


def _plant(quality: Floats, rng: np.random.Generator, chance: float) -> str:
    """Change one cell of a quality table [T, D] in place, with a chance; says what was done."""
    drawn, domain = rng.random(), int(rng.integers(len(DOMAINS)))
    if drawn < chance * 35 / 55:
        quality[2, domain] *= 0.25
        return f"{DOMAINS[domain]}/L3 has collapsed"
    if drawn < chance:
        quality[0, domain] *= 2.0
        return f"{DOMAINS[domain]}/L1 is twice as good"
    return ""
