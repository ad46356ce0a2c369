"""LoRA: low-rank adapters on a base model, by peft."""

import json
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError

from ..tiers.errors import TrainingError
from ..tiers.fingerprint import BASE_NOTE, other_base
from ..tiers.weights import refuse_pickles
from ..tiers.whole import write_whole
from .spec import TrainConfig

FREE_NAME = "base"
"""Stands in the adapter's config where peft would write an absolute path."""


def with_adapter(model: Any, config: TrainConfig, seed: int, adapter: str = "") -> Any:
    """The model with trainable adapters, its own weights frozen.

    Args:
        model: a transformers causal language model.
        config: rank and target modules.
        seed: of the adapters' initial weights.
        adapter: folder of an adapter to go on with instead of a fresh one.

    Raises:
        TrainingError: the model has none of the target modules, or there is no adapter in the folder.
    """
    from peft import LoraConfig, get_peft_model

    if adapter:
        return load_adapter(model, Path(adapter), trainable=True)
    alpha: Any = config.lora_alpha or 2 * config.lora_rank  # peft says int and takes fractions
    everything = config.lora_targets == ("all-linear",)
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=int(alpha) if alpha == int(alpha) else alpha,
        lora_dropout=0.0,
        use_rslora=config.lora_rs,
        use_dora=config.lora_dora,
        target_modules="all-linear" if everything else list(config.lora_targets),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(), quiet_peft():
        torch.manual_seed(seed)
        try:
            return get_peft_model(model, lora)
        except ValueError as e:
            names = ", ".join(config.lora_targets)
            raise TrainingError(f"training.lora_targets names {names}, which this base does not have: {e}") from e


def load_adapter(model: Any, folder: Path, *, trainable: bool = False) -> Any:
    """The model wrapped with the adapter in a folder.

    Raises:
        TrainingError: there is no adapter in the folder.
    """
    from peft import PeftModel

    if not (folder / "adapter_config.json").is_file():
        raise TrainingError(f"wanted a LoRA adapter in {folder}, found none: name the adapter/ folder of a LoRA run")
    refuse_pickles(folder)
    with quiet_peft(), warnings.catch_warnings():
        warnings.filterwarnings("error", "Found missing adapter keys", UserWarning)
        try:
            return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)
        except (RuntimeError, ValueError, UserWarning) as e:
            lines = [line.strip() for line in str(e).splitlines()]
            why = next((line for line in lines if "size mismatch" in line), lines[0])
            raise TrainingError(f"the adapter in {folder} does not fit this base, is it another base's? {why}") from e
        except SafetensorError as e:
            raise TrainingError(f"the adapter in {folder} is cut short or unreadable: {e}") from e


def check_base(adapter: Path, fingerprint: str) -> None:
    """Whether an adapter belongs to the base of this fingerprint, where it says to which.

    Raises:
        TrainingError: it was trained on another one.
    """
    if why := other_base(adapter, fingerprint):
        raise TrainingError(why)


def save_adapter(model: Any, folder: Path, base: str) -> None:
    """Write the adapter and its base's fingerprint, without a trace of where that lay."""
    config = model.peft_config["default"]
    config.base_model_name_or_path = FREE_NAME
    # "auto" would ask the Hub whether the base's vocabulary was changed; ours never is
    with quiet_peft():
        model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's unfilled model card
    write_whole(folder / BASE_NOTE, json.dumps({"fingerprint": base}).encode())


@contextmanager
def quiet_peft() -> Iterator[None]:
    """Without two warnings that need no action: an old name in peft, and shared weights, which `merged` unties."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        warnings.filterwarnings("ignore", "(?s).*tie_word_embeddings", UserWarning)
        yield
