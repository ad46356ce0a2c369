"""Base models and short, paired fine-tuning runs."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .spec import ModelConfig, RunSpec, TrainConfig, TrainedModel

if TYPE_CHECKING:
    from .base import BaseModel, build_base
    from .merge import merge_adapter
    from .order import Order, plan_order
    from .packing import PackedArm, PackedIndex, load_index, pack_arms
    from .trainer import run

__all__ = [
    "BaseModel",
    "ModelConfig",
    "Order",
    "PackedArm",
    "PackedIndex",
    "RunSpec",
    "TrainConfig",
    "TrainedModel",
    "build_base",
    "load_index",
    "merge_adapter",
    "pack_arms",
    "plan_order",
    "run",
]

_HOME = {
    "BaseModel": "base",
    "build_base": "base",
    "merge_adapter": "merge",
    "Order": "order",
    "plan_order": "order",
    "PackedArm": "packing",
    "PackedIndex": "packing",
    "load_index": "packing",
    "pack_arms": "packing",
    "run": "trainer",
}


def __getattr__(name: str) -> Any:
    """Load torch and transformers only for who needs them."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
