"""Tokens per second of a coevo run, against a bare PyTorch loop over the same model and the same batches.

Ours is `training.trainer.run` as a worker calls it: one thread, blocks read from disk, guards, and a report to the
controlling process after every step. The peers are what anyone would write: the batches as one tensor in memory,
autocast, AdamW with our arguments, clipping and a schedule; in one the loss is transformers' own (`labels=`), in the
other it is our chunked loss. Two more peers, transformers' Trainer and TRL's SFTTrainer, train on the same batches in a
process and an environment of their own (`make bench-peers`); where that is missing they are left out, which is said.
Loading, saving and the first step count for nobody. Alternating runs, medians; the losses must agree. `cpu_ratio` is
the same in CPU seconds of the process, which a busy machine disturbs less.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial
from multiprocessing import SimpleQueue
from pathlib import Path
from typing import Any

from coevo.loop.workers import THREADS

os.environ.update(THREADS)

import numpy as np
import torch

from coevo.training import ModelConfig, RunSpec, TrainConfig, build_base, load_index, pack_arms, run
from coevo.training.fit import attention, choose_device, choose_dtype
from coevo.training.loss import next_token_loss
from coevo.training.models import load_model
from coevo.training.schedule import learning_rate
from coevo.training.stream import Batches
from coevo.training.trainer import run_order

BLOCK = 256
PEERS = Path(os.environ.get("COEVO_PEERS", Path(__file__).parents[1] / ".venv-peers")) / "bin/python"
"""Of the peers' environment."""
Times = tuple[float, float]
"""Seconds on the wall and on the CPU."""
Loss = Callable[[Any, torch.Tensor, torch.dtype], torch.Tensor]


@dataclass(frozen=True)
class Pass:
    """A contestant's run: tokens per second by either clock, and the loss of every step."""

    wall: float
    cpu: float
    losses: list[float]


def now() -> Times:
    """Either clock."""
    return time.perf_counter(), time.process_time()


def passed(marks: list[Times], losses: list[float], spec: RunSpec) -> Pass:
    """From the end of the first step to that of the last."""
    tokens = (len(marks) - 1) * spec.config.batch * BLOCK
    wall, cpu = (tokens / (last - first) for first, last in zip(marks[0], marks[-1], strict=True))
    return Pass(wall, cpu, losses)


def prepare(folder: Path, steps: int, dtype: Any) -> RunSpec:
    """A run of the embedded size: a base, and blocks of two arms of the standard library's own code."""
    files = sorted(Path(os.__file__).parent.rglob("*.py"))
    files = [f for f in files if "site-packages" not in f.parts and f.stat().st_size < 60_000][:120]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    base = build_base(ModelConfig(steps=2), texts, folder)
    pack_arms({"code/L1": texts[::2], "code/L2": texts[1::2]}, Path(base.path), BLOCK, folder / "blocks")
    return RunSpec(
        name="main",
        group="full",
        base=base.path,
        blocks=str(folder / "blocks"),
        mixture={"code/L1": 0.6, "code/L2": 0.4},
        steps=steps,
        seed=0,
        order=0,
        out=str(folder / "out"),
        config=TrainConfig(device="cpu", dtype=dtype),
    )


def ours(spec: RunSpec) -> Pass:
    """The trainer, told of each step as in a worker."""
    queue: SimpleQueue[Any] = SimpleQueue()
    losses: list[float] = []
    marks: list[Times] = []

    def report(step: int, steps: int, loss: float, speed: float) -> None:
        queue.put((spec.name, step, steps, f"loss {loss:.2f} {speed / 1000:.1f}k tok/s"))
        queue.get()
        losses.append(loss)
        marks.append(now())

    with tempfile.TemporaryDirectory() as folder:
        run(spec.model_copy(update={"out": f"{folder}/out"}), report)
    return passed(marks, losses, spec)


def bare(spec: RunSpec, loss_of: Loss) -> Pass:
    """A training loop with nothing around it."""
    config, device = spec.config, choose_device("cpu")
    dtype = choose_dtype(config.dtype, device)
    model = load_model(Path(spec.base), attention=attention(device, dtype, BLOCK)).train()
    optimiser, rate = adamw(model, spec)
    losses: list[torch.Tensor] = []
    marks: list[Times] = []
    for batch in batches(spec):
        loss = loss_of(model, batch, dtype)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimiser.step()
        rate.step()
        optimiser.zero_grad()
        losses.append(loss.detach())
        marks.append(now())
    return passed(marks, [float(loss) for loss in losses], spec)


def batches(spec: RunSpec) -> torch.Tensor:
    """The run's own batches [steps, batch, block], read beforehand."""
    index = load_index(Path(spec.blocks))
    stream = Batches(Path(spec.blocks), index, run_order(spec, index), spec.config.batch)
    return torch.stack([torch.from_numpy(stream(step).tokens) for step in range(spec.steps)])


