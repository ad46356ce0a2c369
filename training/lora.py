"""LoRA: low-rank adapters on a base model, by peft."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from ..tiers.errors import TrainingError
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
    lora = LoraConfig(
        r=config.lora_rank,
        lora_alpha=2 * config.lora_rank,
        lora_dropout=0.0,
        target_modules=list(config.lora_targets),
        task_type="CAUSAL_LM",
    )
    with torch.random.fork_rng(), _peft_being_behind():
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
    with _peft_being_behind():
        return PeftModel.from_pretrained(model, str(folder), is_trainable=trainable)


def save_adapter(model: Any, folder: Path) -> None:
    """Write the adapter, without a trace of where its base lay."""
    config = model.peft_config["default"]
    config.base_model_name_or_path = FREE_NAME
    # "auto" would ask the Hub whether the base's vocabulary was changed; ours never is
    model.save_pretrained(str(folder), save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)  # peft's unfilled model card


@contextmanager
def _peft_being_behind() -> Iterator[None]:
    """Peft 0.19 still asks transformers 5 by the old name; nobody here can do anything about it."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated", FutureWarning)
        yield
