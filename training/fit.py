"""Fit: the optimisation loop that the base and every run go through."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch

from ..tiers.errors import TrainingError
from .batch import Batch
from .checkpoint import Checkpoints
from .checkpoint import Progress as At
from .loss import LossModel
from .memory import give_back_memory, is_out_of_memory
from .order import Floats
from .parallel import Alone
from .schedule import Schedule, learning_rate
from .spec import Attention, Dtype

Progress = Callable[[int, int, float, float], None]
"""Called after each step with (step, steps, loss, tokens per second so far)."""
Observe = Callable[[int, Floats], None]
"""Called after each step with the step's number, counted from 0, and the mean loss of each of its rows [batch]."""

DIVERGED = 3.0
"""A loss above so many times the first one ends a run."""


@dataclass(frozen=True)
class Recipe:
    """How to optimise: AdamW with a learning rate that warms up and falls."""

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
    schedule: Schedule = "wsd"
    micro: int = 0
    """Rows that go through the model at once (the gradients of an update's parts add up); 0: all of them."""


@dataclass(frozen=True)
class Fitted:
    """What a fit did; `losses` in nats per token, one a step, all finite."""

    losses: list[float]
    tokens: int
    seconds: float
    diverged: bool
    notices: tuple[str, ...] = ()
    weights: dict[str, torch.Tensor] | None = None
    """The whole weights, where the model's own are scattered over processes."""


def fit(
    model: Any,
    batch: Callable[[int], Batch],
    recipe: Recipe,
    progress: Progress | None,
    *,
    observe: Observe | None = None,
    checkpoints: Checkpoints | None = None,
    parallel: Alone | None = None,
) -> Fitted:
    """Train `model` in place, from its newest checkpoint where there is one.

    Args:
        model: a transformers causal language model on `recipe.device`.
        batch: from the step's number, counted from 0, to its rows.
        recipe: how.
        progress: called after each step.
        observe: told the losses of a step's rows before the next batch is asked for; after a resume, of all of them.
        checkpoints: where to keep them; None: nowhere.
        parallel: the processes that share the run; None: this one alone.

    Raises:
        TrainingError: memory is too small even for one row at a time.
    """
    with torch.random.fork_rng([recipe.device] if recipe.device.type == "cuda" else []):
        torch.manual_seed(recipe.seed)
        return _Fit(model, recipe, checkpoints, parallel or Alone(), observe).run(batch, progress)


def stretches(losses: list[float], parts: int = 10) -> tuple[float, ...]:
    """Means of at most `parts` equal stretches of a run."""
    if not losses:
        return ()
    pieces = np.array_split(np.asarray(losses, dtype=np.float64), min(parts, len(losses)))
    return tuple(round(float(piece.mean()), 6) for piece in pieces)


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


def attention(device: torch.device, dtype: torch.dtype, block: int, name: Attention = "auto") -> str:
    """The attention asked for; `auto`: on CPU in bfloat16 and short blocks plain products beat torch's flash kernel.

    Raises:
        TrainingError: the flash-attn package was asked for and cannot work here.
    """
    if name == "flash_attention_2":
        _check_flash(device, dtype)
    if name != "auto":
        return name
    return "eager" if device.type == "cpu" and dtype is torch.bfloat16 and block <= 512 else "sdpa"


def _check_flash(device: torch.device, dtype: torch.dtype) -> None:
    from transformers.utils.import_utils import is_flash_attn_2_available

    if device.type != "cuda" or dtype is not torch.bfloat16 or not is_flash_attn_2_available():
        raise TrainingError(
            "training.attention=flash_attention_2 wants a GPU, bfloat16 and the package flash-attn "
            "(pip install flash-attn --no-build-isolation): set training.attention=sdpa, or install it"
        )