def adamw(model: Any, spec: RunSpec) -> tuple[torch.optim.Optimizer, torch.optim.lr_scheduler.LambdaLR]:
    """The trainer's optimiser and schedule."""
    config, free = spec.config, list(model.parameters())
    groups = [
        {"params": [p for p in free if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in free if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)
    share = partial(learning_rate, steps=spec.steps, warmup=config.warmup, decay=config.decay)
    return optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, share)


def labels_loss(model: Any, tokens: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """As every tutorial has it."""
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not torch.float32):
        loss: torch.Tensor = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    return loss


class Peer:
    """A trainer of the peers' environment, on the run's own batches; its process is started once and imports once."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def process(self) -> "subprocess.Popen[str]":
        """Asked by lines, answers by lines; ends when nobody can ask any more."""
        self.said = tempfile.NamedTemporaryFile(mode="w+")  # noqa: SIM115 - lives as long as the process
        command = [str(PEERS), str(Path(__file__).parent / "peers/train.py"), self.name]
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True)

    def __call__(self, spec: RunSpec) -> Pass:
        """One run."""
        config, device = spec.config, choose_device("cpu")
        dtype = choose_dtype(config.dtype, device)
        task = config.model_dump(include={"batch", "lr", "weight_decay", "clip", "warmup"})
        task |= {"steps": spec.steps, "block": BLOCK, "base": spec.base, "dtype": str(dtype).removeprefix("torch.")}
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "task.json").write_text(json.dumps(task | {"attention": attention(device, dtype, BLOCK)}))
            np.save(Path(folder) / "batches.npy", batches(spec).numpy())
            assert self.process.stdin is not None and self.process.stdout is not None
            print(folder, file=self.process.stdin, flush=True)
            answer = self.process.stdout.readline()
        if not answer:
            self.said.seek(0)
            raise SystemExit(f"the peer {self.name} failed: {self.said.read()[-1500:]}")
        told = json.loads(answer)
        return passed([(wall, cpu) for wall, cpu in told["marks"]], told["losses"], spec)


CONTEST: dict[str, tuple[str, Callable[[RunSpec], Pass]]] = {
    "ours": ("coevo.training.run", ours),
    "labels": ("bare PyTorch, loss by transformers (labels=)", partial(bare, loss_of=labels_loss)),
    "chunked": ("bare PyTorch, our chunked loss", partial(bare, loss_of=next_token_loss)),
}
if PEERS.is_file():
    CONTEST |= {"trainer": ("transformers.Trainer", Peer("trainer")), "sft": ("trl.SFTTrainer", Peer("sft"))}


def measured(spec: RunSpec, repeats: int) -> dict[str, list[Pass]]:
    """Every contestant once a repeat, each repeat beginning with another one, after one short warm-up."""
    for _, call in CONTEST.values():
        call(spec.model_copy(update={"steps": 2}))
    found: dict[str, list[Pass]] = {name: [] for name in CONTEST}
    names = list(CONTEST)
    for repeat in range(repeats):
        turn = repeat % len(names)
        for name in names[turn:] + names[:turn]:
            found[name].append(CONTEST[name][1](spec))
    return found


def differences(found: dict[str, list[Pass]]) -> dict[str, float]:
    """Largest difference of a step's loss from ours; the chunked loop does the same sums, the other nearly."""
    mine = found["ours"][0].losses
    far = {n: max(abs(a - b) for a, b in zip(mine, found[n][0].losses, strict=False)) for n in found}
    for name in found.keys() & {"trainer", "sft"}:  # their schedule is another one: the first loss is the same sum
        far[name] = abs(mine[0] - found[name][0].losses[0])
        if far[name] > 0.05:
            raise SystemExit(f"{name} does not train the same: its first loss is {far[name]:.3f} off")
    if far["chunked"] > 1e-6 or far["labels"] > 0.05:
        raise SystemExit(f"the loops do not train the same: losses differ by {far}")
    return far


def table(found: dict[str, list[Pass]]) -> None:
    """Tokens per second of all."""
    for name, passes in found.items():
        wall, cpu = sorted(p.wall for p in passes), statistics.median(p.cpu for p in passes)
        told = f"{statistics.median(wall):8.0f} tokens/s  ({wall[0]:.0f} to {wall[-1]:.0f})"
        print(f"{CONTEST[name][0]:44} {told}  {cpu:8.0f} by CPU time")


def line(found: dict[str, list[Pass]], name: str) -> dict[str, object]:
    """Ours against one peer: medians of the repeats' ratios."""
    pairs = list(zip(found["ours"], found[name], strict=True))
    ratios = sorted(a.wall / b.wall for a, b in pairs)
    one, other = (statistics.median(p.wall for p in found[n]) for n in ("ours", name))
    told: dict[str, object] = {"name": "train", "ours": round(one), "peer": round(other)}
    told |= {"ratio": round(statistics.median(ratios), 3), "unit": "tokens/s", "peer_name": CONTEST[name][0]}
    told |= {"n": len(pairs), "spread": [round(ratios[0], 3), round(ratios[-1], 3)]}
    cpu = sorted(a.cpu / b.cpu for a, b in pairs)
    told |= {"cpu_ratio": round(statistics.median(cpu), 3), "cpu_spread": [round(cpu[0], 3), round(cpu[-1], 3)]}
    return told


def main() -> None:
    """Run, print a table, and JSON lines last."""
    parser = argparse.ArgumentParser(description="Tokens per second of a run: ours against bare PyTorch loops")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: short runs")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    options = parser.parse_args()
    steps, repeats = (6, 5) if options.quick else (options.steps, options.repeats)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        spec = prepare(Path(folder), steps, options.dtype)
        found = measured(spec, repeats)
    far = differences(found)
    dtype = str(choose_dtype(spec.config.dtype, choose_device("cpu"))).removeprefix("torch.")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    print(f"1.38M parameters, {steps} steps of 8 x {BLOCK} tokens, {dtype}, 1 thread, {repeats} alternating runs")
    print(f"largest difference of a step's loss from ours: chunked {far['chunked']:.1e}, labels {far['labels']:.1e}")
    table(found)
    if not PEERS.is_file():
        print(f"transformers.Trainer and trl.SFTTrainer are left out: no {PEERS}; make it with: make bench-peers")
    for name in (n for n in CONTEST if n != "ours"):
        print(json.dumps(line(found, name) | {"dtype": dtype}))


if __name__ == "__main__":
    main()
