"""A peer of `benchmarks/train.py` in an environment of its own: transformers' Trainer or TRL's SFTTrainer.

For every folder named on standard input, with `task.json` and `batches.npy` [steps, batch, block], it trains on exactly
these batches in order and answers with one JSON line: [wall, CPU] seconds at the end of every step, and the losses.
"""

import contextlib
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer, Trainer, TrainerCallback, TrainingArguments

torch.set_num_threads(1)


class Clock(TrainerCallback):
    """Notes when each step has ended, and its loss."""

    def __init__(self) -> None:
        self.marks: list[tuple[float, float]] = []
        self.losses: list[float] = []

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        """Both clocks."""
        self.marks.append((time.perf_counter(), time.process_time()))

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        """The loss, where it is logged."""
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))


def settings(task: dict[str, Any], kind: type, out: Path, **more: Any) -> Any:
    """What both trainers are told: our batch, rate, clipping, betas and schedule (linear to zero, as it is nearest)."""
    return kind(
        output_dir=str(out),
        max_steps=task["steps"],
        per_device_train_batch_size=task["batch"],
        learning_rate=task["lr"],
        weight_decay=task["weight_decay"],
        adam_beta2=0.95,
        max_grad_norm=task["clip"],
        lr_scheduler_type="linear",
        warmup_steps=round(task["warmup"] * task["steps"]),
        optim="adamw_torch_fused",
        bf16=task["dtype"] == "bfloat16",
        use_cpu=True,
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=0,
        gradient_checkpointing=False,
        seed=0,
        **more,
    )


def in_order(kind: type) -> type:
    """The trainer, taking its rows in the order in which they stand."""

    class Ordered(kind):  # type: ignore[misc]
        def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
            return SequentialSampler(self.train_dataset)

    return Ordered


def train(name: str, folder: Path) -> Clock:
    """One run from the task in a folder."""
    task = json.loads((folder / "task.json").read_text())
    rows = np.load(folder / "batches.npy").reshape(-1, task["block"])
    model = AutoModelForCausalLM.from_pretrained(task["base"], attn_implementation=task["attention"])
    clock = Clock()
    shared = {"model": model, "callbacks": [clock]}
    if name == "trainer":
        data = Dataset.from_dict({"input_ids": rows, "labels": rows}).with_format("torch")
        made = in_order(Trainer)(args=settings(task, TrainingArguments, folder / "out"), train_dataset=data, **shared)
    else:
        from trl import SFTConfig, SFTTrainer  # pyright: ignore[reportMissingImports]

        data = Dataset.from_dict({"input_ids": rows})
        more = {"max_length": task["block"], "dataset_kwargs": {"skip_prepare_dataset": True}}
        args = settings(task, SFTConfig, folder / "out", **more)
        tokenizer = AutoTokenizer.from_pretrained(task["base"])
        made = in_order(SFTTrainer)(args=args, train_dataset=data, processing_class=tokenizer, **shared)
    made.train()
    return clock


def main(name: str) -> None:
    """Answer until nobody asks any more; what the trainers print goes to standard error."""
    for line in sys.stdin:
        with contextlib.redirect_stdout(sys.stderr):
            clock = train(name, Path(line.strip()))
        print(json.dumps({"marks": clock.marks, "losses": clock.losses}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
