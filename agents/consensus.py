"""Consensus: a problem is solved again, several times and by several models, and the solutions have to agree."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import Field

from ..tiers.record import Record
from .chat import Chat
from .equivalence import bare, prose, same_answer
from .finding import Finding
from .scorer import grade
from .tally import Tally

if TYPE_CHECKING:
    from .agent import Agent

SAME = 0.5
"""Least P(yes) of a model that is asked whether two answers in words say the same."""
QUORUM = 2 / 3
"""Share of one model's attempts that must agree; of one or two attempts all."""


class Solution(Record):
    """A model's own answer to a problem."""

    steps: str = Field(max_length=8_000)
    answer: str = Field(min_length=1, max_length=1_000)


@dataclass(frozen=True)
class Consensus:
    """Who solves again: the verifier's own model `votes` times, and each further model as often."""

    agent: "Agent"
    others: Sequence[Chat]
    votes: int

    def about(self, question: str, answer: str, domain: str, tally: Tally) -> Finding:
        """Whether independent solutions of `question` alone agree with `answer`; each vote is told.

        No more is asked once the outcome is settled.

        Raises:
            AgentError: a model gives no useful answer.
        """
        told: list[str] = []
        agreed = asked = 0
        for chat in (self.agent.chat, *self.others):
            needed = self.votes if self.votes <= 2 else math.ceil(QUORUM * self.votes)
            yes = no = 0
            while yes < needed and no <= self.votes - needed:
                vote, words = self._vote(chat, question, answer, domain, yes + no + 1, tally)
                yes, no = yes + vote, no + (not vote)
                told.append(words)
            agreed, asked = agreed + yes, asked + yes + no
            if yes < needed:
                fault = f"only {agreed} of {asked} independent solutions agree with {answer[:60]!r}: {told[-1]}"
                return Finding(fault, self._checks(), f"{agreed}/{asked}", agreed / asked, {"solutions": told})
        return Finding("", self._checks(), f"{agreed}/{asked}", agreed / asked, {"solutions": told})

    def _checks(self) -> tuple[str, ...]:
        models = 1 + len(self.others)
        return (f"solved again by {models} models" if models > 1 else "solved again by the model",)

    def _vote(
        self, chat: Chat, question: str, answer: str, domain: str, attempt: int, tally: Tally
    ) -> tuple[bool, str]:
        """Whether one more solution agrees, and what it came to."""
        prompt = self.agent.prompts.get("verify-solve", domain)
        solved = tally.pay(
            lambda: self.agent.ask(prompt, Solution, {"document": question}, chat=chat, attempt=attempt)
        ).value
        agrees, how = self._agree(chat, question, answer, solved.answer, domain, tally)
        said = "agrees" if agrees else "differs"
        return agrees, f"{chat.url} attempt {attempt}: {solved.answer[:120]!r} {said}{how}"

    def _agree(self, chat: Chat, question: str, answer: str, got: str, domain: str, tally: Tally) -> tuple[bool, str]:
        """By mathematics, and for answers in words by the model's P(yes)."""
        if same_answer(answer, got):
            return True, ""
        if bare(got).casefold() in ("none", "无", "") or not (prose(bare(answer)) and prose(bare(got))):
            return False, ""
        prompt = self.agent.prompts.get("verify-same", domain)
        said = prompt.render({"question": question, "one": answer, "other": got})
        yes = grade(tally.pay(lambda: chat.choose([said], prompt.options)[0]), prompt.worths)
        return yes >= SAME, f", P(the same) {yes:.2f}"
