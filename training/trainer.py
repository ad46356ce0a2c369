"""The trainer: one declared run, from packed arms and a mixture to a model folder that stands by itself."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..tiers.errors import TrainingError
from ..tiers.parts import write_whole
from .digest import RECIPE, digest, files_digest, model_fingerprint
from .exposure import save_seen
from .fit import Fitted, Progress, Recipe, attention, choose_device, choose_dtype, fit, stretches
from .lora import save_adapter, with_adapter
from .merge import merged
from .models import build_folder, copy_tokenizer, load_model, save_model
from .order import Order, plan_order
from .packing import PackedIndex, load_blocks, load_index
from .spec import RunSpec, TrainedModel


def run(spec: RunSpec, progress: Progress | None = None) -> TrainedModel:
    """Train as `spec` says; a finished run with the same fingerprint is returned at once.

    Bit-reproducible on the CPU of one machine with one thread.

    Raises:
        TrainingError: no readable base or blocks, too little data for the mixture, or nothing that LoRA could adapt.
    """
    index = load_index(Path(spec.blocks))
    fingerprint = run_fingerprint(spec, index)
    if (known := finished(Path(spec.out), fingerprint)) is not None:
        return known.model_copy(update={"name": spec.name})
    order = run_order(spec, index)
    build_folder(
        Path(spec.out),
        lambda out: _train(spec, index, order, fingerprint, out, progress),
        lambda path: finished(path, fingerprint) is not None,
    )
    done = finished(Path(spec.out), fingerprint)
    assert done is not None, "build_folder returns only when the run is finished"
    return done


def run_fingerprint(spec: RunSpec, index: PackedIndex) -> str:
    """Digest of everything that bears on the weights; names, paths and devices do not."""
    literals = spec.model_dump(exclude={"name", "group", "base", "blocks", "out", "adapter", "config"})
    config = spec.config.model_dump(exclude={"device", "steps", "min_blocks"})
    adapter = files_digest(Path(spec.adapter), ("adapter_*",)) if spec.adapter else ""
    return digest("run", RECIPE, model_fingerprint(Path(spec.base)), index.digest, literals, config, adapter)


def run_order(spec: RunSpec, index: PackedIndex) -> Order:
    """Which block a run sees when."""
    return plan_order(
        spec.mixture,
        {arm: packed.blocks for arm, packed in index.arms.items()},
        spec.steps * spec.config.batch,
        order=spec.order,
        seed=spec.seed,
        pool=spec.pool,
        max_epochs=spec.config.max_epochs,
    )


def finished(out: Path, fingerprint: str) -> TrainedModel | None:
    """The run that lies in `out`, if it is this one and complete (`trained.json` is written last)."""
    if not (out / "trained.json").is_file():
        return None
    record = TrainedModel.model_validate_json((out / "trained.json").read_bytes())
    return record.model_copy(update={"path": str(out)}) if record.fingerprint == fingerprint else None


class Batches:
    """A run's stream, read block by block from the arms' files: from a step to its tokens [batch, block] int64."""

    def __init__(self, folder: Path, index: PackedIndex, order: Order, batch: int) -> None:
        self._arms = [load_blocks(folder, index.arms[arm]) for arm in order.arms]
        self._order = order
        self._batch = batch

    def __call__(self, step: int) -> npt.NDArray[np.int64]:
        """The tokens of a step."""
        slots = range(step * self._batch, (step + 1) * self._batch)
        rows = [self._arms[self._order.arm[i]][self._order.block[i]] for i in slots]
        return np.stack(rows).astype(np.int64)


def _train(
    spec: RunSpec, index: PackedIndex, order: Order, fingerprint: str, out: Path, progress: Progress | None
) -> None:
    """Fill `out`: weights, tokenizer, adapter, and `trained.json` last."""
    device = choose_device(spec.config.device)
    dtype = choose_dtype(spec.config.dtype, device)
    model = _loaded(spec, index, device, dtype)
    fitted = fit(
        model, Batches(Path(spec.blocks), index, order, spec.config.batch), _recipe(spec, device, dtype), progress
    )
    _save(model, spec, out, keep=not fitted.diverged)
    save_seen(out, order, index, len(fitted.losses) * spec.config.batch)
    record = _record(spec, order, fitted, fingerprint, dtype)
    write_whole(out / "trained.json", record.model_dump_json(indent=1).encode())


def _loaded(spec: RunSpec, index: PackedIndex, device: torch.device, dtype: torch.dtype) -> Any:
    """The base on its device, wrapped for LoRA where that is the method."""
    if spec.adapter and spec.config.method != "lora":
        raise TrainingError("an adapter can only be trained on with training.method=lora, got method=full")
    # float32 master weights: bfloat16 ones would lose the small updates at the end of the decay
    model = load_model(Path(spec.base), attention=attention(device, dtype, index.block))
    room = getattr(model.config, "max_position_embeddings", index.block)
    if room < index.block:
        raise TrainingError(f"the blocks have {index.block} tokens, the base reads {room}: set model.block={room}")
    if spec.config.method == "lora":
        model = with_adapter(model, spec.config, spec.seed, spec.adapter)
    return model.to(device)


def _recipe(spec: RunSpec, device: torch.device, dtype: torch.dtype) -> Recipe:
    config = spec.config
    return Recipe(
        spec.steps,
        config.lr,
        config.warmup,
        config.decay,
        config.weight_decay,
        config.clip,
        device,
        dtype,
        spec.seed,
    )


def _save(model: Any, spec: RunSpec, out: Path, *, keep: bool) -> None:
    """Full weights always; the adapter too for LoRA. A diverged run leaves none: it can only mislead."""
    if not keep:
        return
    if spec.config.method == "lora":
        save_adapter(model, out / "adapter")
        model = merged(model)
    save_model(model, out)
    copy_tokenizer(Path(spec.base), out)


def _record(spec: RunSpec, order: Order, fitted: Fitted, fingerprint: str, dtype: torch.dtype) -> TrainedModel:
    losses = stretches(fitted.losses)
    return TrainedModel(
        name=spec.name,
        path=".",
        fingerprint=fingerprint,
        mixture=order.mixture,
        epochs=order.epochs,
        tokens=fitted.tokens,
        seconds=round(fitted.seconds, 3),
        loss_first=losses[0] if losses else 0.0,
        loss_last=losses[-1] if losses else 0.0,
        losses=losses,
        diverged=fitted.diverged,
        dtype=str(dtype).removeprefix("torch."),
    )
