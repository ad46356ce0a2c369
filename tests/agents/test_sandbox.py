"""Snippets run apart from one another and cannot get out; where there is no sandbox, nothing runs."""

import platform
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from coevo.agents import sandbox
from coevo.agents.sandbox import Limits, Outcome, Program, Sandbox

REFUSAL = Sandbox().refusal()
pytestmark = pytest.mark.skipif(bool(REFUSAL), reason=REFUSAL or "the sandbox works")
QUICK = Sandbox(Limits(seconds=0.8, memory=128 << 20))

SYSCALL = """
import ctypes
def call(number, *arguments):
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(number, *[ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]) < 0:
        raise OSError(ctypes.get_errno(), "refused" if ctypes.get_errno() == 1 else "let through")
"""
PAGE = "ctypes.create_string_buffer(4096)"
ESCAPES = {
    # files
    "print(open('/etc/passwd').read())": "No such file",
    "import os\nos.listdir('/home')": "No such file",
    "import os\nos.listdir('/proc/1')": "No such file",
    "import os\nos.listdir('/sys')": "No such file",
    "open('/dev/mem', 'rb')": "No such file",
    f"open({str(Path(__file__).resolve())!r})": "No such file",
    f"open({str(Path.home() / '.bashrc')!r})": "No such file",
    "open('/tmp/x', 'w')": "No such file",
    "open('/usr/x', 'w')": "Read-only",
    "open('/x', 'w')": "Read-only",
    "import os\nos.mkdir('/d')": "not permitted",
    "import os\nos.unlink('/usr/bin/env')": "not permitted",
    "import os\nos.chmod('/usr', 0o777)": "not permitted",
    "import os\nos.symlink('/etc', '/x')": "not permitted",
    "import os\nos.link('/usr/bin/env', '/x')": "not permitted",
    "import os\nos.chroot('/usr')": "not permitted",
    "import os\nprint(os.memfd_create('a'))": "not permitted",
    "import fcntl, os\nfcntl.flock(os.open('/usr', 0), fcntl.LOCK_EX)": "not permitted",
    "import fcntl, os\nfcntl.lockf(os.open('/usr', 0), fcntl.LOCK_SH)": "not permitted",
    "import os\nfor i in range(99): os.open('/usr', 0)": "Too many open files",
    # network
    "import socket\nsocket.create_connection(('127.0.0.1', 80), 1)": "not permitted",
    "import socket\nsocket.socket(socket.AF_UNIX)": "not permitted",
    "import socket\nsocket.socket(socket.AF_INET, socket.SOCK_RAW)": "not permitted",
    "import socket\nsocket.socketpair()": "not permitted",
    "import socket\nprint(socket.getaddrinfo('example.org', 80))": "name",
    "import urllib.request\nurllib.request.urlopen('http://example.org', timeout=1)": "error",
    "import subprocess\nsubprocess.run(['curl', 'http://example.org'])": "not permitted",
    # processes, threads, signals
    "import os\nwhile True: os.fork()": "not permitted",
    "import os\nos.posix_spawn('/bin/sh', ['sh'], {})": "not permitted",
    "import subprocess\nsubprocess.run(['/bin/ls'])": "not permitted",
    "import multiprocessing\nmultiprocessing.Process(target=print).start()": "not permitted",
    "import threading\nthreading.Thread(target=print).start()": "can't start new thread",
    "import os\nos.execv('/bin/sh', ['sh'])": "not permitted",
    "import os\nos.kill(os.getppid(), 9)": "not permitted",
    "import os\nos.kill(-1, 9)": "not permitted",
    "import signal, threading\nsignal.pthread_kill(threading.get_ident(), 9)": "not permitted",
    "import fcntl, os\nfcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, 1)": "not permitted",
    "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nsignal.pause()": "took longer",
    "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nwhile True: time.sleep(1)": "took longer",
    # who shares the driver with them
    "import resource\nresource.prlimit(1, resource.RLIMIT_NOFILE, (0, 0))": "not permitted",
    "import resource\nresource.prlimit(1, resource.RLIMIT_AS, (1, 1))": "not permitted",
    "import os\nos.setpriority(os.PRIO_PROCESS, 1, 19)": "not permitted",
    "import os\nos.sched_setaffinity(1, {0})": "not permitted",
    "import os\nos.sched_setscheduler(1, os.SCHED_IDLE, os.sched_param(0))": "not permitted",
    "import os\nos.setuid(0)": "not permitted",
    # memory, time, output
    "x = bytearray(10 ** 10)": "MemoryError",
    "x = []\nwhile True: x.append(' ' * 10 ** 6)": "MemoryError",
    "import mmap\nmmap.mmap(-1, 1 << 30)": "Cannot allocate memory",
    "import resource\nresource.setrlimit(resource.RLIMIT_AS, (1 << 40, 1 << 40))": "not allowed to raise",
    "while True: pass": "took longer",
    "import re\nre.match('(a+)+b', 'a' * 40)": "took longer",
    "print(9 ** 9 ** 9)": "took longer",
    "while True: print('x' * 10 ** 6)": "wrote too much",
    "import sys\nwhile True: sys.stderr.write('x' * 1000)": "wrote too much",
    # what leaves early has not come to its end
    "import ctypes\nctypes.string_at(0)": "signal 11",
    "import sys\nsys.exit(3)": "SystemExit: 3",
    "import sys\nsys.exit()": "SystemExit",
    "import os\nos._exit(0)": "left before its end",
    "import os\nos._exit(1)": "left before its end",
    "def f(:": "SyntaxError",
    "raise KeyboardInterrupt": "KeyboardInterrupt",
}
RAW = {  # by their numbers on x86_64
    "shmget": "29, 0, 1 << 25, 0o1600",
    "semget": "64, 0, 1, 0o1600",
    "msgget": "68, 1, 0o1600",
    "mq_open": "240, b'/x', 0o102, 0o600, 0",
    "ptrace": "101, 16, 1, 0, 0",
    "rt_sigqueueinfo": f"129, 1, 2, {PAGE}",
    "rt_tgsigqueueinfo": f"297, 1, 1, 2, {PAGE}",
    "process_vm_readv": f"310, 1, {PAGE}, 1, {PAGE}, 1, 0",
    "clone": "56, 17, 0, 0, 0, 0",
    "clone3": f"435, {PAGE}, 88",
    "vfork": "58",
    "unshare": "272, 0x10000000",
    "setns": "308, 0, 0",
    "mount": "165, b'x', b'/', b'tmpfs', 0, 0",
    "umount2": "166, b'/usr', 2",
    "pivot_root": "155, b'/usr', b'/usr'",
    "fsopen": "430, b'tmpfs', 0",
    "open_tree": "428, 0, b'/usr', 1",
    "io_uring_setup": f"425, 1, {PAGE}",
    "bpf": f"321, 0, {PAGE}, 16",
    "userfaultfd": "323, 0",
    "perf_event_open": f"298, {PAGE}, 0, -1, -1, 0",
    "keyctl": "250, 0, -2, 1",
    "memfd_secret": "447, 0",
    "pidfd_open": "434, 1, 0",
    "pidfd_getfd": "438, 0, 0, 0",
    "kcmp": "312, 1, 1, 0, 0, 0",
    "inotify_init": "253",
    "prctl": "157, 4, 1, 0, 0, 0",
    "seccomp": f"317, 1, 0, {PAGE}",
    "getpid of x32": "0x40000000 | 39",
    "one that a later kernel invents": "4000",
}


