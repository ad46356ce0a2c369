"""The stream of a run: which rows each step takes, as planned, or as the run's own losses have it."""

from pathlib import Path
from typing import Any

import numpy as np

from .batch import Batch, places
from .mixing import Mixer
from .order import Floats, Ints, Order, slot_keys, visits
from .packing import PackedArm, PackedIndex, document_starts, load_blocks, load_learn
from .spec import RunSpec


class Rows:
    """One arm's rows, read from disk as they are used."""

    def __init__(self, folder: Path, arm: PackedArm, isolate: bool) -> None:
        self.blocks = load_blocks(folder, arm)
        self.learn: Any = load_learn(folder, arm) if arm.learn else None
        self.starts: Ints | None = document_starts(folder, arm) if isolate or arm.learn else None

    def positions(self, row: int) -> Ints:
        """[block] places within the documents."""
        block = self.blocks.shape[1]
        return np.arange(block) if self.starts is None else places(self.starts, block, row)


class Batches:
    """A run's batches by step; what was drawn so far stands in `order`."""

    def __init__(self, folder: Path, index: PackedIndex, order: Order, batch: int, *, isolate: bool = False) -> None:
        self._arms = [Rows(folder, index.arms[arm], isolate) for arm in order.arms]
        self.order, self._batch = order, batch

    def __call__(self, step: int) -> Batch:
        """The rows of a step."""
        slots = slice(step * self._batch, (step + 1) * self._batch)
        drawn = [(self._arms[a], b) for a, b in zip(self.order.arm[slots], self.order.block[slots], strict=True)]
        tokens = np.stack([rows.blocks[b] for rows, b in drawn]).astype(np.int64)
        learn = positions = None
        if any(rows.learn is not None for rows, _ in drawn):
            everything = np.ones(tokens.shape[1], dtype=bool)
            learn = np.stack([everything if rows.learn is None else rows.learn[b] for rows, b in drawn])
        if any(rows.starts is not None for rows, _ in drawn):
            positions = np.stack([rows.positions(int(b)) for rows, b in drawn])
        return Batch(tokens, learn, positions)


class MixedBatches(Batches):
    """Batches whose slots go to the arms that a mixer wants, step by step; the planned order where it wants nothing.

    The k-th visit to an arm takes the k-th block of its permutation, and no arm is repeated beyond its cap, as planned.
    """

    def __init__(self, folder: Path, index: PackedIndex, order: Order, mixer: Mixer, spec: RunSpec) -> None:
        super().__init__(folder, index, order, spec.config.batch, isolate=spec.config.isolate)
        self._mixer, self._done = mixer, 0
        slots = len(order.arm)
        self._keys = slot_keys(order.arms, slots, spec.order)
        self._visits = [
            visits(arm, index.arms[arm].blocks, order.pools[arm], min(slots, order.limits[arm]), spec.seed)
            for arm in order.arms
        ]
        self._used = np.zeros(len(order.arms), dtype=np.int64)
        self.shares: list[Floats] = []
        """[K] wanted shares of every step."""

    def observe(self, step: int, losses: Floats) -> None:
        """The losses [batch] of a step's rows; has to be told of every step in turn."""
        self._draw(step)
        arms = self.order.arm[step * self._batch : (step + 1) * self._batch]
        self._mixer.observe(arms, losses)

    def __call__(self, step: int) -> Batch:
        """The rows of a step, whose arms are drawn by now."""
        self._draw(step)
        return super().__call__(step)

    def _draw(self, step: int) -> None:
        """Deal a step's slots out."""
        if step < self._done:
            return
        self._done = step + 1
        slots = range(step * self._batch, (step + 1) * self._batch)
        share = self._mixer.shares(step)
        self.shares.append(share)
        for slot in slots:
            left = np.array([len(v) for v in self._visits]) - self._used
            cost = np.where(left > 0, self._keys[slot] - np.log(np.maximum(share, 1e-12)), np.inf)
            arm = int(np.argmin(cost))
            self.order.arm[slot] = arm
            self.order.block[slot] = self._visits[arm][self._used[arm]]
            self._used[arm] += 1
