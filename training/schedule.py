"""The learning rate over a run: warm up, stay and decay to zero (WSD), or warm up and follow a cosine."""

import math
from typing import Literal

Schedule = Literal["wsd", "cosine"]

LOWEST = 0.1
"""Where a cosine ends, as a share of its peak."""


def learning_rate(step: int, steps: int, warmup: float, decay: float, schedule: Schedule = "wsd") -> float:
    """Share of the peak rate at `step`, counted from 0.

    Args:
        step: the update.
        steps: of the run.
        warmup: share of the steps in which it rises.
        decay: share of the steps in which it falls to zero; a cosine has no use for it.
        schedule: WSD (arXiv 2404.06395), or a cosine down to a tenth (arXiv 1608.03983).
    """
    rising = (step + 1) / max(1.0, warmup * steps)
    if schedule == "cosine":
        done = min(1.0, max(0.0, (step - warmup * steps) / max(1.0, (1 - warmup) * steps)))
        return min(1.0, rising, LOWEST + (1 - LOWEST) * (1 + math.cos(math.pi * done)) / 2)
    falling = (steps - step) / max(1.0, decay * steps)
    return min(1.0, rising, falling)
