"""Checkpoints inside a run: weights, moments and random numbers, so that a killed run goes on bit-equal."""

import json
import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..tiers.whole import whole_file
from .digest import tensors_digest
from .parallel import Alone

KEPT = 2
"""Newest checkpoints that are kept: if the last one is damaged the one before it serves."""


@dataclass
class Progress:
    """How far a run is; all that the loop carries besides model and optimiser."""

    step: int = 0
    tokens: int = 0
    seconds: float = 0.0
    micro: int = 0
    losses: list[float] = field(default_factory=list)
    """Of every step, nats per token."""
    rows: list[npt.NDArray[np.float32]] = field(default_factory=list)
    """[batch] losses of every step's rows, where somebody watches them."""
    notices: list[str] = field(default_factory=list)
    """What a reader of the run should know."""


class Checkpoints:
    """The checkpoints of one run, in a folder beside its output; gone once the run is finished."""

    def __init__(self, folder: Path, fingerprint: str, every: int) -> None:
        self.folder, self.fingerprint, self.every = folder, fingerprint, every

    def due(self, step: int, steps: int) -> bool:
        """Whether one is written after so many of the steps."""
        return bool(self.every) and step % self.every == 0 and step < steps

    def save(self, at: Progress, model: Any, optimiser: torch.optim.Optimizer, parallel: Alone) -> None:
        """Write one whole or not at all, and let go of the oldest; all processes gather, the first writes."""
        state = {name: parallel.whole(t.detach()) for name, t in _state(model, optimiser).items()}
        if parallel.rank:
            return
        tensors = {name: t.cpu().contiguous() for name, t in state.items()}
        tensors["losses"] = torch.tensor(at.losses, dtype=torch.float64)
        tensors["rows"] = torch.from_numpy(np.array(at.rows, dtype=np.float32))
        told = {"step": at.step, "tokens": at.tokens, "seconds": at.seconds, "micro": at.micro, "notices": at.notices}
        meta = {"progress": json.dumps(told), "fingerprint": self.fingerprint, "digest": tensors_digest(tensors)}
        with whole_file(self.folder / f"step-{at.step:08d}.safetensors") as temporary:
            save_file(tensors, str(temporary), metadata=meta)
        for old in self._files()[KEPT:]:
            old.unlink()

    def restore(self, model: Any, optimiser: torch.optim.Optimizer, parallel: Alone) -> Progress:
        """The newest whole checkpoint of this run put into model and optimiser; step 0 where there is none.

        One that is cut short, altered or of another run is passed over, which `notices` says.
        """
        notices: list[str] = []
        for path in self._files():
            read = _read(path, self.fingerprint)
            if isinstance(read, str):
                notices.append(f"checkpoint {path.name} {read}: passed over")
                continue
            tensors, told = read
            _put(model, optimiser, tensors, parallel)
            rows = [np.asarray(row) for row in tensors["rows"].numpy()]
            told["notices"] = [*told["notices"], *notices]
            return Progress(**told, losses=tensors["losses"].tolist(), rows=rows)
        return Progress(notices=notices)

    def clear(self) -> None:
        """Nothing is needed any more."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _files(self) -> list[Path]:
        """Newest first."""
        return sorted(self.folder.glob("step-*.safetensors"), reverse=True)


def _read(path: Path, fingerprint: str) -> tuple[dict[str, Tensor], dict[str, Any]] | str:
    """Tensors and progress, or why they are of no use."""
    try:
        with safe_open(str(path), framework="pt") as file:
            meta = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - no mapping
    except (SafetensorError, OSError, ValueError) as e:
        return f"is cut short or unreadable ({str(e).splitlines()[0]})"
    if meta.get("fingerprint") != fingerprint:
        return "is of a run with other settings or data"
    if meta.get("digest") != tensors_digest(tensors):
        return "was altered after it was written"
    return tensors, json.loads(meta["progress"])


def _state(model: Any, optimiser: torch.optim.Optimizer) -> dict[str, Tensor]:
    """Trainable weights, their moments and the random numbers, by name."""
    found = {"random.cpu": torch.get_rng_state()}
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        found["random.cuda"] = torch.cuda.get_rng_state()
    for name, weight in _trained(model).items():
        found[f"weight.{name}"] = weight.data
        for key, value in optimiser.state.get(weight, {}).items():
            found[f"{key}.{name}"] = value
    return found


def _put(model: Any, optimiser: torch.optim.Optimizer, tensors: dict[str, Tensor], parallel: Alone) -> None:
    for name, weight in _trained(model).items():
        weight.data.copy_(parallel.part(tensors[f"weight.{name}"], weight.data))
        if f"step.{name}" in tensors:  # a weight that no gradient has reached yet has no moments
            moments = {k: parallel.part(tensors[f"{k}.{name}"], weight.data) for k in ("exp_avg", "exp_avg_sq")}
            # fused AdamW counts its steps on the weights' device
            optimiser.state[weight] = {"step": tensors[f"step.{name}"].to(weight.device)} | moments
    torch.set_rng_state(tensors["random.cpu"])
    if "random.cuda" in tensors and torch.cuda.is_available():
        torch.cuda.set_rng_state(tensors["random.cuda"])


def _trained(model: Any) -> dict[str, Any]:
    """Each trainable weight under its first name."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}
