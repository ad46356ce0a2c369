"""What a run cannot be done with is said in a sentence: another base's adapter, other tokens, a missing package."""

import importlib.util
from pathlib import Path

import pytest
import torch

from coevo.tiers.errors import TrainingError
from coevo.tiers.seal import SEAL
from coevo.training.base import BaseModel, build_base, train_tokenizer
from coevo.training.models import copy_tokenizer, load_model, save_model
from coevo.training.spec import ModelConfig, RunSpec
from coevo.training.trainer import run

from .conftest import CODE


def trained_as(spec: RunSpec, **changes: object) -> RunSpec:
    return spec.model_copy(update={"config": spec.config.model_copy(update=changes)})


def test_an_adapter_of_another_base_is_refused(spec: RunSpec, tmp_path: Path) -> None:
    adapter = Path(run(trained_as(spec, method="lora")).path) / "adapter"
    other = tmp_path / "other"
    other.mkdir()
    model = load_model(Path(spec.base))
    model.model.norm.weight.data += 0.1
    save_model(model, other)
    copy_tokenizer(Path(spec.base), other)
    more = trained_as(spec, method="lora").model_copy(
        update={"adapter": str(adapter), "base": str(other), "out": spec.out + "-more"}
    )
    with pytest.raises(TrainingError, match="was trained on another base"):
        run(more)
    (adapter.parent / SEAL).unlink()
    (adapter / "trained_on.json").unlink()  # a foreign adapter says nothing, but has another shape
    from transformers import LlamaConfig, LlamaForCausalLM

    wide = LlamaConfig(vocab_size=400, hidden_size=64, intermediate_size=64, num_hidden_layers=2, num_attention_heads=1)
    save_model(LlamaForCausalLM(wide), other)
    with pytest.raises(TrainingError, match="does not fit this base, is it another base's"):
        run(more)
    (adapter / "adapter_model.safetensors").write_bytes(b"torn")
    with pytest.raises(TrainingError, match="cut short or unreadable"):
        run(more.model_copy(update={"base": spec.base}))


def test_blocks_of_another_tokenizer_are_refused(spec: RunSpec, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    save_model(load_model(Path(spec.base)), other)
    train_tokenizer(CODE[:5], 300, 32).save_pretrained(str(other))
    with pytest.raises(TrainingError, match="were packed with another tokenizer"):
        run(spec.model_copy(update={"base": str(other)}))


def test_a_model_with_another_models_tokenizer_is_refused(base: BaseModel, tmp_path: Path) -> None:
    model = load_model(Path(base.path))
    model.resize_token_embeddings(300)
    save_model(model, tmp_path)
    copy_tokenizer(Path(base.path), tmp_path)
    with pytest.raises(TrainingError, match=r"knows 400 tokens, the model has 300 embeddings"):
        build_base(ModelConfig(path=str(tmp_path)), [], tmp_path / "cache")


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU is here")
def test_what_wants_a_gpu_says_so_without_one(spec: RunSpec) -> None:
    with pytest.raises(TrainingError, match=r"qlora wants an NVIDIA GPU.*training\.method=lora"):
        run(trained_as(spec, method="qlora"))
    with pytest.raises(TrainingError, match=r"flash_attention_2 wants a GPU.*training\.attention=sdpa"):
        run(trained_as(spec, attention="flash_attention_2"))


@pytest.mark.parametrize("name", ["wandb", "mlflow", "trackio"])
def test_a_tracker_that_is_not_installed_says_what_to_type(spec: RunSpec, name: str) -> None:
    if importlib.util.find_spec(name):
        pytest.skip(f"{name} is installed here")
    with pytest.raises(TrainingError, match=f"pip install {name}"):
        run(trained_as(spec, track=(name,)))


def test_metrics_are_written_for_tensorboard(spec: RunSpec, tmp_path: Path) -> None:
    if not importlib.util.find_spec("tensorboardX") and not importlib.util.find_spec("tensorboard"):
        pytest.skip("no tensorboard here")
    made = run(trained_as(spec, track=("tensorboard",)).model_copy(update={"metrics": str(tmp_path / "metrics")}))
    data = b"".join(p.read_bytes() for p in (tmp_path / "metrics").rglob("events.*"))
    assert data.count(b"tokens_per_second") >= spec.steps and b"loss" in data
    assert made.fingerprint == run(spec.model_copy(update={"out": spec.out + "-plain"})).fingerprint


@pytest.mark.parametrize("changes", [{"lora_rs": True}, {"lora_dora": True}, {"lora_targets": ("all-linear",)}])
def test_kinds_of_lora_differ_and_merge(spec: RunSpec, changes: dict[str, object]) -> None:
    plain = run(trained_as(spec, method="lora", lr=1e-2))
    made = run(trained_as(spec, method="lora", lr=1e-2, **changes).model_copy(update={"out": spec.out + "-kind"}))
    assert made.fingerprint != plain.fingerprint
    assert made.losses != plain.losses or "lora_targets" in changes
    from coevo.training.lora import load_adapter

    tokens = torch.arange(5, 25)[None]
    with torch.no_grad():
        whole = load_model(Path(made.path)).eval()(tokens).logits
        apart = load_adapter(load_model(Path(spec.base)), Path(made.path) / "adapter").eval()(tokens).logits
    torch.testing.assert_close(whole, apart, atol=1e-4, rtol=1e-4)
