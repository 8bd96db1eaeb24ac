"""seccomp: an allow-list of system calls, as a hand-assembled BPF program.

What a numpy program in one process needs is allowed: memory, reading files it may
open, its two pipes, clocks and exit. Everything else fails with EPERM, among it fork,
exec, sockets, signals to others, other processes' memory, ioctl and fcntl (whose
F_SETOWN sends signals), and limits. clone3 gives ENOSYS, so that the C library
falls back to clone and fails cleanly. A call through a foreign architecture's table
kills the process, because its numbers mean other calls.
"""

import ctypes
import errno
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass

_PR_SET_SECCOMP = 22
_MODE_FILTER = 2

_LOAD_WORD = 0x20  # BPF_LD | BPF_W | BPF_ABS
_JUMP_IF_EQUAL = 0x15  # BPF_JMP | BPF_JEQ | BPF_K
_RETURN = 0x06  # BPF_RET | BPF_K
_NUMBER_OFFSET = 0  # of seccomp_data.nr
_ARCHITECTURE_OFFSET = 4  # of seccomp_data.arch

ALLOW = 0x7FFF0000
KILL = 0x80000000
ERRNO = 0x00050000

CLONE3 = 435  # on both architectures


@dataclass(frozen=True)
class Architecture:
    """System call numbers of one architecture.

    Attributes:
        audit: The kernel's identifier of the architecture.
        calls: Number of each allowed call, the frequent ones first.
    """

    audit: int
    calls: dict[str, int]


ARCHITECTURES = {
    "x86_64": Architecture(
        0xC000003E,
        {
            "write": 1,
            "readv": 19,
            "read": 0,
            "mmap": 9,
            "munmap": 11,
            "mremap": 25,
            "madvise": 28,
            "brk": 12,
            "mprotect": 10,
            "futex": 202,
            "clock_gettime": 228,
            "gettimeofday": 96,
            "time": 201,
            "getrandom": 318,
            "open": 2,
            "openat": 257,
            "close": 3,
            "stat": 4,
            "fstat": 5,
            "lstat": 6,
            "newfstatat": 262,
            "statx": 332,
            "lseek": 8,
            "pread64": 17,
            "writev": 20,
            "access": 21,
            "faccessat": 269,
            "faccessat2": 439,
            "getdents64": 217,
            "getcwd": 79,
            "rt_sigaction": 13,
            "rt_sigprocmask": 14,
            "rt_sigreturn": 15,
            "sigaltstack": 131,
            "restart_syscall": 219,
            "sched_yield": 24,
            "sched_getaffinity": 204,
            "getcpu": 309,
            "membarrier": 324,
            "rseq": 334,
            "set_robust_list": 273,
            "nanosleep": 35,
            "clock_nanosleep": 230,
            "clock_getres": 229,
            "getrusage": 98,
            "times": 100,
            "getpid": 39,
            "gettid": 186,
            "exit": 60,
            "exit_group": 231,
        },
    ),
    "aarch64": Architecture(
        0xC00000B7,
        {
            "write": 64,
            "readv": 65,
            "read": 63,
            "mmap": 222,
            "munmap": 215,
            "mremap": 216,
            "madvise": 233,
            "brk": 214,
            "mprotect": 226,
            "futex": 98,
            "clock_gettime": 113,
            "gettimeofday": 169,
            "getrandom": 278,
            "openat": 56,
            "close": 57,
            "fstat": 80,
            "newfstatat": 79,
            "statx": 291,
            "lseek": 62,
            "pread64": 67,
            "writev": 66,
            "faccessat": 48,
            "faccessat2": 439,
            "getdents64": 61,
            "getcwd": 17,
            "rt_sigaction": 134,
            "rt_sigprocmask": 135,
            "rt_sigreturn": 139,
            "sigaltstack": 132,
            "restart_syscall": 128,
            "sched_yield": 124,
            "sched_getaffinity": 123,
            "getcpu": 168,
            "membarrier": 283,
            "rseq": 293,
            "set_robust_list": 99,
            "nanosleep": 101,
            "clock_nanosleep": 115,
            "clock_getres": 114,
            "getrusage": 165,
            "times": 153,
            "getpid": 172,
            "gettid": 178,
            "exit": 93,
            "exit_group": 94,
        },
    ),
}


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_void_p))


def assemble(architecture: Architecture) -> bytes:
    """Returns the BPF program of an architecture's allow-list."""
    numbers: Sequence[int] = tuple(architecture.calls.values())
    last = len(numbers) + 5  # index of the first of the four return instructions
    code = [
        (_LOAD_WORD, 0, 0, _ARCHITECTURE_OFFSET),
        (_JUMP_IF_EQUAL, 1, 0, architecture.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD_WORD, 0, 0, _NUMBER_OFFSET),
    ]
    # Jumps count from the next instruction.
    for number in numbers:
        code.append((_JUMP_IF_EQUAL, last + 2 - len(code) - 1, 0, number))
    code.append((_JUMP_IF_EQUAL, last + 1 - len(code) - 1, 0, CLONE3))
    code.append((_RETURN, 0, 0, ERRNO | errno.EPERM))
    code.append((_RETURN, 0, 0, ERRNO | errno.ENOSYS))
    code.append((_RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in code)


def restrict(machine: str) -> None:
    """Confines the calling thread for good; no_new_privs must be set.

    Raises:
        OSError: There is no table for this machine, or the kernel refused.
    """
    if machine not in ARCHITECTURES:
        raise OSError(errno.ENOSYS, f"seccomp: no table for {machine}")
    code = assemble(ARCHITECTURES[machine])
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(code) // 8, ctypes.addressof(buffer))
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"seccomp: {os.strerror(number)}")
