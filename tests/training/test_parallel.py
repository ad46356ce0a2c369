"""Processes started by `accelerate launch` share a run and end with the weights of one process."""

import json
import os
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import torch
from safetensors.torch import load_file

from coevo.training.models import load_model
from coevo.training.spec import RunSpec, TrainedModel
from coevo.training.trainer import run
from tests.forks import Forks

pytestmark = pytest.mark.slow
KINDS = {"data parallel": ["--multi_gpu"], "FSDP": ["--use_fsdp", "--fsdp_version", "2"]}
MOVED = "model.layers.0.mlp.up_proj.weight"


ENVIRONMENT = os.environ | {"ACCELERATE_USE_CPU": "true"}


def command(file: Path, kind: str) -> list[str]:
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--num_processes", "2", "--num_machines", "1"]
    return [
        *launch,
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
        *KINDS[kind],
        "-m",
        "coevo.training",
        str(file),
    ]


def launched(spec: RunSpec, file: Path, kind: str) -> "subprocess.CompletedProcess[str]":
    file.write_text(spec.model_dump_json())
    return subprocess.run(command(file, kind), env=ENVIRONMENT, capture_output=True, text=True, timeout=250)


def forked(spec: RunSpec, file: Path, forks: Forks) -> list[tuple[int, str, str]]:
    """Exit code and output of two processes that share a run without scattering it, as a launcher starts them."""
    file.write_text(spec.model_dump_json())
    with socket.create_server(("127.0.0.1", 0)) as free:
        group = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free.getsockname()[1])}
    ranks = [ENVIRONMENT | group | {"RANK": str(n), "LOCAL_RANK": str(n)} for n in range(2)]
    processes = [forks.start([str(file)], file.parent, env, module="coevo.training") for env in ranks]
    output = [process.communicate(250) for process in processes]
    return [(process.wait(1), *texts) for process, texts in zip(processes, output, strict=True)]


@pytest.mark.parametrize(("kind", "method"), [("data parallel", "lora"), ("FSDP", "full")])
def test_two_processes_train_what_one_does(spec: RunSpec, tmp_path: Path, forks: Forks, kind: str, method: str) -> None:
    changes = {"method": method, "micro_batch": 1 if method == "lora" else 0}
    spec = spec.model_copy(update={"config": spec.config.model_copy(update=changes)})
    shared = spec.model_copy(update={"out": spec.out + "-shared"})
    if kind == "FSDP":
        done = launched(shared, tmp_path / "spec.json", kind)
        code, stdout, stderr = done.returncode, done.stdout, done.stderr
    else:
        codes, texts, errors = zip(*forked(shared, tmp_path / "spec.json", forks), strict=True)
        code, stdout, stderr = max(codes, key=abs), "".join(texts), "".join(errors)
    assert code == 0, stderr[-2000:]
    assert len(stdout.strip().splitlines()) == 1, "one process speaks for both"
    made = TrainedModel.model_validate_json(stdout.strip().splitlines()[-1])
    alone = run(spec)
    assert made.fingerprint == alone.fingerprint and made.tokens == alone.tokens
    assert made.losses == pytest.approx(alone.losses, abs=1e-4)
    one, other = (dict(load_model(Path(m.path)).state_dict()) for m in (made, alone))
    before = load_model(Path(spec.base)).state_dict()
    for name, weight in other.items():
        torch.testing.assert_close(one[name], weight, atol=2e-4, rtol=1e-3)
    assert not torch.equal(one[MOVED], before[MOVED])


@pytest.mark.long
@pytest.mark.parametrize("kind", list(KINDS))
def test_a_kill_of_both_processes_is_survived_bit_equal(spec: RunSpec, tmp_path: Path, kind: str) -> None:
    config = spec.config.model_copy(update={"checkpoint": 4, "max_epochs": 1e4})
    spec = spec.model_copy(update={"config": config, "steps": 40})
    whole = spec.model_copy(update={"out": spec.out + "-whole"})
    assert launched(whole, tmp_path / "whole.json", kind).returncode == 0
    kept, file = Path(f"{spec.out}.checkpoints"), tmp_path / "spec.json"
    file.write_text(spec.model_dump_json())
    with subprocess.Popen(command(file, kind), env=ENVIRONMENT, stderr=subprocess.DEVNULL) as p:
        while not list(kept.glob("step-*")) and p.poll() is None:
            time.sleep(0.01)
        for process in [*psutil.Process(p.pid).children(recursive=True), psutil.Process(p.pid)]:
            process.kill()
    assert p.returncode == -9 and not Path(spec.out).exists(), "killed before it was done"
    done = launched(spec, file, kind)
    assert done.returncode == 0, done.stderr[-2000:]
    made = TrainedModel.model_validate_json(done.stdout.strip().splitlines()[-1])
    first = json.loads(next(line for line in done.stderr.splitlines() if line.startswith('{"step"')))["step"]
    assert first > 4 and made.notices == () and not kept.exists(), "it went on from a checkpoint"
    one, other = (load_file(Path(m) / "model.safetensors") for m in (spec.out, whole.out))
    assert all(torch.equal(one[k], other[k]) for k in other)


def test_a_batch_that_cannot_be_shared_is_said(spec: RunSpec, tmp_path: Path, forks: Forks) -> None:
    odd = spec.model_copy(update={"config": spec.config.model_copy(update={"batch": 3})})
    for code, _, stderr in forked(odd, tmp_path / "spec.json", forks):
        assert code == 2
        assert "training.batch=3 is shared by 2 processes: set a multiple of that" in stderr
