"""Adapters merge exactly, can be trained on, and leave the base as it was."""

import json
from pathlib import Path

import pytest
import torch

from coevo.tiers.errors import TrainingError
from coevo.training.lora import load_adapter
from coevo.training.merge import merge_adapter
from coevo.training.models import load_model
from coevo.training.spec import RunSpec
from coevo.training.trainer import run

TOKENS = torch.arange(5, 25)[None]


@pytest.fixture
def lora(spec: RunSpec) -> RunSpec:
    return spec.model_copy(
        update={"config": spec.config.model_copy(update={"method": "lora", "lora_rank": 4, "lr": 1e-2})}
    )


def logits(model: object) -> torch.Tensor:
    with torch.no_grad():
        found: torch.Tensor = model.eval()(TOKENS).logits  # type: ignore[attr-defined]
    return found


def test_the_merged_model_computes_what_base_and_adapter_do(lora: RunSpec) -> None:
    made = run(lora)
    merged = logits(load_model(Path(made.path)))
    adapted = logits(load_adapter(load_model(Path(lora.base)), Path(made.path) / "adapter"))
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(merged, logits(load_model(Path(lora.base))), atol=1e-2)


def test_merging_the_kept_adapter_gives_the_saved_weights(lora: RunSpec, tmp_path: Path) -> None:
    made = run(lora)
    out = merge_adapter(Path(lora.base), Path(made.path) / "adapter", tmp_path / "merged")
    left, right = (load_model(Path(p)).state_dict() for p in (made.path, out))
    assert all(torch.equal(left[name], right[name]) for name in left)
    assert (out / "tokenizer.json").read_bytes() == (Path(lora.base) / "tokenizer.json").read_bytes()


def test_an_adapter_can_be_trained_on(lora: RunSpec) -> None:
    first = run(lora)
    more = lora.model_copy(update={"out": lora.out + "-more", "adapter": str(Path(first.path) / "adapter")})
    second = run(more)
    assert second.fingerprint != first.fingerprint
    assert second.loss_first < first.loss_first - 0.1, "it starts where the first one ended"
    with pytest.raises(TrainingError, match=r"training\.method=lora"):
        run(more.model_copy(update={"config": lora.config.model_copy(update={"method": "full"})}))


def test_the_adapter_names_no_path(lora: RunSpec) -> None:
    folder = Path(run(lora).path) / "adapter"
    assert json.loads((folder / "adapter_config.json").read_text())["base_model_name_or_path"] == "base"
    assert sorted(p.name for p in folder.iterdir()) == [
        "adapter_config.json",
        "adapter_model.safetensors",
        "trained_on.json",
    ]


def test_a_folder_without_an_adapter_is_said(lora: RunSpec, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="wanted a LoRA adapter"):
        run(lora.model_copy(update={"adapter": str(tmp_path)}))
