"""Landlock: the process can read a few folders and reach nothing else by path.

Landlock needs no privileges. Its system calls have the same numbers on x86-64 and
arm64. The kernel tells its ABI version, and the rights asked for are masked by it:
version 1 (Linux 5.13) covers files, 4 (6.7) TCP, 6 (6.12) signals and abstract Unix
sockets. seccomp refuses the same things, so a low version is no hole.
"""

import ctypes
import os
import stat
from collections.abc import Iterable

_CREATE_RULESET = 444
_ADD_RULE = 445
_RESTRICT_SELF = 446

_READ_FILE = 1 << 2
_READ_DIR = 1 << 3
_PATH_BENEATH = 1


class _RulesetAttributes(ctypes.Structure):
    _fields_ = (
        ("handled_access_fs", ctypes.c_uint64),
        ("handled_access_net", ctypes.c_uint64),
        ("scoped", ctypes.c_uint64),
    )


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (
        ("allowed_access", ctypes.c_uint64),
        ("parent_fd", ctypes.c_int32),
    )


def abi() -> int:
    """Returns the Landlock version of the running kernel; 0 without Landlock."""
    if os.uname().sysname != "Linux":
        return 0
    libc = ctypes.CDLL(None, use_errno=True)
    return max(0, int(libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def restrict(readable: Iterable[str], version: int) -> None:
    """Confines the calling thread for good.

    Args:
        readable: Files and folders (with everything in them) that stay readable.
        version: The kernel's Landlock version, at least 1.

    Raises:
        OSError: The kernel refused.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    attributes = _ruleset(version)
    size = 8 if version < 4 else 16 if version < 6 else 24
    ruleset = _checked(
        libc.syscall(
            _CREATE_RULESET, ctypes.byref(attributes), ctypes.c_size_t(size), 0
        )
    )
    try:
        for path in readable:
            _allow_reading(libc, ruleset, path)
        _checked(libc.syscall(_RESTRICT_SELF, ruleset, 0))
    finally:
        os.close(ruleset)


def _ruleset(version: int) -> _RulesetAttributes:
    """Returns everything this version can forbid; what is not allowed is forbidden."""
    files = (1 << 13) - 1
    files |= (1 << 13) if version >= 2 else 0  # rename and link across folders
    files |= (1 << 14) if version >= 3 else 0  # truncate
    files |= (1 << 15) if version >= 5 else 0  # ioctl on devices
    network = 0b11 if version >= 4 else 0  # TCP bind and connect
    scoped = 0b11 if version >= 6 else 0  # abstract Unix sockets and signals
    return _RulesetAttributes(files, network, scoped)


def _allow_reading(libc: ctypes.CDLL, ruleset: int, path: str) -> None:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        rights = _READ_FILE
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            rights |= _READ_DIR
        rule = _PathBeneath(rights, handle)
        _checked(libc.syscall(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(rule), 0))
    finally:
        os.close(handle)


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"Landlock: {os.strerror(number)}")
    return result
