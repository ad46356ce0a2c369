"""Tokens per second of a coevo run, against a bare PyTorch loop over the same model and the same batches.

Ours is `training.trainer.run` as a worker calls it: one thread, blocks read from disk, guards, and a report to the
controlling process after every step. The peers are what anyone would write: the batches as one tensor in memory,
autocast, AdamW with our arguments, clipping and a schedule; in one the loss is transformers' own (`labels=`), in the
other it is our chunked loss. Loading and saving count for neither. Alternating runs, medians; the losses must agree.
"""

import argparse
import contextlib
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from multiprocessing import SimpleQueue
from pathlib import Path
from typing import Any

from coevo.loop.workers import THREADS

os.environ.update(THREADS)

import torch

from coevo.training import ModelConfig, RunSpec, TrainConfig, build_base, load_index, pack_arms, run
from coevo.training.fit import attention, choose_device, choose_dtype, learning_rate
from coevo.training.loss import next_token_loss
from coevo.training.models import load_model
from coevo.training.trainer import Batches, run_order

Speeds = tuple[float, list[float]]
"""Tokens per second, and the loss of every step."""


def prepare(folder: Path, steps: int, dtype: Any) -> RunSpec:
    """A run of the embedded size: a base, and blocks of two arms of the standard library's own code."""
    files = sorted(Path(os.__file__).parent.rglob("*.py"))
    files = [f for f in files if "site-packages" not in f.parts and f.stat().st_size < 60_000][:120]
    texts = [file.read_text(encoding="utf-8", errors="replace") for file in files]
    base = build_base(ModelConfig(steps=2), texts, folder)
    pack_arms({"code/L1": texts[::2], "code/L2": texts[1::2]}, Path(base.path), 256, folder / "blocks")
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


def ours(spec: RunSpec) -> Speeds:
    """The trainer's loop by its own clock, which the whole call's must bear out."""
    queue: SimpleQueue[Any] = SimpleQueue()
    losses: list[float] = []

    def report(step: int, steps: int, loss: float, speed: float) -> None:
        losses.append(loss)
        queue.put((spec.name, step, steps, f"loss {loss:.2f} {speed / 1000:.1f}k tok/s"))
        queue.get()

    with tempfile.TemporaryDirectory() as folder:
        done = run(spec.model_copy(update={"out": f"{folder}/out"}), report)
    return done.tokens / done.seconds, losses


def bare(spec: RunSpec, loss_of: Callable[[Any, torch.Tensor, torch.dtype], torch.Tensor]) -> Speeds:
    """A training loop with nothing around it."""
    config, device = spec.config, choose_device("cpu")
    index = load_index(Path(spec.blocks))
    dtype = choose_dtype(config.dtype, device)
    stream = Batches(Path(spec.blocks), index, run_order(spec, index), config.batch)
    batches = torch.stack([torch.from_numpy(stream(step)) for step in range(spec.steps)])
    model = load_model(Path(spec.base), attention=attention(device, dtype, index.block)).train()
    groups = [
        {"params": [p for p in model.parameters() if p.ndim >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in model.parameters() if p.ndim < 2], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=config.lr, betas=(0.9, 0.95), fused=True)
    rate = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: learning_rate(step, spec.steps, config.warmup, config.decay)
    )
    losses = []
    start = time.perf_counter()
    for batch in batches:
        loss = loss_of(model, batch, dtype)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), config.clip)
        optimiser.step()
        rate.step()
        optimiser.zero_grad()
        losses.append(loss.detach())
    return batches.numel() / (time.perf_counter() - start), [float(loss) for loss in losses]


def labels_loss(model: Any, tokens: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """As every tutorial has it."""
    with torch.autocast("cpu", dtype=dtype, enabled=dtype is not torch.float32):
        loss: torch.Tensor = model(input_ids=tokens, labels=tokens, use_cache=False).loss
    return loss


def measured(spec: RunSpec, repeats: int) -> dict[str, list[Speeds]]:
    """Every contestant once a repeat, each repeat beginning with another one, after one short warm-up."""
    contest: dict[str, Callable[[RunSpec], Speeds]] = {
        "ours": ours,
        "labels": lambda s: bare(s, labels_loss),
        "chunked": lambda s: bare(s, next_token_loss),
    }
    for call in contest.values():
        call(spec.model_copy(update={"steps": 2}))
    found: dict[str, list[Speeds]] = {name: [] for name in contest}
    names = list(contest)
    for repeat in range(repeats):
        for name in names[repeat % 3 :] + names[: repeat % 3]:
            found[name].append(contest[name](spec))
    return found


def check(found: dict[str, list[Speeds]]) -> tuple[float, float]:
    """Largest difference of a step's loss from ours: of the chunked loop (the same sums) and of the other."""
    mine = found["ours"][0][1]
    far = {name: max(abs(a - b) for a, b in zip(mine, found[name][0][1], strict=True)) for name in found}
    if far["chunked"] > 1e-6 or far["labels"] > 0.05:
        raise SystemExit(f"the loops do not train the same: losses differ by {far}")
    return far["chunked"], far["labels"]


PEERS = {"labels": "bare PyTorch, loss by transformers (labels=)", "chunked": "bare PyTorch, our chunked loss"}


def reported(found: dict[str, list[Speeds]], repeats: int, dtype: str) -> list[dict[str, Any]]:
    """Print the table; one JSON line a peer."""
    speeds = {name: [speed for speed, _ in runs] for name, runs in found.items()}
    for name, title in {"ours": "coevo.training.run", **PEERS}.items():
        some = speeds[name]
        print(f"{title:44} {statistics.median(some):8.0f} tokens/s  ({min(some):.0f} to {max(some):.0f})")
    lines = []
    for name, title in PEERS.items():
        ratios = sorted(a / b for a, b in zip(speeds["ours"], speeds[name], strict=True))
        one, other = statistics.median(speeds["ours"]), statistics.median(speeds[name])
        line = {"name": "train", "ours": round(one), "peer": round(other), "ratio": round(statistics.median(ratios), 3)}
        line |= {"unit": "tokens/s", "peer_name": title, "n": repeats, "dtype": dtype}
        lines.append(line | {"spread": [round(ratios[0], 3), round(ratios[-1], 3)]})
    return lines


def main() -> None:
    """Run, print a table, and JSON lines last."""
    parser = argparse.ArgumentParser(description="Tokens per second of a run: ours against bare PyTorch loops")
    parser.add_argument("--quick", action="store_true", help="under 50 seconds: short runs")
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--dtype", choices=("auto", "float32", "bfloat16"), default="auto")
    options = parser.parse_args()
    steps, repeats = (10, 5) if options.quick else (options.steps, options.repeats)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stderr(io.StringIO()):
        spec = prepare(Path(folder), steps, options.dtype)
        found = measured(spec, repeats)
    same, near = check(found)
    dtype = str(choose_dtype(spec.config.dtype, choose_device("cpu"))).removeprefix("torch.")
    print(f"1.38M parameters, {steps} steps of 8 x 256 tokens, {dtype}, 1 thread, {repeats} alternating runs")
    print(f"largest difference of a step's loss from ours: chunked {same:.1e}, labels {near:.1e}")
    for line in reported(found, repeats, dtype):
        print(json.dumps(line))


if __name__ == "__main__":
    main()
