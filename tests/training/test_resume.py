"""A run that was killed goes on from its checkpoint, bit-equal; a damaged checkpoint is passed over, and said."""

import os
import shutil
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from coevo.tiers.errors import TrainingError
from coevo.training.loss import LossModel
from coevo.training.mixing import Ado
from coevo.training.models import load_model
from coevo.training.spec import RunSpec
from coevo.training.trainer import run
from tests.forks import Forks


def trained_as(spec: RunSpec, **changes: object) -> RunSpec:
    return spec.model_copy(update={"config": spec.config.model_copy(update=changes)})


def same_bits(left: str, right: str) -> bool:
    one, other = (dict(load_model(Path(p)).state_dict()) for p in (left, right))
    return all(torch.equal(one[k], other[k]) for k in one)


def broken_off(spec: RunSpec, after: int) -> Path:
    """The checkpoints that a run leaves which is broken off after so many steps."""

    def interrupt(step: int, *_: object) -> None:
        if step == after:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, interrupt)
    return Path(f"{spec.out}.checkpoints")


@pytest.mark.parametrize(
    ("mixing", "changes"),
    [
        ("none", {}),
        ("none", {"method": "lora"}),
        ("none", {"schedule": "cosine", "isolate": True}),
        ("ado", {"method": "lora", "schedule": "cosine", "isolate": True}),
    ],
)
def test_a_resumed_run_ends_bit_equal(
    spec: RunSpec, changes: dict[str, object], mixing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Ado, "REFIT", 0.3)  # three times in all: fitting is slow
    spec = trained_as(spec, checkpoint=3, **changes).model_copy(update={"steps": 14, "mixing": mixing})
    whole = run(spec.model_copy(update={"out": spec.out + "-whole"}))
    kept = broken_off(spec, 8)
    assert sorted(p.name for p in kept.iterdir()) == ["step-00000003.safetensors", "step-00000006.safetensors"]
    steps: list[int] = []
    resumed = run(spec, lambda step, *_: steps.append(step))
    assert steps == list(range(7, 15))
    assert resumed.losses == whole.losses and resumed.notices == ()
    assert resumed.mixture == whole.mixture and resumed.tokens == whole.tokens
    assert same_bits(resumed.path, whole.path)
    assert not kept.exists()


def test_a_kill_in_mid_training_is_survived(spec: RunSpec, tmp_path: Path, forks: Forks) -> None:
    spec = trained_as(spec, checkpoint=5, max_epochs=1e4).model_copy(update={"steps": 4000})
    file, kept = tmp_path / "spec.json", Path(f"{spec.out}.checkpoints")
    file.write_text(spec.model_dump_json())
    process = forks.start([str(file)], tmp_path, os.environ, module="coevo.training")
    while not list(kept.glob("step-*")) and process.poll() is None:
        time.sleep(0.05)
    process.kill()
    process.communicate(60)
    assert process.returncode == -9, "killed before it was done"
    newest = max(int(p.stem.removeprefix("step-")) for p in kept.glob("step-*"))
    at = load_file(str(kept / f"step-{newest:08d}.safetensors"))["losses"]
    seen: list[float] = []

    def stop(step: int, steps: int, loss: float, speed: float) -> None:
        seen.append(loss)
        if step >= newest + 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(spec, stop)
    resumed = [*at.tolist(), *seen]
    shutil.rmtree(kept)
    seen.clear()
    with pytest.raises(KeyboardInterrupt):
        run(spec, stop)
    assert seen == resumed


