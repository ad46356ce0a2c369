"""Encoders: texts as unit vectors, by our hashing encoder (no model, no download) or a local sentence encoder.

The hashing encoder folds the sparse features of `features` to a few hundred dimensions with signs (Weinberger et al.
2009, arXiv 0902.2206): the cosine of two vectors is close to that of the features, so it sees shared words and not
meaning. A local encoder sees meaning and is named by the folder that it lies in.
"""

from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .errors import InputError
from .features import VERSION, Features, batches
from .text_tokens import text_tokens
from .tokens import mix

HASHING = "hashing"
DIMENSION = 512
BATCH, LONGEST = 64, 512
"""Texts read at once, and tokens of each, by a local encoder."""

Floats = np.ndarray[Any, np.dtype[np.float32]]


class Encoder(Protocol):
    """Texts to vectors."""

    @property
    def name(self) -> str:
        """What its vectors depend on, in words."""
        ...

    @property
    def dimension(self) -> int:
        """Length of a vector."""
        ...

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Floats:
        """[n, dimension] vectors of length 1 (0 for an empty text)."""
        ...


class HashingEncoder:
    """Words, pairs of words and their shapes, hashed to signed buckets; the same on every machine."""

    def __init__(self, dimension: int = DIMENSION) -> None:
        self.dimension = dimension
        self.name = f"{HASHING}/{VERSION}/{dimension}"

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Floats:
        """[n, dimension] unit vectors."""
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *map(self._of, batches(texts))])

    def _of(self, found: Features) -> Floats:
        rows = len(found.offsets) - 1
        place = mix(found.buckets.astype(np.uint64))
        sign = np.where(place >> np.uint64(63), -1.0, 1.0)
        column = (place % np.uint64(self.dimension)).astype(np.int64)
        cell = np.repeat(np.arange(rows), np.diff(found.offsets)) * self.dimension + column
        dense = np.bincount(cell, weights=found.values * sign, minlength=rows * self.dimension)
        return unit(dense.reshape(rows, self.dimension))


class LocalEncoder:
    """A transformers encoder in a folder of this machine, its last states averaged; nothing is downloaded."""

    def __init__(self, folder: Path) -> None:
        """Load it.

        Raises:
            InputError: there is no such folder, or no model in it that transformers can read.
        """
        if not (folder / "config.json").is_file():
            raise InputError(f"no encoder in {folder}: wanted {HASHING!r} or the folder of a transformers model")
        from transformers import AutoModel, AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._model: Any = AutoModel.from_pretrained(folder, local_files_only=True, use_safetensors=True).eval()
        except (OSError, ValueError) as e:
            raise InputError(
                f"the encoder in {folder} cannot be read ({e}): wanted model.safetensors and its tokenizer"
            ) from e
        self.dimension = int(self._model.config.hidden_size)
        self.name = f"local/{folder.name}/{self.dimension}"

    def encode(self, texts: pa.Array | pa.ChunkedArray) -> Floats:
        """[n, dimension] unit vectors."""
        whole = [t or "" for t in texts.to_pylist()]
        parts = [self._of(whole[at : at + BATCH]) for at in range(0, len(whole), BATCH)]
        return np.concatenate([np.zeros((0, self.dimension), np.float32), *parts])

    def _of(self, texts: list[str]) -> Floats:
        import torch

        longest = min(int(getattr(self._model.config, "max_position_embeddings", LONGEST)), LONGEST)
        asked = self._tokenizer.pad({"input_ids": self._rows(texts, longest)}, return_tensors="pt")
        with torch.no_grad():
            states = self._model(input_ids=asked["input_ids"], attention_mask=asked["attention_mask"]).last_hidden_state
        mask = asked["attention_mask"][:, :, None].to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        return unit(mean.float().numpy())

    def _rows(self, texts: list[str], longest: int) -> list[list[int]]:
        """Tokens of each text in the model's frame; a separator that a text spells is a word of its own."""
        tokens = text_tokens(self._tokenizer)
        room = longest - len(tokens.opening) - len(tokens.closing)
        return [[*tokens.opening, *ids[:room], *tokens.closing] for ids in tokens.encode_batch(texts)]


def encoder_of(name: str) -> Encoder:
    """The encoder called `hashing`, or the one in the folder `name`.

    Raises:
        InputError: there is no such folder, or no model in it.
    """
    return HashingEncoder() if name == HASHING else LocalEncoder(Path(name))


def unit(vectors: Any) -> Floats:
    """Rows divided by their length; a row of zeros stays."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    found = np.divide(vectors, length, out=np.zeros_like(vectors), where=length > 0)
    return np.asarray(found, np.float32)
