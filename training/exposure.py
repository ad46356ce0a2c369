"""Exposure: which blocks a run has seen how often, and which blocks a document lies in."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .order import Order
from .packing import PackedIndex

SEEN = "seen.npz"


def save_seen(out: Path, order: Order, index: PackedIndex, slots: int) -> None:
    """Write how often the first `slots` slots of a run drew each block, as `seen.npz` in the model's folder."""
    arm, block = order.arm[:slots], order.block[:slots]
    counts = {
        _key(name): np.bincount(block[arm == i], minlength=index.arms[name].blocks).astype(np.uint16)
        for i, name in enumerate(order.arms)
    }
    with (out / SEEN).open("wb") as file:
        np.savez(file, allow_pickle=False, **counts)


def times_seen(model: Path, arm: str, blocks: int) -> npt.NDArray[Any]:
    """[blocks] how often the run that made `model` saw each block of an arm."""
    with np.load(model / SEEN) as counts:
        return np.asarray(counts[_key(arm)]) if _key(arm) in counts else np.zeros(blocks, np.uint16)


def document_blocks(folder: Path, index: PackedIndex, arm: str, place: int) -> list[int]:
    """Blocks that hold tokens of the document that was packed into an arm at `place`.

    What lies past the last full block is in none, so the list may be empty.
    """
    packed = index.arms[arm]
    if packed.pieces:
        pieces = np.load(folder / packed.pieces)
        return sorted({int(start) // index.block for _, start, _ in pieces[pieces[:, 0] == place]})
    ends = np.load(folder / packed.ends)
    start = int(ends[place - 1]) if place else 1  # the stream opens with an end of text
    return list(range(start // index.block, min((int(ends[place]) - 1) // index.block + 1, packed.blocks)))


def _key(arm: str) -> str:
    return arm.replace("/", "-")
