"""Launch: one run in several processes, by `accelerate launch`."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from ..tiers.errors import TrainingError
from ..tiers.gpu import busy, visible
from .fit import Progress
from .spec import RunSpec, TrainedModel


def launched(spec: RunSpec, progress: Progress) -> TrainedModel:
    """Train in `spec.config.processes` processes; FSDP and all else as `accelerate config` says, else data parallel.

    Raises:
        TrainingError: what the processes refused, or that one of them died.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "spec.json"
        file.write_text(spec.model_dump_json(), encoding="utf-8")
        gpus = visible(spec.config.processes) if spec.config.device != "cpu" else ()
        with (
            busy(gpus),
            subprocess.Popen(
                command(spec, file), env=_environment(spec), text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
            ) as process,
        ):
            assert process.stderr is not None and process.stdout is not None
            said = [line for line in process.stderr if not _told(line, progress)]
            made = process.stdout.read()
    if process.returncode:
        refused = [line.removeprefix("coevo: ").strip() for line in said if line.startswith("coevo: ")]
        why = refused[0] if refused else " / ".join(line.strip() for line in said[-3:])
        raise TrainingError(f"{spec.name} in {spec.config.processes} processes: {why}")
    return TrainedModel.model_validate_json(made.strip().splitlines()[-1])


def command(spec: RunSpec, file: Path) -> list[str]:
    """What is typed to train the spec in a file; settings of `accelerate config` count where it was run."""
    count = str(spec.config.processes)
    kind = [] if os.environ.get("ACCELERATE_USE_FSDP") or _configured() else ["--multi_gpu", "--num_machines", "1"]
    kind += [] if _configured() else ["--mixed_precision", "no", "--dynamo_backend", "no"]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", count, *kind]
    return [*launch, "-m", "coevo.training", str(file)]


def _configured() -> bool:
    from accelerate.commands.config.config_args import default_config_file

    return Path(default_config_file).is_file()


def _environment(spec: RunSpec) -> dict[str, str]:
    more = {"ACCELERATE_USE_CPU": "true"} if spec.config.device == "cpu" else {}
    return os.environ | more


def _told(line: str, progress: Progress) -> bool:
    """Whether a line was progress, which is handed on."""
    if not line.startswith('{"step":'):
        return False
    at = json.loads(line)
    progress(at["step"], at["steps"], at["loss"], at["tokens_per_second"])
    return True
