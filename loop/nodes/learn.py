"""learn: the mechanism observes the evidence, the gate accepts main or control, and what follows is set going."""

import time

import numpy as np

from ...tiers.tier import arms
from ..budget import stop_reason, warnings
from ..context import Controls
from ..feedback.gate import Accepted, alarm
from ..feedback.guard import guarded_observe, guarded_posterior, guarded_state
from ..feedback.mechanism import Mechanism, Plan
from ..spent import spent
from ..state import State, Update
from .allocate import load_mechanism
from .bench import Bench, Found
from .control import seen
from .rubrics import reweight
from .verdict import judge, rollbacks


def learn(bench: Bench, context: Controls, state: State) -> Update:
    """What the round taught, and what the next one starts from."""
    number = state["round"]
    found = bench.deltas(number)
    mechanism = load_mechanism(bench, context, number, context.db.rows("rounds", round=number)[0]["planned_state"])
    evidence = bench.evidence(number)
    problem = guarded_observe(mechanism, seen(evidence, context.config.feedback, context.config.seed))
    if problem:
        context.event(number, "learn", "warning", problem)
    accepted = judge(bench, context, number, found, mechanism)
    reweight(context, number, evidence)
    remember(bench, context, number, mechanism, accepted, found)
    bench.settle(number, mechanism, accepted.run)
    path = str(context.db.rows("runs", round=number, name=accepted.run)[0]["path"])
    return next_state(context, state, path)


def remember(
    bench: Bench, context: Controls, number: int, mechanism: Mechanism, accepted: Accepted, found: Found
) -> None:
    """Write the round down: posterior, verdict, alarm, and what every arm was worth."""
    keys = arms(context.config.domains)
    mean, cov, problem = guarded_posterior(mechanism, tuple(keys))
    row = context.db.rows("rounds", round=number)[0]
    state, unsaved = guarded_state(mechanism, row["planned_state"])
    if number in rollbacks(context):
        state = None
    for said in filter(None, (problem, unsaved)):
        context.event(number, "learn", "warning", said)
    sd = np.sqrt(np.maximum(np.diag(cov), 0.0))
    told = alarm_of(bench, context, number, found)
    if told:
        context.event(number, "learn", "alarm", told)
    row |= {"status": "done", "ended": time.time(), "accepted": accepted.run, "accept_reason": accepted.reason}
    triangle = cov[np.tril_indices(len(cov))].tolist()
    row |= {
        "posterior": {"arms": keys, "mean": mean.tolist(), "sd": sd.tolist(), "cov": triangle},
        "alarm": told or None,
        "learned_state": state,
    }
    context.db.insert("rounds", row)
    values = dict(zip(keys, zip(mean, sd, strict=True), strict=True))
    _arm_rows(bench, context, number, Plan.model_validate(row["plan"]), values)
    context.progress.say(f"round {number} · learn · accepted {accepted.run}: {accepted.reason}")


def alarm_of(bench: Bench, context: Controls, number: int, found: Found) -> str:
    """Whether feedback items gain more than hidden ones can confirm."""
    pair = [found.get(("main", "control", split)) for split in ("feedback", "hidden")]
    if pair[0] is None or pair[1] is None:
        return ""
    return alarm(*bench.excess(number), pair[0][-1], pair[1][-1], context.config.feedback)


def next_state(context: Controls, state: State, accepted: str) -> Update:
    """Which model the next round starts from, and whether there is one."""
    number = state["round"]
    used = spent(context.db)
    known = {e["message"] for e in context.db.rows("events")}
    for told in warnings(context.config.budget, used):
        if told not in known:  # once when a mark is passed, not every round after
            context.event(number, "learn", "warning", told)
    stop = stop_reason(context.config.budget, used, number, context.config.rounds)
    start = accepted if context.config.mode != "reset" else state["start"]
    return Update(accepted=accepted, start=start, stop=stop)


def _arm_rows(bench: Bench, context: Controls, number: int, plan: Plan, values: dict[str, tuple[float, float]]) -> None:
    packed = bench.stock(number)
    main = context.db.rows("runs", round=number, name="main")[0]
    context.db.insert(
        "arms",
        [
            {
                "round": number,
                "arm": arm,
                "share": float(main["mixture"].get(arm, 0.0)),
                "reference": plan.reference.get(arm, 0.0),
                "value": float(mean),
                "value_se": float(sd),
                "documents": packed[arm].documents if arm in packed else 0,
                "tokens": packed[arm].tokens if arm in packed else 0,
                "epochs": float(main["epochs"].get(arm, 0.0)),
            }
            for arm, (mean, sd) in values.items()
        ],
    )
