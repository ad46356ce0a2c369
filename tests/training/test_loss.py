"""The loss in pieces is the plain loss, and so are its gradients."""

from pathlib import Path
from typing import Any

import pytest
import torch

from coevo.training import loss
from coevo.training.base import BaseModel
from coevo.training.models import load_model

TOKENS = torch.arange(3 * 32).reshape(3, 32) % 290


def gradients(model: Any, value: torch.Tensor) -> dict[str, torch.Tensor]:
    model.zero_grad()
    value.backward()  # type: ignore[no-untyped-call]
    return {name: p.grad.clone() for name, p in model.named_parameters()}


@pytest.mark.parametrize("rows", [7, 512])
def test_the_chunked_loss_and_its_gradients_are_the_models_own(
    base: BaseModel, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(loss.ROWS, "cpu", rows)
    model = load_model(Path(base.path))
    ours = loss.next_token_loss(model, TOKENS, torch.float32)
    found = gradients(model, ours)
    plain = model(input_ids=TOKENS, labels=TOKENS).loss
    wanted = gradients(model, plain)
    torch.testing.assert_close(ours, plain, atol=1e-5, rtol=1e-5)
    for name in wanted:
        torch.testing.assert_close(found[name], wanted[name], atol=1e-6, rtol=1e-4)


def test_a_head_that_is_not_plain_takes_the_logits(base: BaseModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = load_model(Path(base.path))
    ours = loss.next_token_loss(model, TOKENS, torch.float32)
    monkeypatch.setattr(loss, "PLAIN_HEADS", frozenset())
    torch.testing.assert_close(ours, loss.next_token_loss(model, TOKENS, torch.float32), atol=1e-5, rtol=1e-5)


def test_bfloat16_products_stay_near(base: BaseModel) -> None:
    model = load_model(Path(base.path))
    exact = loss.next_token_loss(model, TOKENS, torch.float32)
    rough = loss.next_token_loss(model, TOKENS, torch.bfloat16)
    assert rough.dtype is torch.float32
    assert rough.item() == pytest.approx(exact.item(), rel=0.02)
