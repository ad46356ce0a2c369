"""Merging: a LoRA adapter added into its base's weights, W + (alpha / rank) B A."""

from pathlib import Path
from typing import Any

from ..tiers.errors import TrainingError
from .lora import load_adapter
from .models import copy_tokenizer, load_model, save_model


def merged(model: Any) -> Any:
    """The plain model that computes what the peft-wrapped one does; consumes its argument.

    Raises:
        TrainingError: the adapter holds NaN.
    """
    try:
        return model.merge_and_unload(safe_merge=True)
    except ValueError as e:
        raise TrainingError(f"the adapter cannot be merged into its base: {e}") from e


def merge_adapter(base: Path, adapter: Path, out: Path) -> Path:
    """Write base plus adapter as a model folder with its tokenizer.

    Raises:
        TrainingError: a folder is missing or not what it should be.
    """
    model = merged(load_adapter(load_model(base), adapter))
    out.mkdir(parents=True, exist_ok=True)
    save_model(model, out)
    copy_tokenizer(base, out)
    return out
