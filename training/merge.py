"""Merging: a LoRA adapter added into its base's weights, W + (alpha / rank) B A."""

from pathlib import Path
from typing import Any

import torch

from ..tiers.errors import TrainingError
from .lora import load_adapter, quiet_peft
from .models import copy_tokenizer, load_model, save_model


def merged(model: Any) -> Any:
    """The plain model that computes what the peft-wrapped one does; consumes its argument.

    Where embedding and output layer are one tensor and the adapter changes either, they are two afterwards, and the
    config says so (`tie_word_embeddings`): merged into one, each change would act in both places.

    Raises:
        TrainingError: the adapter holds NaN.
    """
    _untie(model.get_base_model())
    try:
        with quiet_peft():
            plain = model.merge_and_unload(safe_merge=True)
    except ValueError as e:
        raise TrainingError(f"the adapter cannot be merged into its base: {e}") from e
    head = plain.get_output_embeddings()
    if head is not None and head.weight is not plain.get_input_embeddings().weight:
        for config in (plain.config, plain.config.get_text_config()):
            config.tie_word_embeddings = False
        plain.all_tied_weights_keys = {}  # what save_pretrained would leave out
    return plain


def _untie(plain: Any) -> None:
    """Give the output layer weights of its own where it shares them and one of the two is wrapped by peft."""
    layers = [plain.get_input_embeddings(), plain.get_output_embeddings()]
    words, head = (getattr(x, "base_layer", getattr(x, "original_module", x)) for x in layers)
    wrapped = words is not layers[0] or head is not layers[1]
    if head is not None and wrapped and head.weight is words.weight:
        head.weight = torch.nn.Parameter(head.weight.detach().clone(), requires_grad=head.weight.requires_grad)


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