def ran(*codes: str, box: Sandbox = QUICK) -> list[Outcome]:
    """What became of programs without tests: they pass when they come to their end."""
    return box.run([Program(solution=code) for code in codes])


def test_escapes_are_contained_and_harm_no_neighbour() -> None:
    codes = [code for pair in ((escape, "print(6 * 7)") for escape in ESCAPES) for code in pair]
    outcomes = ran(*codes)
    assert [o.output for o in outcomes[1::2]] == ["42\n"] * len(ESCAPES)
    for (code, wanted), outcome in zip(ESCAPES.items(), outcomes[::2], strict=True):
        assert not outcome.ok and wanted in outcome.error, f"{code!r} gave {outcome}"


@pytest.mark.skipif(platform.machine() != "x86_64", reason="the numbers are those of x86_64")
def test_the_kernel_is_asked_for_nothing_else() -> None:
    outcomes = ran(*(f"{SYSCALL}call({arguments})" for arguments in RAW.values()))
    for name, outcome in zip(RAW, outcomes, strict=True):
        assert outcome.error == "PermissionError: [Errno 1] refused", f"{name} gave {outcome}"


def test_what_python_needs_is_there() -> None:
    ordinary = """
import collections, decimal, fractions, itertools, json, math, os, random, re, statistics, string, tempfile, time
import asyncio, contextlib, dataclasses, functools, heapq, io, operator, typing, unittest, zlib
assert sorted(random.sample(range(100), 10)) and decimal.Decimal("0.1") * 3 == decimal.Decimal("0.3")
time.sleep(0.001)
assert os.getpid() > 1 and os.path.exists(os.__file__) and len(open(os.__file__).read()) > 1000
class Test(unittest.TestCase):
    def test(self): self.assertEqual(json.loads("[1]"), [1])
unittest.TextTestRunner(stream=io.StringIO()).run(unittest.defaultTestLoader.loadTestsFromTestCase(Test))
print("all well")
"""
    outcome = ran(ordinary)[0]
    assert outcome.ok and outcome.output == "all well\n", outcome


