"""Runs are bit-reproducible, finished ones are not repeated, and a diverged one says so."""

import math
from pathlib import Path

import pytest
import torch

from coevo.tiers.errors import TrainingError
from coevo.training.base import BaseModel
from coevo.training.models import copy_tokenizer, load_model, save_model
from coevo.training.packing import load_tokenizer
from coevo.training.spec import RunSpec
from coevo.training.trainer import run


def weights(folder: str) -> dict[str, torch.Tensor]:
    return dict(load_model(Path(folder)).state_dict())


def same_bits(left: str, right: str) -> bool:
    one, other = weights(left), weights(right)
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


def elsewhere(spec: RunSpec, **changes: object) -> RunSpec:
    return spec.model_copy(update={"out": spec.out + "-again", **changes})


def trained_as(spec: RunSpec, **changes: object) -> RunSpec:
    return spec.model_copy(update={"config": spec.config.model_copy(update=changes)})


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_same_run_twice_gives_the_same_bits(spec: RunSpec, method: str) -> None:
    spec = trained_as(spec, method=method)
    one = run(spec)
    torch.manual_seed(99)  # what the process drew before is no part of a run
    other = run(elsewhere(spec, name="other"))
    assert one.fingerprint == other.fingerprint
    assert one.losses == other.losses
    assert same_bits(one.path, other.path)
    assert (one.name, other.name) == ("main", "other")


@pytest.mark.parametrize("method", ["full", "lora"])
def test_the_loss_falls_and_the_weights_move(spec: RunSpec, method: str) -> None:
    made = run(trained_as(spec.model_copy(update={"steps": 24}), method=method, lr=1e-2))
    assert made.loss_last < made.loss_first - 0.2
    assert made.losses[0] == made.loss_first
    assert made.tokens == 24 * spec.config.batch * 32
    assert not made.diverged
    assert not same_bits(made.path, spec.base)
    assert load_tokenizer(Path(made.path)).encode("def add") == load_tokenizer(Path(spec.base)).encode("def add")


def test_another_seed_or_mixture_is_another_run_of_as_many_tokens(spec: RunSpec) -> None:
    one = run(spec)
    for change in ({"mixture": {"code/L1": 1.0, "en/L1": 0.0}}, {"seed": 2}):
        other = run(elsewhere(spec, **change))
        assert one.fingerprint != other.fingerprint
        assert one.tokens == other.tokens
        assert not same_bits(one.path, other.path)
    assert run(elsewhere(spec, mixture={"code/L1": 3.0, "en/L1": 0.0})).mixture == {"code/L1": 1.0, "en/L1": 0.0}


def test_a_finished_run_is_returned_at_once(spec: RunSpec) -> None:
    steps: list[int] = []
    first = run(spec, lambda step, *_: steps.append(step))
    assert steps == list(range(1, spec.steps + 1))
    assert run(spec, lambda step, *_: steps.append(step)) == first
    assert run(spec.model_copy(update={"name": "control"})).name == "control"
    assert len(steps) == spec.steps
    assert [p.name for p in Path(spec.out).parent.iterdir()] == ["main"], "nothing temporary stays"


def test_a_half_written_run_is_redone(spec: RunSpec) -> None:
    first = run(spec)
    whole = (Path(spec.out) / "model.safetensors").read_bytes()
    (Path(spec.out) / "trained.json").unlink()
    (Path(spec.out) / "model.safetensors").write_bytes(b"torn")
    assert run(spec).losses == first.losses
    assert (Path(spec.out) / "model.safetensors").read_bytes() == whole


def test_what_another_run_left_in_the_folder_is_replaced(spec: RunSpec) -> None:
    first = run(spec)
    second = run(spec.model_copy(update={"seed": 7}))
    assert second.fingerprint != first.fingerprint
    assert run(spec).fingerprint == first.fingerprint


def test_a_kill_leaves_no_folder_that_looks_finished(spec: RunSpec) -> None:
    def interrupt(step: int, *_: object) -> None:
        if step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, interrupt)
    assert not Path(spec.out).exists()
    assert same_bits(run(spec).path, run(elsewhere(spec)).path)


def test_a_learning_rate_that_explodes_is_a_diverged_run(spec: RunSpec) -> None:
    steps: list[int] = []
    made = run(trained_as(spec, lr=1e4, clip=1e9, warmup=0.0), lambda step, *_: steps.append(step))
    assert made.diverged
    assert len(steps) < spec.steps, "training stops there"
    assert all(map(math.isfinite, made.losses))
    assert not (Path(made.path) / "model.safetensors").exists(), "the weights are no use"
    assert run(trained_as(spec, lr=1e4, clip=1e9, warmup=0.0)) == made


def test_nan_in_the_weights_is_a_diverged_run(spec: RunSpec, tmp_path: Path) -> None:
    model = load_model(Path(spec.base))
    model.model.norm.weight.data[0] = math.nan
    save_model(model, tmp_path / "sick")
    copy_tokenizer(Path(spec.base), tmp_path / "sick")
    made = run(spec.model_copy(update={"base": str(tmp_path / "sick")}))
    assert made.diverged
    assert (made.loss_first, made.loss_last, made.losses) == (0.0, 0.0, ())


def test_a_foreign_base_with_dropout_is_reproducible_too(spec: RunSpec, base: BaseModel, tmp_path: Path) -> None:
    from transformers import GPT2Config, GPT2LMHeadModel

    shape = GPT2Config(vocab_size=400, n_embd=32, n_layer=1, n_head=2, n_positions=32, bos_token_id=0, eos_token_id=0)
    save_model(GPT2LMHeadModel(shape), tmp_path / "gpt2")
    copy_tokenizer(Path(base.path), tmp_path / "gpt2")
    foreign = spec.model_copy(update={"base": str(tmp_path / "gpt2")})
    one, other = run(foreign), run(elsewhere(foreign))
    assert one.losses == other.losses
    assert same_bits(one.path, other.path)
    assert one.loss_last < one.loss_first
    with pytest.raises(TrainingError, match=r"training\.lora_targets"):
        run(elsewhere(trained_as(foreign, method="lora")))


def test_blocks_longer_than_the_base_reads_are_refused(spec: RunSpec, tmp_path: Path) -> None:
    model = load_model(Path(spec.base))
    model.config.max_position_embeddings = 16
    save_model(model, tmp_path / "short")
    copy_tokenizer(Path(spec.base), tmp_path / "short")
    with pytest.raises(TrainingError, match=r"set model\.block=16"):
        run(spec.model_copy(update={"base": str(tmp_path / "short")}))


def test_training_leaves_the_processs_random_numbers_alone(spec: RunSpec) -> None:
    torch.manual_seed(5)
    wanted = torch.rand(3)
    torch.manual_seed(5)
    run(spec)
    assert torch.equal(torch.rand(3), wanted)