@pytest.mark.parametrize(
    ("damage", "said"), [("cut", "cut short"), ("flip", "altered"), ("other", "other settings or data")]
)
def test_a_damaged_checkpoint_is_passed_over_and_said(spec: RunSpec, damage: str, said: str) -> None:
    spec = trained_as(spec, checkpoint=2)
    whole = run(spec.model_copy(update={"out": spec.out + "-whole"}))
    kept = broken_off(spec, 5)
    newest = kept / "step-00000004.safetensors"
    data = bytearray(newest.read_bytes())
    if damage == "cut":
        newest.write_bytes(data[: len(data) // 2])
    elif damage == "flip":
        data[-3] ^= 1
        newest.write_bytes(data)
    else:
        other = spec.model_copy(update={"seed": 9, "out": spec.out + "-other"})
        shutil.copyfile(broken_off(other, 5) / newest.name, newest)
    steps: list[int] = []
    made = run(spec, lambda step, *_: steps.append(step))
    assert steps[0] == 3, "it goes on from the checkpoint before"
    assert len(made.notices) == 1 and said in made.notices[0] and newest.name in made.notices[0]
    assert same_bits(made.path, whole.path)


def memory_for(rows: int, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """A machine on which only so many rows fit at once; how many each try had."""
    tried: list[int] = []
    forward = LossModel.forward

    def crowded(self: LossModel, tokens: torch.Tensor, *rest: object) -> torch.Tensor:
        tried.append(len(tokens))
        if len(tokens) > rows:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(self, tokens, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(LossModel, "forward", crowded)
    return tried


def test_out_of_memory_halves_the_rows_and_goes_on(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = run(spec.model_copy(update={"out": spec.out + "-whole"}))
    tried = memory_for(1, monkeypatch)
    made = run(spec)
    assert tried[:3] == [4, 2, 1] and set(tried[2:]) == {1}
    assert made.notices == (
        "out of memory at step 1: 2 rows at once from here on",
        "out of memory at step 1: 1 rows at once from here on",
    )
    assert made.losses == pytest.approx(whole.losses, abs=1e-4)
    one, other = (load_model(Path(m.path)).state_dict() for m in (made, whole))
    assert all(torch.allclose(one[k], other[k], atol=2e-4) for k in one)


@pytest.mark.parametrize("where", ["forward", "backward"])
def test_memory_that_runs_out_in_the_middle_of_an_update_costs_nothing(
    spec: RunSpec, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The allocator itself refuses, in the second part of the fourth update: what had added up is thrown away."""
    spec = trained_as(spec, micro_batch=2)
    whole = run(spec.model_copy(update={"out": spec.out + "-whole"}))
    calls: list[int] = []
    forward = LossModel.forward

    def refused(*_: object) -> None:
        torch.empty(1 << 60)

    def crowded(self: LossModel, tokens: torch.Tensor, *rest: object) -> torch.Tensor:
        calls.append(len(tokens))
        loss = forward(self, tokens, *rest)  # type: ignore[arg-type]
        if len(calls) == 8 and where == "forward":
            refused()
        if len(calls) == 8:
            loss.register_hook(refused)  # type: ignore[no-untyped-call]
        return loss

    monkeypatch.setattr(LossModel, "forward", crowded)
    made = run(spec)
    assert calls == [2] * 8 + [1] * 4 * (spec.steps - 3)
    assert made.notices == ("out of memory at step 4: 1 rows at once from here on",)
    assert made.losses == pytest.approx(whole.losses, abs=1e-5) and made.tokens == whole.tokens
    one, other = (load_model(Path(m.path)).state_dict() for m in (made, whole))
    assert all(torch.allclose(one[k], other[k], atol=1e-4) for k in one)


def test_no_memory_for_the_optimiser_or_the_model_is_said(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        torch.empty(1 << 60)

    monkeypatch.setattr(torch.optim.AdamW, "step", refused)
    with pytest.raises(TrainingError, match=r"out of memory.*training\.method=lora"):
        run(spec)


def test_too_little_memory_for_one_row_is_said(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    memory_for(0, monkeypatch)
    with pytest.raises(TrainingError, match=r"even with one row at a time.*gradient_checkpointing"):
        run(spec)


def test_other_errors_of_torch_are_bugs(spec: RunSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> torch.Tensor:
        raise RuntimeError("shapes do not match")

    monkeypatch.setattr(LossModel, "forward", broken)
    with pytest.raises(RuntimeError, match="shapes"):
        run(spec)


@pytest.mark.parametrize("changes", [{"micro_batch": 1}, {"gradient_checkpointing": True}, {"attention": "eager"}])
def test_how_it_is_computed_changes_rounding_only(spec: RunSpec, changes: dict[str, object]) -> None:
    one, other = run(spec), run(trained_as(spec, **changes).model_copy(update={"out": spec.out + "-other"}))
    assert one.fingerprint == other.fingerprint
    assert one.losses == pytest.approx(other.losses, abs=1e-4)
