"""Bench: what a round's decisions ask of all the rest, so that they are the same in a run and in a simulated world."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from ...eval.clustered import Error
from ...eval.rounds import Repeated
from ...eval.score import Delta
from ...training.packing import PackedArm
from ..feedback.mechanism import Evidence, Mechanism, Signals

Found = dict[tuple[str, str, str], list[Delta]]
"""Deltas by (treatment, reference, split), benchmark by benchmark, the composite last."""


class Bench(Protocol):
    """Stock and measurements of a run; `nodes.run_bench` reads them from its folder, the lab asks a world."""

    @property
    def offers(self) -> frozenset[str]:
        """What mechanisms may need and this bench has: `probes`, `sizes`, or names of `Signals`."""
        ...

    def stock(self, number: int) -> Mapping[str, PackedArm]:
        """What each arm holds after a round's curation."""
        ...

    def signals(self, number: int) -> Signals:
        """What is known of the arms besides paired runs, as a round is planned."""
        ...

    def yoke(self, number: int) -> Mapping[str, float] | None:
        """The mixture that this round is yoked to (`feedback.control`), if it is."""
        ...

    def deltas(self, number: int) -> Found:
        """The round's paired deltas, written down."""
        ...

    def together(self, numbers: Sequence[int]) -> Mapping[str, Repeated]:
        """Main against control in several rounds, by benchmark and `composite`, with the errors that rounds share."""
        ...

    def excess(self, number: int) -> tuple[float, Error]:
        """By how much main gained more over control on feedback items than on hidden ones, and the error of that."""
        ...

    def evidence(self, number: int) -> Evidence:
        """The round's contrasts, written down."""
        ...

    def settle(self, number: int, mechanism: Mechanism, accepted: str) -> None:
        """What follows from a verdict: demotions, a proposal, the sealed store, the report."""
        ...
