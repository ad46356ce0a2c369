"""Advice: what a strategist is shown about a run, what it may answer, and what of the answer is within bounds."""

from collections.abc import Collection, Iterator
from typing import Literal, NamedTuple

from pydantic import Field

from ..tiers.decision import Usage
from ..tiers.record import Record

MAX_SHIFT = 0.7
"""Largest change of an arm's log share that a probe may ask for."""
RETIRED = -5.0
"""Change of the log share of an arm that a probe does without (the policy keeps its floor)."""
RUBRIC = r"^[a-z][a-z0-9_]{2,39}$"
"""A rubric's name is part of file names."""


class ArmRow(Record):
    """What is known about one arm."""

    arm: str
    share: float
    mean: float
    """Measured value of more of it, in standard deviations of the benchmarks' items."""
    sd: float
    documents: int = 0
    cost: float = 0.0
    """USD, or seconds where nothing is paid, for one more document."""


class RubricRow(Record):
    """What is known about one rubric."""

    rubric: str
    weight: float
    worth: float
    worth_se: float
    trust: float = 1.0


class Table(Record):
    """What a strategist sees at once: feedback only, never anything measured on hidden items."""

    arms: tuple[ArmRow, ...]
    rubrics: tuple[RubricRow, ...] = ()

    def text(self) -> str:
        """The table in words and figures."""
        head = "arm | share | value | standard error | documents | cost of one more"
        rows = [
            _row(a.arm, f"{a.share:.3f}", f"{a.mean:+.4f}", f"{a.sd:.4f}", a.documents, f"{a.cost:.4g}")
            for a in self.arms
        ]
        if not self.rubrics:
            return "\n".join([head, *rows])
        titles = "\nrubric | weight | worth | standard error | trust"
        graded = [
            _row(r.rubric, f"{r.weight:.3f}", f"{r.worth:+.4f}", f"{r.worth_se:.4f}", f"{r.trust:.2f}")
            for r in self.rubrics
        ]
        return "\n".join([head, *rows, titles, *graded])


def _row(*cells: object) -> str:
    return " | ".join(map(str, cells))


class Direction(Record):
    """A probe: by how much the log shares of some arms move."""

    shifts: dict[str, float]
    reason: str = Field(max_length=1_000)
    chance: float | None = Field(default=None, ge=0, le=1)
    """How probable its author holds a gain; kept, and compared with what came out."""


class RubricIdea(Record):
    """A new question to grade documents by; the words around it are its parent's."""

    rubric: str = Field(pattern=RUBRIC)
    parent: str
    """The rubric that it varies."""
    question: str = Field(min_length=20, max_length=1_500)
    reason: str = Field(max_length=1_000)


class Edit(Record):
    """A change of structure: an arm or a rubric that the run should do without."""

    op: Literal["retire-arm", "retire-rubric"]
    what: str
    reason: str = Field(max_length=1_000)


class Advice(Record):
    """A strategist's answer."""

    probes: tuple[Direction, ...] = Field(default=(), max_length=8)
    targets: dict[str, int] = Field(default={})
    rubrics: tuple[RubricIdea, ...] = Field(default=(), max_length=4)
    edits: tuple[Edit, ...] = Field(default=(), max_length=4)
    reason: str = Field(max_length=2_000)


class Thought(Record):
    """One step of a deliberation: what was thought, and what was read because of it."""

    thought: str
    read: tuple[str, ...] = ()


class Proposal(Record):
    """What is proposed to a round, by whom and at what cost; no weights: proposals are tried, not believed."""

    round: int
    probes: tuple[Direction, ...] = ()
    targets: dict[str, int] = Field(default={})
    """By arm, how many more documents to curate."""
    rubrics: tuple[RubricIdea, ...] = ()
    retire: tuple[Edit, ...] = ()
    """Rubrics to do without; an arm to do without is a probe."""
    reason: str = ""
    left_out: tuple[str, ...] = ()
    """What the model asked for and did not get, in words."""
    thoughts: tuple[Thought, ...] = ()
    agent: str = ""
    model: str = ""
    prompt: str = ""
    usage: Usage = Usage()
    error: str | None = None


