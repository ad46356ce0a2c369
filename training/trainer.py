"""The trainer: one declared run, from packed arms and a mixture to a model folder that stands by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ..tiers.errors import TrainingError
from ..tiers.fingerprint import ADAPTER, files_digest, model_fingerprint
from ..tiers.seal import check_sealed, is_intact, seal_folder
from ..tiers.whole import write_whole
from .checkpoint import Checkpoints
from .digest import RECIPE, digest
from .exposure import save_seen
from .fit import Fitted, Progress, Recipe, attention, choose_device, choose_dtype, fit, stretches
from .flops import flops_per_token, peak_flops
from .lora import check_base, save_adapter, with_adapter
from .memory import is_out_of_memory
from .merge import merge_adapter, merged
from .mixing import mixer
from .models import build_folder, check_vocabulary, copy_tokenizer, load_model, recompute_activations, save_model
from .order import Order, plan_order, plan_stages, realised
from .packing import PackedIndex, load_index, load_tokenizer, tokenizer_digest
from .parallel import Alone, processes
from .spec import RunSpec, TrainedModel
from .stream import Batches, MixedBatches
from .track import Trackers, check_trackers

COMPUTED = {"device", "processes", "micro_batch", "gradient_checkpointing", "attention", "checkpoint", "track"}
"""Settings that say where and how a run is computed: no part of what it is."""
SPECIFIED = {"steps", "min_blocks", "mixing"}
"""Settings of a round that do not bear on a run, which has its own steps and mixing."""


def run(spec: RunSpec, progress: Progress | None = None) -> TrainedModel:
    """Train as `spec` says; a finished run with the same fingerprint is returned at once.

    A run that was killed goes on from its newest checkpoint (`training.checkpoint`). Bit-reproducible on the CPU of one
    machine with one thread. In several processes started by `accelerate launch`, all of them call this.

    Raises:
        LedgerError: a file of base or blocks is missing or altered.
        TrainingError: no readable base or blocks, too little data for the mixture, or nothing that LoRA could adapt.
    """
    for folder in filter(None, (spec.base, spec.adapter, spec.blocks)):
        check_sealed(Path(folder))
    index = load_index(Path(spec.blocks))
    check_tokenizer(spec, index)
    check_trackers(spec.config.track)
    fingerprint = run_fingerprint(spec, index)
    if (known := finished(Path(spec.out), fingerprint)) is not None:
        return known.model_copy(update={"name": spec.name})
    job = Job(spec, index, run_order(spec, index), fingerprint, processes())
    if job.parallel.rank:
        train_weights(job, None)
    else:
        build_folder(
            Path(spec.out),
            lambda out: _train(job, out, progress),
            lambda path: finished(path, fingerprint) is not None,
        )
        job.checkpoints.clear()
    job.parallel.wait()
    done = finished(Path(spec.out), fingerprint)
    assert done is not None, "build_folder returns only when the run is finished"
    return done


def run_fingerprint(spec: RunSpec, index: PackedIndex) -> str:
    """Digest of everything that bears on the weights; names, paths and devices do not."""
    literals = spec.model_dump(exclude={"name", "group", "base", "blocks", "out", "adapter", "config", "metrics"})
    config = spec.config.model_dump(exclude=COMPUTED | SPECIFIED)
    adapter = files_digest(Path(spec.adapter), ADAPTER) if spec.adapter else ""
    return digest("run", RECIPE, model_fingerprint(Path(spec.base)), index.digest, literals, config, adapter)


def run_order(spec: RunSpec, index: PackedIndex) -> Order:
    """Which block a run sees when."""
    blocks = {arm: packed.blocks for arm, packed in index.arms.items()}
    slots = spec.steps * spec.config.batch
    drawn: dict[str, Any] = {"order": spec.order, "seed": spec.seed}
    drawn |= {"pool": spec.pool, "max_epochs": spec.config.max_epochs}
    if not spec.stages:
        return plan_order(spec.mixture, blocks, slots, **drawn)
    if spec.mixing != "none":
        raise TrainingError("a run in stages has its mixture laid down: set training.mixing=none")
    return plan_stages([(s.share, s.mixture) for s in spec.stages], blocks, slots, **drawn)


def finished(out: Path, fingerprint: str) -> TrainedModel | None:
    """The run that lies in `out`, if it is this one, complete and as it was sealed."""
    if not is_intact(out):
        return None
    record = TrainedModel.model_validate_json((out / "trained.json").read_bytes())
    return record.model_copy(update={"path": str(out)}) if record.fingerprint == fingerprint else None


def check_tokenizer(spec: RunSpec, index: PackedIndex) -> None:
    """Whether the blocks were packed with the base's tokenizer.

    Raises:
        TrainingError: they were not, so their tokens would mean other words.
    """
    if index.tokenizer and index.tokenizer != tokenizer_digest(Path(spec.base)):
        raise TrainingError(
            f"the blocks in {spec.blocks} were packed with another tokenizer than the one in {spec.base}: "
            "pack the texts again with the base's own"
        )


@dataclass(frozen=True)
class Job:
    """A run about to be trained."""

    spec: RunSpec
    index: PackedIndex
    order: Order
    fingerprint: str
    parallel: Alone

    @property
    def checkpoints(self) -> Checkpoints:
        """Beside the output, which appears whole or not at all."""
        out = Path(self.spec.out)
        return Checkpoints(out.with_name(f"{out.name}.checkpoints"), self.fingerprint, self.spec.config.checkpoint)

    def batches(self) -> Batches:
        """The stream, planned or mixed as the run goes."""
        spec = self.spec
        if spec.mixing == "none":
            return Batches(Path(spec.blocks), self.index, self.order, spec.config.batch, isolate=spec.config.isolate)
        prior = np.array([self.order.mixture[arm] for arm in self.order.arms])
        return MixedBatches(Path(spec.blocks), self.index, self.order, mixer(spec.mixing, prior, spec.steps), spec)


def train_weights(job: Job, progress: Progress | None) -> tuple[Any, Fitted, Batches, torch.dtype]:
    """The trained model, how that went, the stream as it was drawn, and the precision."""
    spec, device = job.spec, job.parallel.device(choose_device(job.spec.config.device))
    dtype = choose_dtype(spec.config.dtype, device)
    model = _loaded(job, device, dtype)
    batches = job.batches()
    with _room():
        fitted = fit(
            model if spec.config.method == "qlora" else model.to(device),
            batches,
            _recipe(spec, device, dtype),
            progress,
            observe=batches.observe if isinstance(batches, MixedBatches) else None,
            checkpoints=job.checkpoints,
            parallel=job.parallel,
        )
    if fitted.weights is not None and job.parallel.rank == 0:  # scattered: gathered into a model of its own
        model = _loaded(job, torch.device("cpu"), dtype)
        model.load_state_dict(fitted.weights)
    return model, fitted, batches, dtype


@contextmanager
def _room() -> Iterator[None]:
    """Where fewer rows at once do not help: weights and moments.

    Raises:
        TrainingError: memory was too small for them.
    """
    try:
        yield
    except (RuntimeError, MemoryError) as e:
        if isinstance(e, TrainingError) or not is_out_of_memory(e):
            raise
        raise TrainingError(
            "out of memory for weights and optimiser: set training.method=lora, name a smaller model, or share it with "
            "training.processes and FSDP"
        ) from e


def _train(job: Job, out: Path, progress: Progress | None) -> None:
    """Fill `out`: weights, tokenizer, adapter, `trained.json`, and the seal last."""
    spec = job.spec
    with _tracked(spec, progress) as told:
        model, fitted, batches, dtype = train_weights(job, told)
    per_token = flops_per_token(model, job.index.block)
    _save(model, spec, out, keep=not fitted.diverged)
    slots = len(fitted.losses) * spec.config.batch
    save_seen(out, batches.order, job.index, slots)
    order = job.order
    if isinstance(batches, MixedBatches):
        order = realised(batches.order, tuple(sorted(spec.mixture)), slots)
        np.savez(out / "mixing.npz", arms=np.array(order.arms), shares=np.array(batches.shares))
    record = _record(spec, order, fitted, job.fingerprint, dtype)
    record = _with_flops(record, per_token, job)
    write_whole(out / "trained.json", record.model_dump_json(indent=1).encode())
    seal_folder(out)


@contextmanager
def _tracked(spec: RunSpec, progress: Progress | None) -> Iterator[Progress | None]:
    """Progress that is told to the trackers as well."""
    if not spec.config.track:
        yield progress
        return
    trackers = Trackers(spec)

    def tell(step: int, steps: int, loss: float, speed: float) -> None:
        trackers.log(step, loss=loss, tokens_per_second=speed)
        if progress is not None:
            progress(step, steps, loss, speed)

    try:
        yield tell
    finally:
        trackers.close()


def _loaded(job: Job, device: torch.device, dtype: torch.dtype) -> Any:
    """The base on the CPU (of four bits: on its device), wrapped for LoRA where that is the method."""
    spec, config, block = job.spec, job.spec.config, job.index.block
    if spec.adapter and config.method == "full":
        raise TrainingError("an adapter can only be trained on with training.method=lora, got method=full")
    # float32 master weights: bfloat16 ones would lose the small updates at the end of the decay
    attend = attention(device, dtype, block, config.attention)
    model = load_model(Path(spec.base), attention=attend, four_bits=config.method == "qlora")
    check_vocabulary(model, load_tokenizer(Path(spec.base)), Path(spec.base))
    room = getattr(model.config, "max_position_embeddings", block)
    if room < block:
        raise TrainingError(f"the blocks have {block} tokens, the base reads {room}: set model.block={room}")
    if config.gradient_checkpointing:
        recompute_activations(model)
    if config.method != "full":
        if spec.adapter:
            check_base(Path(spec.adapter), model_fingerprint(Path(spec.base)))
        model = with_adapter(model, config, spec.seed, spec.adapter)
    return model


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
        config.schedule,
        config.micro_batch,
    )


def _save(model: Any, spec: RunSpec, out: Path, *, keep: bool) -> None:
    """Full weights always; the adapter too for LoRA. A diverged run leaves none: it can only mislead."""
    if not keep:
        return
    if spec.config.method == "full":
        save_model(model, out)
        copy_tokenizer(Path(spec.base), out)
        return
    save_adapter(model, out / "adapter", model_fingerprint(Path(spec.base)))
    if spec.config.method == "qlora":  # into the base's own weights, not those of four bits
        merge_adapter(Path(spec.base), out / "adapter", out)
        return
    save_model(merged(model), out)
    copy_tokenizer(Path(spec.base), out)


def _with_flops(record: TrainedModel, per_token: float, job: Job) -> TrainedModel:
    """The record with what the run computed, and how much of the devices' peak that was."""
    flops = record.tokens * per_token
    device = job.parallel.device(choose_device(job.spec.config.device))
    peak = peak_flops(device, getattr(torch, record.dtype))
    used = flops / record.seconds / (peak * job.parallel.world) if peak and record.seconds else None
    return record.model_copy(update={"flops": flops, "mfu": used, "device": device.type})


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
        notices=fitted.notices,
    )
