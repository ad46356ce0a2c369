"""`student:PATH`: a transformers model in this process that judges by its own probabilities; it writes nothing."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ...tiers.decision import Usage
from ...tiers.errors import AgentError, InputError
from ...tiers.text_tokens import text_tokens
from ..chat import Choice, Completion, Message, S
from .answers import Unusable, shares
from .causal import CausalModel, sound, without_middle

MAX_CHARS_PER_TOKEN = 64
"""Of a text, no more than this times the context is tokenised at all."""


@dataclass(frozen=True)
class Reading:
    """How well the model predicts a text."""

    nats_per_byte: float
    """Mean over the bytes that were read; NaN for an empty text."""
    tokens: int
    """Predicted tokens."""
    truncated: int
    """Characters at the end that did not fit the context and were not read."""


class StudentChat:
    """The evolving model as judge: float32, one thread, so that the same texts get the same numbers again.

    Raises:
        InputError: there is no model and tokenizer in the folder.
    """

    def __init__(self, path: Path, *, url: str = "student:", device: str = "cpu") -> None:
        if not (path / "config.json").is_file():
            raise InputError(f"wanted a model folder (config.json, weights, tokenizer) at {path}, found none")
        self.url = url
        self.causal = CausalModel(str(path), device=device, threads=1)
        self.context = self.causal.context

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        """Raises AgentError: a model of this size writes no JSON."""
        raise AgentError(
            "student: judges by probabilities and writes nothing; set agents.<role> to openai:, hf:, vllm: or offline:"
        )

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """Probabilities of the options as continuations, over all tokens of each.

        An option's log-probability is the sum over its tokens, or their mean where the options' lengths differ. Of a
        prompt that does not fit the context the middle is left out, and counted in `truncated`.

        Raises:
            AgentError: the options do not fit the context, or the model gives no numbers.
        """
        began, start = time.perf_counter(), self.causal.start
        endings = [self.causal.encode(option) for option in options]
        room = self.context - len(start) - max(map(len, endings))
        if room < 1 or not all(endings):
            raise AgentError(f"options must have 1 to {self.context - 2} tokens each; these are not: {list(options)}")
        heads = [self.causal.encode(prompt) for prompt in prompts]
        kept = [without_middle(head, room) for head in heads]
        sums = self.causal.after([[*start, *k] for k in kept], endings)
        lengths = np.array([len(e) for e in endings])
        if len(set(lengths.tolist())) > 1:
            sums = sums / lengths
        try:
            probabilities = [shares(row) for row in sums]
        except Unusable as wrong:
            raise AgentError(f"the student cannot judge: {wrong}") from wrong
        seconds = (time.perf_counter() - began) / max(1, len(prompts))
        return [
            Choice(
                row,
                Usage(tokens_in=sum(len(start) + len(k) + len(e) for e in endings), calls=1, seconds=seconds),
                truncated=len(head) - len(k),
            )
            for row, head, k in zip(probabilities, heads, kept, strict=True)
        ]

    def loss(self, texts: Sequence[str]) -> list[float]:
        """Mean loss of each text in nats a byte; see `read`."""
        return [reading.nats_per_byte for reading in self.read(texts)]

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """How well each text is predicted, from its beginning to the end of the context."""
        sequences, ends, start = [], [], self.causal.start
        for text in texts:
            ids, end = self._opening(text)
            sequences.append([*start, *ids])
            ends.append(end)
        losses = [-float(logs[len(start) - 1 :].sum()) for logs in self.causal.logs(sequences)]
        return [
            Reading(
                loss / len(text[:end].encode("utf-8", "replace")) if end else float("nan"),
                len(sequence) - len(start),
                len(text) - end,
            )
            for text, sequence, end, loss in zip(texts, sequences, ends, losses, strict=True)
        ]

    def _opening(self, text: str) -> tuple[list[int], int]:
        """The tokens at the beginning of `text` that fit the context, and the character at which they end."""
        shown = sound(text[: MAX_CHARS_PER_TOKEN * self.context])
        ids, offsets = text_tokens(self.causal.tokenizer).with_offsets(shown)
        ids = ids[: self.context - len(self.causal.start)]
        return ids, int(offsets[len(ids) - 1][1]) if ids else 0
