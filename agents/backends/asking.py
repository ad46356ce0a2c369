"""Asking: what all models that write have in common: one repair of a wrong answer, and every answer recorded first."""

import json
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from ...prompts import load
from ...tiers.decision import Usage
from ...tiers.errors import AgentError, SpendingError
from ..budget import Price
from ..chat import Choice, Completion, Message, S, UselessAnswer
from ..journal import Journal
from .answers import Unusable, read_choice, read_object
from .question import Question, to_write
from .reply import Reply

BYTES_PER_TOKEN = 4


class Asking(ABC):
    """A chat over `write`, which answers one question with an OpenAI-like JSON object.

    Every answer is in the journal, if there is one, before anything is done with it: a first answer that has to be
    repaired is a row of its own, and so is each prompt of a `choose`.
    """

    url: str

    def __init__(self, url: str, *, journal: Journal | None, max_answer_tokens: int, price: Price | None) -> None:
        self.url = url
        self._journal = journal
        self._max_answer_tokens = max_answer_tokens
        self._price = price or Price(tokens_in=0, tokens_out=0)

    @abstractmethod
    def write(self, question: Question) -> tuple[Reply, Usage]:
        """The answer and its cost. Raises AgentError when there is none."""

    @abstractmethod
    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """For each prompt, how probable each option is as its continuation."""

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        """An answer in the form of `schema`; a wrong one is sent back once to be repaired.

        Raises:
            UselessAnswer: the repaired answer is wrong too, or the model refuses.
            SpendingError: the provider refuses for credentials or money.
            AgentError: the model gives no answer.
        """
        turns = list(messages)
        usage = Usage()
        for attempt in (0, 1):
            question = to_write(turns, schema, attempt)
            try:
                reply, cost = self.write(question)
            except SpendingError:
                raise
            except UselessAnswer as error:
                raise UselessAnswer(str(error), usage + error.usage, error.recorded) from error
            except AgentError as error:
                raise (UselessAnswer(str(error), usage) if usage.calls else error) from error
            usage += cost
            try:
                return Completion(read_object(reply, schema), usage)
            except Unusable as wrong:
                if attempt or wrong.final:
                    raise UselessAnswer(f"{self.url} gave no usable answer: {wrong}", usage) from wrong
                turns = self._repair(turns, wrong, question.schema)
        raise AssertionError("the last attempt returns or raises")

    def judged(self, question: Question, reply: Reply, usage: Usage) -> Choice:
        """The probabilities in an answer to a question with options. Raises UselessAnswer when there are none."""
        try:
            return read_choice(reply, question.options, usage)
        except Unusable as wrong:
            raise UselessAnswer(f"{self.url} cannot judge: {wrong}", usage) from wrong

    def cost(self, question: Question, reply: Reply, seconds: float) -> Usage:
        """What one call cost; unreported tokens are charged by the size of what went each way."""
        tokens_in, tokens_out = reply.tokens_in, reply.tokens_out
        if tokens_in is None:
            tokens_in = _estimated([turn["content"] for turn in question.turns])
        if tokens_out is None:
            tokens_out = max(1, _estimated([reply.text]))
        usd = (tokens_in * self._price.tokens_in + tokens_out * self._price.tokens_out) / 1e6
        return Usage(tokens_in=tokens_in, tokens_out=tokens_out, calls=1, seconds=seconds, usd=usd)

    def _repair(self, turns: list[Message], wrong: Unusable, schema: dict[str, Any]) -> list[Message]:
        if not wrong.content:
            return turns  # nothing to point at: ask the same again
        words = load("repair-answer").render(problem=str(wrong), schema=json.dumps(schema))
        shown = wrong.content[: self._max_answer_tokens * BYTES_PER_TOKEN]
        return [*turns, Message(role="assistant", content=shown), Message(role="user", content=words)]


def _estimated(texts: Sequence[str]) -> int:
    return math.ceil(sum(len(text.encode("utf-8", "replace")) for text in texts) / BYTES_PER_TOKEN)