class Admitted(NamedTuple):
    """What of an advice is within bounds, and in `left_out` what is not; fields as in Proposal."""

    probes: tuple[Direction, ...]
    targets: dict[str, int]
    rubrics: tuple[RubricIdea, ...]
    retire: tuple[Edit, ...]
    left_out: tuple[str, ...]


class Bounds(Record):
    """How much a strategist may ask for, and of what."""

    arms: tuple[str, ...]
    rubrics: tuple[str, ...] = ()
    probes: int = 1
    documents: int = 500
    new_rubrics: int = 1

    def admit(self, advice: Advice) -> Admitted:
        """The advice, held to these bounds."""
        probes, cut = self._probes(advice)
        targets, fewer = self._targets(advice.targets)
        ideas, refused = self._ideas(advice.rubrics)
        retire = tuple(e for e in advice.edits if e.op == "retire-rubric" and e.what in self.rubrics)
        unknown = [f"{e.what}: nothing of this name to retire" for e in advice.edits if e.what not in self._known(e)]
        return Admitted(probes, targets, ideas, retire, (*cut, *fewer, *refused, *unknown))

    def _known(self, edit: Edit) -> Collection[str]:
        return self.arms if edit.op == "retire-arm" else self.rubrics

    def _without(self, advice: Advice) -> Iterator[Direction]:
        """An arm is not retired on somebody's word: a probe does without it, and is measured."""
        for edit in advice.edits:
            if edit.op == "retire-arm" and edit.what in self.arms:
                yield Direction(shifts={edit.what: RETIRED}, reason=f"without {edit.what}: {edit.reason}"[:1_000])

    def _probes(self, advice: Advice) -> tuple[tuple[Direction, ...], list[str]]:
        left_out: list[str] = []
        wanted = [self._bounded(d, left_out) for d in advice.probes] + list(self._without(advice))
        left_out += [f"probe {i + 1}: only {self.probes} are tried" for i in range(self.probes, len(wanted))]
        return tuple(d for d in wanted[: self.probes] if d.shifts), left_out

    def _bounded(self, direction: Direction, left_out: list[str]) -> Direction:
        known = {a: max(-MAX_SHIFT, min(MAX_SHIFT, s)) for a, s in direction.shifts.items() if a in self.arms and s}
        left_out += [f"{a}: no such arm" for a in direction.shifts if a not in self.arms]
        left_out += [f"{a}: shift {direction.shifts[a]:g} cut" for a, s in known.items() if s != direction.shifts[a]]
        return direction.model_copy(update={"shifts": known})

    def _targets(self, wanted: dict[str, int]) -> tuple[dict[str, int], list[str]]:
        left, targets, left_out = self.documents, {}, []
        for arm, count in wanted.items():
            granted = max(0, min(left, count)) if arm in self.arms else 0
            left -= granted
            if granted:
                targets[arm] = granted
            if granted != count:
                left_out.append(f"{arm}: {granted} of {count} documents")
        return targets, left_out

    def _ideas(self, wanted: tuple[RubricIdea, ...]) -> tuple[tuple[RubricIdea, ...], list[str]]:
        left_out = [f"rubric {i.rubric}: there is one of this name" for i in wanted if i.rubric in self.rubrics]
        left_out += [f"rubric {i.rubric}: no parent {i.parent!r}" for i in wanted if i.parent not in self.rubrics]
        sound = [i for i in wanted if i.rubric not in self.rubrics and i.parent in self.rubrics]
        left_out += [f"rubric {i.rubric}: only {self.new_rubrics} a round" for i in sound[self.new_rubrics :]]
        return tuple(sound[: self.new_rubrics]), left_out