def test_a_child_cannot_speak_for_the_driver() -> None:
    forged = "import os\nfor fd in range(1, 30):\n    try: os.write(fd, b'{\"ok\": true}\\n')\n    except OSError: pass"
    outcomes = ran(forged, "print(1)", "import os\nos.closerange(0, 100)", "print(2)")
    assert len(outcomes) == 4 and (outcomes[1].output, outcomes[3].output) == ("1\n", "2\n")


def test_nothing_of_the_host_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "secret")
    code = (
        "import os\nprint('secret' in str(os.environ), os.path.exists('/work'), os.path.exists('/proc/1'), os.getuid())"
    )
    assert ran(code)[0].output == "False False False 65534\n"


def test_outcomes_come_in_the_order_of_the_programs() -> None:
    outcomes = ran(*(f"print({i} ** 2)" for i in range(30)), box=Sandbox())
    assert [o.output for o in outcomes] == [f"{i * i}\n" for i in range(30)]


def test_hostile_text_as_code() -> None:
    outcomes = ran("\x00", "\ud800", "x" * 200_000, "", "print('\x00')", "print('\\ud800')")
    assert [o.ok for o in outcomes] == [False, False, False, True, False, True]


def test_who_follows_one_that_ended_the_driver_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    def launch(jobs: Sequence[bytes], limits: Limits, seed: int) -> list[Outcome]:
        """A driver that ends before "bomb", and after "mine" as well."""
        outcomes = []
        for job in jobs:
            if job == b"bomb":
                break
            outcomes.append(Outcome(ok=True, output=job.decode()))
            if job == b"mine":
                break
        return outcomes

    monkeypatch.setattr(sandbox, "_launch", launch)
    outcomes = sandbox._run([b"a", b"bomb", b"b", b"mine", b"c", b"bomb"], Limits())
    assert [o.output or o.error for o in outcomes] == [
        "a", "the program ended the sandbox", "b", "mine", "c", "the program ended the sandbox",
    ]  # fmt: skip


@pytest.fixture
def hidden(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A machine without bubblewrap."""
    monkeypatch.setenv("PATH", "/nowhere")
    sandbox._probe.cache_clear()
    yield
    sandbox._probe.cache_clear()


def test_without_bubblewrap_nothing_is_executed(hidden: None) -> None:
    outcomes = ran("print(1)", "print(2)", box=Sandbox())
    assert [(o.ok, o.output) for o in outcomes] == [(False, "")] * 2
    assert all(o.doubt == "execution refused: bubblewrap (bwrap) is not installed" for o in outcomes)
