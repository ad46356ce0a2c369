"""Log-likelihoods of continuations: small batches of like length, and each shared context computed once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch

Request = tuple[tuple[int, ...], tuple[int, ...]]
"""Context tokens (at least one) and continuation tokens (at least one)."""
_IGNORE = -100
"""Marks a position that predicts nothing which is asked for."""


def continuation_scores(model: Any, requests: Sequence[Request], batch: int) -> list[float]:
    """Log-likelihood in nats of every continuation after its context, under a causal language model of transformers.

    Contexts that several continuations share (the choices of one question) run once; their keys and values are then
    repeated for the choices. Only contexts of equal length run together, so that nothing needs a padding mask.
    Agrees with one forward pass over context + continuation up to float rounding, whatever `batch` is.

    Args:
        model: On its device, in eval mode.
        requests: Context and continuation token ids; together at most one token longer than the model's context.
        batch: Contexts (or single sequences) in one forward pass.
    """
    import torch

    groups: dict[tuple[int, ...], list[int]] = defaultdict(list)
    for index, (context, _) in enumerate(requests):
        groups[context].append(index)
    scores: dict[int, float] = {}
    with torch.inference_mode():
        for members in _single(requests, groups, batch):
            scores.update(zip(members, _plain(model, [requests[i] for i in members]), strict=True))
        for questions in _shared(groups, batch):
            members = [i for question in questions for i in question]
            scores.update(zip(members, _branched(model, requests, questions), strict=True))
    return [scores[i] for i in range(len(requests))]


def _single(requests: Sequence[Request], groups: dict[tuple[int, ...], list[int]], batch: int) -> Iterator[list[int]]:
    """Batches of requests whose context is theirs alone (or next to nothing, as in a rolling window), longest first."""
    alone = [i for context, members in groups.items() if len(members) == 1 or len(context) == 1 for i in members]
    alone.sort(key=lambda i: (-len(requests[i][0]) - len(requests[i][1]), i))
    yield from (alone[start : start + batch] for start in range(0, len(alone), batch))


def _shared(groups: dict[tuple[int, ...], list[int]], batch: int) -> Iterator[list[list[int]]]:
    """Batches of questions with equally long contexts and equally many choices."""
    alike: dict[tuple[int, int], list[list[int]]] = defaultdict(list)
    for context, members in groups.items():
        if len(members) > 1 and len(context) > 1:
            alike[len(context), len(members)].append(members)
    for questions in alike.values():
        yield from (questions[start : start + batch] for start in range(0, len(questions), batch))


def _plain(model: Any, requests: Sequence[Request]) -> list[float]:
    """One forward pass over whole sequences, padded on the right where causal attention cannot see it."""
    first = min(len(context) for context, _ in requests) - 1
    tokens = _padded(model, [[*context, *continuation][:-1] for context, continuation in requests], 0)
    targets = _padded(model, [[_IGNORE] * (len(c) - 1 - first) + list(ending) for c, ending in requests], _IGNORE)
    return _scores(model(input_ids=tokens, use_cache=False, logits_to_keep=targets.shape[1]).logits, targets)


def _branched(model: Any, requests: Sequence[Request], questions: Sequence[Sequence[int]]) -> list[float]:
    """Contexts once, then the choices after the repeated keys and values."""
    import torch

    contexts = _padded(model, [requests[question[0]][0] for question in questions], 0)
    targets = _padded(model, [requests[i][1] for question in questions for i in question], _IGNORE)
    choices, more = len(questions[0]), targets.shape[1] > 1
    before = model(input_ids=contexts, use_cache=more, logits_to_keep=1)
    logits = before.logits.repeat_interleave(choices, dim=0)
    if more:
        before.past_key_values.batch_repeat_interleave(choices)
        tokens = targets[:, :-1].clamp(min=0)
        after = model(input_ids=tokens, past_key_values=before.past_key_values, use_cache=True)
        logits = torch.cat([logits, after.logits], dim=1)
    return _scores(logits, targets)


def _padded(model: Any, rows: Sequence[Sequence[int]], fill: int) -> torch.Tensor:
    """Rows padded on the right to the longest: [rows, longest] on the model's device."""
    import torch

    longest = max(map(len, rows))
    return torch.tensor([[*row, *[fill] * (longest - len(row))] for row in rows], device=model.device)


def _scores(logits: torch.Tensor, targets: torch.Tensor) -> list[float]:
    """Sums of the log-probabilities of `targets` [rows, length] under `logits` [rows, length, vocabulary]."""
    import torch

    flat, wanted = logits.float().flatten(0, 1), targets.flatten()
    losses = torch.nn.functional.cross_entropy(flat, wanted, reduction="none", ignore_index=_IGNORE)
    return [-loss for loss in losses.view_as(targets).double().sum(dim=1).tolist()]
