"""Kernel: what a process inside the sandbox may ask of it, and how much it may use."""

import ctypes
import platform
import resource
import struct
from collections.abc import Callable

Limits = dict[str, float]
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050001, 0x80000000  # SECCOMP_RET_*: allow, errno EPERM, kill the process
_LOAD, _EQUAL, _RETURN = 0x20, 0x15, 0x06  # BPF: load a word of seccomp_data, jump if equal, end
_MACHINES = {"x86_64": (0xC000003E, 1), "aarch64": (0xC00000B7, 2)}
"""By machine: its AUDIT_ARCH number, and its column in the table of system calls."""
_CALLS = """
read 0 63, write 1 64, readv 19 65, writev 20 66, pread64 17 67, pwrite64 18 68, preadv 295 69, preadv2 327 286,
open 2 -, openat 257 56, close 3 57, close_range 436 436, creat 85 -, lseek 8 62, stat 4 -, fstat 5 80, lstat 6
-, newfstatat 262 79, statx 332 291, statfs 137 43, fstatfs 138 44, access 21 -, faccessat 269 48, faccessat2
439 439, readlink 89 -, readlinkat 267 78, getdents 78 -, getdents64 217 61, getcwd 79 17, chdir 80 49, fchdir
81 50, dup 32 23, dup2 33 -, dup3 292 24, pipe 22 -, pipe2 293 59, ioctl 16 29, fadvise64 221 223, mmap 9 222,
munmap 11 215, mprotect 10 226, mremap 25 216, madvise 28 233, brk 12 214, membarrier 324 283, poll 7 -, ppoll
271 73, select 23 -, pselect6 270 72, epoll_create 213 -, epoll_create1 291 20, epoll_ctl 233 21, epoll_wait 232
-, epoll_pwait 281 22, epoll_pwait2 441 441, eventfd 284 -, eventfd2 290 19, futex 202 98, futex_waitv 449 449,
sched_yield 24 124, nanosleep 35 101, clock_nanosleep 230 115, clock_gettime 228 113, clock_getres 229 114,
gettimeofday 96 169, time 201 -, times 100 153, alarm 37 -, pause 34 -, getitimer 36 102, setitimer 38 103,
rt_sigaction 13 134, rt_sigprocmask 14 135, rt_sigreturn 15 139, rt_sigpending 127 136, rt_sigsuspend 130 133,
rt_sigtimedwait 128 137, sigaltstack 131 132, restart_syscall 219 128, getpid 39 172, getppid 110 173, gettid
186 178, getuid 102 174, geteuid 107 175, getgid 104 176, getegid 108 177, getresuid 118 148, getresgid 120 150,
getgroups 115 158, getpgrp 111 -, getpgid 121 155, getsid 124 156, getpriority 140 141, getrlimit 97 163,
getrusage 98 165, getcpu 309 168, sched_getaffinity 204 123, sched_getscheduler 145 120, sched_getparam 143 121,
sched_get_priority_max 146 125, sched_get_priority_min 147 126, sysinfo 99 179, uname 63 160, umask 95 166,
getrandom 318 278, set_tid_address 218 96, set_robust_list 273 99, get_robust_list 274 100, rseq 334 293,
arch_prctl 158 -, exit 60 93, exit_group 231 94, wait4 61 260, waitid 247 95
"""
"""What a snippet may ask of the kernel: name, number on x86_64, number on aarch64. Reading files, its own memory, its
own pipes, its own clock; no other process, no socket, no lock, no shared memory, no limits, no mounts, and nothing that
a later kernel invents."""
_FCNTL, _OPERATIONS = (72, 25), (0, 1, 2, 3, 4, 1030, 1031, 1032)  # duplicates, flags, sizes of pipes; no owners, locks
_PRLIMIT = (302, 261)  # of itself alone: another process would lose its limits


def _filter_program() -> bytes:
    """A BPF program that refuses every system call that is not in the table."""
    arch, column = _MACHINES[platform.machine()]
    rows = [row.split() for row in _CALLS.replace("\n", " ").split(",")]
    allowed = [int(row[column]) for row in rows if row[column] != "-"]
    program = [(_LOAD, 0, 0, 4), (_EQUAL, 1, 0, arch), (_RETURN, 0, 0, _KILL)]
    program += _only_if(_FCNTL[column - 1], 24, _OPERATIONS)
    program += _only_if(_PRLIMIT[column - 1], 16, (0,))
    program += [(_LOAD, 0, 0, 0)]
    program += [(_EQUAL, len(allowed) - i, 0, number) for i, number in enumerate(allowed)]
    program += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def _only_if(call: int, argument: int, values: tuple[int, ...]) -> list[tuple[int, int, int, int]]:
    """Refuses `call` unless the argument at this place of seccomp_data has one of the values."""
    n = len(values)
    inner = [(_LOAD, 0, 0, argument)]
    inner += [(_EQUAL, n - i, 0, value) for i, value in enumerate(values)]
    inner += [(_RETURN, 0, 0, _REFUSE), (_RETURN, 0, 0, _ALLOW)]
    return [(_LOAD, 0, 0, 0), (_EQUAL, 0, len(inner), call), *inner]


def confinement(limits: Limits) -> Callable[[], None]:
    """What confines a process for good; made ready once, then called in each process after the fork.

    Args:
        limits: `seconds` of CPU time (held to the next full second) and bytes of `memory`.
    """
    seconds, program = int(limits["seconds"]) + 1, _filter_program()
    most = {
        resource.RLIMIT_CPU: seconds,
        resource.RLIMIT_AS: int(limits["memory"]),
        resource.RLIMIT_FSIZE: 0,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: 32,
        resource.RLIMIT_SIGPENDING: 64,
    }
    instructions = ctypes.create_string_buffer(program, len(program))
    described = ctypes.c_char_p(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(instructions)))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    zero, one, two = map(ctypes.c_ulong, range(3))

    def confine() -> None:
        for kind, limit in most.items():
            resource.setrlimit(kind, (limit, limit))
        assert instructions  # `described` points to them
        if prctl(38, one, zero, zero, zero) or prctl(22, two, described, zero, zero):
            raise OSError(ctypes.get_errno(), "seccomp is not available")

    return confine
