"""Runs are bit-reproducible, finished ones are not repeated, and LoRA merges exactly."""

from pathlib import Path

import pytest
import torch

from coevo.training.models import load_model
from coevo.training.spec import RunSpec
from coevo.training.trainer import run


def weights(folder: str) -> dict[str, torch.Tensor]:
    return dict(load_model(Path(folder)).state_dict())


def elsewhere(spec: RunSpec, **changes: object) -> RunSpec:
    return spec.model_copy(update={"out": spec.out + "-again", **changes})


def test_the_same_run_twice_gives_the_same_bits(spec: RunSpec) -> None:
    one, other = run(spec), run(elsewhere(spec, name="other"))
    assert one.fingerprint == other.fingerprint
    assert one.losses == other.losses
    left, right = weights(one.path), weights(other.path)
    assert all(torch.equal(left[k], right[k]) for k in left)
    assert one.tokens == spec.steps * spec.config.batch * 32


def test_another_mixture_is_another_run_of_as_many_tokens(spec: RunSpec) -> None:
    one, other = run(spec), run(elsewhere(spec, mixture={"code/L1": 1.0, "en/L1": 0.0}))
    assert one.fingerprint != other.fingerprint
    assert one.tokens == other.tokens
    assert other.mixture == {"code/L1": 1.0, "en/L1": 0.0}


def test_a_finished_run_is_found_and_a_half_written_one_is_redone(spec: RunSpec) -> None:
    steps: list[int] = []
    first = run(spec, lambda step, *_: steps.append(step))
    assert run(spec, lambda step, *_: steps.append(step)) == first
    assert len(steps) == spec.steps
    (Path(spec.out) / "trained.json").unlink()
    assert run(spec).fingerprint == first.fingerprint


def test_a_learning_rate_that_explodes_is_a_diverged_run(spec: RunSpec) -> None:
    wild = spec.model_copy(update={"config": spec.config.model_copy(update={"lr": 1e6, "clip": 1e9, "warmup": 0.0})})
    assert run(wild).diverged


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_lora_saves_the_merged_model_and_its_adapter(spec: RunSpec) -> None:
    from peft import PeftModel

    config = spec.config.model_copy(update={"method": "lora", "lora_rank": 4})
    made = run(spec.model_copy(update={"config": config}))
    merged = load_model(Path(made.path)).eval()
    adapted = PeftModel.from_pretrained(load_model(Path(spec.base)), str(Path(made.path) / "adapter")).eval()
    tokens = torch.arange(5, 25)[None]
    with torch.no_grad():
        assert torch.allclose(merged(tokens).logits, adapted(tokens).logits, atol=1e-4)
        assert not torch.allclose(merged(tokens).logits, load_model(Path(spec.base))(tokens).logits, atol=1e-3)
