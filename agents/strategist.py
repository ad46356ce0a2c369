"""Strategist: reads what arms and rubrics were measured to be worth, and proposes what to try and to curate next."""

from collections.abc import Mapping

from ..prompts import load
from ..tiers.decision import Usage
from ..tiers.errors import AgentError, SpendingError
from ..tiers.estimates import normal_estimate
from .advice import MAX_SHIFT, Bounds, Direction, Proposal, Table
from .agent import Agent
from .chat import Chat, UselessAnswer
from .deliberation import Tool, deliberate, described

STEPS = 6
"""Answers that a model may take until it advises."""
CONFIDENCE = 1.64
"""Standard errors of the bounds by which the rule compares arms."""


class Strategist(Agent):
    """Proposes by a model that may look things up first, or by upper confidence bounds offline."""

    role = "strategist"
    stage = "propose"
    rule = "rule:upper-bound"

    def __init__(
        self,
        chat: Chat,
        *,
        round: int,  # noqa: A002
        tools: Mapping[str, Tool] | None = None,
        steps: int = STEPS,
        probes: int = 1,
        budget: int = 500,
    ) -> None:
        """What may be asked for.

        Args:
            chat: the model.
            round: the round.
            tools: what a model may look up, by name.
            steps: how many answers it may take until it advises.
            probes: how many directions at most.
            budget: how many documents may be asked for in all.
        """
        super().__init__(chat, round=round)
        self.tools = dict(tools or {})
        self.steps = steps
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
        """More of the arms with the highest upper bound, less of the one with the lowest."""
        ranked = sorted(table.arms, key=lambda a: (-(a.mean + CONFIDENCE * a.sd), a.arm))
        if len(ranked) < 2:
            return self._signed(reason="fewer than two arms: nothing to compare")
        probes = []
        for best in ranked[: min(self.probes, len(ranked) - 1)]:
            worst = min((a for a in ranked if a.arm != best.arm), key=lambda a: (a.mean - CONFIDENCE * a.sd, a.arm))
            high, low = best.mean + CONFIDENCE * best.sd, worst.mean - CONFIDENCE * worst.sd
            measured = normal_estimate(best.mean, best.sd, 3)
            reason = f"{best.arm} may be worth {high:+.3f} ({measured}); {worst.arm} as little as {low:+.3f}"
            probes.append(Direction(shifts={best.arm: MAX_SHIFT, worst.arm: -MAX_SHIFT / 2}, reason=reason))
        first = ranked[0]
        return self._signed(
            probes=tuple(probes),
            reason=f"the highest upper bound of value is that of {first.arm}",
        )

    def _by_model(self, table: Table) -> Proposal:
        prompt = load("strategist")
        said = prompt.render(
            {"table": table.text()},
            round=self.round,
            probes=self.probes,
            bound=MAX_SHIFT,
            budget=self.budget,
            steps=self.steps,
            tools=described(self.tools),
        )
        found = deliberate(self.chat, said, self.tools, self.steps)
        bounds = Bounds(
            arms=tuple(a.arm for a in table.arms),
            rubrics=tuple(r.rubric for r in table.rubrics),
            probes=self.probes,
            documents=self.budget,
        )
        return self._signed(
            **bounds.admit(found.advice)._asdict(),
            reason=found.advice.reason,
            thoughts=found.thoughts,
            prompt=prompt.ref,
            usage=found.usage,
        )

    def _signed(self, **fields: object) -> Proposal:
        return Proposal.model_validate({"round": self.round, "agent": self.name, "model": self.chat.url, **fields})
