"""Trackers: a run's metrics to TensorBoard, W&B, MLflow or Trackio, by accelerate; none is required."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from ..tiers.errors import TrainingError
from .spec import RunSpec

PACKAGE = {"tensorboard": "tensorboard", "wandb": "wandb", "mlflow": "mlflow", "trackio": "trackio"}
PROJECT = "coevo"


class Trackers:
    """The trackers of one run."""

    def __init__(self, spec: RunSpec) -> None:
        names = spec.config.track
        check_trackers(names)
        self._open = [_opened(name, spec) for name in names]

    def log(self, step: int, **values: float) -> None:
        """Metrics of a step."""
        for tracker in self._open:
            tracker.log(values, step=step)

    def close(self) -> None:
        """Let them write what they hold back."""
        for tracker in self._open:
            tracker.finish()


def check_trackers(names: tuple[str, ...]) -> None:
    """Whether the packages are there.

    Raises:
        TrainingError: one is not; which command installs it.
    """
    if not names:
        return
    from accelerate import utils

    there: dict[str, Callable[[], bool | None]] = {
        "tensorboard": utils.is_tensorboard_available,
        "wandb": utils.is_wandb_available,
        "mlflow": utils.is_mlflow_available,
        "trackio": utils.is_trackio_available,
    }
    for name in names:
        if not there[name]():
            raise TrainingError(
                f"training.track names {name}, which is not installed: pip install {PACKAGE[name]} (or leave it out)"
            )


def _opened(name: str, spec: RunSpec) -> Any:
    from accelerate.state import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState(cpu=spec.config.device == "cpu")  # trackers ask it whether this is the first process
    kind = LOGGER_TYPE_TO_CLASS[name]
    folder = Path(spec.metrics or Path(spec.out).parent / "metrics")
    folder.mkdir(parents=True, exist_ok=True)
    run = "-".join((*Path(spec.out).parts[-2:-1], spec.name))
    if name == "tensorboard":
        tracker = kind(run, logging_dir=str(folder))
    elif name == "mlflow":
        tracker = kind(PROJECT, logging_dir=str(folder), run_name=run)
    else:
        tracker = kind(PROJECT, name=run, **({"dir": str(folder)} if name == "wandb" else {}))
    if hasattr(tracker, "start"):
        tracker.start()
    told = {k: v for k, v in spec.config.model_dump(mode="json").items() if isinstance(v, int | float | str | bool)}
    tracker.store_init_configuration(told)
    return tracker
