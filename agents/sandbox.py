"""Sandbox: runs generated Python where it can do no harm, or says that it cannot and runs nothing."""

import json
import os
import shutil
import struct
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from ..tiers.record import Record
from .jail import wire
from .test_language import NotJudgeable, script

JAIL = Path(__file__).with_name("jail")
MAX_CODE = 100_000
"""Characters of a solution, and of its tests."""
_BATCH = 200
_SLACK = 20.0
"""Seconds beyond the programs' own limits before a whole batch is killed."""


class Limits(Record):
    """What one program may use; its two processes share the time, each may use the memory."""

    seconds: float = 2.0
    """Wall time; CPU time is held to the next full second."""
    memory: int = 512 << 20
    """Bytes of address space."""
    output: int = 64 << 10
    """Characters of output that are kept."""


class Program(Record):
    """A solution, and what is asked about it."""

    solution: str
    tests: str = ""
    """A script that fails by raising."""
    calls: tuple[str, ...] = ()
    """Expressions whose values are wanted."""
    seed: int = 0
    """Seed of the hashes of texts, on which the order of a set rests."""


class Outcome(Record):
    """What became of one program: it passed (`ok`), it failed (`error`), or it cannot be judged (`doubt`)."""

    ok: bool
    error: str = ""
    """The exception that ended solution or tests, or which limit did."""
    doubt: str = ""
    """Why tests or calls cannot be judged by plain data. Then they neither passed nor failed."""
    values: tuple[Any, ...] = ()
    """What the calls returned, of exact builtin types."""
    output: str = ""
    """What solution and tests printed. Nothing rests on it: the solution can print what it likes."""


class Sandbox:
    """Bubblewrap around a driver, which runs each program in two fresh processes: one for the solution, one for tests.

    The process of the solution answers requests with plain data. The process of the tests sends them and compares; no
    code of the solution runs in it. Neither process has anything of another program in its memory. Inside: no network,
    no processes of the host, no environment, no capabilities; only the Python installation, system libraries and the
    driver, read-only; no writable place at all. A process may ask the kernel for what is on a short list (seccomp), so
    that it starts no process, opens no socket, signals nobody, locks nothing and leaves nothing behind; and it has
    limits of CPU and wall time, memory and output.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def refusal(self) -> str:
        """Why nothing can be executed on this machine; empty where it can."""
        return _probe()

    def run(self, programs: Sequence[Program]) -> list[Outcome]:
        """What became of each program, in order; where there is no sandbox, none is executed and each says so."""
        refusal = self.refusal()
        if refusal:
            return [Outcome(ok=False, doubt=f"execution refused: {refusal}") for _ in programs]
        jobs = [_job(program) for program in programs]
        outcomes = {place: job for place, job in enumerate(jobs) if isinstance(job, Outcome)}
        for seed in sorted({program.seed for program in programs}):
            places = [i for i, p in enumerate(programs) if p.seed == seed and i not in outcomes]
            for start in range(0, len(places), _BATCH):
                batch = places[start : start + _BATCH]
                results = _run([job for i in batch if isinstance(job := jobs[i], bytes)], self.limits, seed)
                outcomes |= dict(zip(batch, results, strict=True))
        return [outcomes[place] for place in range(len(programs))]


def _job(program: Program) -> bytes | Outcome:
    """The job as the driver reads it, or why there is none."""
    solution, tests = program.solution[:MAX_CODE], program.tests[:MAX_CODE]
    try:
        job = asdict(script(solution, tests, program.calls))
    except NotJudgeable as error:
        return Outcome(ok=False, doubt=str(error))
    except SyntaxError as error:
        return Outcome(ok=False, error=f"SyntaxError: {error}")
    body = json.dumps(job | {"solution": solution}).encode()
    return b"\n" + struct.pack("<I", len(body)) + body


def _run(jobs: Sequence[bytes], limits: Limits, seed: int = 0) -> list[Outcome]:
    """Outcomes of all jobs. Where the driver ended early, the first one without an outcome begins the next.

    Only who ends a driver that is his alone has ended it: a predecessor may have harmed it for him.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(jobs):
        finished = _launch(jobs[len(outcomes) :], limits, seed)
        outcomes += finished or [Outcome(ok=False, error="the program ended the sandbox")]
    return outcomes


