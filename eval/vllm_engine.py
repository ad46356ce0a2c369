"""vLLM behind lm-eval's interface: one base loaded once, and an adapter named with each request."""

import functools
import importlib.metadata
import importlib.util
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_args

from ..tiers.errors import EvalError
from ..tiers.weights import refuse_pickles
from .engine import LONGEST_CONTEXT, check_vocabulary, context_length, without_bars

SETTINGS = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_WORKER_MULTIPROC_METHOD": "spawn",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
"""Nothing is reported to anybody; a fork of a process with threads may hang; and it would tell every step it takes."""
BESIDE = 2
"""Tokens of the context that are not measured: vLLM always writes one, and reads the last one of a continuation too."""
HEADS = ("lm_head", "embed_tokens")
"""What vLLM adapts with the indices of sampled tokens, which are not those of a prompt."""


def load(model: Path, dtype: str, memory: float, adapters: Sequence[Path]) -> Any:
    """The model behind lm-eval's interface, with room for these adapters.

    Args:
        model: folder in transformers format with its tokenizer.
        dtype: of weights and products.
        memory: share of the GPU's memory that vLLM takes.
        adapters: folders of LoRA adapters of this base.

    Raises:
        EvalError: vLLM is not installed or cannot serve the model here, or not one of the adapters.
    """
    version()
    for folder in (model, *adapters):
        refuse_pickles(folder)
    os.environ.update({name: value for name, value in SETTINGS.items() if name not in os.environ})
    from transformers import AutoConfig, AutoTokenizer

    try:
        config, tokenizer = AutoConfig.from_pretrained(model), AutoTokenizer.from_pretrained(model)
        check_vocabulary(model, len(tokenizer), int(config.get_text_config().vocab_size))
        return _model_class()(
            pretrained=str(model),
            dtype=dtype,
            max_model_len=context_length(config, tokenizer, LONGEST_CONTEXT + BESIDE),
            gpu_memory_utilization=memory,
            seed=0,
            **_room(adapters),
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise EvalError(
            f"vLLM cannot serve {model} here ({_why(error)}): it needs a platform that it knows and {memory:.0%} of "
            "the GPU's memory free (evaluation.memory); VLLM_LOGGING_LEVEL=INFO lets it say more, "
            "evaluation.engine=hf needs neither"
        ) from error


def installed() -> bool:
    """Whether vLLM can be imported by its own name, as lm-eval wants it."""
    try:
        return bool(importlib.util.find_spec("vllm") and importlib.metadata.version("vllm"))
    except importlib.metadata.PackageNotFoundError:
        return False


def version() -> str:
    """Which vLLM is installed.

    Raises:
        EvalError: none.
    """
    if not installed():
        raise EvalError(
            "evaluation.engine=vllm wants the package vllm, which is not installed: pip install 'coevo[gpu]', or set "
            "evaluation.engine=hf"
        )
    return importlib.metadata.version("vllm")


def _room(adapters: Sequence[Path]) -> dict[str, Any]:
    """What the engine is started with so that it takes these adapters and touches nothing that they leave alone."""
    if not adapters:
        return {}
    from vllm.config.lora import MaxLoRARanks  # pyright: ignore[reportMissingImports]

    rank = max(int(json.loads((a / "adapter_config.json").read_bytes())["r"]) for a in adapters)
    known = [int(r) for r in get_args(MaxLoRARanks)]
    if rank > max(known):
        raise EvalError(f"an adapter is of rank {rank}, vLLM takes {max(known)}: set evaluation.engine=hf")
    targets = sorted({target for adapter in adapters for target in _targets(adapter)})
    return {
        "enable_lora": True,
        "max_loras": min(len(adapters), 8),
        "max_cpu_loras": len(adapters),
        "max_lora_rank": next(r for r in sorted(known) if r >= rank),
        "lora_target_modules": targets,
    }


def _targets(adapter: Path) -> set[str]:
    """Last names of the modules that an adapter changes."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(adapter / "adapter_model.safetensors"), "np") as file:
            found = {key.split(".lora_")[0].rpartition(".")[2] for key in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise EvalError(f"the adapter in {adapter} is cut short or unreadable: {error}") from error
    if found & {*HEADS}:
        raise EvalError(
            f"the adapter in {adapter} changes {', '.join(sorted(found & {*HEADS}))}, for which vLLM's likelihoods of "
            "prompts are wrong: set evaluation.engine=hf"
        )
    return found


@functools.cache
def _model_class() -> type[Any]:
    """lm-eval's class for vLLM, made on first use because importing it takes seconds."""
    from lm_eval.models import vllm_causallms
    from vllm import SamplingParams  # pyright: ignore[reportMissingImports]
    from vllm.lora.request import LoRARequest  # pyright: ignore[reportMissingImports]

    base: Any = without_bars(vllm_causallms.VLLM)

    class AdaptedLM(base):  # type: ignore[misc]  # lm_eval has no types
        """Its tokenization and generation; likelihoods from the log-probabilities of prompts."""

        _adapters = 0

        @property
        def max_length(self) -> int:
            return int(self.model.llm_engine.model_config.max_model_len) - BESIDE

        def _loglikelihood_tokens(self, requests: Any, disable_tqdm: bool = True) -> list[tuple[float, bool]]:
            prompts = [[*context, *ending] for _, context, ending in requests]
            ask = SamplingParams(max_tokens=1, temperature=0, prompt_logprobs=0, detokenize=False)
            outputs = self._model_generate(prompts, True, ask)
            return [(_sum(o, len(c)), False) for o, (_, c, _) in zip(outputs, requests, strict=True)]

        def _model_generate(self, requests: Any, generate: bool = False, sampling_params: Any = None) -> Any:
            prompts = [{"prompt_token_ids": list(tokens)} for tokens in requests]
            try:
                return self.model.generate(prompts, sampling_params, use_tqdm=False, lora_request=self.lora_request)
            except Exception as error:
                if type(error).__name__ != "EngineDeadError":
                    raise
                raise EvalError("the vLLM engine died over an evaluation; its log above says why") from error

        @contextmanager
        def adapted(self, adapter: Path) -> Iterator[None]:
            self._adapters += 1
            wanted = LoRARequest(f"{adapter.name}-{self._adapters}", self._adapters, str(adapter.resolve()))
            try:
                self.model.llm_engine.add_lora(wanted)
            except Exception as error:  # the engine's process hands on whatever it stumbled over as plain exceptions
                raise EvalError(f"vLLM cannot take the adapter in {adapter} ({_why(error)}): use engine hf") from error
            self.lora_request = wanted
            try:
                yield
            finally:
                self.lora_request = None
                self.model.llm_engine.remove_lora(wanted.lora_int_id)

        def close(self) -> None:
            """End the engine's process, and with it all it holds."""
            self.model.llm_engine.engine_core.shutdown()

    return AdaptedLM


def _why(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def _sum(output: Any, start: int) -> float:
    """Log-probability in nats of a prompt's tokens from place `start` on."""
    told = zip(output.prompt_token_ids[start:], output.prompt_logprobs[start:], strict=True)
    return sum(float(by_token[token].logprob) for token, by_token in told)
