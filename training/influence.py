"""Influence: how far one step on a document would help a model on target texts, from the gradients of LoRA adapters.

LESS (arXiv 2402.04333): the step that Adam would make on the document against the target's gradient, by cosine, at
checkpoints of a short warm-up that are weighted with their learning rates. TracIn (arXiv 2002.08484): plain gradients
and their product. First order and local: it says what happens to the loss on the targets, not to accuracy.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ..tiers.errors import TrainingError
from ..tiers.text_tokens import text_tokens
from .fit import adamw, choose_device
from .lora import with_adapter
from .loss import next_token_loss
from .models import load_model
from .packing import load_tokenizer
from .schedule import learning_rate
from .sketch import Sketch
from .spec import InfluenceConfig, InfluenceForm, TrainConfig

BATCH = 8


def influence(
    path: Path,
    documents: Sequence[str],
    targets: Sequence[str],
    how: InfluenceConfig | None = None,
    *,
    warm: Sequence[str] = (),
) -> NDArray[np.float64]:
    """Influence of each document on each target [documents, targets]; positive where it would help.

    A pure function of its arguments on the CPU of one machine with one thread, so that parts of the documents may be
    measured in different processes.

    Args:
        path: folder of the model.
        documents: texts.
        targets: texts that the model should become better at.
        how: settings.
        warm: texts of the warm-up, a sample of what will be trained on; the documents where there are none.

    Returns:
        [documents, targets] cosines (`tracin`: products, the fall of the loss in nats by a step of learning rate one);
        NaN for a document of fewer than two tokens, 0 for such a target, of which nothing can be learned.

    Raises:
        TrainingError: no readable model, nothing to adapt in it, or no target with two tokens.
    """
    how = how or InfluenceConfig()
    device = choose_device(how.device)
    model = with_adapter(load_model(path), _adapters(how), how.seed).to(device).eval()
    read = partial(_tokens, load_tokenizer(path), length=how.length)
    goals, texts = [read(t) for t in targets], [read(d) for d in documents]
    if not any(len(goal) > 1 for goal in goals):
        raise TrainingError("influence wants at least one target text of two tokens or more, got none")
    found, total = np.zeros((len(texts), len(goals))), 0.0
    sketch = Sketch(sum(w.numel() for w in _trained(model)), how.features, how.seed, device)
    for rate, optimiser in _warmed(model, [read(t) for t in warm] or texts, how):
        sides = torch.stack([_feature(model, goal, sketch, how.form) for goal in goals]).nan_to_num_()
        for i, ids in enumerate(texts):
            found[i] += rate * (sides @ _feature(model, ids, sketch, how.form, optimiser)).cpu().numpy()
        total += rate
    return found / total


def _adapters(how: InfluenceConfig) -> TrainConfig:
    return TrainConfig(method="lora", lora_rank=how.rank, lora_targets=("all-linear",))


def _trained(model: Any) -> list[torch.nn.Parameter]:
    return [p for p in model.parameters() if p.requires_grad]


def _warmed(
    model: Any, texts: Sequence[Sequence[int]], how: InfluenceConfig
) -> Iterator[tuple[float, torch.optim.Optimizer]]:
    """Train on the texts in a seeded order; at each checkpoint its stretch's mean learning rate, and Adam's state."""
    long = [ids for ids in texts if len(ids) > 1]
    if not long:
        raise TrainingError("influence wants at least one document of two tokens or more to warm up on, got none")
    order = np.random.Generator(np.random.PCG64(how.seed)).permutation(len(long))
    stream = cycle(long[i] for i in order.tolist())
    steps, optimiser = how.checkpoints * how.warmup, adamw(model, how.lr, 0.0)
    for checkpoint in range(how.checkpoints):
        rates = [how.lr * learning_rate(checkpoint * how.warmup + i, steps, 0.1, 0.9) for i in range(how.warmup)]
        for rate in rates:
            for group in optimiser.param_groups:
                group["lr"] = rate
            for ids in islice(stream, BATCH):
                (_loss(model, ids) / BATCH).backward()  # type: ignore[no-untyped-call]
            torch.nn.utils.clip_grad_norm_(_trained(model), 1.0)
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        yield sum(rates) / len(rates), optimiser


def _feature(
    model: Any, ids: Sequence[int], sketch: Sketch, form: InfluenceForm, optimiser: torch.optim.Optimizer | None = None
) -> Tensor:
    """[features] of a text: its gradient, or with an optimiser and LESS Adam's step; of length 1 but in TracIn."""
    if len(ids) < 2:
        return torch.full((sketch.features,), torch.nan, device=model.device)
    gradients = torch.autograd.grad(_loss(model, ids), _trained(model))
    if form == "less" and optimiser is not None:
        gradients = tuple(_step(optimiser, w, g) for w, g in zip(_trained(model), gradients, strict=True))
    found = sketch(torch.cat([g.reshape(-1) for g in gradients]))
    return found if form == "tracin" else found / found.norm().clamp_min(1e-12)


def _step(optimiser: torch.optim.Optimizer, weight: torch.nn.Parameter, gradient: Tensor) -> Tensor:
    """What Adam would add to a weight for this gradient after those of the warm-up, but for its sign and scale."""
    state, (b1, b2) = optimiser.state[weight], optimiser.param_groups[0]["betas"]
    mean = b1 * state["exp_avg"] + (1 - b1) * gradient
    square = b2 * state["exp_avg_sq"] + (1 - b2) * gradient.square()
    step: Tensor = mean / (square.sqrt() + 1e-8)
    return step


def _loss(model: Any, ids: Sequence[int]) -> Tensor:
    return next_token_loss(model, torch.tensor([ids], device=model.device), torch.float32)


def _tokens(tokenizer: Any, text: str, length: int) -> list[int]:
    return text_tokens(tokenizer).framed(text[: 64 * length])[:length]
