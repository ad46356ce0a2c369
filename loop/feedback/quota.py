"""Quota: a share of what is tried has to be new, so that probes do not go round in one family of ideas."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from .mechanism import Context, Floats, Plan, Probe
from .policy import shares, vector
from .simplex import project

WINDOW = 5
"""Rounds over which the share of new ideas is counted."""
SIZE = 0.8
"""Log share by which a neglected arm is raised."""


def family(probe: Probe, plan: Plan, arms: tuple[str, ...]) -> str:
    """The idea that a probe stands for: the arm whose log share it raises most over the plan's mixture."""
    tried, centre = (np.log(vector(m, arms) + 0.01) for m in (probe.mixture, plan.mixture))
    return arms[int(np.argmax(tried - centre))]


def with_quota(plan: Plan, context: Context, past: Sequence[Plan], share: float) -> Plan:
    """The plan, its first probe given to the idea that was tried least where too few of late were new.

    Args:
        plan: of the round; a plan without probes stays as it is.
        context: the round.
        past: plans of the rounds before, oldest first.
        share: of the probes in the last WINDOW rounds, this one included, that have to be of a family which had not
            been tried before; 0 asks for nothing.
    """
    if not plan.probes or share <= 0 or int(context.live.sum()) < 2:
        return plan
    told = [[family(p, old, context.arms) for p in old.probes] for old in [*past, plan]]
    seen, fresh, total = Counter[str](), 0, 0
    for i, families in enumerate(told):
        recent = i >= len(told) - WINDOW
        fresh += sum(not seen[f] for f in dict.fromkeys(families)) if recent else 0
        total += len(families) if recent else 0
        seen.update(families)
    if fresh >= share * total:
        return plan
    live = [a for a, on in zip(context.arms, context.live, strict=True) if on]
    least = min(live, key=lambda a: (seen[a], live.index(a)))
    return plan.model_copy(update={"probes": (_raised(plan, context, least), *plan.probes[1:])})


def _raised(plan: Plan, context: Context, arm: str) -> Probe:
    tilt: Floats = np.where(np.array(context.arms) == arm, SIZE, 0.0)
    centre = vector(plan.mixture, context.arms)
    mixture = project(centre * np.exp(tilt), context.live, context.cap, 0.0)
    reason = f"exploration quota: {arm} was tried least"
    return Probe(name="explore", mixture=shares(mixture, context.arms), reason=reason)
