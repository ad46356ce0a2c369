"""The replay world: a table of finished runs, and an emulator of them that says what any mixture would have scored."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from scipy.linalg import cho_factor, cho_solve

from ...tiers.errors import InputError
from ...tiers.tier import Arm, Tier, arms
from ..feedback.mechanism import Floats, Mode
from .checks import switch, within
from .tables import RunTable, domain_of, read_regmix, read_table
from .world import World

OFFSET = 0.003
"""c of log(w + c): of .003, .01 and .03 the one that foretells most of RegMix's unseen runs."""
LENGTHS = (3.0, 6.0, 12.0, 24.0)
"""Length scales of the kernel, in the features' units, that cross-validation chooses among."""
NOISES = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
"""Noise variances, in those of a score."""
PLENTY = 25.0
"""Stock of an arm in full runs, where a table does not say: more than anybody uses."""


@dataclass(frozen=True)
class Emulator:
    """A Gaussian process on log shares, fitted to a table: posterior means of standardised scores."""

    points: Floats
    """[n, K] features of the runs, less their mean."""
    centre: Floats
    """[K] that mean."""
    weights: Floats
    """[n, B] representer weights."""
    length: float
    residual: float
    """Leave-one-out error of a score, in its standard deviation over the runs."""

    def predict(self, mixtures: Floats) -> Floats:
        """[m, B] scores of mixtures [m, K], in standard deviations over the table's runs."""
        return _kernel(features(mixtures) - self.centre, self.points, self.length) @ self.weights

    @property
    def explained(self) -> float:
        """Share of the scores' variance that it foretells of a run that it was not fitted to."""
        return 1 - self.residual**2


def features(mixtures: Floats) -> Floats:
    """log(w + c): near linear in the losses of real runs (research/feedback.md 1.9)."""
    return np.asarray(np.log(mixtures + OFFSET))


@lru_cache(maxsize=8)
def emulator(table: "Hashable") -> Emulator:
    """The Gaussian process whose leave-one-out error over a grid of length scales and noises is least.

    Kernel: linear plus squared exponential, both on log shares; leave-one-out errors are those of the closed form
    `alpha_i / (K^-1)_ii` (Rasmussen and Williams, 2006, 5.12).
    """
    raw, y = features(table.runs.mixtures), _standard(table.runs.scores)
    centre = raw.mean(axis=0)
    x = raw - centre
    best: Emulator | None = None
    for length in LENGTHS:
        k = _kernel(x, x, length)
        for noise in NOISES:
            factor = cho_factor(k + noise * np.eye(len(x)), lower=True)
            alpha = cho_solve(factor, y)
            inverse = np.diag(cho_solve(factor, np.eye(len(x))))
            error = float(np.sqrt(np.mean((alpha / inverse[:, None]) ** 2)))
            if best is None or error < best.residual:
                best = Emulator(x, centre, alpha, length, error)
    assert best is not None
    return best


@dataclass(frozen=True)
class Hashable:
    """A table by where it came from."""

    key: tuple[str, ...]
    runs: RunTable

    def __hash__(self) -> int:
        return hash(self.key)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Hashable) and self.key == other.key


class ReplayWorld(World):
    """What real runs scored, mixture by mixture; every round starts from the same base, so mode is `reset`.

    A mixture scores what the emulator foretells; a measurement errs by the emulator's own leave-one-out error. A run
    of a fraction of the tokens shows that fraction of the difference from the mean of all runs: tables do not tell.

    Args:
        seed: of the measurement noise.
        path: a CSV or Parquet table, or a folder of RegMix's files.
        size: of RegMix's models.
        split: of RegMix's runs.
        lower_is_better: whether the scores of a table of one's own are losses.
        spread: sd of the composite over the table's runs, in sds of items, which tables do not tell either.
    """

    name = "replay"
    modes: frozenset[Mode] = frozenset({"reset"})

    def __init__(
        self,
        seed: int,
        path: str = "",
        size: str = "1m",
        split: str = "",
        lower_is_better: bool = False,
        spread: float = 0.05,
    ) -> None:
        super().__init__(seed)
        within(self.name, spread=(spread, 1e-6, 1000))
        switch(self.name, lower_is_better=lower_is_better)
        for name, value in (("path", path), ("size", size), ("split", split)):
            if not isinstance(value, str):
                raise InputError(f"world {self.name}: {name} wants a word, got {value!r}")
        if not path:
            raise InputError("a replay world wants path=TABLE, a CSV, a Parquet file or a folder of RegMix's files")
        self.table = _table(path, size, split, lower_is_better)
        runs = self.table.runs
        keys = _arm_keys(runs.arms)
        self.domains = tuple(dict.fromkeys(Arm.parse(k).domain for k in keys))
        self.benchmarks = runs.benchmarks
        whole = arms(self.domains)
        self._place = np.array([whole.index(k) for k in keys])
        self.stock = np.zeros(len(whole))
        self.stock[self._place] = PLENTY
        self.emulator = emulator(self.table)
        if self.emulator.explained <= 0:
            raise InputError(
                f"{path}: no mixture foretells another's scores here (leave-one-out R2 {self.emulator.explained:.2f}): "
                "a replay of it would be noise"
            )
        self._unit = spread / max(float(self.emulator.predict(runs.mixtures).mean(axis=1).std()), 1e-9)
        self.item_se, self.seed_sd = 0.0, self._unit * self.emulator.residual

    def start(self) -> tuple[Floats, float]:
        """A model that no mixture has touched."""
        return np.zeros(len(self.stock)), 0.0

    def train(self, state: tuple[Floats, float], mixture: Floats, fraction: float = 1.0) -> tuple[Floats, float]:
        """What it was trained on, and for how long."""
        return mixture, fraction

    def scores(self, state: tuple[Floats, float]) -> Floats:
        """[B] of the emulator, in sds."""
        mixture, fraction = state
        if not fraction:
            return np.zeros(len(self.benchmarks))
        return np.asarray(fraction * self._unit * self.emulator.predict(mixture[None, self._place])[0])


def _table(path: str, size: str, split: str, lower_is_better: bool) -> Hashable:
    where = Path(path)
    if where.is_dir():
        return Hashable((str(where.resolve()), size, split), read_regmix(where, size, split))
    return Hashable((str(where.resolve()), str(lower_is_better)), read_table(where, lower_is_better))


def _arm_keys(names: tuple[str, ...]) -> list[str]:
    """`math/L3` stays as it is; any other name is a domain whose data are plain L1."""
    try:
        return [str(Arm.parse(n)) for n in names]
    except ValueError:
        pass
    keys = [str(Arm(domain_of(n), Tier.L1)) for n in names]
    if len(set(keys)) < len(keys):
        raise InputError(f"two arms have the same name as a domain: {', '.join(names)}")
    return keys


def _kernel(a: Floats, b: Floats, length: float) -> Floats:
    """Linear plus squared exponential, [len(a), len(b)]."""
    square = (a**2).sum(axis=1)[:, None] + (b**2).sum(axis=1)[None, :] - 2 * a @ b.T
    return np.asarray(1.0 + a @ b.T / a.shape[1] + np.exp(-np.maximum(square, 0.0) / (2 * length**2)))


def _standard(scores: Floats) -> Floats:
    return np.asarray((scores - scores.mean(axis=0)) / scores.std(axis=0))
