"""The strategist's proposal after a round: it enters the next one as a probe, and is graded like any other."""

import numpy as np

from ...agents.advice import ArmRow, Proposal, RubricRow, Table
from ...agents.strategist import Strategist
from ..arm_costs import LEDGER_COLUMNS, arm_costs, by_arm, each
from ..context import Controls, RunContext
from ..feedback.mechanism import Context, Plan, Probe, Signals
from ..feedback.policy import admit_probe, shares, vector
from ..track_record import STRATEGIST
from .desk import tools
from .drive import open_role


def propose(context: RunContext, number: int, accepted: str) -> None:
    """Ask the strategist once what to try next, and write its answer down; `accepted` is the run that the round kept.

    What follows from a proposal (new rubrics, its costs) changes the tables that the strategist is shown, so a node
    that is repeated must not ask again.
    """
    if context.db.meta(f"proposal-{number}") is None:
        student = context.absolute(context.db.rows("runs", round=number, name=accepted)[0]["path"])
        chat = open_role(context, number, "propose", student)
        role = Strategist(chat, round=number, tools=tools(context, number, accepted))
        made = role.propose(_table(context, number))
        context.db.set_meta(f"proposal-{number}", made.model_dump(mode="json"))
    proposal = Proposal.model_validate(context.db.meta(f"proposal-{number}"))
    if proposal.error:
        context.event(number, "learn", "warning", f"strategist: {proposal.error}")


def _table(context: RunContext, number: int) -> Table:
    """Arms and rubrics after a round, as the strategist sees them."""
    costs = by_arm(arm_costs(context.store.ledger.read(columns=[*LEDGER_COLUMNS])))
    return Table(
        arms=tuple(
            ArmRow(
                arm=r["arm"],
                share=r["share"],
                mean=r["value"],
                sd=r["value_se"],
                documents=r["documents"],
                cost=each(costs[r["arm"]]) if r["arm"] in costs else 0.0,
            )
            for r in context.db.rows("arms", round=number)
            if r["documents"]
        ),
        rubrics=tuple(
            RubricRow(
                rubric=r["rubric"], weight=r["weight"], worth=r["worth"], worth_se=r["worth_se"], trust=r["trust"]
            )
            for r in context.db.rows("rubrics", round=number)
        ),
    )


def wished(context: Controls, number: int) -> Signals:
    """What is known of the arms besides paired runs: the strategist's wish after the round before `number`."""
    told = context.db.meta(f"proposal-{number - 1}")
    wishes = Proposal.model_validate(told).probes if told else ()
    return Signals(proposal=dict(wishes[0].shifts) if wishes else {})


def with_proposal(context: Controls, world: Context, plan: Plan) -> Plan:
    """The plan with its last probe given to the strategist's first direction, if there is one."""
    told = context.db.meta(f"proposal-{world.round - 1}")
    if not told or not plan.probes:
        return plan
    proposal = Proposal.model_validate(told)
    if not proposal.probes:
        return plan
    direction = proposal.probes[0]
    shift = np.array([direction.shifts.get(a, 0.0) for a in world.arms])
    tilted = vector(plan.mixture, world.arms) * np.exp(shift)
    reason = f"{proposal.agent}: {direction.reason}"
    probe = Probe(name=STRATEGIST, mixture=shares(tilted / tilted.sum(), world.arms), reason=reason)
    admitted = admit_probe(probe, world, context.config.feedback)
    return plan.model_copy(update={"probes": (*plan.probes[:-1], admitted)})
