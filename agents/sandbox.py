"""Sandbox: runs generated Python where it can do no harm, or says that it cannot and runs nothing."""

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from ..tiers.record import Record

DRIVER = Path(__file__).with_name("sandbox_driver.py")
MAX_CODE = 100_000
_BATCH = 200
_SLACK = 20.0
"""Seconds beyond the snippets' own limits before a whole batch is killed."""


class Limits(Record):
    """What one snippet may use."""

    seconds: float = 2.0
    """Wall time; CPU time is held to the next full second."""
    memory: int = 512 << 20
    """Bytes of address space."""
    output: int = 64 << 10
    """Bytes of output that are kept."""


class Outcome(Record):
    """What became of one snippet: `output` is what it printed."""

    ok: bool
    output: str = ""
    error: str = ""
    """Last line of its traceback, or which limit ended it."""


class Sandbox:
    """Bubblewrap around one driver process, which runs each snippet in a fresh child of its own.

    Inside: no network, no processes of the host, no environment, no capabilities; only the Python installation and
    system libraries, read-only; no writable place at all. A child may ask the kernel for what is on a short list
    (seccomp), so that it starts no process, opens no socket, signals nobody, locks nothing and leaves nothing behind;
    and it has limits of CPU and wall time, memory and output. Only who runs to his last line is ok: what stands behind
    a `sys.exit()` or `os._exit(0)`, tests perhaps, did not run.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()

    def refusal(self) -> str:
        """Why nothing can be executed on this machine; empty where it can."""
        return _probe()

    def run(self, snippets: Sequence[str]) -> list[Outcome]:
        """What became of each snippet, in order; where there is no sandbox, none is executed and each says so."""
        refusal = self.refusal()
        if refusal:
            return [Outcome(ok=False, error=f"execution refused: {refusal}") for _ in snippets]
        batches = [snippets[i : i + _BATCH] for i in range(0, len(snippets), _BATCH)]
        return [outcome for batch in batches for outcome in _run(batch, self.limits)]


def _run(snippets: Sequence[str], limits: Limits) -> list[Outcome]:
    """Outcomes of all snippets. Where the driver ended early, the first one without an outcome begins the next.

    Only who ends a driver that is his alone has ended it: a predecessor may have harmed it for him.
    """
    outcomes: list[Outcome] = []
    while len(outcomes) < len(snippets):
        found = _launch(snippets[len(outcomes) :], limits)
        outcomes += found or [Outcome(ok=False, error="the snippet ended the sandbox")]
    return outcomes


def _launch(snippets: Sequence[str], limits: Limits) -> list[Outcome]:
    """Outcomes of the first snippets, as far as the driver got."""
    if not snippets:
        return []
    job = {"limits": limits.model_dump(), "snippets": [_encoded(s[:MAX_CODE]) for s in snippets]}
    command = [*_wrap(), str(_python()), "-I", "-S", "-c", DRIVER.read_text(encoding="utf-8")]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={}, close_fds=True
    ) as process:
        try:
            said, _ = process.communicate(json.dumps(job).encode(), timeout=_SLACK + limits.seconds * len(snippets))
        except subprocess.TimeoutExpired:
            process.kill()
            said, _ = process.communicate()
    return [_outcome(line) for line in said.split(b"\n") if line][: len(snippets)]


def _outcome(line: bytes) -> Outcome:
    fields = json.loads(line)
    output = base64.b64decode(fields["output"]).decode("utf-8", "replace")
    return Outcome(ok=fields["ok"], output=output, error=fields["error"])


def _encoded(code: str) -> str:
    return base64.b64encode(code.encode("utf-8", "replace")).decode()


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
    try:
        outcomes = _launch(list(_PROBES), Limits(seconds=10.0))
    except OSError as error:
        return f"bubblewrap cannot be started: {error}"
    if not outcomes:
        return f"bubblewrap does not work here: {_complaint()}"
    for outcome, (code, wanted) in zip(outcomes, _PROBES.items(), strict=False):
        if outcome.output.strip() != wanted:
            return f"the sandbox does not hold here: {code!r} gave {outcome.output or outcome.error!r}"
    return "" if len(outcomes) == len(_PROBES) else "the sandbox died while it was tried out"


def _complaint() -> str:
    done = subprocess.run([*_wrap(), str(_python()), "-I", "-S", "-c", ""], capture_output=True, env={}, timeout=30)
    return (
        done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:][0] if done.stderr.strip() else "no word of why"
    )
