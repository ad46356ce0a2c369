"""Pack: all that coevo knows about a domain, as data and small functions."""

from collections.abc import Callable
from dataclasses import dataclass

from ..filters.batch import Rule


@dataclass(frozen=True, slots=True)
class Pack:
    """A domain."""

    name: str
    """What documents, mixtures and `domains:` in a configuration call it."""
    title: str
    """What it is, in a few words."""
    claim: Callable[[str, str, str], float]
    """(text, language, source) -> 0..1: how much a text without a stated domain looks like one of this domain."""
    rules: tuple[Rule, ...] = ()
    """Rules of L1 for this domain's documents besides those for all; texts of `local:` have none of their faults."""
