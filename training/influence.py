"""Influence: how far one step on a document would help the model on some target texts, from gradients alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ..tiers.errors import TrainingError
from .loss import next_token_loss
from .models import load_model
from .packing import load_tokenizer

MAX_WEIGHTS = 4_000_000
"""Gradients are compared over all matrices of a model of this size, and over the last layers of a larger one."""


def influence(
    path: Path, documents: Sequence[str], targets: Sequence[str], *, length: int = 256
) -> NDArray[np.float64]:
    """Cosine of each document's gradient with the mean gradient of the targets; positive where it would help.

    Sources: TracIn (arXiv 2002.08484) at one checkpoint, with LESS's normalisation against a bias for short texts
    (arXiv 2402.04333). First order and local: it measures loss on the targets, not accuracy.

    Args:
        path: folder of the model.
        documents: texts; of each the first `length` tokens are read.
        targets: texts that the model should become better at.
        length: tokens.

    Returns:
        [documents]; NaN for a text of fewer than two tokens.

    Raises:
        TrainingError: no readable model, or no target with two tokens.
    """
    model, tokenizer = load_model(path), load_tokenizer(path)
    model.eval()
    weights = _compared(model)
    goal = torch.zeros(sum(w.numel() for w in weights))
    read = [g for t in targets if (g := _gradient(model, weights, _tokens(tokenizer, t, length))) is not None]
    if not read:
        raise TrainingError("influence wants at least one target text of two tokens or more, got none")
    for gradient in read:
        goal += gradient / gradient.norm().clamp_min(1e-12)
    goal /= goal.norm().clamp_min(1e-12)
    found = [_gradient(model, weights, _tokens(tokenizer, d, length)) for d in documents]
    return np.array([np.nan if g is None else float(g @ goal / g.norm().clamp_min(1e-12)) for g in found])


def _compared(model: Any) -> list[torch.nn.Parameter]:
    """Matrices whose gradients are compared: from the last layer upwards until MAX_WEIGHTS are reached."""
    chosen: list[torch.nn.Parameter] = []
    for parameter in model.parameters():
        parameter.requires_grad_(False)
    for parameter in _last_first(model):
        if chosen and sum(p.numel() for p in chosen) + parameter.numel() > MAX_WEIGHTS:
            break
        parameter.requires_grad_(True)
        chosen.append(parameter)
    return chosen


def _last_first(model: Any) -> Iterator[torch.nn.Parameter]:
    """Matrices of the layers, the last first; embeddings say which words occur rather than what is learned."""
    embedded = {id(p) for m in (model.get_input_embeddings(), model.get_output_embeddings()) for p in m.parameters()}
    yield from (p for p in reversed(list(model.parameters())) if p.ndim == 2 and id(p) not in embedded)


def _gradient(model: Any, weights: list[torch.nn.Parameter], tokens: list[int]) -> torch.Tensor | None:
    if len(tokens) < 2:
        return None
    loss = next_token_loss(model, torch.tensor([tokens]), torch.float32)
    gradients = torch.autograd.grad(loss, weights)
    return torch.cat([g.reshape(-1) for g in gradients])


def _tokens(tokenizer: Any, text: str, length: int) -> list[int]:
    ids: list[int] = tokenizer(text[: 64 * length], add_special_tokens=False, verbose=False).input_ids
    return ids[:length]
