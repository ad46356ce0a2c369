"""Curation targets: how much of a round's work each domain gets, and how far a strategist's wishes move that."""

from collections.abc import Collection, Mapping

from ...agents.advice import Proposal
from ...tiers.tier import Arm, Tier
from ..context import RunContext

MOVED = 0.5
"""Most of a step's work that wishes may move: what nobody wishes for must go on being measured."""


def spread(context: RunContext, number: int, even: Mapping[str, int], into: Collection[Tier]) -> dict[str, int]:
    """Documents by domain for a step whose work is for arms at the tiers `into`; `even` where nothing is wished for.

    What the strategist asked for after the round before is taken from all domains in proportion and given to those that
    it named; the whole stays what it was.
    """
    total, wishes = sum(even.values()), _wishes(context, number, into)
    asked = sum(wishes.values())
    if not asked or not total:
        return dict(even)
    moved = min(MOVED * total, asked)
    return {d: round(n * (1 - moved / total) + moved * wishes.get(d, 0) / asked) for d, n in even.items()}


def _wishes(context: RunContext, number: int, into: Collection[Tier]) -> dict[str, int]:
    """More documents wanted, by domain."""
    told = context.db.meta(f"proposal-{number - 1}")
    found: dict[str, int] = {}
    for key, count in Proposal.model_validate(told).targets.items() if told else ():
        arm = Arm.parse(key)
        if arm.tier in into and arm.domain in context.config.domains:
            found[arm.domain] = found.get(arm.domain, 0) + count
    return found


def equal(context: RunContext, total: int) -> dict[str, int]:
    """The same for every domain."""
    return dict.fromkeys(context.config.domains, total // len(context.config.domains))
