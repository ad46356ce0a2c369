"""Strategist: reads what arms and rubrics were measured to be worth, and proposes what to try and to curate next."""

from pydantic import Field

from ..prompts import load
from ..tiers.decision import Usage
from ..tiers.errors import AgentError, SpendingError
from ..tiers.record import Record
from .agent import Agent
from .chat import Chat, Message, UselessAnswer

MAX_SHIFT = 0.7
"""Largest change of an arm's log share that a probe may ask for."""
CONFIDENCE = 1.64
"""Standard errors of the bounds by which the rule compares arms."""


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
    """All that a strategist sees: feedback only, never anything measured on hidden items."""

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


class Advice(Record):
    """A strategist's answer."""

    probes: tuple[Direction, ...] = Field(default=(), max_length=8)
    targets: dict[str, int] = Field(default={})
    reason: str = Field(max_length=2_000)


class Proposal(Record):
    """What is proposed to a round, by whom and at what cost; no weights: proposals are tried, not believed."""

    round: int
    probes: tuple[Direction, ...] = ()
    targets: dict[str, int] = Field(default={})
    """By arm, how many more documents to curate."""
    reason: str = ""
    left_out: tuple[str, ...] = ()
    """What the model asked for and did not get, in words."""
    agent: str = ""
    model: str = ""
    prompt: str = ""
    usage: Usage = Usage()
    error: str | None = None


class Strategist(Agent):
    """Proposes by a model, or by upper confidence bounds offline."""

    role = "strategist"
    stage = "propose"
    rule = "rule:upper-bound"

    def __init__(self, chat: Chat, *, round: int, probes: int = 1, budget: int = 500) -> None:  # noqa: A002
        """`probes`: how many directions at most; `budget`: how many documents may be asked for in all."""
        super().__init__(chat, round=round)
        self.probes = probes
        self.budget = budget

    def propose(self, table: Table) -> Proposal:
        """A proposal; without probes and with the error where the model gives no useful answer.

        Raises:
            SpendingError: the provider refuses to serve for credentials or money.
        """
        if self.offline:
            return self._by_bounds(table)
        try:
            return self._by_model(table)
        except SpendingError:
            raise
        except AgentError as error:
            usage = error.usage if isinstance(error, UselessAnswer) else Usage()
            return self._signed(reason="no useful answer", error=f"{type(error).__name__}: {error}", usage=usage)

    def _by_bounds(self, table: Table) -> Proposal:
        """More of the arms with the highest upper bound, less of the one with the lowest; documents go to the first."""
        ranked = sorted(table.arms, key=lambda a: (-(a.mean + CONFIDENCE * a.sd), a.arm))
        if len(ranked) < 2:
            return self._signed(reason="fewer than two arms: nothing to compare")
        probes = []
        for best in ranked[: min(self.probes, len(ranked) - 1)]:
            worst = min((a for a in ranked if a.arm != best.arm), key=lambda a: (a.mean - CONFIDENCE * a.sd, a.arm))
            high, low = best.mean + CONFIDENCE * best.sd, worst.mean - CONFIDENCE * worst.sd
            measured = f"{best.mean:+.3f} +- {best.sd:.3f}"
            reason = f"{best.arm} may be worth {high:+.3f} ({measured}); {worst.arm} as little as {low:+.3f}"
            probes.append(Direction(shifts={best.arm: MAX_SHIFT, worst.arm: -MAX_SHIFT / 2}, reason=reason))
        first = ranked[0]
        return self._signed(
            probes=tuple(probes),
            targets={first.arm: self.budget},
            reason=f"the highest upper bound of value is that of {first.arm}",
        )

    def _by_model(self, table: Table) -> Proposal:
        prompt = load("strategist")
        said = prompt.render(
            {"table": table.text()}, round=self.round, probes=self.probes, bound=MAX_SHIFT, budget=self.budget
        )
        asked: list[Message] = [{"role": "user", "content": said}]
        answer = self.chat.complete(asked, Advice)
        probes, targets, left_out = self._within_bounds(answer.value, {a.arm for a in table.arms})
        return self._signed(
            probes=probes,
            targets=targets,
            left_out=tuple(left_out),
            reason=answer.value.reason,
            prompt=prompt.ref,
            usage=answer.usage,
        )

    def _within_bounds(self, advice: Advice, arms: set[str]) -> tuple[tuple[Direction, ...], dict[str, int], list[str]]:
        left_out = [f"probe {i + 1}: only {self.probes} are tried" for i in range(self.probes, len(advice.probes))]
        probes: list[Direction] = []
        for direction in advice.probes[: self.probes]:
            known = {
                arm: max(-MAX_SHIFT, min(MAX_SHIFT, s)) for arm, s in direction.shifts.items() if arm in arms and s
            }
            left_out += [f"{arm}: no such arm" for arm in direction.shifts if arm not in arms]
            left_out += [
                f"{arm}: shift {direction.shifts[arm]:g} cut" for arm, s in known.items() if s != direction.shifts[arm]
            ]
            if known:
                probes.append(Direction(shifts=known, reason=direction.reason))
        left, targets = self.budget, {}
        for arm, count in advice.targets.items():
            granted = max(0, min(left, count)) if arm in arms else 0
            left -= granted
            if granted:
                targets[arm] = granted
            if granted != count:
                left_out.append(f"{arm}: {granted} of {count} documents")
        return tuple(probes), targets, left_out

    def _signed(self, **fields: object) -> Proposal:
        return Proposal.model_validate({"round": self.round, "agent": self.name, "model": self.chat.url, **fields})
