"""GPU hours are counted where the work is done: in workers, in processes that they start, in models of this process."""

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from coevo.agents.backends import engine
from coevo.loop.budget import end_of
from coevo.loop.config import BudgetConfig
from coevo.loop.lab.memory import Memory
from coevo.loop.lab.simulate import lab_context, settings
from coevo.loop.lab.specs import make_world
from coevo.loop.nodes.once import once
from coevo.loop.progress import Progress
from coevo.loop.run_db import RunDB
from coevo.loop.spent import spent
from coevo.loop.state import State, Update
from coevo.loop.workers import Workers
from coevo.tiers import gpu
from coevo.training import launch
from coevo.training.spec import RunSpec, TrainConfig

ROUND_ONE = State(round=1, start="", accepted="", runs=[], stop="")


def on_devices(devices: list[int]) -> str:
    """A job that works on GPUs for an hour."""
    gpu.note(gpu.Busy(d, 0.0, 3600.0) for d in devices)
    return "done"


@pytest.mark.parametrize("device", ["auto", "cuda", "cpu"])
def test_hours_of_workers_end_a_run_however_the_device_is_spelled(device: Any, tmp_path: Path) -> None:
    config = settings(
        make_world("planted", 0), 2, {"mechanism": "uniform"}, "continue", {"training": {"device": device}}
    )
    context = lab_context(config, RunDB(tmp_path / "run.db", create=True), Progress(quiet=True))
    workers = Workers(2, threading.Event(), lambda *_: None)

    def train(_: Any, state: State) -> Update:
        assert workers.map(on_devices, [([0],), ([0],), ([1],)]) == ["done"] * 3
        return Update()

    gpu.taken()
    try:
        once(context, "train", train, ROUND_ONE)
        once(context, "train", train, ROUND_ONE)  # looked up: no GPU was asked
        found = spent(context.db)
    finally:
        workers.close()
    assert found.gpu_hours == 2.0, "two devices for an hour; two jobs on one device share it"
    end = end_of(BudgetConfig(gpu_hours=1.5), found, 1, 2)
    assert end is not None and "spent 2.00 of 1.50 GPU hours" in end.reason
    assert end_of(BudgetConfig(gpu_hours=2.5), found, 1, 2) is None


def test_hours_of_an_attempt_that_failed_count_too() -> None:
    config = settings(make_world("planted", 0), 2, {"mechanism": "uniform"}, "continue", {})
    context = lab_context(config, Memory(), Progress(quiet=True))

    def fails(_: Any, state: State) -> Update:
        on_devices([0])
        raise RuntimeError

    gpu.taken()
    for _ in range(2):
        with pytest.raises(RuntimeError):
            once(context, "train", fails, ROUND_ONE)
    assert spent(context.db).gpu_hours == 2.0


@pytest.mark.parametrize(("device", "processes", "gpus"), [("auto", 4, 4), ("cuda", 2, 2), ("cpu", 4, 0)])
def test_processes_that_are_launched_are_counted(
    device: Any, processes: int, gpus: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(launch, "visible", lambda most: range(most))
    monkeypatch.setattr(launch, "command", lambda spec, file: ["sh", "-c", "sleep 0.2; exit 3"])
    spec = RunSpec(
        name="n", group="full", base="b", blocks="x", mixture={"en/L1": 1.0}, steps=1, seed=0, order=0, out="o",
        config=TrainConfig(device=device, processes=processes),
    )  # fmt: skip
    gpu.taken()
    with pytest.raises(Exception, match="n in"):
        launch.launched(spec, lambda *_: None)
    noted = gpu.taken()
    assert len({b.device for b in noted}) == gpus
    assert all(b.ended - b.began >= 0.2 for b in noted)


def test_models_of_this_process_are_counted_from_their_start(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cuda:
        def device_count(self) -> int:
            return 1

        def reset_peak_memory_stats(self, device: int) -> None: ...

        def max_memory_allocated(self, device: int) -> int:
            return 1

    class Slow:
        def ready(self, asked: Any) -> None: ...

        def answer(self, asked: Any) -> list[Any]:
            time.sleep(0.1)
            return [{} for _ in asked]

    monkeypatch.setattr(gpu, "_cuda", Cuda)
    gpu.taken()
    engine.Desk(lambda: Slow()).ask([engine.Asked(None, 1)])  # type: ignore[arg-type, return-value]
    assert gpu.seconds(gpu.taken()) >= 0.1
