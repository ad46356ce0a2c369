"""FLOPs: counted by hand, and as torch counts them; MFU where the device's peak is known."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from coevo.training.flops import flops_per_token, named_peak, peak_flops
from coevo.training.lora import with_adapter
from coevo.training.models import load_model
from coevo.training.spec import RunSpec, TrainConfig
from coevo.training.trainer import run

VOCAB, HIDDEN, INNER, LAYERS, BLOCK = 400, 32, 64, 2, 32
LAYER = 4 * HIDDEN * HIDDEN + 3 * HIDDEN * INNER


def test_a_small_llama_is_counted_as_by_hand(spec: RunSpec) -> None:
    model = load_model(Path(spec.base))
    assert len(model.model.layers) == LAYERS and model.config.vocab_size == VOCAB
    by_hand = 6 * (LAYERS * LAYER + VOCAB * HIDDEN) + 12 * LAYERS * HIDDEN * BLOCK
    assert flops_per_token(model, BLOCK) == by_hand == 224_256
    made = run(spec)
    assert made.flops == spec.steps * spec.config.batch * BLOCK * by_hand and made.mfu is None, (
        "a CPU has no known peak"
    )


def test_frozen_weights_cost_two_thirds(spec: RunSpec) -> None:
    model = with_adapter(load_model(Path(spec.base)), TrainConfig(method="lora", lora_rank=4), 0)
    adapters = LAYERS * 4 * (4 * (HIDDEN + HIDDEN) + 3 * (HIDDEN + INNER))
    by_hand = 4 * (LAYERS * LAYER + VOCAB * HIDDEN) + 6 * adapters + 12 * LAYERS * HIDDEN * BLOCK
    assert flops_per_token(model, BLOCK) == by_hand
    config = spec.config.model_copy(update={"method": "lora", "lora_rank": 4})
    assert run(spec.model_copy(update={"config": config})).flops == spec.steps * spec.config.batch * BLOCK * by_hand


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_torch_counts_the_same(spec: RunSpec, family: str) -> None:
    model: Any = load_model(Path(spec.base), attention="eager")
    if family == "gpt2":
        from transformers import GPT2Config, GPT2LMHeadModel

        model = GPT2LMHeadModel(GPT2Config(vocab_size=400, n_embd=32, n_layer=2, n_head=2, n_positions=32))
    tokens = torch.arange(2 * BLOCK).view(2, BLOCK)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=tokens, labels=tokens).loss.backward()
    assert flops_per_token(model, BLOCK) * tokens.numel() == pytest.approx(counter.get_total_flops(), rel=0.01)


def test_peaks_are_known_by_name() -> None:
    assert named_peak("NVIDIA H100 80GB HBM3") == 989e12
    assert named_peak("NVIDIA H100 PCIe") == 756e12
    assert named_peak("NVIDIA L4") == 121e12 != named_peak("NVIDIA L40S")
    assert named_peak("NVIDIA A100-SXM4-80GB") == 312e12
    assert named_peak("Some other card") is None
    assert peak_flops(torch.device("cpu"), torch.bfloat16) is None
