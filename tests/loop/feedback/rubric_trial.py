"""Rubric weights in planted worlds: `python -m tests.loop.feedback.rubric_trial 1000 1080`, for docs/feedback.md."""

import sys
from typing import Any

import numpy as np
from scipy.special import stdtrit

from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.mechanism import Contrast, Evidence, Floats
from coevo.loop.feedback.rubric_influence import regress
from coevo.loop.feedback.rubrics import rubric_worth
from coevo.loop.lab.rubric_world import RubricWorld

ARMS = ("en/L1", "en/L2")
U = np.full(2, 0.5)
ROUNDS = (5, 10, 20)
POINT = 0.02
BUCKETS = 24
CONFIG = FeedbackConfig(rubric_unit=POINT, rubric_signed=True, discount=1.0)


class Buckets:
    """Documents by the nearest of 24 of them, for the hedge."""

    def __init__(self, world: RubricWorld) -> None:
        centres = world.scores[np.random.default_rng([world.seed, 40]).choice(world.documents, BUCKETS, replace=False)]
        far = ((world.scores[:, None] - centres[None]) ** 2).sum(axis=2)
        self.of = far.argmin(axis=1)
        self.world = world

    def shares(self, weights: Floats) -> Floats:
        """[C] of the documents that weights select."""
        return np.bincount(self.of[self.world.select(weights)], minlength=BUCKETS) / len(self.world.select(weights))


def learn(
    world: RubricWorld, config: FeedbackConfig, rounds: int, sets: int = 2, size: float = 1.0, influence: bool = True
) -> list[Floats]:
    """Weights [P] after every round; a round tries `sets` perturbations beside the weights themselves."""
    rng = np.random.default_rng([world.seed, 41])
    names, p = world.rubrics, len(world.rubrics)
    weights, history, out = dict.fromkeys(names, 1.0 / p), [], []
    buckets = Buckets(world) if config.rubric_method == "hedge" else None
    variance = (world.gain_sd * world.fraction * POINT) ** 2
    for number in range(1, rounds + 1):
        now = np.array([weights[r] for r in names])
        tried = [now] + [_normed(now + rng.normal(0, size, p)) for _ in range(sets)]
        seen, means = world.observed(np.array(tried), rng), [world.means(w) for w in tried]
        scores, phi = world.sample_influence(rng)
        contrasts = tuple(
            Contrast("rubric", f"set-{j}", "control", U, U, world.fraction,
                     float(seen[j] - seen[0]) * world.fraction * POINT, means[j] - means[0],
                     buckets=buckets.shares(tried[j]) - buckets.shares(tried[0]) if buckets else np.zeros(0))
            for j in range(1, sets + 1)
        )  # fmt: skip
        own = np.array([buckets.shares(w) for w in np.eye(p)]) if buckets else None
        history.append(
            Evidence(number, contrasts, variance * (np.eye(sets) + 1), names, np.ones(p),
                     rubric_influence=regress(scores, phi) if influence else None, rubric_buckets=own)
        )  # fmt: skip
        weights = {w.rubric: w.weight for w in rubric_worth(history, weights, ARMS, config)}
        out.append(np.array([weights[r] for r in names]))
    return out


def shares(seeds: range, grade: str, config: FeedbackConfig = CONFIG, **how: Any) -> Floats:
    """[n, len(ROUNDS)] share of the (oracle - equal) gap."""
    found = []
    for seed in seeds:
        world = RubricWorld(seed, influence=grade)
        equal, oracle = world.equal(), world.oracle()
        path = learn(world, config, max(ROUNDS), **how)
        found.append([(world.gain(path[t - 1]) - equal) / (oracle - equal) for t in ROUNDS])
    return np.array(found)


def row(label: str, found: Floats) -> str:
    """Mean shares after 5, 10 and 20 rounds with their 95 % t interval over worlds, in percent."""
    mean, half = found.mean(axis=0), stdtrit(len(found) - 1, 0.975) * found.std(axis=0) / np.sqrt(len(found))
    return f"{label:34s}" + "  ".join(
        f"{100 * m:5.1f} ({100 * (m - h):.1f} to {100 * (m + h):.1f})" for m, h in zip(mean, half, strict=True)
    )


def table(seeds: range) -> list[str]:
    """Every method at every grade of influence."""
    rows = [row(f"fusion, influence {g}", shares(seeds, g)) for g in ("good", "biased", "weak")]
    rows.append(row("fusion, small perturbations, good", shares(seeds, "good", size=0.25)))
    rows.append(row("fusion, small perturbations, biased", shares(seeds, "biased", size=0.25)))
    rows.append(row("no influence", shares(seeds, "good", influence=False)))
    alone = CONFIG.model_copy(update={"rubric_method": "influence"})
    rows += [row(f"influence alone, {g}", shares(seeds, g, alone)) for g in ("good", "biased", "weak")]
    rows.append(row("hedge", shares(seeds, "good", CONFIG.model_copy(update={"rubric_method": "hedge"}))))
    return rows


def _normed(w: Floats) -> Floats:
    return np.asarray(w / np.abs(w).sum())


if __name__ == "__main__":
    print(*table(range(int(sys.argv[1]), int(sys.argv[2]))), sep="\n")
