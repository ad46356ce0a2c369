"""Finding: what a check of a document came to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

_VOTES = re.compile(r"([0-9]{1,4})/([0-9]{1,4})")


@dataclass(frozen=True)
class Finding:
    """`fault` is empty where the document is right; `checks` says in words what was done."""

    fault: str
    checks: tuple[str, ...]
    votes: str = ""
    """Votes for it of all votes, as in `2/3`; empty where the check itself is the only vote."""
    share: float = 1.0
    told: dict[str, list[str]] = field(default_factory=dict)
    """Further evidence, such as each vote."""


def votes_of(written: Iterable[str]) -> tuple[bool, ...]:
    """Votes for and against, those for first, from any number of texts such as `2/3`; other texts hold no vote."""
    pairs = [m.groups() for w in written if (m := _VOTES.fullmatch(w))]
    yes = sum(int(agreed) for agreed, _ in pairs)
    return (True,) * yes + (False,) * max(0, sum(int(asked) for _, asked in pairs) - yes)