class _Fit:
    """One fit under way: what is trained, with what, and how far it is."""

    def __init__(
        self, model: Any, recipe: Recipe, checkpoints: Checkpoints | None, parallel: Alone, observe: Observe | None
    ) -> None:
        self.model, self.recipe, self.parallel, self.observe = model, recipe, parallel, observe
        self.checkpoints = checkpoints
        own = adamw(model, recipe.lr, recipe.weight_decay)
        self.net, self.optimiser = parallel.wrap(LossModel(model, recipe.dtype), own)
        self.at = At() if checkpoints is None else checkpoints.restore(model, self.optimiser, parallel)
        self.at.micro = self.at.micro or recipe.micro

    def run(self, batch: Callable[[int], Batch], progress: Progress | None) -> Fitted:
        """All steps that are not done yet."""
        at, recipe = self.at, self.recipe
        self.model.train()
        for step, rows in enumerate(at.rows if self.observe else ()):
            self.observe(step, np.asarray(rows, dtype=np.float64))  # type: ignore[misc]
        before, start = at.seconds, time.perf_counter()
        done = at.tokens
        while at.step < recipe.steps:
            data = batch(at.step)
            loss, sane = self._step(data)
            at.tokens += data.tokens.size
            at.seconds = before + time.perf_counter() - start
            if not sane:
                return self._fitted([*at.losses, loss] if math.isfinite(loss) else at.losses, diverged=True)
            at.losses.append(loss)
            at.step += 1
            if progress is not None:
                progress(at.step, recipe.steps, loss, (at.tokens - done) / (time.perf_counter() - start))
            self._keep()
        return self._fitted(at.losses, diverged=False)

    def _fitted(self, losses: list[float], *, diverged: bool) -> Fitted:
        whole = None if diverged else self.parallel.weights(self.net)
        return Fitted(losses, self.at.tokens, self.at.seconds, diverged, tuple(self.at.notices), whole)

    def _keep(self) -> None:
        """A checkpoint, where one is due."""
        if self.checkpoints is not None and self.checkpoints.due(self.at.step, self.recipe.steps):
            self.checkpoints.save(self.at, self.model, self.optimiser, self.parallel)
            self.parallel.wait()

    def _step(self, data: Batch) -> tuple[float, bool]:
        """One update; (loss, False) and no update if the loss or its gradient is out of bounds."""
        recipe, at = self.recipe, self.at
        rate = learning_rate(at.step, recipe.steps, recipe.warmup, recipe.decay, recipe.schedule)
        for group in self.optimiser.param_groups:
            group["lr"] = recipe.lr * rate
        loss, each = self._gradients(data)
        norm = self.parallel.clip(self.net, recipe.clip)
        value, size = float(loss), float(norm)
        if not math.isfinite(value) or not math.isfinite(size) or (at.losses and value > DIVERGED * at.losses[0]):
            return value, False
        self.optimiser.step()
        self.optimiser.zero_grad(set_to_none=True)
        if self.observe is not None and each is not None:
            rows = self.parallel.gathered(each).cpu().numpy()
            at.rows.append(rows)
            self.observe(at.step, np.asarray(rows, dtype=np.float64))
        return value, True

    def _gradients(self, data: Batch) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Add the batch's gradient up, in smaller parts from now on where memory is too small; its loss and its rows'.

        Raises:
            TrainingError: memory is too small even for one row at a time, or several processes share the update.
        """
        mine = self.parallel.share(data)
        while True:
            try:
                return self._backward(mine, data.learnt)
            except (RuntimeError, MemoryError) as e:
                if not is_out_of_memory(e):
                    raise
                self.at.micro = self._smaller(len(mine.tokens))
            self.optimiser.zero_grad(set_to_none=True)
            give_back_memory()

    def _smaller(self, rows: int) -> int:
        """Half as many rows at once."""
        at_once = self.at.micro or rows
        if self.parallel.world > 1:  # the others wait for this process in an exchange that it cannot reach
            raise TrainingError(
                f"out of memory with {at_once} rows at once: set training.micro_batch={max(1, at_once // 2)}"
            )
        if at_once == 1:
            raise TrainingError(
                "out of memory even with one row at a time: set training.gradient_checkpointing=true, "
                "training.method=lora, a smaller model.block or a smaller model"
            )
        self.at.notices.append(f"out of memory at step {self.at.step + 1}: {at_once // 2} rows at once from here on")
        return at_once // 2

    def _backward(self, mine: Batch, count: int) -> tuple[torch.Tensor, torch.Tensor | None]:
        rows = len(mine.tokens)
        size = self.at.micro or rows
        each = torch.empty(rows, device=self.recipe.device) if self.observe is not None else None
        parts: list[torch.Tensor] = []
        for i in range(0, rows, size):
            tokens, learn, positions = mine.rows(slice(i, i + size)).on(self.recipe.device)
            with self.parallel.piece(self.net, i + size >= rows):
                told = None if each is None else each[i : i + size]
                loss = self.net(tokens, learn, positions, count, told)
                # wrappers average over processes, the sum is divided by the count of all
                (loss * self.parallel.world if self.parallel.world > 1 else loss).backward()
            parts.append(loss.detach())
        return self.parallel.total(parts[0] if len(parts) == 1 else torch.stack(parts).sum()), each


def adamw(model: Any, lr: float, weight_decay: float) -> torch.optim.Optimizer:
    """AdamW over what is trainable; norms and other vectors are not decayed."""
    free = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in free if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in free if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=lr, betas=(0.9, 0.95), fused=True)
