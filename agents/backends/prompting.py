"""Prompting: from a question to the tokens that a model in this process reads, and from its numbers to the options."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tiers.errors import AgentError
from ...tiers.text_tokens import TemplateRefused, text_tokens
from .causal import encode, without_middle
from .question import Question


@dataclass(frozen=True)
class Endings:
    """What is scored after a prompt: the spellings of each option, one after the other."""

    tokens: list[list[int]]
    of: list[int]
    """Which option each of them spells."""

    @property
    def longest(self) -> int:
        """In tokens."""
        return max(map(len, self.tokens))

    def steps(self) -> dict[tuple[int, ...], list[int]]:
        """What may follow each beginning of an ending, the empty one included: what to ask token by token."""
        found: dict[tuple[int, ...], dict[int, None]] = {}
        for tokens in self.tokens:
            for at, token in enumerate(tokens):
                found.setdefault(tuple(tokens[:at]), {})[token] = None
        return {begun: list(following) for begun, following in found.items()}

    def by_option(self, logprobs: NDArray[np.float64]) -> list[float]:
        """Log-probability of each option over its spellings; per token where their lengths differ."""
        lengths = [len(t) for t in self.tokens]
        values = logprobs / lengths if len(set(lengths)) > 1 else logprobs
        groups = groupby(zip(self.of, values.tolist(), strict=True), key=lambda pair: pair[0])
        return [float(np.logaddexp.reduce([value for _, value in group])) for _, group in groups]


@dataclass(frozen=True)
class Prompting:
    """How one model is spoken to: by its chat template, or, where it has none, by the bare text."""

    tokenizer: Any
    context: int

    def head(self, question: Question) -> list[int]:
        """The tokens before the answer: of control tokens those of the model's frame and template, none of a text's.

        Raises:
            AgentError: the chat template refuses the turns.
        """
        tokens = text_tokens(self.tokenizer)
        if not self.tokenizer.chat_template:
            return [*tokens.start, *tokens.encode("\n\n".join(t["content"] for t in question.turns))]
        # a model that thinks aloud would not answer with its first token
        turns = [dict(turn) for turn in question.turns]
        try:
            return tokens.encode(tokens.render(turns, add_generation_prompt=True, enable_thinking=False))
        except TemplateRefused as refusal:
            raise AgentError(f"{refusal}; take a model whose template takes its turns") from refusal

    def to_answer(self, question: Question, answer_tokens: int) -> list[int]:
        """The tokens of a prompt that leaves room for an answer.

        Raises:
            AgentError: it leaves none; what a document says in its middle must not get lost unseen. Or as `head`.
        """
        head = self.head(question)
        if len(head) + answer_tokens > self.context:
            raise AgentError(
                f"a prompt of {len(head)} tokens and agents.max_answer_tokens={answer_tokens} do not fit the model's "
                f"context of {self.context}; take a model that reads more, or shorter documents"
            )
        return head

    def to_choose(self, question: Question) -> tuple[list[int], int]:
        """The tokens of a prompt before an option, cut in their middle where they do not fit; and how many went.

        Raises:
            AgentError: as `head` and `endings`.
        """
        head = self.head(question)
        room = self.context - self.endings(question.options).longest
        kept = without_middle(head, room)
        return kept, len(head) - len(kept)

    def endings(self, options: Sequence[str]) -> Endings:
        """What spells the options: as an answer any single token that does, blanks and case aside; else themselves.

        Raises:
            AgentError: an option is empty, or longer than the model reads.
        """
        spelled = [self._spellings(option) for option in options] if self.tokenizer.chat_template else []
        if not spelled or not all(spelled):
            bare = [o.strip() for o in options] if self.tokenizer.chat_template else options
            spelled = [[encode(self.tokenizer, option)] for option in bare]
        tokens = [ids for spellings in spelled for ids in spellings]
        if not all(tokens) or max(map(len, tokens)) > self.context - 2:
            raise AgentError(f"options must have 1 to {self.context - 2} tokens each; these are not: {list(options)}")
        return Endings(tokens, [i for i, spellings in enumerate(spelled) for _ in spellings])

    def _spellings(self, option: str) -> list[list[int]]:
        word = option.strip()
        cases = dict.fromkeys((word, word.capitalize(), word.upper())) if word else ()
        found = [encode(self.tokenizer, f"{blank}{case}") for case in cases for blank in ("", " ")]
        return [list(ids) for ids in dict.fromkeys(tuple(ids) for ids in found if len(ids) == 1)]
