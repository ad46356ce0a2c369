"""Fingerprints: digests of contents and literals, never of paths or hardware."""

import hashlib
import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

RECIPE = 2
"""Version of everything in this room that bears on weights; raise it when the same inputs would train differently."""


def digest(*parts: object) -> str:
    """32 hex digits of JSON-able `parts`, independent of the order of keys."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def texts_digest(texts: Iterable[str]) -> str:
    """32 hex digits of a sequence of texts; where one ends and the next begins counts."""
    whole = hashlib.blake2b(digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        whole.update(len(data).to_bytes(8, "little"))
        whole.update(data)
    return whole.hexdigest()


def tensors_digest(tensors: "dict[str, Tensor]") -> str:
    """32 hex digits of named tensors on the CPU: names, types, shapes and bytes."""
    import torch

    whole = hashlib.blake2b(digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name].contiguous()
        whole.update(f"{name}={tensor.dtype}{tuple(tensor.shape)};".encode())
        if tensor.numel():
            whole.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return whole.hexdigest()
