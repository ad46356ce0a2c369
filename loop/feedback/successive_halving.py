"""successive_halving: random mixtures race; the better half goes on and is tried again; it returns one of them."""

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ...tiers.record import Record
from .base import RESET
from .mechanism import Context, Floats, Probe
from .trials import Trials, dirichlet

Ints = NDArray[np.int64]


class Settings(Record):
    """The race."""

    candidates: int = Field(default=32, ge=2)
    """Mixtures at the start, as far as the rounds suffice."""
    eta: int = Field(default=2, ge=2)
    """One of `eta` goes on."""


class SuccessiveHalving(Trials):
    """Every round tries one mixture at full length; a rung is over when each of its mixtures was tried once more."""

    name = "successive_halving"
    source = "Jamieson and Talwalkar 2016; Karnin, Koren and Somekh 2013"
    modes = RESET
    Settings = Settings

    def brackets(self, rounds: int) -> list[tuple[int, int]]:
        """(mixtures, trials of each in the first rung) of every race that the rounds suffice for."""
        n = self.settings.candidates
        while n > 2 and self._length(n, 1) > rounds:
            n -= 1
        return [(n, 1)]

    def _length(self, n: int, repeats: int) -> int:
        total = 0
        while n > 1:
            total, n, repeats = total + n * repeats, max(n // self.settings.eta, 1), repeats * self.settings.eta
        return total + repeats

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        """The next trial of the race; the leader once all races are over."""
        schedule = self._race(context)
        if schedule is None:
            return self.recommend(context), (), f"{self.name}: the race is over, the leader"
        pick, told = schedule
        return self._pool(context)[pick], (), f"{self.name}: {told}"

    def recommend(self, context: Context) -> Floats:
        """The mixture with the best mean, of those tried most often."""
        if not self.gains:
            return context.reference.copy()
        index, count = self._matched(self._pool(context))
        means = np.bincount(index, self.gained, len(count)) / np.maximum(count, 1)
        most = count >= max(int(count.max()), 1)
        return np.asarray(self._pool(context)[int(np.argmax(np.where(most, means, -np.inf)))])

    def _pool(self, context: Context) -> Floats:
        n = sum(n for n, _ in self.brackets(context.rounds))
        rng = np.random.default_rng([self.seed, *self.name.encode()])
        strength = np.exp(rng.uniform(np.log(0.3), np.log(4.0), n))
        return dirichlet(context, context.reference, strength, rng)

    def _matched(self, pool: Floats) -> tuple[Ints, Ints]:
        """Which mixture each trial was (the nearest: floors and caps may have moved it), and how often each was."""
        far = ((self.tried[:, None] - pool[None]) ** 2).sum(axis=2)
        index = np.asarray(far.argmin(axis=1), dtype=np.int64)
        return index, np.bincount(index, minlength=len(pool)).astype(np.int64)

    def _race(self, context: Context) -> tuple[int, str] | None:
        """The mixture that is due, replaying the rungs on the trials so far; None when all races are over."""
        pool = self._pool(context)
        index = self._matched(pool)[0] if self.gains else np.zeros(0, dtype=np.int64)
        used, first = 0, 0
        for n, repeats in self.brackets(context.rounds):
            alive, first = list(range(first, first + n)), first + n
            rung = 0
            while True:
                due = [a for a in alive for _ in range(repeats)]
                if used + len(due) > len(index):
                    pick = due[len(index) - used]
                    return pick, f"mixture {pick + 1} of {len(pool)}, rung {rung + 1} with {len(alive)} left"
                used += len(due)
                if len(alive) == 1:
                    break
                seen = index[:used]
                means = {a: float(self.gained[:used][seen == a].mean()) if (seen == a).any() else -1e9 for a in alive}
                alive = sorted(alive, key=lambda a: -means[a])[: max(len(alive) // self.settings.eta, 1)]
                repeats, rung = repeats * self.settings.eta, rung + 1
        return None
