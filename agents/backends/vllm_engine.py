"""`vllm:MODEL[+ADAPTER]`: vLLM in this process, with structured outputs, exact logits, adapters loaded as it runs."""

import gc
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...tiers.errors import AgentError, InputError
from ...tiers.gpu import busy, visible
from ...tiers.weights import refuse_pickles
from .causal import beginning
from .engine import Asked, EngineConfig, EngineDied, Reply, release_idle
from .prompting import Endings, Prompting

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What vLLM takes as the highest rank of an adapter."""
SETTINGS = {"VLLM_NO_USAGE_STATS": "1", "VLLM_WORKER_MULTIPROC_METHOD": "spawn"}
"""Nothing is reported to anybody; and a fork of a process with threads may hang."""
MAX_LABELS = 64


class VllmEngine:
    """One `vllm.LLM`; it is started without room for adapters, and anew with it when the first adapter is asked.

    Raises:
        InputError: it finds no platform or too little memory, or there is no such model.
    """

    def __init__(self, path: str, config: EngineConfig) -> None:
        self._path = path
        self._config = config
        self._freed = 0
        self._adapters: dict[str, Any] = {}
        self._lora = False
        self._start()

    def ready(self, asked: Sequence[Asked]) -> None:
        """Wake up, or start anew with room for adapters."""
        self._wake()
        if any(a.adapter for a in asked) and not self._lora:
            self.close()
            self._lora = True
            self._start()

    def answer(self, asked: Sequence[Asked]) -> list[Reply]:
        """Replies in the order of the questions, all adapters together in one batch."""
        replies: list[Reply | None] = [None] * len(asked)
        prompts: list[Any] = []
        plans: list[tuple[int, Any]] = []
        for i, one in enumerate(asked):
            try:
                mine = self._prompts(one)
            except AgentError as error:
                replies[i] = error
                continue
            plans.append((i, len(mine)))
            prompts += mine
        with busy(visible(1)):
            outputs = self._generate(prompts)
        for i, count in plans:
            replies[i] = self._reply(asked[i], [next(outputs) for _ in range(count)])
        return [reply for reply in replies if reply is not None]

    def rest(self) -> bool:
        """Park the weights in the CPU's memory; False where that did not free the GPU's."""
        if self._config.between != "sleep" or not _gpu():
            return False
        before = _free()
        self._llm.sleep(level=1)
        self._freed = _free() - before
        return self._freed > 0.5 * self._config.memory * _total()

    def close(self) -> None:
        """End the engine's process, and with it all it holds."""
        self._llm.llm_engine.engine_core.shutdown()
        del self._llm, self._prompting
        self._adapters.clear()
        gc.collect()

    def _start(self) -> None:
        os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
        if _gpu() and _free() < self._config.memory * _total():
            release_idle()
        self._llm = self._opened()
        tokenizer = self._llm.get_tokenizer()
        context = int(self._llm.llm_engine.model_config.max_model_len)
        beginning(tokenizer, self._path)
        self._prompting = Prompting(tokenizer, context)

    def _opened(self) -> Any:
        from vllm import LLM  # pyright: ignore[reportMissingImports]

        refuse_pickles(self._path)
        options: dict[str, Any] = {"enable_lora": True, "max_loras": 2} if self._lora else {}
        if self._lora:
            options["max_lora_rank"] = next((r for r in RANKS if r >= self._config.lora_rank), RANKS[-1])
        if self._config.between == "sleep" and _gpu():
            options["enable_sleep_mode"] = True
        try:
            return LLM(
                model=self._path,
                max_model_len=self._config.context,
                gpu_memory_utilization=self._config.memory,
                max_logprobs=MAX_LABELS,
                seed=0,
                **options,
            )
        except (RuntimeError, ValueError, OSError) as error:
            said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise InputError(
                f"vLLM cannot serve {self._path} here ({said}): it needs a platform that it knows and "
                f"{self._config.memory:.0%} of the GPU's memory free (agents.engine.memory); its log above says more. "
                "hf:MODEL needs neither"
            ) from error

    def _wake(self) -> None:
        freed, self._freed = self._freed, 0
        if not freed:
            return
        if _free() >= freed:
            self._llm.wake_up()
        else:  # somebody took what it gave back
            self.close()
            self._start()

    def _prompts(self, one: Asked) -> list[tuple[list[int], Any, Any]]:
        """What is generated for one question: token ids, sampling parameters and adapter."""
        adapter = self._adapter(one)
        if not one.question.options:
            head = self._prompting.to_answer(one.question, one.answer_tokens)
            return [(head, _to_write(one), adapter)]
        head, _ = self._prompting.to_choose(one.question)
        steps = self._prompting.endings(one.question.options).steps()
        return [([*head, *begun], _to_score(following), adapter) for begun, following in steps.items()]

    def _generate(self, prompts: Sequence[tuple[list[int], Any, Any]]) -> Any:
        if not prompts:
            return iter(())
        ids, sampling, adapters = zip(*prompts, strict=True)
        try:
            return iter(
                self._llm.generate(
                    [{"prompt_token_ids": i} for i in ids],
                    list(sampling),
                    use_tqdm=False,
                    lora_request=list(adapters) if self._lora else None,
                )
            )
        except Exception as error:
            if type(error).__name__ != "EngineDeadError":
                raise
            raise EngineDied(f"the vLLM engine of {self._path} died; its log above says why") from error

    def _reply(self, one: Asked, outputs: Sequence[Any]) -> dict[str, Any]:
        read = sum(len(o.prompt_token_ids) for o in outputs)
        first = outputs[0].outputs[0]
        usage = {"prompt_tokens": read, "completion_tokens": sum(len(o.outputs[0].token_ids) for o in outputs)}
        if not one.question.options:
            ended = "length" if first.finish_reason == "length" else "stop"
            return {"choices": [{"message": {"content": first.text}, "finish_reason": ended}], "usage": usage}
        endings = self._prompting.endings(one.question.options)
        _, left_out = self._prompting.to_choose(one.question)
        return {"options": endings.by_option(_logprobs(outputs, endings)), "truncated": left_out, "usage": usage}

    def _adapter(self, one: Asked) -> Any:
        if not one.adapter:
            return None
        if one.adapter_name not in self._adapters:
            from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]

            rank = json.loads(Path(one.adapter, "adapter_config.json").read_text(encoding="utf-8"))["r"]
            if rank > self._config.lora_rank:
                raise InputError(
                    f"the adapter {one.adapter} is of rank {rank}, agents.engine.lora_rank={self._config.lora_rank}; "
                    f"set agents.engine.lora_rank={rank}"
                )
            number = len(self._adapters) + 1
            self._adapters[one.adapter_name] = LoRARequest(one.adapter_name, number, str(Path(one.adapter).resolve()))
        return self._adapters[one.adapter_name]


