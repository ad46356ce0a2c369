"""Parallel: one process alone, or several started by `accelerate launch`, that share every update."""

import os
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from ..tiers.errors import TrainingError
from .batch import Batch


class Alone:
    """One process: nothing to share."""

    rank, world = 0, 1

    def device(self, wanted: torch.device) -> torch.device:
        """The device of this process."""
        return wanted

    def wrap(self, net: torch.nn.Module, optimiser: Any) -> tuple[Any, Any]:
        """Model and optimiser as they are trained."""
        return net, optimiser

    def share(self, batch: Batch) -> Batch:
        """This process's rows of a batch."""
        return batch

    def piece(self, net: Any, last: bool) -> AbstractContextManager[Any]:
        """Around one part of an update: gradients are exchanged with the last."""
        return nullcontext()

    def clip(self, net: Any, most: float) -> Tensor:
        """Scale the gradient down to a norm of `most`; its norm before."""
        return torch.nn.utils.clip_grad_norm_(net.parameters(), most)

    def total(self, value: Tensor) -> Tensor:
        """The sum over the processes."""
        return value

    def gathered(self, each: Tensor) -> Tensor:
        """[rows] of all processes, in the batch's order."""
        return each

    def weights(self, net: Any) -> dict[str, Tensor] | None:
        """The whole weights by name where they are scattered; None where this process holds them."""
        return None

    def whole(self, tensor: Tensor) -> Tensor:
        """All of a weight or moment of which this process may hold a part; every process has to ask."""
        return tensor

    def part(self, tensor: Tensor, like: Tensor) -> Tensor:
        """What this process holds of a whole tensor, laid out as the weight `like` is."""
        return tensor.to(like.device)

    def wait(self) -> None:
        """Until every process is here."""


class Launched(Alone):
    """Processes that `accelerate launch` started: data parallel, or FSDP where it was asked for."""

    def __init__(self) -> None:
        from accelerate import Accelerator

        self.accelerator: Any = Accelerator()
        self.rank, self.world = self.accelerator.process_index, self.accelerator.num_processes
        self._scattered = "FSDP" in str(self.accelerator.distributed_type)

    def device(self, wanted: torch.device) -> torch.device:
        """As accelerate dealt them out."""
        found: torch.device = self.accelerator.device
        return found

    def wrap(self, net: torch.nn.Module, optimiser: Any) -> tuple[Any, Any]:
        """As accelerate wraps them."""
        made: tuple[Any, Any] = self.accelerator.prepare(net, optimiser)
        return made

    def share(self, batch: Batch) -> Batch:
        """Every `world`-th row.

        Raises:
            TrainingError: the rows cannot be dealt out evenly.
        """
        if len(batch.tokens) % self.world:
            rows = len(batch.tokens)
            raise TrainingError(f"training.batch={rows} is shared by {self.world} processes: set a multiple of that")
        return batch.rows(slice(self.rank, None, self.world))

    def piece(self, net: Any, last: bool) -> AbstractContextManager[Any]:
        """Without exchange until the last."""
        made: AbstractContextManager[Any] = nullcontext() if last else self.accelerator.no_sync(net)
        return made

    def clip(self, net: Any, most: float) -> Tensor:
        """Over all processes' shards."""
        norm: Any = self.accelerator.clip_grad_norm_(net.parameters(), most)
        return self.whole(norm)

    def total(self, value: Tensor) -> Tensor:
        """The sum over the processes."""
        found: Tensor = self.accelerator.reduce(value, "sum")
        return found

    def gathered(self, each: Tensor) -> Tensor:
        """[rows] of all processes, in the batch's order."""
        found: Tensor = self.accelerator.gather(each)
        return found.view(self.world, -1).T.reshape(-1)

    def weights(self, net: Any) -> dict[str, Tensor] | None:
        """Gathered from the shards; complete in the first process alone."""
        if not self._scattered:
            return None
        found: dict[str, Tensor] = self.accelerator.get_state_dict(net)
        return {name.removeprefix("model."): tensor for name, tensor in found.items()}

    def whole(self, tensor: Tensor) -> Tensor:
        """Gathered from the shards."""
        from torch.distributed.tensor import DTensor  # slow to import, and one process alone has no shards

        found: Tensor = tensor.full_tensor() if isinstance(tensor, DTensor) else tensor
        return found

    def part(self, tensor: Tensor, like: Tensor) -> Tensor:
        """This process's shard."""
        from torch.distributed.tensor import DTensor, distribute_tensor

        there = tensor.to(like.device)
        if not isinstance(like, DTensor):
            return there
        return distribute_tensor(there, like.device_mesh, like.placements)

    def wait(self) -> None:
        """Until every process is here."""
        self.accelerator.wait_for_everyone()


def processes() -> Alone:
    """How this process was started."""
    return Launched() if int(os.environ.get("WORLD_SIZE", "1")) > 1 else Alone()
