"""Fit: the optimisation loop that the base and every run go through."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ..tiers.errors import TrainingError
from .loss import next_token_loss
from .spec import Dtype

Progress = Callable[[int, int, float, float], None]
"""Called after each step with (step, steps, loss, tokens per second so far)."""

DIVERGED = 3.0
"""A loss above so many times the first one ends a run."""


@dataclass(frozen=True)
class Recipe:
    """How to optimise: AdamW with a warm-up, stay, decay-to-zero learning rate."""

    steps: int
    lr: float
    warmup: float
    decay: float
    weight_decay: float
    clip: float
    device: torch.device
    dtype: torch.dtype
    seed: int
    """Of the dropout, where the base has any."""


@dataclass(frozen=True)
class Fitted:
    """What a fit did; `losses` in nats per token, one a step, all finite."""

    losses: list[float]
    tokens: int
    seconds: float
    diverged: bool


def fit(model: Any, batch: Callable[[int], npt.NDArray[np.int64]], recipe: Recipe, progress: Progress | None) -> Fitted:
    """Train `model` in place.

    Args:
        model: a transformers causal language model on `recipe.device`.
        batch: from the step's number, counted from 0, to its tokens [batch, block].
        recipe: how.
        progress: called after each step.
    """
    with torch.random.fork_rng([recipe.device] if recipe.device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        return _fit(model, batch, recipe, progress)


def learning_rate(step: int, steps: int, warmup: float, decay: float) -> float:
    """Share of the peak rate at `step`: warm up, stay, decay to zero (WSD, arXiv 2404.06395)."""
    rising = (step + 1) / max(1.0, warmup * steps)
    falling = (steps - step) / max(1.0, decay * steps)
    return min(1.0, rising, falling)


def stretches(losses: list[float], parts: int = 10) -> tuple[float, ...]:
    """Means of at most `parts` equal stretches of a run."""
    if not losses:
        return ()
    pieces = np.array_split(np.asarray(losses, dtype=np.float64), min(parts, len(losses)))
    return tuple(round(float(piece.mean()), 6) for piece in pieces)


def give_back_memory() -> None:
    """Let go of the GPU's memory that torch keeps for later: the agents' models may need it first."""
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def choose_device(name: Literal["auto", "cpu", "cuda"]) -> torch.device:
    """The device asked for; `auto` is a GPU where there is one.

    Raises:
        TrainingError: a GPU was asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise TrainingError("training.device is cuda, torch sees no GPU here: set training.device=cpu (or auto)")
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def choose_dtype(name: Dtype, device: torch.device) -> torch.dtype:
    """Precision of matrix products; `auto` is bfloat16 where the hardware multiplies it faster than float32."""
    if name != "auto":
        return torch.bfloat16 if name == "bfloat16" else torch.float32
    if device.type == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float32
    able: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()  # torch before 2.10 does not tell
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def attention(device: torch.device, dtype: torch.dtype, block: int) -> str:
    """The faster attention: on CPU in bfloat16 and short blocks, plain products beat torch's flash kernel."""
    return "eager" if device.type == "cpu" and dtype is torch.bfloat16 and block <= 512 else "sdpa"


def _fit(
    model: Any, batch: Callable[[int], npt.NDArray[np.int64]], recipe: Recipe, progress: Progress | None
) -> Fitted:
    optimiser = _optimiser(model, recipe)
    model.train()
    losses: list[float] = []
    tokens, start = 0, time.perf_counter()
    for step in range(recipe.steps):
        data = torch.from_numpy(batch(step)).to(recipe.device)
        for group in optimiser.param_groups:
            group["lr"] = recipe.lr * learning_rate(step, recipe.steps, recipe.warmup, recipe.decay)
        loss, sane = _step(model, optimiser, data, recipe, losses)
        tokens += data.numel()
        if not sane:
            return Fitted([*losses, loss] if math.isfinite(loss) else losses, tokens, time.perf_counter() - start, True)
        losses.append(loss)
        if progress is not None:
            progress(step + 1, recipe.steps, loss, tokens / (time.perf_counter() - start))
    return Fitted(losses, tokens, time.perf_counter() - start, False)


def _step(
    model: Any, optimiser: torch.optim.Optimizer, data: torch.Tensor, recipe: Recipe, losses: list[float]
) -> tuple[float, bool]:
    """One update; (loss, False) and no update if the loss or its gradient is out of bounds."""
    loss = next_token_loss(model, data, recipe.dtype)
    loss.backward()  # type: ignore[no-untyped-call]
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    value, size = float(loss.detach()), float(norm)
    if not math.isfinite(value) or not math.isfinite(size) or (losses and value > DIVERGED * losses[0]):
        return value, False
    optimiser.step()
    optimiser.zero_grad(set_to_none=True)
    return value, True


def _optimiser(model: Any, recipe: Recipe) -> torch.optim.Optimizer:
    """AdamW; norms and other vectors are not decayed."""
    free = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in free if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in free if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=recipe.lr, betas=(0.9, 0.95), fused=True)
