"""Novelty: how much of a text stands in another, and which of many texts nearly repeat one before them."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence

from ..tiers.answers.numerals import HAN
from ..tiers.decision import Action, Decision

COPIED = 0.85
"""A text of whose word sequences this share stands in its source is a copy."""
REPEATED = 0.7
"""The same for texts that were written before it."""
LONG, SHORT = 8, 5
_TOKEN = re.compile(rf"[{HAN}]|[^\W_{HAN}]+")


def sequences(text: str, n: int) -> set[int]:
    """Hashes of the runs of `n` words (in Chinese characters); of a shorter text the whole is one."""
    tokens = _TOKEN.findall(text[:100_000].casefold())
    return {hash(tuple(tokens[i : i + n])) for i in range(max(1, len(tokens) - n + 1))} if tokens else set()


def copied(text: str, source: str) -> float:
    """Share of the word sequences of `text` that stand in `source` (n-gram containment, Broder 1997)."""
    said = sequences(text, LONG)
    return len(said & sequences(source, LONG)) / len(said) if said else 0.0


class Written:
    """Texts by what they say, to tell whether a new one nearly repeats one of them."""

    def __init__(self, texts: Iterable[tuple[str, str]] = ()) -> None:
        """`texts`: name and text."""
        self._owner: dict[int, str] = {}
        for name, text in texts:
            self.add(name, text)

    def add(self, name: str, text: str) -> None:
        """From now on `text` is known, as `name`."""
        for said in sequences(text, SHORT):
            self._owner.setdefault(said, name)

    def nearest(self, text: str) -> tuple[str, float]:
        """Who said most of `text` before, and how much of it; no name and 0 where nobody said anything."""
        said = sequences(text, SHORT)
        owners = Counter(self._owner[s] for s in said if s in self._owner)
        if not owners:
            return "", 0.0
        name = min(owners, key=lambda o: (-owners[o], o))
        return name, owners.total() / len(said)


def without_repeats(decided: Sequence[Decision], held: Iterable[tuple[str, str]] = ()) -> list[Decision]:
    """The decisions, with REFUSE for each text that nearly repeats a held one or one before it.

    Args:
        decided: in an order that does not depend on timing.
        held: id and text of documents that are there.
    """
    written = Written(held)
    found: list[Decision] = []
    for decision in decided:
        if decision.action is not Action.CREATE or decision.text is None or decision.kind == "repair":
            found.append(decision)
            continue
        name, share = written.nearest(decision.text)
        if share >= REPEATED:
            reason = f"{decision.reason}, but {share:.0%} of its word sequences were written before, most in {name}"
            nothing = {"made": None, "text": None, "tier": None}
            found.append(decision.model_copy(update={"action": Action.REFUSE, "reason": reason, **nothing}))
        else:
            written.add(str(decision.made), decision.text)
            found.append(decision)
    return found
