"""Models of other architectures as a base: taken as they are, trained a step, and measured."""

from pathlib import Path
from typing import Any

import pytest
import torch
import transformers

from coevo.eval import engine
from coevo.training.base import BaseModel, build_base
from coevo.training.models import copy_tokenizer, load_model
from coevo.training.spec import ModelConfig, RunSpec
from coevo.training.trainer import run

WIDE = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 32}
GATED = WIDE | {"intermediate_size": 64, "num_key_value_heads": 1}
FAMILIES: dict[str, dict[str, Any]] = {
    "Gemma2Config": GATED | {"head_dim": 16},
    "Gemma3TextConfig": GATED | {"head_dim": 16},
    "LlamaConfig": GATED,
    "Qwen2Config": GATED,
    "Qwen3Config": GATED | {"head_dim": 16},
    "PhiConfig": WIDE | {"intermediate_size": 64},
    "MistralConfig": GATED,
    "Olmo2Config": GATED,
    "GPTNeoXConfig": WIDE | {"intermediate_size": 64},
    "GPT2Config": {"n_embd": 32, "n_layer": 2, "n_head": 2, "n_positions": 32},
    "GptOssConfig": GATED | {"head_dim": 16, "num_local_experts": 2, "num_experts_per_tok": 1},
    "BloomConfig": {"hidden_size": 32, "n_layer": 2, "n_head": 2},
}
OWN = {"Gemma2Config", "GptOssConfig", "BloomConfig"}
"""Without torch's fused attention."""


@pytest.mark.parametrize("attention", ["auto", "sdpa"])
@pytest.mark.parametrize("name", FAMILIES)
def test_it_is_a_base_is_trained_and_measured(
    name: str, attention: Any, base: BaseModel, spec: RunSpec, tmp_path: Path
) -> None:
    if attention == "sdpa" and name not in OWN:
        pytest.skip("as with auto")
    folder = tmp_path / "model"
    shape = getattr(transformers, name)(
        vocab_size=400, pad_token_id=1, bos_token_id=0, eos_token_id=0, **FAMILIES[name]
    )
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(shape).save_pretrained(folder)
    copy_tokenizer(Path(base.path), folder)
    assert build_base(ModelConfig(path=str(folder)), [], tmp_path / "cache").path == str(folder)
    assert load_model(folder).config._attn_implementation == ("eager" if name in OWN else "sdpa")
    config = spec.config.model_copy(update={"attention": attention})
    made = run(spec.model_copy(update={"base": str(folder), "steps": 2, "config": config}))
    assert not made.diverged and 0 < made.loss_last < 10
    with engine.quiet():
        lm = engine.load(Path(made.path), 2, "cpu", "float32")
        (nats,) = lm.loglikelihood_rolling([Asked(("The cat sat on the mat.",))])
    assert -200 < nats < 0


class Asked:
    """A request as lm-eval has them."""

    def __init__(self, args: tuple[str, ...]) -> None:
        self.args = args
