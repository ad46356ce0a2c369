"""How often following a mechanism is called harmful: `python -m tests.loop.feedback.rollback_trial [REPEATS]`.

Rounds share the items and one noise floor, as in a real run: the gains of main over control are drawn from cluster
effects that last, cluster effects of the round, and seeds; the floor is estimated from a few A/A runs.
"""

import sys
from dataclasses import dataclass, replace

import numpy as np

from coevo.eval.clustered import degrees_of_freedom
from coevo.eval.rounds import Repeated
from coevo.eval.seeds import Seeds

BAR = 20.0


@dataclass(frozen=True)
class Setting:
    """One kind of run; the variance of a gain is 1."""

    share: float = 0.3
    """Of the variance that is the same items' luck in every round."""
    fresh: float = 0.15
    """Of the variance that is item luck of the round."""
    runs: int = 6
    """A/A runs behind the floor."""
    rounds: int = 20
    clusters: int = 40
    heavy: bool = False
    """Cluster effects with Student's t of 3 degrees of freedom."""
    heavy_seeds: bool = False
    """Seed effects likewise, of main and control and of the A/A runs."""
    unequal: bool = False
    """Clusters of sizes that differ by factors."""
    effect: float = 0.0
    """True gain of every round, in standard errors."""
    noisier: float = 1.0
    """Seed variance of main and control over that of the A/A runs."""
    folds: int = 1

    @property
    def seed(self) -> float:
        """Share of the variance that is seed noise."""
        return 1 - self.share - self.fresh


def drawn(setting: Setting, rng: np.random.Generator) -> Repeated:
    """The gains of one run with what its instruments say of their errors."""
    n, size = setting.rounds, setting.clusters
    sizes = np.exp(rng.standard_normal(size)) if setting.unequal else np.ones(size)
    asked = np.array([np.arange(size) % setting.folds == t % setting.folds for t in range(n)]) * sizes
    weights = asked / asked.sum(axis=1, keepdims=True)
    lengths = np.sqrt((weights**2).sum(axis=1))
    effects = np.sqrt(setting.share) * _unit(setting.heavy, rng, (1, size))
    effects = (effects + np.sqrt(setting.fresh) * _unit(setting.heavy, rng, (n, size))) / lengths[:, None]
    mean = (weights * effects).sum(axis=1, keepdims=True)
    sums = weights * (effects - mean) / np.sqrt(1 - weights)
    seed = np.sqrt(setting.noisier * setting.seed) * _unit(setting.heavy_seeds, rng, (n,))
    own = setting.fresh / 2  # of one run's mean: A/A runs differ in the luck of the round alone
    repeats = np.sqrt(setting.seed / 2) * _unit(setting.heavy_seeds, rng, (setting.runs,))
    total = float((repeats + np.sqrt(own) * rng.standard_normal(setting.runs)).var(ddof=1))
    seeds = Seeds.estimate(total, own * rng.chisquare(size - 1) / (size - 1), setting.runs - 1)
    dof = min(degrees_of_freedom(row) for row in weights)
    overlap = (weights @ weights.T) / np.outer(lengths, lengths)
    gain = setting.effect + mean[:, 0] + seed
    return Repeated(gain, sums @ sums.T, dof, np.full(n, 2.0), seeds, overlap)


def _unit(heavy: bool, rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return rng.standard_t(3, shape) / np.sqrt(3) if heavy else rng.standard_normal(shape)


def first(run: Repeated, bar: float = BAR) -> int:
    """The round in which the rollback is called, or 0."""
    above = run.harm() >= bar
    return int(above.argmax()) + 1 if above.any() else 0


def calls(setting: Setting, repeats: int, seed: int = 0) -> np.ndarray:
    """[repeats] the round of each run's rollback, 0 where there was none."""
    rng = np.random.default_rng(seed)
    return np.array([first(drawn(setting, rng)) for _ in range(repeats)])


def main(repeats: int) -> None:
    """Print the table of docs/feedback.md."""
    print("| | false rollbacks | found at -.5 | -1 | -2 |")
    for share in (0.0, 0.1, 0.3, 0.5, 0.7):
        for runs in (3, 6):
            base = Setting(share=share, runs=runs)
            _row(f"item share {share:g}, {runs} A/A runs", base, repeats)
    base = Setting()
    for name, setting in {
        "2 A/A runs": replace(base, runs=2),
        "2 A/A runs, heavy-tailed seeds, 40 rounds, item share .1": replace(
            base, runs=2, heavy_seeds=True, rounds=40, share=0.1
        ),
        "5 rounds": replace(base, rounds=5),
        "40 rounds": replace(base, rounds=40),
        "6 clusters": replace(base, clusters=6),
        "10 clusters": replace(base, clusters=10),
        "200 clusters": replace(base, clusters=200),
        "40 clusters of unequal sizes": replace(base, unequal=True),
        "heavy-tailed items": replace(base, heavy=True),
        "main twice as noisy as A/A runs": replace(base, noisier=2.0),
        "4 folds": replace(base, folds=4),
        "5 folds of 6 clusters, item share .7": replace(base, folds=5, clusters=30, share=0.7),
    }.items():
        _row(name, setting, repeats)


def _row(name: str, setting: Setting, repeats: int) -> None:
    from scipy.stats import binomtest

    false = calls(setting, repeats)
    wrong = float((false > 0).mean())
    low, high = binomtest(int((false > 0).sum()), repeats).proportion_ci(method="wilson")
    cells = [f"{100 * wrong:.1f} % ({100 * low:.1f} to {100 * high:.1f})"]
    for effect in (-0.5, -1.0, -2.0):
        at = calls(replace(setting, effect=effect), max(50, repeats // 10), 1)
        hit = at[at > 0]
        cells.append(f"{100 * len(hit) / len(at):.0f} %, round {np.median(hit):.0f}" if len(hit) else "0 %")
    print(f"| {name} | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
