"""Standings: shares of the oracle's gap, worst deciles, regret, cost, and paired intervals between mechanisms."""

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from scipy.special import stdtrit

from ...eval.score import verdict
from ..feedback.mechanism import Floats
from .simulate import Trajectory
from .tournament import Results
from .yardsticks import Yardstick

RESAMPLES = 2000
REACH = 0.9
"""Share of the oracle's final gain over uniform that counts as having got there."""
UNIFORM_COST = 1.1
"""Run-equivalents of a round of the reference mixture: it is trained and measured once."""


def standings(results: Results) -> dict[str, Any]:
    """Everything that tables and pages show, in JSON types; worlds in the order of the entry."""
    entry = results.entry
    worlds = [_world(results, w) for w in entry.worlds]
    total = len(entry.mechanisms) * len(entry.worlds) * len(entry.seeds)
    return {
        "view": "tournament",
        "rounds": entry.rounds,
        "mode": entry.mode,
        "seeds": list(entry.seeds),
        "overrides": entry.overrides,
        "played": len(results.trajectories),
        "wanted": total,
        "worlds": [w for w in worlds if w],
    }


def _world(results: Results, world: str) -> dict[str, Any]:
    sticks = {y.seed: y for y in results.yardsticks if y.world == world}
    rows, finals, curves = [], {}, {}
    budget = _common_budget(results, world)
    for name in results.entry.mechanisms:
        mine = [t for t in results.trajectories if (t.mechanism, t.world) == (name, world) and t.seed in sticks]
        played = [t for t in mine if t.composite]
        rows.append(_row(name, mine, played, sticks, budget))
        finals[name] = {t.seed: t.final for t in played}
        if played:
            curves[name] = _regrets(played, sticks).mean(axis=0).tolist()
    if not sticks:
        return {}
    gaps = _gaps(list(sticks.values()))
    rows.sort(key=lambda r: -r["gain"] if r["gain"] is not None else np.inf)
    return {
        "world": world,
        "unit": next(iter(sticks.values())).unit,
        "n": len(sticks),
        "gap": float(gaps.mean()),
        "digits": digits(float(gaps.mean())),
        "budget": budget,
        "rows": rows,
        "pairs": pairs(finals),
        "curves": curves,
        "uniform": _uniform_curve(list(sticks.values())),
    }


def digits(gap: float) -> int:
    """Places after the point in which gains are told where the oracle gains so much."""
    return 2 if gap >= 0.5 or gap < 1e-6 else 4


def _row(
    name: str, mine: Sequence[Trajectory], played: Sequence[Trajectory], sticks: Mapping[int, Yardstick], budget: float
) -> dict[str, Any]:
    failed = [t for t in mine if t.problems]
    told: dict[str, Any] = {
        "mechanism": name,
        "n": len(played),
        "failures": len(failed),
        "reason": failed[0].problems[0] if failed else "",
        "failed_rounds": sum(t.failed_rounds for t in failed),
    }
    if not played:
        return told | {"gain": None}
    gains = np.array([t.final - sticks[t.seed].uniform[-1] for t in played])
    gaps = _gaps([sticks[t.seed] for t in played])
    low, high = _interval(gains)
    rounds = len(played[0].composite) - 1
    reached = [_reach(t, sticks[t.seed]) for t in played]
    return told | {
        "gain": float(gains.mean()),
        "low": low,
        "high": high,
        "share": _share(gains, gaps),
        "worst": float(np.quantile(gains, 0.1)),
        "below_uniform": float((gains < 0).mean()),
        "regret": float(_regrets(played, sticks)[:, 1:].mean()),
        "reached": float(np.mean([r is not None for r in reached])),
        "rounds_to_reach": float(np.median([r for r in reached if r is not None])) if any(reached) else None,
        "cost": float(np.mean([t.cost[-1] for t in played])),
        "equal_cost": float(np.mean([_at_cost(t, sticks[t.seed], budget) for t in played])),
        "accepted": sum(t.accepted for t in played) / (rounds * len(played)),
        "claims": sum(t.claims for t in played) / (rounds * len(played)),
        "gaming": float(np.mean([_gamed(t) for t in played])),
        "round_ms": 1000 * sum(t.seconds for t in played) / (rounds * len(played)),
    }


