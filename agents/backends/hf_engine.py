"""`hf:MODEL[+ADAPTER]`: a transformers model in this process that writes greedily and chooses by its logits."""

from collections.abc import Iterator, Sequence
from typing import Any

import torch

from ...tiers.errors import AgentError
from .causal import CausalModel, batches, working_threads
from .engine import Asked, EngineDied, Reply
from .prompting import Prompting


class HFEngine:
    """A causal language model on the GPU, where there is one, else on the CPU in float32.

    Raises:
        InputError: there is no such model, tokenizer or adapter.
    """

    def __init__(self, path: str, adapter: str = "") -> None:
        self._path = path
        gpu = torch.cuda.is_available()
        self._causal = CausalModel(
            path, adapter=adapter, device="cuda" if gpu else "cpu", dtype="auto" if gpu else torch.float32
        )
        self._prompting = Prompting(self._causal.tokenizer, self._causal.context)
        told = self._causal.model.generation_config.eos_token_id
        self._ends = {*(told if isinstance(told, list) else [told]), self._causal.tokenizer.eos_token_id}

    def ready(self, asked: Sequence[Asked]) -> None:
        """It always is."""

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Replies in the order of the questions, each kind in batches."""
        try:
            return self._answered(asked)
        except torch.OutOfMemoryError as error:
            raise EngineDied(f"the GPU's memory does not suffice for {self._path} ({error})") from error

    def _answered(self, asked: Sequence[Asked]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        for options in dict.fromkeys(a.question.options for a in asked):
            mine = [i for i, a in enumerate(asked) if a.question.options == options]
            batch = [asked[i] for i in mine]
            replies |= zip(mine, self._choose(batch) if options else self._write(batch), strict=True)
        return [replies[i] for i in range(len(asked))]

    def rest(self) -> bool:
        """There is no half-way here."""
        return False

    def close(self) -> None:
        """Drop the model."""
        del self._causal, self._prompting
        if torch.cuda.is_available():
            torch.cuda.empty_cache()

    def _choose(self, asked: Sequence[Asked]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        heads: dict[int, tuple[list[int], int]] = {}
        for i, a in enumerate(asked):
            try:
                heads[i] = self._prompting.to_choose(a.question)
            except AgentError as error:
                replies[i] = error
        if heads:
            endings = self._prompting.endings(asked[0].question.options)
            logprobs = self._causal.after([head for head, _ in heads.values()], endings.tokens)
            for (i, (head, out)), row in zip(heads.items(), logprobs, strict=True):
                replies[i] = {"options": endings.by_option(row), "truncated": out, "usage": _usage(len(head), 1)}
        return [replies[i] for i in range(len(asked))]

    def _write(self, asked: Sequence[Asked]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        heads: dict[int, list[int]] = {}
        for i, a in enumerate(asked):
            try:
                heads[i] = self._prompting.to_answer(a.question, a.answer_tokens)
            except AgentError as error:
                replies[i] = error
        longest = max((a.answer_tokens for a in asked), default=0)
        order = list(heads)
        for batch in batches([len(heads[i]) for i in order], more=longest):
            mine = [order[j] for j in batch]
            written = self._generate([heads[i] for i in mine], longest)
            replies |= {i: self._reply(len(heads[i]), ids) for i, ids in zip(mine, written, strict=True)}
        return [replies[i] for i in range(len(asked))]

    def _generate(self, heads: Sequence[list[int]], most: int) -> Iterator[list[int]]:
        """The most probable next tokens of each head, at most `most`, padded at the beginning."""
        causal, longest = self._causal, max(map(len, heads))
        pad = [longest - len(h) for h in heads]
        ids = torch.tensor([[causal.begin] * n + h for n, h in zip(pad, heads, strict=True)], device=causal.device)
        seen = torch.tensor([[0] * n + [1] * len(h) for n, h in zip(pad, heads, strict=True)], device=causal.device)
        with causal.lock, working_threads(causal.threads), torch.inference_mode():
            written = causal.model.generate(
                input_ids=ids, attention_mask=seen, max_new_tokens=most, do_sample=False, pad_token_id=causal.begin
            )
        yield from written[:, longest:].tolist()

    def _reply(self, read: int, ids: list[int]) -> dict[str, Any]:
        end = next((i for i, token in enumerate(ids) if token in self._ends), None)
        text = self._causal.tokenizer.decode(ids[:end], skip_special_tokens=True)
        choice = {"message": {"content": text}, "finish_reason": "length" if end is None else "stop"}
        return {"choices": [choice], "usage": _usage(read, len(ids) if end is None else end + 1)}


def _usage(read: int, written: int) -> dict[str, int]:
    return {"prompt_tokens": read, "completion_tokens": written}
