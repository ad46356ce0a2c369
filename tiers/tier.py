"""Tier: how refined a document is; Arm: the (domain, tier) pair that mixtures are made of."""

from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

DOMAINS = ("code", "en", "math")


class Tier(IntEnum):
    """L0 raw, L1 filtered, L2 selected, L3 refined (edited or synthesised), L4 organised and verified."""

    L0 = 0
    L1 = 1
    L2 = 2
    L3 = 3
    L4 = 4


class Arm(NamedTuple):
    """What a mixture is made of; written `math/L3` wherever it is a key."""

    domain: str
    tier: Tier

    def __str__(self) -> str:
        return f"{self.domain}/{self.tier.name}"

    @classmethod
    @lru_cache(maxsize=4096)
    def parse(cls, key: str) -> "Arm":
        """The arm written `domain/Ln`.

        Raises:
            ValueError: the key has no tier L0 to L4 after the slash.
        """
        domain, _, tier = key.partition("/")
        if not domain or tier not in Tier.__members__:
            raise ValueError(f"wanted an arm like 'math/L3', got {key!r}")
        return cls(domain, Tier[tier])


def arms(domains: tuple[str, ...] = DOMAINS) -> list[str]:
    """Keys of all trainable arms (L1 to L4; L0 is an archive and never trained on), in canonical order."""
    return list(_keys(tuple(domains)))


@lru_cache(maxsize=64)
def _keys(domains: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(Arm(d, t)) for d in domains for t in Tier if t is not Tier.L0)
