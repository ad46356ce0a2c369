"""Trajectories in planted worlds: `python -m tests.loop.feedback.trial 1000 1200` prints docs/feedback.md's table."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from coevo.eval.clustered import EXACT, Error
from coevo.eval.score import Delta
from coevo.loop.feedback import create
from coevo.loop.feedback.config import FeedbackConfig
from coevo.loop.feedback.design import probes
from coevo.loop.feedback.gate import accept
from coevo.loop.feedback.guard import guarded_observe, guarded_plan
from coevo.loop.feedback.mechanism import Context, Evidence, Floats, Plan, Probe
from coevo.loop.feedback.policy import carried, vector
from tests.loop.feedback.world import ARMS, FRACTION, State, World


@dataclass(frozen=True)
class Outcome:
    """How one trajectory ended."""

    gain: float
    """True composite of the end state, minus that of the uniform trajectory."""
    se: float
    accepted: int
    """Rounds in which main was accepted."""
    claims: int
    """Rounds with verdict `gain`."""
    wrong: int
    """Rounds in which main was accepted although it was truly worse than control by more than one SE."""
    rounds: int
    distance: float
    """KL divergence of the last planned mixture from the reference, in nats."""


class NaiveRidge:
    """The mechanism of the warning: ridge on log shares, probes scaled by 1/f, no bias, no full contrast, bold."""

    name = "naive_ridge"

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.x: list[Floats] = []
        self.y: list[float] = []

    def plan(self, context: Context) -> tuple[Floats, tuple[Probe, ...], str]:
        start = context.reference if context.start is None else context.start
        w = start
        if self.x:
            x = np.array(self.x)
            beta = np.linalg.solve(x.T @ x + 0.05 * np.eye(12), x.T @ np.array(self.y))
            w = start * np.exp(np.clip(beta / max(float(np.abs(beta).max()), 1e-9), -1, 1)) * context.live
            w = w / w.sum()
        return w, probes(context, w, 0.8, 0.01, self.seed), "naive"

    def observe(self, evidence: Evidence) -> None:
        for c in evidence.contrasts:
            if c.kind == "probe":
                self.x.append(np.log(c.mixture + 0.01) - np.log(c.baseline + 0.01))
                self.y.append(c.gain / c.fraction)

    def posterior(self) -> tuple[Floats, Floats]:
        return np.zeros(12), np.zeros((12, 12))

    def state_dict(self) -> dict[str, Any]:
        return {}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        pass


def run(world: World, mechanism: Any, config: FeedbackConfig, rounds: int = 3, gated: bool = True) -> Outcome:
    """One trajectory of the loop in `continue` mode, compared with all-uniform from the same base."""
    state = uniform = world.base()
    previous: Plan | None = None
    accepted, mains, claims, wrong = "control", 0, 0, 0
    w = world.reference
    for number in range(1, rounds + 1):
        context = Context(number, ARMS, world.live, world.cap, world.reference, rounds)
        start = carried(previous, "main" if accepted == "main" else "control", context)
        context = Context(number, ARMS, world.live, world.cap, world.reference, rounds, 3, start)
        guarded = guarded_plan(mechanism, context, config, previous)
        assert not guarded.problem, guarded.problem
        previous, w = guarded.plan, vector(guarded.plan.mixture, ARMS)
        evidence, main, control = play(world, state, number, previous, w)
        assert not guarded_observe(mechanism, evidence)
        gate = accept(as_delta(evidence.contrasts[0].gain, world.se), (), config)
        accepted = gate.run if gated else "main"
        mains, claims = mains + (accepted == "main"), claims + (gate.verdict == "gain")
        wrong += accepted == "main" and world.composite(main) - world.composite(control) < -world.se
        state = main if accepted == "main" else control
        uniform = world.train(uniform, world.reference)
    live = world.live
    distance = float((w[live] * np.log(w[live] / world.reference[live])).sum())
    return Outcome(world.composite(state) - world.composite(uniform), world.se, mains, claims, wrong, rounds, distance)


def play(world: World, state: State, number: int, plan: Plan, w: Floats) -> tuple[Evidence, State, State]:
    """Train main, control, centre and probes, and measure them."""
    main, control = world.train(state, w), world.train(state, world.reference)
    pairs = [("full", w, world.reference, main, control)]
    centre = world.train(state, w, FRACTION)
    for p in plan.probes:
        mixture = vector(p.mixture, ARMS)
        pairs.append(("probe", mixture, w, world.train(state, mixture, FRACTION), centre))
    return world.measure(number, pairs), main, control


def as_delta(gain: float, se: float, benchmark: str = "composite") -> Delta:
    """A Delta with its verdict at 95 %."""
    verdict = "gain" if gain > 1.96 * se else "loss" if gain < -1.96 * se else "unresolved"
    return Delta.model_validate(
        {"benchmark": benchmark, "split": "feedback", "metric": "sd", "treatment": "main", "reference": "control"}
        | {
            "before": 0.0,
            "after": gain,
            "gain": gain,
            "se": se,
            "dof": EXACT,
            "low": gain - 1.96 * se,
            "high": gain + 1.96 * se,
            "p": Error(se, EXACT).p(gain),
        }
        | {"n": 500, "clusters": 100, "verdict": verdict}
    )


def trials(
    name: str, seeds: range, config: FeedbackConfig, gated: bool = True, rounds: int = 3, **world: Any
) -> list[Outcome]:
    """One trajectory per world."""
    out = []
    for seed in seeds:
        made = (
            NaiveRidge(seed) if name == "naive" else create(config.model_copy(update={"mechanism": name}), ARMS, seed)
        )
        limits = config.model_copy(update={"step": 1.0}) if name == "naive" else config
        out.append(run(World(seed, **world), made, limits, rounds, gated))
    return out


def summary(name: str, outcomes: list[Outcome]) -> str:
    """One row; gains in composite sds, worse and better by more than one SE, the rest as shares of rounds."""
    g, se = np.array([o.gain for o in outcomes]), np.array([o.se for o in outcomes])
    rounds = sum(o.rounds for o in outcomes)
    main, claims, wrong = (sum(getattr(o, k) for o in outcomes) / rounds for k in ("accepted", "claims", "wrong"))
    distance = np.mean([o.distance for o in outcomes])
    mean, half = g.mean(), stdtrit(len(g) - 1, 0.975) * g.std() / np.sqrt(len(g))
    return (
        f"{name:28s} {mean:+.4f} ({mean - half:+.4f} to {mean + half:+.4f})  p10 {np.quantile(g, 0.1):+.4f}"
        f"  worse {np.mean(g < -se):6.1%}  better {np.mean(g > se):6.1%}"
        f"  main {main:4.0%}  claims {claims:5.1%}  wrong {wrong:5.1%}  KL {distance:.3f}"
    )


def table(seeds: range) -> list[str]:
    """All rows of docs/feedback.md."""
    c = FeedbackConfig()
    simple = c.model_copy(update={"bias": 0.0})
    rows = [summary(n, trials(n, seeds, c)) for n in ("horizon_blr", "tier_prior", "paper_schedule", "naive")]
    rows += [summary(f"{n}, no gate", trials(n, seeds, c, gated=False)) for n in ("horizon_blr", "tier_prior", "naive")]
    rows.append(summary("horizon_blr, no bias", trials("horizon_blr", seeds, simple)))
    rows.append(summary("horizon_blr, no bias, no gate", trials("horizon_blr", seeds, simple, gated=False)))
    rows.append(summary("horizon_blr, probes mislead x2", trials("horizon_blr", seeds, c, horizon=2.0)))
    rows.append(summary("horizon_blr, noise x2", trials("horizon_blr", seeds, c, noise=2.0)))
    rows.append(summary("horizon_blr, 10 rounds", trials("horizon_blr", seeds, c, rounds=10)))
    rows.append(summary("horizon_blr, null", trials("horizon_blr", seeds, c, null=True)))
    rows.append(summary("naive, no gate, null", trials("naive", seeds, c, null=True, gated=False)))
    return rows


if __name__ == "__main__":
    print(*table(range(int(sys.argv[1]), int(sys.argv[2]))), sep="\n")
