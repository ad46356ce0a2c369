"""The merged model computes what base and adapter do, also where embedding and output layer are one tensor."""

import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
import transformers
from peft import LoraConfig, get_peft_model

from coevo.training.lora import load_adapter, save_adapter, with_adapter
from coevo.training.merge import merge_adapter, merged
from coevo.training.models import load_model, save_model
from coevo.training.spec import RunSpec, TrainConfig
from coevo.training.trainer import run

TOKENS = torch.randint(3, 100, (2, 12), generator=torch.Generator().manual_seed(0))
SHAPE = {"vocab_size": 100, "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 1, "pad_token_id": 0}
TARGETS = [("lm_head",), ("embed_tokens",), ("lm_head", "embed_tokens", "q_proj"), ("q_proj",), ("all-linear",)]
FAMILIES = {"Llama": "LlamaConfig", "Gemma2": "Gemma2Config", "Gemma3": "Gemma3TextConfig"}


def make(folder: Path, tied: bool, family: str = "Llama") -> Path:
    torch.manual_seed(0)
    shape = getattr(transformers, FAMILIES[family])(
        num_attention_heads=2, num_key_value_heads=2, head_dim=16, tie_word_embeddings=tied, **SHAPE
    )
    transformers.AutoModelForCausalLM.from_config(shape).save_pretrained(folder)
    return folder


def shaken(model: Any) -> Any:
    """The model with adapters far from zero."""
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.requires_grad:
                weight.add_(torch.randn(weight.shape, generator=generator) * 0.3)
    return model


def logits(model: Any) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(TOKENS).logits
    return found


def check(base: Path, adapted: Any, out: Path) -> None:
    wanted = logits(adapted)
    assert not torch.allclose(wanted, logits(load_model(base)), atol=1e-3)
    save_adapter(adapted, out / "adapter", "base")
    torch.testing.assert_close(logits(load_adapter(load_model(base), out / "adapter")), wanted, atol=1e-4, rtol=1e-4)
    save_model(merged(adapted), out / "merged")
    merge_adapter(base, out / "adapter", out / "later")
    for folder in ("merged", "later"):
        torch.testing.assert_close(logits(load_model(out / folder)), wanted, atol=1e-4, rtol=1e-4)


CASES = [
    (tied, targets, name) for tied in (True, False) for targets in TARGETS for name in ("", "lora_dora", "lora_rs")
]


def repeats(tied: bool, targets: tuple[str, ...], name: str) -> bool:
    """Whether a case only combines anew what others have: ways to share, to adapt and to scale."""
    alone = len(targets) < 3
    return alone or not tied if name else alone and not tied


@pytest.mark.parametrize(
    ("tied", "targets", "name"),
    [pytest.param(*c, marks=[pytest.mark.long] if repeats(*c) else []) for c in CASES],
)
def test_merged_is_base_and_adapter(tied: bool, targets: tuple[str, ...], name: str, tmp_path: Path) -> None:
    base = make(tmp_path / "base", tied)
    kinds: dict[str, Any] = {name: True} if name else {}
    config = TrainConfig(method="lora", lora_targets=targets, **kinds)
    check(base, shaken(with_adapter(load_model(base), config, 0)), tmp_path)
    heads = {"lm_head", "embed_tokens"} & {*targets}
    assert load_model(tmp_path / "merged").config.tie_word_embeddings == (tied and not heads)


@pytest.mark.parametrize(
    ("family", "targets"),
    [
        ("Gemma2", TARGETS[0]),
        ("Gemma3", TARGETS[1]),
        pytest.param("Gemma2", TARGETS[1], marks=pytest.mark.long),
        pytest.param("Gemma3", TARGETS[0], marks=pytest.mark.long),
    ],
)
def test_models_that_scale_their_embeddings_merge_alike(family: str, targets: tuple[str, ...], tmp_path: Path) -> None:
    base = make(tmp_path / "base", True, family)
    check(base, shaken(with_adapter(load_model(base), TrainConfig(method="lora", lora_targets=targets), 0)), tmp_path)


@pytest.mark.parametrize(
    "more",
    [{"modules_to_save": ["lm_head"]}, {"modules_to_save": ["embed_tokens"]}, {"bias": "lora_only"}],
    ids=["saved head", "saved embedding", "bias"],
)
def test_adapters_made_elsewhere_merge_too(more: dict[str, Any], tmp_path: Path) -> None:
    base = make(tmp_path / "base", True)
    config = LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM", **more)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        adapted = get_peft_model(load_model(base), config)
    check(base, shaken(adapted), tmp_path)


def test_a_run_that_adapts_a_shared_output_layer_keeps_what_it_learned(spec: RunSpec) -> None:
    config = spec.config.model_copy(
        update={"method": "lora", "lora_rank": 4, "lr": 3e-2, "lora_targets": ("lm_head", "embed_tokens")}
    )
    made = run(spec.model_copy(update={"config": config, "steps": 20}))
    whole, part = load_model(Path(made.path)), load_adapter(load_model(Path(spec.base)), Path(made.path) / "adapter")
    assert load_model(Path(spec.base)).config.tie_word_embeddings and not whole.config.tie_word_embeddings
    torch.testing.assert_close(logits(whole), logits(part), atol=1e-4, rtol=1e-4)
