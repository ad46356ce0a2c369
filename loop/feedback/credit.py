"""Credit: which of several things that changed at once earned a gain, with the error of saying so."""

from collections.abc import Callable, Hashable, Sequence
from math import sqrt
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...tiers.errors import InputError
from .design import hadamard
from .mechanism import Floats

Z95 = 1.959964
Player = TypeVar("Player", bound=Hashable)


class Credit(NamedTuple):
    """An estimate with its standard error."""

    value: float
    se: float


def one_arm(centre: Floats, size: float) -> Floats:
    """[K + 1, K] the centre, and each arm alone raised by `size` in log share: main effects, error 2 s^2 each."""
    tilted = centre * np.exp(size * np.eye(len(centre)))
    return np.vstack([centre, tilted / tilted.sum(axis=1, keepdims=True)])


def leave_one_out(centre: Floats) -> Floats:
    """[K + 1, K] the centre, and the centre without each arm: what is lost at the operating point.

    Raises:
        InputError: one arm is all there is.
    """
    if (centre > 0).sum() < 2:
        raise InputError("leaving an arm out wants at least two arms with a share")
    rest = centre * (1 - np.eye(len(centre)))
    return np.vstack([centre, rest / rest.sum(axis=1, keepdims=True)])


def plackett_burman(factors: int) -> NDArray[np.int64]:
    """[J, factors] signs of the smallest balanced design: J a multiple of 4 above `factors`, columns orthogonal.

    Every factor is high in half of the runs, so its main effect has variance 4 s^2 / J, all factors at once (Plackett
    and Burman 1946). Built by Sylvester where J is a power of two, else by Paley from a prime J - 1.

    Raises:
        InputError: fewer than one factor.
    """
    if factors < 1:
        raise InputError(f"a design wants at least one factor, got {factors}")
    runs = 4
    while runs <= factors or not (_power_of_two(runs) or _prime(runs - 1)):
        runs += 4
    matrix = hadamard(runs) if _power_of_two(runs) else _paley(runs - 1)
    return matrix[:, 1 : factors + 1]


def main_effects(design: NDArray[np.int64], gains: Floats, se: float) -> list[Credit]:
    """Effect of every factor of a balanced design: mean of its high runs less mean of its low runs.

    Args:
        design: [J, factors] signs.
        gains: [J] one a run.
        se: standard error of one gain; the gains' errors are independent.

    Raises:
        InputError: a number of gains that is not the number of runs.
    """
    if len(design) != len(gains):
        raise InputError(f"wanted a gain for each of {len(design)} runs, got {len(gains)}")
    effects = 2 * design.T @ gains / len(design)
    return [Credit(float(e), 2 * se / sqrt(len(design))) for e in effects]


def regression(features: Floats, gains: Floats, cov: Floats, prior: Floats) -> tuple[Floats, Floats]:
    """Mean [d] and covariance [d, d] of the effects by generalised least squares under N(0, `prior`)."""
    solved = np.linalg.solve(cov, features)
    found: Floats = np.asarray(np.linalg.inv(np.linalg.inv(prior) + features.T @ solved), np.float64)
    return found @ solved.T @ gains, found


def of_moves(moved: Floats, mean: Floats, cov: Floats) -> tuple[list[Credit], Credit]:
    """What each arm's move [K] added to a gain, and all of them together, under values with a joint covariance."""
    sd = np.sqrt(np.maximum(np.diag(cov), 0.0))
    each = [Credit(float(m * x), float(abs(x) * s)) for m, x, s in zip(mean, moved, sd, strict=True)]
    return each, Credit(float(mean @ moved), sqrt(max(float(moved @ cov @ moved), 0.0)))


def share(part: Credit, whole: Credit) -> tuple[float, float, float] | None:
    """Share of a delta that a part explains, with its 95 % interval; None where the delta itself is not resolved.

    Fieller's interval (1954) of a ratio of two estimates whose errors are taken to be independent.
    """
    g = (Z95 * whole.se / whole.value) ** 2 if whole.value else np.inf
    if g >= 1:
        return None
    ratio = part.value / whole.value
    spread = (1 - g) * part.se**2 + ratio**2 * whole.se**2
    half = Z95 / abs(whole.value) * sqrt(max(spread, 0.0)) / (1 - g)
    return ratio, ratio / (1 - g) - half, ratio / (1 - g) + half


def shapley(
    value: Callable[[frozenset[Player]], float], players: Sequence[Player], permutations: int = 100, seed: int = 0
) -> dict[Player, Credit]:
    """Shapley values by antithetic permutation sampling: about permutations * players values, each asked for once.

    For reports, where a value is cheap: a merged subset of adapters, evaluated (`loop.shapley`). The values add up to
    value(all) - value(none), exactly.

    Args:
        value: of a set of players; deterministic.
        players: all of them.
        permutations: drawn; every second is the one before, reversed.
        seed: of the permutations.

    Raises:
        InputError: no player, one twice, or fewer than two permutations.
    """
    if not players or len(set(players)) < len(players) or permutations < 2:
        raise InputError(f"wanted players, each once, and at least 2 permutations, got {len(players)}, {permutations}")
    known: dict[frozenset[Player], float] = {}

    def worth(members: frozenset[Player]) -> float:
        if members not in known:
            known[members] = float(value(members))
        return known[members]

    rng = np.random.default_rng(seed)
    pairs = np.zeros((permutations // 2, len(players)))
    for row in pairs:
        order = rng.permutation(len(players))
        for path in (order, order[::-1]):
            inside: frozenset[Player] = frozenset()
            for i in path:
                after = inside | {players[int(i)]}
                row[i] += 0.5 * (worth(after) - worth(inside))
                inside = after
    spread = pairs.std(axis=0, ddof=1) / sqrt(len(pairs)) if len(pairs) > 1 else np.full(len(players), np.nan)
    return {p: Credit(float(m), float(s)) for p, m, s in zip(players, pairs.mean(axis=0), spread, strict=True)}


def _power_of_two(n: int) -> bool:
    return n & (n - 1) == 0


def _prime(n: int) -> bool:
    return n > 1 and all(n % d for d in range(2, int(sqrt(n)) + 1))


def _paley(q: int) -> NDArray[np.int64]:
    """Hadamard matrix of order q + 1, q a prime of the form 4 m + 3, its first column all ones."""
    squares = {pow(x, 2, q) for x in range(1, q)}
    character = np.array([0] + [1 if x in squares else -1 for x in range(1, q)])
    jacobsthal = character[(np.arange(q)[:, None] - np.arange(q)[None]) % q]
    skew = np.block([[np.zeros((1, 1)), np.ones((1, q))], [-np.ones((q, 1)), jacobsthal]])
    matrix = (skew + np.eye(q + 1)).astype(np.int64)
    return matrix * matrix[:, :1]
