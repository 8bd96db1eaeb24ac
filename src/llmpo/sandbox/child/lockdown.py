"""Confines the calling process, in the one order that works.

Namespaces (where the kernel lets us), limits, no_new_privs, Landlock, seccomp. All of
it is irreversible and inherited. Landlock and seccomp bind the calling thread only, so
a process with a second thread is refused.
"""

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Iterable, Iterator

from . import landlock, seccomp

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUTS = 0x04000000
_CLONE_NEWIPC = 0x08000000
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_CAPABILITY_VERSION_3 = 0x20080522
_DAC_READ_SEARCH = 1 << 2
_FOREIGN_PACKAGES = {"site-packages", "dist-packages"}
_OPEN_FILES = 32


class Unconfined(Exception):
    """A core layer is missing; the message says which and why."""


def die_with_parent(parent: int) -> None:
    """Has the kernel kill this process when the thread that started it ends."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the request took effect
        os._exit(1)


def limit_resources(cpu_seconds: int, memory_bytes: int) -> None:
    """Sets the resource limits.

    Memory is limited to what is mapped now (numpy alone maps about 100 MB of address
    space) plus the budget. No file may grow and no process be added.
    """
    limits = {
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_NPROC: (0, 0),
        resource.RLIMIT_FSIZE: (0, 0),
        resource.RLIMIT_NOFILE: (_OPEN_FILES, _OPEN_FILES),
        resource.RLIMIT_CORE: (0, 0),
        resource.RLIMIT_MEMLOCK: (0, 0),
    }
    if sys.platform == "linux":
        memory = _mapped_bytes() + memory_bytes
        limits[resource.RLIMIT_AS] = (memory, memory)
        limits[resource.RLIMIT_MSGQUEUE] = (0, 0)
    for kind, (soft, hard) in limits.items():
        ceiling = resource.getrlimit(kind)[1]
        if ceiling != resource.RLIM_INFINITY:
            soft, hard = min(soft, ceiling), min(hard, ceiling)
        resource.setrlimit(kind, (soft, hard))


def confine(readable: Iterable[str]) -> list[str]:
    """Applies all layers but the limits.

    Args:
        readable: Files and folders that stay readable.

    Returns:
        Names of the active layers.

    Raises:
        Unconfined: A core layer is missing.
    """
    if sys.platform != "linux":
        raise Unconfined(f"{sys.platform} has neither Landlock nor seccomp")
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise Unconfined(f"the process has {threads} threads where it must have one")
    version = landlock.abi()
    if version < 1:
        raise Unconfined("the kernel offers no Landlock (Linux 5.13 or newer has it)")
    try:
        _gain_no_privileges()
        landlock.restrict(readable, version)
        seccomp.restrict(os.uname().machine)
    except OSError as error:
        raise Unconfined(f"{error.strerror} (error {error.errno})") from None
    return ["no_new_privs", f"landlock-abi{version}", "seccomp"]


def enter_namespaces() -> bool:
    """Moves into empty network, IPC and host-name namespaces, where that is allowed.

    No layer depends on it: many distributions and containers refuse it. Root does
    without a user namespace, in which it could no longer read other users' files.
    """
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    flags = _CLONE_NEWNET | _CLONE_NEWIPC | _CLONE_NEWUTS
    return any(libc.unshare(chosen) == 0 for chosen in (flags, flags | _CLONE_NEWUSER))


def library_paths(numpy_folders: Iterable[str]) -> Iterator[str]:
    """Yields what a policy may read: the standard library and numpy, nothing else.

    The standard library's folder may hold all installed packages, simulators among
    them, so its entries are named one by one.
    """
    for folder in sys.path:
        if os.path.isdir(folder):
            for entry in sorted(os.listdir(folder)):
                if entry not in _FOREIGN_PACKAGES:
                    yield os.path.join(folder, entry)
        else:  # the standard library as a zip file
            yield folder
    yield from numpy_folders


def _gain_no_privileges() -> None:
    """Sets no_new_privs and drops root's capabilities.

    Only reading files of other users is kept: the interpreter may belong to somebody
    else, and Landlock decides what is readable anyway.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"no_new_privs: {os.strerror(number)}")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    held = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; low, high word
    if libc.capget(header, held) == 0:
        kept = held[1] & _DAC_READ_SEARCH
        libc.capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0))


def _mapped_bytes() -> int:
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
