"""`student:PATH`: a transformers model in this process that judges by its own probabilities; it writes nothing."""

import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from ...tiers.decision import Usage
from ...tiers.errors import AgentError, InputError
from ..chat import Choice, Completion, Message, S

BATCH_TOKENS = 8192
"""Padded tokens of one forward pass: what bounds memory, whatever the texts' lengths."""
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
        self.url = url
        self._device = torch.device(device)
        self._lock = threading.Lock()
        self._model, self._tokenizer = _load(path, self._device)
        self.context = int(self._model.config.max_position_embeddings)
        """Longest sequence in tokens, the first (which marks the beginning of a text) included."""
        self._begin = _begin(self._tokenizer, path)

    def complete(self, messages: Sequence[Message], schema: type[S]) -> Completion[S]:
        """Raises AgentError: a model of this size writes no JSON."""
        raise AgentError(
            "student: judges by probabilities and writes nothing; set agents.<role> to openai: or offline:"
        )

    def choose(self, prompts: Sequence[str], options: Sequence[str]) -> list[Choice]:
        """Probabilities of the options as continuations, over all tokens of each.

        An option's log-probability is the sum over its tokens, or their mean where the options' lengths differ. Of a
        prompt that does not fit the context the middle is left out, and counted in `truncated`.

        Raises:
            AgentError: the options do not fit the context, or the model gives no numbers.
        """
        start = time.perf_counter()
        endings = [self._encode(option) for option in options]
        room = self.context - 1 - max(map(len, endings))
        if room < 1 or not all(endings):
            raise AgentError(f"options must have 1 to {self.context - 2} tokens each; these are not: {list(options)}")
        heads = [self._encode(prompt) for prompt in prompts]
        kept = [_without_middle(head, room) for head in heads]
        sums = self._after([[self._begin, *k] for k in kept], endings)
        lengths = np.array([len(e) for e in endings])
        if len(set(lengths.tolist())) > 1:
            sums = sums / lengths
        if not np.isfinite(sums).all():
            raise AgentError("the student's probabilities are no numbers; its training diverged")
        weights = np.exp(sums - sums.max(axis=1, keepdims=True))
        shares = weights / weights.sum(axis=1, keepdims=True)
        seconds = (time.perf_counter() - start) / max(1, len(prompts))
        return [
            Choice(
                tuple(row.tolist()),
                Usage(tokens_in=sum(1 + len(k) + len(e) for e in endings), calls=1, seconds=seconds),
                truncated=len(head) - len(k),
            )
            for row, head, k in zip(shares, heads, kept, strict=True)
        ]

    def loss(self, texts: Sequence[str]) -> list[float]:
        """Mean loss of each text in nats a byte; see `read`."""
        return [reading.nats_per_byte for reading in self.read(texts)]

    def read(self, texts: Sequence[str]) -> list[Reading]:
        """How well each text is predicted, from its beginning to the end of the context."""
        sequences, ends = [], []
        for text in texts:
            ids, end = self._opening(text)
            sequences.append([self._begin, *ids])
            ends.append(end)
        losses = [-float(logs.sum()) for logs in self._logs(sequences)]
        return [
            Reading(
                loss / len(text[:end].encode("utf-8", "replace")) if end else float("nan"),
                len(sequence) - 1,
                len(text) - end,
            )
            for text, sequence, end, loss in zip(texts, sequences, ends, losses, strict=True)
        ]

    def _encode(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer(_sound(text), add_special_tokens=False, verbose=False).input_ids
        return ids

    def _opening(self, text: str) -> tuple[list[int], int]:
        """The tokens at the beginning of `text` that fit the context, and the character at which they end."""
        shown = _sound(text[: MAX_CHARS_PER_TOKEN * self.context])
        coded = self._tokenizer(shown, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
        ids: list[int] = coded.input_ids[: self.context - 1]
        return ids, int(coded.offset_mapping[len(ids) - 1][1]) if ids else 0

    def _after(self, heads: Sequence[list[int]], endings: Sequence[list[int]]) -> NDArray[np.float64]:
        """[heads, endings] log-probability of each ending after each head."""
        if all(len(e) == 1 for e in endings):  # one pass a head answers for all of them
            found = np.zeros((len(heads), len(endings)))
            for batch, logits in self._passes(heads):
                last = torch.tensor([len(heads[i]) - 1 for i in batch])
                logs = logits[torch.arange(len(batch)), last].float().log_softmax(-1)
                found[batch] = logs[:, [e[0] for e in endings]].double().cpu().numpy()
            return found
        rows = self._logs([[*h, *e] for h in heads for e in endings])
        sums = [row[len(row) - len(e) :].sum() for row, e in zip(rows, list(endings) * len(heads), strict=True)]
        return np.array(sums).reshape(len(heads), len(endings))

    def _logs(self, sequences: Sequence[list[int]]) -> list[NDArray[np.float64]]:
        """[tokens - 1] log-probability of each token but the first, for each sequence."""
        found: list[NDArray[np.float64]] = [np.zeros(0)] * len(sequences)
        for batch, logits in self._passes(sequences):
            ids = self._padded([sequences[i] for i in batch])
            logs = logits[:, :-1].float().log_softmax(-1).gather(2, ids[:, 1:, None])[:, :, 0]
            for i, row in zip(batch, logs.double().cpu().numpy(), strict=True):
                found[i] = row[: len(sequences[i]) - 1]
        return found

    def _passes(self, sequences: Sequence[list[int]]) -> Iterator[tuple[list[int], torch.Tensor]]:
        """The sequences' indices by batch, longest first, with the logits [batch, longest, vocabulary] of each."""
        lengths = [len(s) for s in sequences]
        order = sorted(range(len(sequences)), key=lambda i: -lengths[i])
        with self._lock, _one_thread(), torch.inference_mode():
            for batch in _batches(order, lengths):
                # padded at the end: a causal model's earlier places do not see it, so no mask is needed
                yield batch, self._model(input_ids=self._padded([sequences[i] for i in batch])).logits

    def _padded(self, sequences: Sequence[list[int]]) -> torch.Tensor:
        longest = max(map(len, sequences))
        return torch.tensor([s + [self._begin] * (longest - len(s)) for s in sequences], device=self._device)


def _load(path: Path, device: torch.device) -> tuple[Any, Any]:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (path / "config.json").is_file():
        raise InputError(f"wanted a model folder (config.json, weights, tokenizer) at {path}, found none")
    try:
        tokenizer = AutoTokenizer.from_pretrained(str(path), local_files_only=True)
        model: Any = AutoModelForCausalLM.from_pretrained(str(path), local_files_only=True, dtype=torch.float32)
    except (OSError, ValueError, SafetensorError) as error:
        raise InputError(f"the model folder {path} cannot be read: {str(error).splitlines()[0]}") from error
    return model.to(device).eval(), tokenizer


def _begin(tokenizer: Any, path: Path) -> int:
    """The token before the first: what stands between documents in training."""
    for token in (tokenizer.bos_token_id, tokenizer.eos_token_id):
        if token is not None:
            return int(token)
    raise InputError(f"the tokenizer in {path} marks neither beginning nor end of a text (bos, eos); a judge needs one")


def _sound(text: str) -> str:
    """`text` without lone surrogates, which no tokenizer takes."""
    return text.encode("utf-8", "replace").decode()


def _without_middle(ids: list[int], room: int) -> list[int]:
    """At most `room` tokens: a prompt's task stands at its beginning and its question at its end."""
    return ids if len(ids) <= room else ids[: room // 2] + ids[len(ids) - (room - room // 2) :]


def _batches(order: Sequence[int], lengths: Sequence[int]) -> Iterator[list[int]]:
    """`order` (longest first) cut where a batch, padded to its first, would exceed BATCH_TOKENS."""
    at = 0
    while at < len(order):
        size = max(1, BATCH_TOKENS // lengths[order[at]])
        yield list(order[at : at + size])
        at += size


@contextmanager
def _one_thread() -> Iterator[None]:
    """One thread adds in one order; and two spin on small matrices."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