def _to_write(one: Asked) -> Any:
    from vllm import SamplingParams  # pyright: ignore[reportMissingImports]
    from vllm.sampling_params import StructuredOutputsParams  # pyright: ignore[reportMissingImports]

    form = StructuredOutputsParams(json=one.question.schema, disable_any_whitespace=True)
    return SamplingParams(max_tokens=one.answer_tokens, temperature=0, structured_outputs=form)


def _to_score(tokens: list[int]) -> Any:
    from vllm import SamplingParams  # pyright: ignore[reportMissingImports]

    return SamplingParams(max_tokens=1, temperature=0, logprob_token_ids=tokens)


def _logprobs(outputs: Sequence[Any], endings: Endings) -> NDArray[np.float64]:
    """Log-probability of each ending, from one output for each of its steps."""
    told = dict(zip(endings.steps(), (o.outputs[0].logprobs[0] for o in outputs), strict=True))
    sums = [sum(told[tuple(t[:at])][token].logprob for at, token in enumerate(t)) for t in endings.tokens]
    return np.array(sums, dtype=np.float64)


def _gpu() -> bool:
    import torch

    return torch.cuda.is_available()


def _free() -> int:
    """Bytes of the GPU's memory that nobody has."""
    import torch

    return int(torch.cuda.mem_get_info()[0])


def _total() -> int:
    import torch

    return int(torch.cuda.mem_get_info()[1])
