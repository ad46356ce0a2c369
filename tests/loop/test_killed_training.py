"""A real run killed while it trains goes on inside the training runs, from whole checkpoints, and ends the same."""

import signal
from pathlib import Path
from typing import Any

import pytest

from coevo.loop.run_db import RunDB

from .interrupt import Process, table

pytestmark = [pytest.mark.slow, pytest.mark.long]
TRAINING = "{steps: 240, batch: 4, min_blocks: 2, dtype: float32, checkpoint: 4, max_epochs: 1000.0}"


def test_a_run_killed_in_mid_training_ends_bit_equal(cli: Any, settings: list[str]) -> None:
    asked = [*settings, "--set", f"training={TRAINING}", "--set", "probes={count: 0}"]
    whole = cli("run", "--name", "whole", "--rounds", "1", *asked)
    assert whole.returncode == 0, whole.stderr
    process = Process(cli, ("run", "--name", "killed", "--rounds", "1", *asked))
    models = Path(cli.folder) / "runs/killed/models/round-001"
    process.until_file("runs/killed/models/round-001/main.checkpoints/step-0000001*.safetensors")
    assert process.interrupt(signal.SIGKILL) == -signal.SIGKILL  # the workers as well
    newest = max((models / "main.checkpoints").glob("step-*.safetensors"))
    assert not (models / "main").exists(), "killed in mid-training"
    newest.write_bytes(newest.read_bytes()[:-1000])
    done = cli("resume", "killed")
    assert done.returncode == 0, done.stderr
    with RunDB(cli.folder / "runs/killed/run.db") as db:
        (told,) = [e["message"] for e in db.rows("events", round=1, node="train") if "main" in e["message"]]
    assert f"main: checkpoint {newest.name} is cut short" in told and "passed over" in told
    roots = [Path(cli.folder) / "runs" / name for name in ("whole", "killed")]
    for run in ("main", "control"):
        one, other = ((r / f"models/round-001/{run}/model.safetensors").read_bytes() for r in roots)
        assert one == other, f"{run} has other weights"
    keep = ("treatment", "reference", "benchmark", "split", "gain", "se")
    deltas = [sorted(tuple(d[k] for k in keep) for d in table(r, "deltas")) for r in roots]
    assert deltas[0] == deltas[1]
    assert not list(models.glob("*.checkpoints"))
