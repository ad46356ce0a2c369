"""Fingerprints: digests of contents and literals, never of paths or hardware."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

RECIPE = 2
"""Version of everything in this room that bears on weights; raise it when the same inputs would train differently."""

_WEIGHTS = (
    "*.safetensors",
    "*.bin",
    "config.json",
    "tokenizer*",
    "*.model",
    "vocab.*",
    "merges.txt",
    "added_tokens.json",
)


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


def files_digest(folder: Path, patterns: Iterable[str] = _WEIGHTS) -> str:
    """32 hex digits of the names and bytes of the matching files in `folder`."""
    whole = hashlib.blake2b(digest_size=16)
    for path in sorted({p for pattern in patterns for p in folder.glob(pattern) if p.is_file()}):
        with path.open("rb") as file:
            part = hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
        whole.update(f"{path.name}={part};".encode())
    return whole.hexdigest()


def model_fingerprint(folder: Path) -> str:
    """What a model folder says it is (`trained.json`, `base.json`); for a foreign model the digest of its files."""
    for name in ("trained.json", "base.json"):
        if (folder / name).is_file():
            return str(json.loads((folder / name).read_bytes())["fingerprint"])
    return files_digest(folder)


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
