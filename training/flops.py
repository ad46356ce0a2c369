"""FLOPs: what a training step of a dense transformer computes, and how much of a device's peak that is (MFU)."""

from typing import Any

import torch

PEAK = {
    "B200": 2250e12,
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100 NVL": 835e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
    "RTX 3090": 71e12,
}
"""Dense bfloat16 products a second by a part of the device's name, as the vendor states them; the first that fits."""


def flops_per_token(model: Any, block: int) -> float:
    """Model FLOPs of one training token: forward and backward, nothing computed twice (PaLM, arXiv 2204.02311, B).

    A trained matrix of n weights costs 6 n (the product, the gradient of its input and its own), a frozen one 4 n; the
    two products of attention cost 12 layers * width * block, the masked half included, as is the custom. Mixtures of
    experts are counted as if every expert were used.

    Args:
        model: a transformers causal language model, peft-wrapped or not.
        block: tokens in a row.
    """
    matrices = sum(_matrix(module) for module in model.modules())
    config = model.config.get_text_config()
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    width = int(config.num_attention_heads * head)
    return matrices + 12.0 * int(config.num_hidden_layers) * width * block


def peak_flops(device: torch.device, dtype: torch.dtype) -> float | None:
    """Peak of a device; None where it is not known: CPUs, other precisions and other GPUs."""
    if device.type != "cuda" or dtype is not torch.bfloat16:
        return None
    return named_peak(torch.cuda.get_device_name(device))


def named_peak(name: str) -> float | None:
    """Peak of the GPU with this name."""
    words = name.replace("-", " ").split()
    return next((peak for part, peak in PEAK.items() if all(word in words for word in part.split())), None)


def _matrix(module: torch.nn.Module) -> float:
    """FLOPs of a linear module for one token; transformers' Conv1D is one with its weight turned."""
    if isinstance(module, torch.nn.Linear):  # of four bits too, whose weight is packed
        size = module.in_features * module.out_features
    elif type(module).__name__ == "Conv1D":
        size = module.weight.numel()  # type: ignore[operator]
    else:
        return 0.0
    return (6.0 if module.weight.requires_grad else 4.0) * float(size)
