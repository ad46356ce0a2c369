"""Driver inside the sandbox: runs each snippet in a child of its own, which has no processes, sockets or signals.

It imports nothing of coevo: it is sent to the sandboxed interpreter as text, reads one JSON job on standard input and
writes one JSON line a snippet.
"""

import base64
import ctypes
import json
import os
import platform
import resource
import select
import signal
import struct
import sys
import time

Limits = dict[str, float]
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_*: allow, errno EPERM, kill the process
# clone fork vfork execve execveat clone3, kill tkill tgkill pidfd_send_signal pidfd_open, ptrace
# process_vm_readv/writev, socket socketpair, unshare setns mount, io_uring_setup bpf memfd_create, keyctl add_key
# request_key, perf_event_open, userfaultfd
_DENIED = {
    "x86_64": (
        0xC000003E,
        "56 57 58 59 322 435 62 200 234 424 434 101 310 311 41 53 272 308 165 425 321 319 250 248 249 298 323",
    ),
    "aarch64": (
        0xC00000B7,
        "220 221 281 435 129 130 131 424 434 117 270 271 198 199 97 268 40 425 280 279 219 217 218 241 282",
    ),
}
"""By machine: its AUDIT_ARCH number, and the numbers of the system calls that are refused."""


def _filter() -> bytes:
    """A BPF program that refuses the denied system calls (and, on x86_64, those of the x32 table)."""
    arch, names = _DENIED[platform.machine()]
    denied = list(map(int, names.split()))
    n = len(denied)
    program = [(0x20, 0, 0, 4), (0x15, 1, 0, arch), (0x06, 0, 0, _KILL), (0x20, 0, 0, 0)]
    program += [(0x35, n + 1, 0, 0x40000000)]
    program += [(0x15, n - i, 0, number) for i, number in enumerate(denied)]
    program += [(0x06, 0, 0, _ALLOW), (0x06, 0, 0, _REFUSE)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _lock(limits: Limits) -> None:
    seconds = int(limits["seconds"]) + 1
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, int(limits["memory"])),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 32),
    ):
        resource.setrlimit(kind, (most, most))
    code = _filter()
    held = ctypes.create_string_buffer(code, len(code))
    described = struct.pack("HxxxxxxP", len(code) // 8, ctypes.addressof(held))
    libc = ctypes.CDLL(None, use_errno=True)
    word = ctypes.c_ulong
    if libc.prctl(38, word(1), word(0), word(0), word(0)) or libc.prctl(
        22, word(2), ctypes.c_char_p(described), word(0), word(0)
    ):
        raise OSError(ctypes.get_errno(), "seccomp is not available")


def _child(code: bytes, limits: Limits, out: int) -> None:
    """Runs `code` with its output in `out`; the exit status is 0 when it ended well."""
    status = 1
    try:
        for fd in (0, 1, 2):
            os.dup2(out, fd)
        os.closerange(3, 256)
        sys.stdin = open(os.dup(0), "r")  # noqa: PTH123, SIM115, UP015 -- there is no input: reading fails
        _lock(limits)
        exec(compile(code, "<snippet>", "exec"), {"__name__": "__main__"})
        status = 0
    except SystemExit as error:
        status = 0 if error.code in (None, 0) else 1
    except BaseException as error:
        # The name and text of an error may be as hostile as the rest.
        print(f"\x00{type(error).__name__}: {str(error)[:300]}".replace("\n", " "))
    finally:
        try:
            sys.stdout.flush()
        finally:
            os._exit(status)


def _read(source: int, limits: Limits) -> tuple[bytes, str]:
    """What the child wrote, and whether it took too long or wrote too much."""
    kept, end = b"", time.monotonic() + limits["seconds"]
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([source], [], [], left)[0]:
            return kept, f"took longer than {limits['seconds']:g} s"
        piece = os.read(source, 1 << 16)
        if not piece:
            return kept, ""
        kept += piece
        if len(kept) > limits["output"]:
            return kept[: int(limits["output"])], "wrote too much"


def _run(code: bytes, limits: Limits) -> dict[str, object]:
    source, out = os.pipe()
    child = os.fork()
    if child == 0:
        _child(code, limits, out)
    os.close(out)
    kept, broken = _read(source, limits)
    os.close(source)
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    said, _, raised = kept.partition(b"\x00")
    ended = "" if status == 0 else f"ended by signal {status & 127}" if status & 127 else "failed"
    error = broken or ("" if status == 0 else raised.decode("utf-8", "replace").strip() or ended)
    return {"ok": status == 0 and not broken, "output": base64.b64encode(said).decode(), "error": error}


def main() -> None:
    """One job from standard input."""
    job = json.load(sys.stdin)
    for snippet in job["snippets"]:
        outcome = _run(base64.b64decode(snippet), job["limits"])
        sys.stdout.write(json.dumps(outcome) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
