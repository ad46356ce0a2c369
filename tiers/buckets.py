"""Buckets: what the measured contribution of an arm lets happen to it, as one of four states with its evidence.

A bucket is unmeasured, open, closed or harmful. Only evidence moves it, and the state alone says what is legal:
an unmeasured or open bucket takes documents, a closed one refuses them, a harmful one refuses them and loses its worst.
"""

from enum import StrEnum
from typing import NamedTuple

from .gates import ArmValues, GateConfig, contributes


class BucketState(StrEnum):
    """What may happen to an arm."""

    UNMEASURED = "unmeasured"  # takes documents: nothing speaks against it
    OPEN = "open"  # takes documents: its contribution may be positive
    CLOSED = "closed"  # refuses promotions: its contribution is below zero by more than its error
    HARMFUL = "harmful"  # refuses promotions and is demoted: significantly below zero


TAKES = frozenset({BucketState.UNMEASURED, BucketState.OPEN})
"""States in which a promotion into the bucket is legal; from HARMFUL documents are demoted."""


class Bucket(NamedTuple):
    """An arm's state and why."""

    arm: str
    state: BucketState
    reason: str


def bucket_of(arm: str, values: ArmValues, config: GateConfig | None = None) -> Bucket:
    """The state that the measurements put an arm in; `gates.contributes` and `gates.demote_harmful` act on the same."""
    limits = config or GateConfig()
    takes, said = contributes(arm, values, limits)
    if arm not in values:
        return Bucket(arm, BucketState.UNMEASURED, said)
    mean, sd = values[arm]
    upper = mean + limits.harm_z * sd
    if upper < 0:
        return Bucket(arm, BucketState.HARMFUL, f"{said}, at most {upper:+.4f} < 0")
    if not takes:
        return Bucket(arm, BucketState.CLOSED, f"{said}, wanted mean + {limits.contribution_z:g} sd >= 0")
    return Bucket(arm, BucketState.OPEN, said)
