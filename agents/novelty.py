"""Novelty: how much of a text stands in another, and which of many texts nearly repeat one before them.

Words and signs are those of near-duplicates (`tiers.signs`): a problem with one other sign or number is another one.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..tiers.config import DedupConfig
from ..tiers.decision import Action, Decision
from ..tiers.signs import agree, read_text

COPIED = 0.85
"""A text of whose word sequences this share stands in its source is a copy."""
REPEATED = 0.7
"""The same for texts that were written before it."""
LONG, SHORT = 8, 5
MOST_CHARS = 100_000
TOLERANCE = DedupConfig().signs


@dataclass(frozen=True)
class Said:
    """What a text says."""

    sequences: frozenset[int]
    """Hashes of the runs of `n` words (in Chinese characters); of a shorter text the whole is one."""
    windows: frozenset[int]
    """Signs with what stands beside them; none where the text has no formulae."""

    @classmethod
    def of(cls, text: str, n: int) -> "Said":
        """By runs of `n` words."""
        words, windows = read_text(text[:MOST_CHARS])
        runs = (hash(tuple(words[i : i + n])) for i in range(max(1, len(words) - n + 1)))
        return cls(frozenset(runs if words else ()), windows)


def copied(text: str, source: str) -> float:
    """Share of the word sequences of `text` that stand in `source` (n-gram containment, Broder 1997).

    0 where the signs of `text` are not those of `source`.
    """
    own, theirs = Said.of(text, LONG), Said.of(source, LONG)
    share = len(own.sequences & theirs.sequences) / len(own.sequences) if own.sequences else 0.0
    return share if _same_signs(own, len(own.windows & theirs.windows), share) else 0.0


def _same_signs(own: Said, shared: int, share: float) -> bool:
    """Whether a text of which `shared` windows and a share of the sequences stand elsewhere has the signs of there."""
    similarity = share / (2 - share)  # of two texts of one length, each of which holds this share of the other
    return not own.windows or bool(agree(shared / len(own.windows), similarity, TOLERANCE))


class Written:
    """Texts by what they say, to tell whether a new one nearly repeats one of them."""

    def __init__(self, texts: Iterable[tuple[str, str]] = ()) -> None:
        """`texts`: name and text."""
        self._owner: dict[int, str] = {}
        self._holders: dict[int, list[str]] = {}
        for name, text in texts:
            self.add(name, text)

    def add(self, name: str, text: str) -> None:
        """From now on `text` is known, as `name`."""
        own = Said.of(text, SHORT)
        for sequence in own.sequences:
            self._owner.setdefault(sequence, name)
        for window in own.windows:
            self._holders.setdefault(window, []).append(name)

    def nearest(self, text: str) -> tuple[str, float]:
        """Who said most of `text` before, and how much of it; no name and 0 where nobody said it with these signs."""
        own = Said.of(text, SHORT)
        owners = Counter(self._owner[s] for s in own.sequences if s in self._owner)
        if not owners:
            return "", 0.0
        share = owners.total() / len(own.sequences)
        if not own.windows:
            return _first(owners), share
        holders = Counter(name for window in own.windows for name in self._holders.get(window, ()))
        name = _first(holders) if holders else ""
        return (name, share) if _same_signs(own, holders[name], share) else ("", 0.0)


def _first(names: Counter[str]) -> str:
    """The name that counts most, the first in the alphabet of several."""
    return min(names, key=lambda name: (-names[name], name))


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