def pairs(finals: Mapping[str, Mapping[int, float]]) -> list[dict[str, Any]]:
    """Every two mechanisms in the worlds that both played: mean difference, 95 % t interval, n, verdict."""
    found = []
    for one, other in combinations(finals, 2):
        shared = sorted(set(finals[one]) & set(finals[other]))
        if len(shared) < 2:
            continue
        d = np.array([finals[one][s] - finals[other][s] for s in shared])
        low, high = _interval(d)
        told = {"gain": float(d.mean()), "low": low, "high": high, "n": len(d), "verdict": verdict(low, high)}
        found.append({"treatment": one, "reference": other} | told)
    return found


def _share(gains: Floats, gaps: Floats) -> dict[str, float | None]:
    """Mean gain over mean gap with a bootstrap interval over worlds; none where the gap itself is nothing."""
    if gaps.mean() < 1e-6:
        return {"mean": None, "low": None, "high": None}
    draws = np.random.default_rng(0).integers(0, len(gains), (RESAMPLES, len(gains)))
    drawn = gains[draws].mean(axis=1) / np.maximum(gaps[draws].mean(axis=1), 1e-9)
    low, high = np.quantile(drawn, [0.025, 0.975])
    return {"mean": float(gains.mean() / gaps.mean()), "low": float(low), "high": float(high)}


def _interval(values: Floats) -> tuple[float, float]:
    """95 % t interval of a mean; the point itself where there is one value or no scatter."""
    n = len(values)
    half = float(stdtrit(n - 1, 0.975) * values.std(ddof=1) / np.sqrt(n)) if n > 1 else 0.0
    return float(values.mean()) - half, float(values.mean()) + half


def _gaps(sticks: Sequence[Yardstick]) -> Floats:
    return np.array([y.oracle[-1] - y.uniform[-1] for y in sticks])


def _regrets(played: Sequence[Trajectory], sticks: Mapping[int, Yardstick]) -> Floats:
    """[n, rounds + 1] how far behind the oracle's trajectory."""
    return np.array([np.array(sticks[t.seed].oracle) - np.array(t.composite) for t in played])


def _uniform_curve(sticks: Sequence[Yardstick]) -> list[float]:
    found: list[float] = np.array([np.array(y.oracle) - np.array(y.uniform) for y in sticks]).mean(axis=0).tolist()
    return found


def _gamed(t: Trajectory) -> float:
    """What feedback items gained beyond hidden ones."""
    return (t.feedback[-1] - t.feedback[0]) - (t.composite[-1] - t.composite[0])


def _reach(t: Trajectory, stick: Yardstick) -> int | None:
    """First round at which the lead over uniform's end is 90 % of the oracle's."""
    wanted = stick.uniform[-1] + REACH * (stick.oracle[-1] - stick.uniform[-1])
    return next((i for i, c in enumerate(t.composite) if c >= wanted and i), None)


def _common_budget(results: Results, world: str) -> float:
    """Run-equivalents that every mechanism has spent in the end."""
    spent = [t.cost[-1] for t in results.trajectories if t.world == world and t.cost]
    return min(spent, default=0.0)


def _at_cost(t: Trajectory, stick: Yardstick, budget: float) -> float:
    """Composite when `budget` is spent, less what uniform has by then; between two rounds by a line."""
    ours = np.interp(budget, [0.0, *t.cost], t.composite)
    uniform = np.interp(budget, UNIFORM_COST * np.arange(len(stick.uniform)), stick.uniform)
    return float(ours - uniform)
