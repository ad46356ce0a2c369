"""allocate: the mechanism plans the round, and the plan is written down before any result is known."""

import time
from typing import Any, Literal

import numpy as np

from ...tiers.tier import arms
from ..context import Controls
from ..feedback import create
from ..feedback.design import rubric_signs
from ..feedback.guard import guarded_load, guarded_plan, guarded_state
from ..feedback.mechanism import Context, Mechanism, Plan
from ..feedback.policy import carried, reference_mixture
from ..feedback.quota import with_quota
from ..state import State, Update
from .bench import Bench
from .control import planned_with, yoked
from .foreseen import foresee
from .judges import calibrations
from .proposal import with_proposal


def allocate(bench: Bench, context: Controls, state: State) -> Update:
    """The plan of the next round."""
    number = state["round"] + 1
    planned, kept = plan_round(bench, context, number)
    row = {"round": number, "status": "running", "started": time.time(), "plan": planned}
    context.db.insert("rounds", row | {"planned_state": kept})
    moved = sorted(planned.mixture, key=lambda a: abs(planned.mixture[a] - planned.reference.get(a, 0)), reverse=True)
    told = ", ".join(f"{a} {planned.reference.get(a, 0):.2f}->{planned.mixture[a]:.2f}" for a in moved[:3])
    context.progress.say(f"round {number} · allocate · {planned.mechanism}: {told}; {len(planned.probes)} probes")
    foresee(context, planned)
    return Update(round=number)


def plan_round(bench: Bench, context: Controls, number: int) -> tuple[Plan, dict[str, Any] | None]:
    """What the mechanism asks of a round, inside the policy's limits, and its state after planning.

    It plans with the state that it learned in the round before, which this node never writes.
    """
    config = context.config.feedback
    before = previous_round(context, number)
    world = planning_context(bench, context, number, before)
    learned = None if before is None else before["learned_state"]
    mechanism = load_mechanism(bench, context, number, learned)
    guarded = guarded_plan(
        mechanism,
        planned_with(world, config, context.config.seed),
        config,
        None if before is None else Plan.model_validate(before["plan"]),
        rubric_weights(context, number - 1),
    )
    state, unsaved = guarded_state(mechanism, learned)
    for problem in filter(None, (guarded.problem, unsaved)):
        context.event(number, "allocate", "warning", problem)
    past = past_plans(context, number) if config.explore else []
    plan = yoked(with_quota(guarded.plan, world, past, config.explore), bench.yoke(number), world, config)
    return with_rubric_probe(context, with_proposal(context, world, plan)), state


def past_plans(context: Controls, number: int) -> list[Plan]:
    """Plans of the rounds before, oldest first."""
    return [Plan.model_validate(r["plan"]) for r in context.db.rows("rounds") if 0 < r["round"] < number]


def with_rubric_probe(context: Controls, plan: Plan) -> Plan:
    """The plan with a direction in rubric space, where the mechanism asks for evidence and more than chance selects."""
    if not plan.probes or not context.config.probes.rubrics:
        return plan
    trusted = [r for r, c in calibrations(context, plan.round - 1).items() if c.trust > 0]
    return plan.model_copy(update={"rubric_probe": rubric_signs(trusted, plan.round, context.config.seed)})


def planning_context(bench: Bench, context: Controls, number: int, before: dict[str, Any] | None) -> Context:
    """Which arms have data now, how far each may be stretched, and where the last round left the weights."""
    config = context.config
    keys = tuple(arms(config.domains))
    held = bench.stock(number - 1)
    blocks = np.array([held[a].blocks if a in held else 0 for a in keys], dtype=float)
    live = blocks >= config.training.min_blocks
    cap = np.minimum(blocks * config.training.max_epochs / (config.training.steps * config.training.batch), 1.0)
    reference = reference_mixture(config.feedback, keys, live)
    world = Context(
        number, keys, live, np.where(live, cap, 0.0), reference, config.rounds, config.probes.count,
        mode=config.carries,
        sizes=blocks / (config.training.steps * config.training.batch),
        signals=bench.signals(number),
    )  # fmt: skip
    if before is None:
        return world
    accepted: Literal["main", "control"] = "main" if before["accepted"] == "main" else "control"
    start = carried(Plan.model_validate(before["plan"]), accepted, world)
    return Context(**{**world.__dict__, "start": start})


def load_mechanism(bench: Bench, context: Controls, number: int, state: dict[str, Any] | None) -> Mechanism:
    """The configured mechanism with a saved state; one that cannot take its state over starts anew."""
    config = context.config
    keys = tuple(arms(config.domains))
    mechanism = create(config.feedback, keys, config.seed, config.carries, bench.offers)
    problem = guarded_load(mechanism, state) if state else ""
    if problem:
        context.event(number, "allocate", "warning", problem)
        return create(config.feedback, keys, config.seed, config.carries, bench.offers)
    return mechanism


def previous_round(context: Controls, number: int) -> dict[str, Any] | None:
    """The row of the round before, once it is done."""
    found = context.db.rows("rounds", round=number - 1, status="done") if number > 1 else []
    return found[0] if found else None


def rubric_weights(context: Controls, number: int) -> dict[str, float]:
    """Weights that a round left behind, by rubric."""
    return {row["rubric"]: row["weight"] for row in context.db.rows("rubrics", round=number)}
