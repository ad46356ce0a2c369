"""Batch: the rows of one update, which of their tokens count, and where each document begins."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from .order import Ints


@dataclass(frozen=True)
class Batch:
    """The rows of one update."""

    tokens: Ints
    """[rows, block]"""
    learn: npt.NDArray[np.bool_] | None = None
    """[rows, block] tokens whose prediction counts; None: all of them."""
    positions: Ints | None = None
    """[rows, block] place of a token within its own document, where documents must not see each other."""

    @property
    def learnt(self) -> int:
        """Tokens whose prediction counts; nothing predicts the first of a row."""
        rows, block = self.tokens.shape
        return rows * (block - 1) if self.learn is None else int(self.learn[:, 1:].sum())

    def rows(self, which: slice) -> "Batch":
        """Some of the rows."""
        parts = (a if a is None else a[which] for a in (self.tokens, self.learn, self.positions))
        return Batch(*parts)  # type: ignore[arg-type]

    def on(self, device: torch.device) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """The three arrays as tensors."""
        tokens, learn, positions = (
            None if a is None else torch.from_numpy(a).to(device) for a in (self.tokens, self.learn, self.positions)
        )
        assert tokens is not None
        return tokens, learn, positions


def places(starts: Ints, block: int, row: int) -> Ints:
    """[block] place of each token within its document, in row number `row` of an arm.

    Args:
        starts: [documents] where each begins in the arm's tokens, rising; a row begins one anew.
        block: tokens in a row.
        row: its number.
    """
    here = np.zeros(block, dtype=np.int64)
    first, last = np.searchsorted(starts, [row * block, (row + 1) * block])
    here[starts[first:last] - row * block] = starts[first:last] - row * block
    return np.arange(block) - np.maximum.accumulate(here)
