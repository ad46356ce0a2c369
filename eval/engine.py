"""The engine: a model behind lm-eval's interface, loaded once, its adapters swapped; the libraries kept quiet."""

import functools
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ..tiers.errors import EvalError
from ..tiers.fingerprint import model_fingerprint, other_base
from ..tiers.text_tokens import TextTokens, text_tokens
from ..tiers.weights import refuse_pickles
from .likelihood import continuation_scores

LONGEST_CONTEXT = 4096
"""Models with a longer context are measured with this one: rolling windows of more tokens cost memory, not meaning."""


@contextmanager
def quiet(offline: bool = True) -> Iterator[None]:
    """Offline, without the progress bars and the advice that the libraries print, and without their import warnings."""
    for name in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE") if offline else ():
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with warnings.catch_warnings():
        for module in ("lm_eval", "datasets", "transformers", "torch", "peft", "multiprocess", "dill"):
            warnings.filterwarnings("ignore", module=rf"{module}(\.|$)")
        from transformers.utils import logging as transformers_logging

        bars = transformers_logging.is_progress_bar_enabled()
        loggers = [logging.getLogger(name) for name in ("lm_eval", "transformers")]
        levels = [logger.level for logger in loggers]
        transformers_logging.disable_progress_bar()
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
            if bars:
                transformers_logging.enable_progress_bar()


@functools.cache
def _model_class() -> type[Any]:
    """HFLM with our batching, made on first use because importing lm-eval takes seconds."""
    from lm_eval.api import task
    from lm_eval.models import huggingface

    task.tqdm = functools.partial(task.tqdm, disable=True)  # its request builder has no switch for the progress bar

    base: Any = without_bars(huggingface.HFLM)

    class SharedContextLM(base):  # type: ignore[misc]  # lm_eval has no types
        """HFLM's tokenization and generation; likelihoods by `continuation_scores`."""

        def _loglikelihood_tokens(
            self, requests: Any, disable_tqdm: bool = True, override_bs: int | None = None
        ) -> list[tuple[float, bool]]:
            pairs = [(tuple(context), tuple(ending)) for _, context, ending in requests]
            # Nothing here asks whether greedy decoding would have hit; the search for the maximum would cost a tenth.
            return [(score, False) for score in continuation_scores(self.model, pairs, self.batch_size)]

        @contextmanager
        def adapted(self, adapter: Path) -> Iterator[None]:
            with _adapted(self, adapter):
                yield

        def close(self) -> None:
            """Nothing but memory is held, and that goes with the object."""

    return SharedContextLM


def without_bars(base: Any) -> type[Any]:
    """One of lm-eval's classes of models, without its progress bars; texts become tokens by `TextTokens`.

    lm-eval's own tokenization puts two beginnings of text before a rolling text and scores the second one, scores the
    end of text that some tokenizers add, and reads a control token wherever a question spells one.
    """

    class PlainLM(base):  # type: ignore[misc]  # lm_eval has no types
        """Requests as lm-eval asks them."""

        @property
        def text_tokens(self) -> TextTokens:
            return text_tokens(self.tokenizer)

        def tok_encode(
            self,
            string: Any,
            add_special_tokens: bool | None = None,
            left_truncate_len: int | None = None,
            **_: Any,
        ) -> list[Any]:
            if not isinstance(string, str):
                return [self.tok_encode(s, add_special_tokens, left_truncate_len) for s in string]
            tokens = self.text_tokens
            ids = tokens.encode(string) if add_special_tokens is False else tokens.framed(string)
            return ids[-left_truncate_len:] if left_truncate_len else ids

        def tok_batch_encode(
            self, strings: Any, padding_side: str = "left", left_truncate_len: int | None = None, **_: Any
        ) -> tuple[Any, Any]:
            rows = self.tok_encode(strings, left_truncate_len=left_truncate_len)
            padded = self.tokenizer.pad({"input_ids": rows}, padding_side=padding_side, return_tensors="pt")
            return padded["input_ids"], padded["attention_mask"]

        def apply_chat_template(self, chat_history: Any, add_generation_prompt: bool = True) -> str:
            template = functools.partial(super().apply_chat_template, add_generation_prompt=add_generation_prompt)
            return self.text_tokens.through(chat_history, template)

        def loglikelihood(self, requests: Any, disable_tqdm: bool = True) -> list[tuple[float, bool]]:
            asked = [request.args for request in requests]
            pairs = self.text_tokens.pairs(asked)
            return list(self._loglikelihood_tokens([(texts, *ids) for texts, ids in zip(asked, pairs, strict=True)]))

        def loglikelihood_rolling(self, requests: Any, disable_tqdm: bool = True) -> list[float]:
            return rolled(self, requests)

        def generate_until(self, requests: Any, disable_tqdm: bool = True) -> list[str]:
            return list(super().generate_until(requests, disable_tqdm=True))

    return PlainLM


