"""The jobs that run in worker processes: one call into one room each; importable by name, arguments picklable."""

import time
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from ..tiers import gpu
from ..tiers.decision import Decision
from ..tiers.document import Document
from .workers import report

if TYPE_CHECKING:
    from ..agents.backends.student import StudentChat
    from ..eval.answers import Execute
    from ..eval.config import EvalConfig
    from ..eval.harness import How


def train_job(spec_json: str) -> str:
    """Train one run, in as many processes as it wants; returns its TrainedModel as JSON."""
    from ..training.launch import launched
    from ..training.memory import give_back_memory
    from ..training.spec import RunSpec
    from ..training.trainer import run

    spec = RunSpec.model_validate_json(spec_json)
    began = time.monotonic()
    first = 0

    def show(step: int, steps: int, loss: float, speed: float) -> None:
        nonlocal first
        first = first or step  # a resumed run begins later
        left = (time.monotonic() - began) / (step - first + 1) * (steps - step)
        report(spec.name, step, steps, f"loss {loss:.2f} {speed / 1000:.1f}k tok/s, {left:.0f} s left")

    if spec.config.processes > 1:
        return launched(spec, show).model_dump_json()
    trained = run(spec, show).model_dump_json()
    give_back_memory()
    return trained


def measure_job(name: str, base: str, outs: dict[str, str], suite: str, config_json: str, device: str) -> None:
    """Measure a base and adapters of it on one suite: an adapter's folder (or nothing) by the file to write."""
    from ..eval.config import EvalConfig
    from ..eval.harness import engine_of, measure_adapters
    from ..eval.suites import load_suite
    from ..training.memory import give_back_memory

    report(name, 0, 1, "evaluating")
    how = how_of(EvalConfig.model_validate_json(config_json), device)
    adapters = {Path(out): Path(adapter) if adapter else None for out, adapter in outs.items()}
    with gpu.busy(gpu.visible(1) if engine_of(how.engine) == "vllm" else ()):  # vLLM works in a process of its own
        measure_adapters(Path(base), adapters, load_suite(Path(suite)), how=how)
    report(name, 1, 1, "evaluated")
    give_back_memory()


def import_job(tasks: list[str], folder: str) -> str:
    """The items of lm-eval's own tasks; returns the Pool as JSON."""
    from ..eval.imported import import_tasks

    return import_tasks(tasks, folder).model_dump_json()


def how_of(config: "EvalConfig", device: str) -> "How":
    """How a model is measured where a configuration says it; programs that it writes go through the sandbox."""
    from ..eval.harness import How

    return How(
        batch=config.batch,
        device=device,
        dtype=config.dtype,
        engine=config.engine,
        memory=config.memory,
        tokens=config.written,
        tasks=config.task_folder,
        chat=config.chat,
        execute=_execute() if config.written else None,
    )


def _execute() -> "Execute | None":
    """What runs programs that a model wrote: the sandbox, or nothing where there is none."""
    from ..agents.sandbox import Program, Sandbox

    sandbox = Sandbox()

    def execute(pairs: "Sequence[tuple[str, str]]") -> list[bool]:
        outcomes = sandbox.run([Program(solution=solution, tests=tests) for solution, tests in pairs])
        return [outcome.ok for outcome in outcomes]

    return None if sandbox.refusal() else execute


def judge_job(student: str, documents: Sequence[Document], number: int) -> list[Decision]:
    """P(yes) of the student about each document."""
    from ..agents.scorer import Scorer

    scorer = Scorer(_student(student), round=number)
    size = scorer.batch_size
    return [d for i in range(0, len(documents), size) for d in scorer.batch(documents[i : i + size])]


def loss_job(student: str, texts: Sequence[str]) -> list[float]:
    """The student's loss on each text, in nats a byte."""
    return _student(student).loss(texts)


def influence_job(
    model: str, texts: Sequence[str], targets: Sequence[str], warm: Sequence[str], how: str
) -> list[list[float]]:
    """[texts, targets] how far one step on each text would help the model on each target."""
    from ..training.influence import influence
    from ..training.spec import InfluenceConfig

    told = influence(Path(model), texts, targets, InfluenceConfig.model_validate_json(how), warm=warm)
    rows: list[list[float]] = told.tolist()
    return rows


@lru_cache(maxsize=1)
def _student(path: str) -> "StudentChat":
    from ..agents.backends.student import StudentChat

    return StudentChat(Path(path))


def pack_job(texts: dict[str, list[str]], tokenizer: str, block: int, out: str, chat: Sequence[str]) -> None:
    """Pack the arms' texts into token blocks."""
    from ..training.packing import pack_arms

    pack_arms(texts, Path(tokenizer), block, Path(out), chat)


def base_job(config_json: str, texts: list[str], cache: str, threads: int) -> str:
    """Train the base model, or find it in the cache; returns its record as JSON."""
    from ..training.base import build_base
    from ..training.spec import ModelConfig

    def show(step: int, steps: int, loss: float, speed: float) -> None:
        report("base", step, steps, f"loss {loss:.2f} {speed / 1000:.1f}k tok/s")

    config = ModelConfig.model_validate_json(config_json)
    return build_base(config, texts, Path(cache), show, threads=threads).model_dump_json()