def _launch(jobs: Sequence[bytes], limits: Limits, seed: int = 0) -> list[Outcome]:
    """Outcomes of the first jobs, as far as the driver got."""
    if not jobs:
        return []
    command = [
        *_wrap(),
        "--setenv",
        "PYTHONHASHSEED",
        str(seed),
    ]  # -I would ignore it; nothing else is in the environment
    command += [str(_python()), "-P", "-s", "-S", "-B", "-c", _START, limits.model_dump_json()]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, close_fds=True
    ) as process:
        try:
            written, _ = process.communicate(b"".join(jobs), timeout=_SLACK + limits.seconds * len(jobs))
        except subprocess.TimeoutExpired:
            process.kill()
            written, _ = process.communicate()
    return [_outcome(line) for line in written.split(b"\n")[: len(jobs)] if line]


_START = """
import json, sys
sys.path.insert(0, "/")
from jail.driver import main
del sys.path[0]
main(json.loads(sys.argv[1]))
"""


def _outcome(line: bytes) -> Outcome:
    fields = json.loads(line)
    try:
        values = tuple(map(wire.decode, fields.get("values", ())))
    except (wire.NotPlain, RecursionError) as error:
        return Outcome(ok=False, doubt=f"a value cannot be read: {error}")
    text = {name: fields.get(name, "").encode("utf-8", "replace").decode() for name in ("error", "doubt", "output")}
    return Outcome(ok=fields["ok"] is True and not text["error"] and not text["doubt"], values=values, **text)


def _python() -> Path:
    """The interpreter of the installation that this one's environment was made from."""
    return Path(sys.base_prefix, "bin", f"python{sys.version_info.major}.{sys.version_info.minor}")


def _wrap() -> list[str]:
    """The bubblewrap command up to the program to run."""
    command = [str(shutil.which("bwrap")), "--unshare-all", "--unshare-user", "--die-with-parent", "--new-session"]
    command += ["--uid", "65534", "--gid", "65534", "--cap-drop", "ALL", "--as-pid-1", "--clearenv"]
    for name in ("usr", "lib", "lib64", "lib32", "bin"):
        path = Path("/", name)
        if path.is_symlink():
            command += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir():
            command += ["--ro-bind", str(path), str(path)]
    prefix = os.path.realpath(sys.base_prefix)
    for place in dict.fromkeys((prefix, sys.base_prefix)):
        if not place.startswith("/usr"):
            command += ["--ro-bind", prefix, place]
    command += ["--ro-bind", str(JAIL), "/jail"]
    command += ["--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache", "--remount-ro", "/", "--chdir", "/"]
    return command


_PROBES = {
    "print(6 * 7)": "42",
    "import os\ntry:\n    os.fork()\nexcept OSError:\n    print('held')": "held",
    "import socket\ntry:\n    socket.socket()\nexcept OSError:\n    print('held')": "held",
    "try:\n    open('/f', 'w')\nexcept OSError:\n    print('held')": "held",
}
"""What must come out before anything is believed to be contained."""


@cache
def _probe() -> str:
    if shutil.which("bwrap") is None:
        return "bubblewrap (bwrap) is not installed"
    jobs = [job for code in _PROBES if isinstance(job := _job(Program(solution=code)), bytes)]
    try:
        outcomes = _launch(jobs, Limits(seconds=10.0))
    except OSError as error:
        return f"bubblewrap cannot be started: {error}"
    if not outcomes:
        return f"bubblewrap does not work here: {_complaint()}"
    for outcome, (code, expected) in zip(outcomes, _PROBES.items(), strict=False):
        if outcome.output.strip() != expected:
            return f"the sandbox does not hold here: {code!r} gave {outcome.output or outcome.error!r}"
    return "" if len(outcomes) == len(_PROBES) else "the sandbox died while it was tried out"


def _complaint() -> str:
    done = subprocess.run([*_wrap(), str(_python()), "-I", "-S", "-c", ""], capture_output=True, env={}, timeout=30)
    lines = done.stderr.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no word of why"
