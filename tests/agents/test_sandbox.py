"""Snippets run apart from one another and cannot get out; where there is no sandbox, nothing runs."""

import time

import pytest

from coevo.agents import sandbox
from coevo.agents.sandbox import Limits, Sandbox

REFUSAL = Sandbox().refusal()
pytestmark = pytest.mark.skipif(bool(REFUSAL), reason=REFUSAL or "the sandbox works")
QUICK = Sandbox(Limits(seconds=0.8, memory=128 << 20))

ESCAPES = {
    "import os\nos.fork()": "not permitted",
    "import subprocess\nsubprocess.run(['/bin/ls'])": "not permitted",
    "import threading\nthreading.Thread(target=print).start()": "can't start new thread",
    "import os\nos.execv('/bin/sh', ['sh'])": "not permitted",
    "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)": "not permitted",
    "import os\nos.kill(os.getppid(), 9)": "not permitted",
    "import os\nos.kill(-1, 9)": "not permitted",
    "open('/tmp/x', 'w')": "No such file",
    "open('/usr/x', 'w')": "Read-only",
    "import os\nos.symlink('/etc', '/x')": "Read-only",
    "print(open('/etc/passwd').read())": "No such file",
    "x = bytearray(10 ** 10)": "MemoryError",
    "x = []\nwhile True: x.append(' ' * 10 ** 6)": "MemoryError",
    "while True: pass": "took longer",
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()": "took longer",
    "while True: print('x' * 10 ** 6)": "wrote too much",
    "import os\nfor i in range(99): os.open('/usr', 0)": "Too many open files",
    "import ctypes\nctypes.string_at(0)": "signal 11",
    "import sys\nsys.exit(3)": "failed",
    "def f(:": "SyntaxError",
    "import os\nos.setuid(0)": "Errno",
    "import os\nprint(os.memfd_create('a'))": "not permitted",
}


def test_escapes_are_contained_and_harm_no_neighbour() -> None:
    codes = [code for pair in ((escape, "print(6 * 7)") for escape in ESCAPES) for code in pair]
    outcomes = QUICK.run(codes)
    assert [o.output for o in outcomes[1::2]] == ["42\n"] * len(ESCAPES)
    for (code, wanted), outcome in zip(ESCAPES.items(), outcomes[::2], strict=True):
        assert not outcome.ok and wanted in outcome.error, f"{code!r} gave {outcome}"


def test_a_child_cannot_speak_for_the_driver() -> None:
    forged = "import os\nfor fd in range(1, 30):\n    try: os.write(fd, b'{\"ok\": true}\\n')\n    except OSError: pass"
    outcomes = QUICK.run([forged, "print(1)", "import os\nos.closerange(0, 100)", "print(2)"])
    assert len(outcomes) == 4 and (outcomes[1].output, outcomes[3].output) == ("1\n", "2\n")


def test_nothing_of_the_host_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    code = (
        "import os\nprint('secret' in str(os.environ), os.path.exists('/work'), os.path.exists('/proc/1'), os.getuid())"
    )
    assert QUICK.run([code])[0].output == "False False False 65534\n"


def test_a_hundred_snippets_take_a_moment() -> None:
    began = time.perf_counter()
    outcomes = Sandbox().run([f"print({i} ** 2)" for i in range(100)])
    assert [o.output for o in outcomes] == [f"{i * i}\n" for i in range(100)]
    assert time.perf_counter() - began < 5.0


def test_hostile_text_as_code() -> None:
    outcomes = QUICK.run(["\x00", "\ud800", "x" * 200_000, "", "print('\x00')"])
    assert [o.ok for o in outcomes] == [False, False, False, True, False]


def test_without_bubblewrap_execution_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox, "_probe", lambda: "bubblewrap (bwrap) is not installed")
    outcome = Sandbox().run(["print(1)"])[0]
    assert not outcome.ok and outcome.error == "execution refused: bubblewrap (bwrap) is not installed"
