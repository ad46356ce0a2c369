"""Rounds for mechanisms: contexts with every signal, and evidence that follows planted arm values."""

from typing import Any

import numpy as np

from coevo.loop.feedback import create
from coevo.loop.feedback.config import PUBLISHED, FeedbackConfig
from coevo.loop.feedback.guard import guarded_observe, guarded_plan
from coevo.loop.feedback.mechanism import Context, Contrast, Evidence, Floats, Mechanism, Mode, Plan, Signals
from coevo.loop.feedback.policy import carried, vector
from coevo.tiers.errors import InputError
from coevo.tiers.tier import arms

ARMS = tuple(arms(("code", "en", "math")))
K = len(ARMS)
EVERYTHING = frozenset(Signals.__dataclass_fields__) | {"probes", "sizes"}


def published(name: str, **options: Any) -> FeedbackConfig:
    return PUBLISHED.model_copy(update={"mechanism": name, "options": options})


def made_for(name: str) -> Mode:
    """The mode to try a mechanism in."""
    try:
        create(published(name), ARMS, 0, "continue")
    except InputError:
        return "reset"
    return "continue"


def signals(rng: np.random.Generator, values: Floats) -> Signals:
    """What a world could measure, around planted values."""
    k = len(values)
    return Signals(
        influence=values + rng.normal(0, 0.1, k),
        losses=rng.uniform(1, 3, k),
        reference_losses=rng.uniform(1, 3, k),
        skills=rng.uniform(0, 1, (k, k)),
        target_logprobs=-rng.uniform(1, 3, (9, k)),
        failures=rng.dirichlet(np.ones(k)),
        proposal={ARMS[0]: 0.3},
    )


def context(number: int, rounds: int = 8, mode: Mode = "continue", probes: int = 4, live: Any = None) -> Context:
    """A round of `rounds`."""
    on = np.ones(K, dtype=bool) if live is None else np.asarray(live, dtype=bool)
    rng = np.random.default_rng(number)
    return Context(
        number, ARMS, on, np.where(on, 1.0, 0.0), on / on.sum(), rounds, probes, mode=mode,
        sizes=np.where(on, np.arange(1.0, K + 1), 0.0), signals=signals(rng, np.linspace(-1, 1, K)),
    )  # fmt: skip


def evidence(plan: Plan, values: Floats, c: Context, rng: np.random.Generator, sd: float = 0.004) -> Evidence:
    """Main against control and probes against the centre, under `gain = values . (w - w0)` in composite sds."""
    main, control = vector(plan.mixture, ARMS), vector(plan.reference, ARMS)
    rows = [("full", "main", main, control, 1.0)]
    rows += [("probe", p.name, vector(p.mixture, ARMS), main, 0.5) for p in plan.probes]
    cov = sd**2 * (np.eye(len(rows)) + 1.0)
    cov[0, 1:] = cov[1:, 0] = 0.0
    noise = np.linalg.cholesky(cov) @ rng.normal(size=len(rows))
    made = tuple(
        Contrast("full" if kind == "full" else "probe", name, "reference", w, w0, f, f * float(values @ (w - w0)) + e,
                 np.zeros(0), benchmarks=f * float(values @ (w - w0)) * np.ones(3))
        for (kind, name, w, w0, f), e in zip(rows, noise, strict=True)
    )  # fmt: skip
    return Evidence(c.round, made, cov, signals=c.signals)


def play(
    mechanism: Mechanism, config: FeedbackConfig, values: Floats, rounds: int = 8, mode: Mode = "continue",
    live: Any = None, seed: int = 0, sd: float = 0.004,
) -> list[Plan]:  # fmt: skip
    """The plans of a run whose gains follow `values`; fails where the mechanism misbehaves."""
    rng, plans, previous = np.random.default_rng(seed), [], None
    for number in range(1, rounds + 1):
        c = context(number, rounds, mode, live=live)
        if previous is not None:
            c = Context(**{**c.__dict__, "start": carried(previous, "main", c)})
        guarded = guarded_plan(mechanism, c, config, previous)
        assert not guarded.problem, guarded.problem
        previous = guarded.plan
        plans.append(previous)
        problem = guarded_observe(mechanism, evidence(previous, values, c, rng, sd))
        assert not problem, problem
    return plans