def rolled(lm: Any, requests: Any) -> list[float]:
    """Log-likelihoods in nats of whole texts, each cut into windows as long as the model takes.

    The first window begins as the model's texts do (one beginning of text, where it has one), which is not scored; each
    later one with the last token of the window before.
    """
    from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

    start = list(lm.text_tokens.start)
    owners: list[int] = []
    windows: list[tuple[None, list[int], list[int]]] = []
    coded = lm.text_tokens.encode_batch([request.args[0] for request in requests])
    for owner, tokens in enumerate(coded):
        for window in get_rolling_token_windows(tokens, start[-1], lm.max_length - len(start) + 1, 1):
            context, scored = make_disjoint_window(window)
            first = not owners or owners[-1] != owner
            windows.append((None, start if first else context, scored))
            owners.append(owner)
    sums = [0.0] * len(requests)
    for owner, (loss, _) in zip(owners, lm._loglikelihood_tokens(windows), strict=True):
        sums[owner] += loss
    return sums


def load(model: Path, batch: int, device: str, dtype: str) -> Any:
    """The model behind lm-eval's interface.

    Raises:
        EvalError: there is none that can be read, or its tokenizer is another model's.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    refuse_pickles(model)
    try:
        tokenizer = AutoTokenizer.from_pretrained(model)
        network: Any = AutoModelForCausalLM.from_pretrained(model, dtype=getattr(torch, dtype), use_safetensors=True)
        network = network.to(torch.device(_device(device)))
    except (OSError, ValueError, RuntimeError) as error:
        raise EvalError(f"{model} cannot be loaded as a causal language model with a tokenizer: {error}") from error
    check_vocabulary(model, len(tokenizer), int(network.get_input_embeddings().weight.shape[0]))
    length = context_length(network.config, tokenizer)
    return _model_class()(pretrained=network, tokenizer=tokenizer, batch_size=batch, max_length=length)


def context_length(config: Any, tokenizer: Any, most: int = LONGEST_CONTEXT) -> int:
    """Tokens that a model is measured with, `most` at most."""
    positions = getattr(config, "max_position_embeddings", None) or most
    return int(min(positions, tokenizer.model_max_length, most))


def check_vocabulary(model: Path, tokens: int, rows: int) -> None:
    """Whether a model has a row for every token that its tokenizer knows.

    Raises:
        EvalError: it has fewer.
    """
    if tokens > rows:
        raise EvalError(
            f"the tokenizer in {model} knows {tokens} tokens, the model has {rows} embeddings: it is another "
            "model's; copy the tokenizer files there that the model was trained with"
        )


def check_adapter(adapter: Path, base: Path) -> None:
    """Whether there is an adapter in a folder, of this base where it says of which.

    Raises:
        EvalError: there is none, or it was trained on another base.
    """
    if not (adapter / "adapter_config.json").is_file():
        raise EvalError(f"no adapter to measure in {adapter}: wanted a folder with adapter_config.json")
    if why := other_base(adapter, model_fingerprint(base)):
        raise EvalError(why)


def _device(wanted: str) -> str:
    import torch

    return ("cuda" if torch.cuda.is_available() else "cpu") if wanted == "auto" else wanted


@contextmanager
def _adapted(lm: Any, adapter: Path) -> Iterator[None]:
    """The engine's model with a LoRA adapter on it while the block runs, and without it again afterwards.

    Raises:
        EvalError: the adapter was made for another base.
    """
    from peft import PeftModel

    refuse_pickles(adapter)
    base = lm._model
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "Found missing adapter keys", UserWarning)
        try:
            lm._model = PeftModel.from_pretrained(base, str(adapter)).eval()
        except (OSError, ValueError, RuntimeError, UserWarning) as error:
            raise EvalError(
                f"the adapter in {adapter} does not fit its base ({error}): name the base it was trained on"
            ) from error
    try:
        yield
    finally:
        # peft freezes the base, and frozen weights go through another kernel, 1e-7 apart
        lm._model = lm._model.unload().requires_grad_(True)
