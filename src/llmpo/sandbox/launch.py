"""Starts the confined process, before anything untrusted is in it.

The process gets a scrubbed environment, no standard streams, a session of its own and
an interpreter without installed packages: only the standard library, numpy and the
modules of `llmpo.sandbox.child`.
"""

import os
import platform
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy._core._multiarray_umath import (  # type: ignore[import-not-found]
    __cpu_dispatch__,
    __cpu_features__,
)

from llmpo.errors import SandboxError
from llmpo.sandbox.child import wire

_FOLDER = Path(__file__).parent
_NUMPY_FOLDER = Path(np.__file__).parent
_PACKAGES = _NUMPY_FOLDER.parent

# numpy's folder of bundled libraries (OpenBLAS) in binary wheels; may be missing.
NUMPY_LIBRARIES = (str(_PACKAGES / "numpy.libs"),)

# `child` becomes a top-level package, so that llmpo itself is never imported. Both
# folders leave the path again before anything untrusted runs.
_BOOTSTRAP = """
import sys
sys.path += sys.argv[1:3]
from child import {module}
del sys.path[-2:]
{module}.main(*map(int, sys.argv[3:]))
"""

# Where the interpreter finds its own shared library and standard library on some
# clusters. Nothing else of our environment is passed on.
_TEMPLATE_SECONDS = 60.0
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME")


@dataclass(frozen=True)
class Child:
    """A started process and our ends of its pipes, all non-blocking.

    Attributes:
        pid: Id of the process, leader of its own session and a child of this one.
        incoming: Where its replies arrive.
        outgoing: Where requests go.
        errors: Its standard error until it is confined, to explain a failing start.
    """

    pid: int
    incoming: int
    outgoing: int
    errors: int


def start_child() -> Child:
    """Starts a process that waits for its set-up.

    Raises:
        SandboxError: The interpreter cannot be started, or this is no POSIX system.
    """
    if os.name != "posix":
        raise SandboxError(
            f"Starting the sandbox: {platform.system()} has no way to confine a "
            "process. Run llmpo in Docker or in WSL2."
        )
    child_in, outgoing = os.pipe()
    incoming, child_out = os.pipe()
    errors, child_errors = os.pipe()
    handles = (child_in, child_out, child_errors)
    try:
        if sys.platform == "linux":
            pid = _fork_template(handles)
        else:
            pid = _start("worker", handles[:2], child_errors)
    except BaseException:
        for handle in (incoming, outgoing, errors):
            os.close(handle)
        raise
    finally:
        for handle in handles:
            os.close(handle)
    for handle in (incoming, outgoing, errors):
        os.set_blocking(handle, False)
    return Child(pid, incoming, outgoing, errors)


class _Template(threading.local):
    """The template process of a thread; see `llmpo.sandbox.child.template`.

    One for each thread, because the kernel ends processes with the thread that
    started them, and one for each process, because they are made as its children.
    """

    owner = 0
    pid = 0
    connection: socket.socket | None = None


_template = _Template()


def template_pid() -> int:
    """Returns the id of the calling thread's template process, 0 if it has none."""
    return _template.pid if _template.owner == os.getpid() else 0


def _fork_template(handles: tuple[int, ...]) -> int:
    for _ in range(2):  # a template that was killed is replaced once
        if _template.owner != os.getpid() or _template.connection is None:
            _start_template()
        pid = _ask_template(handles)
        if pid > 0:
            return pid
        _template.connection = None
    raise SandboxError(
        "Starting the sandbox: no process could be made. The machine may be out of "
        "memory or of processes: use fewer threads."
    )


def _ask_template(handles: tuple[int, ...]) -> int:
    connection = _template.connection
    assert connection is not None
    try:
        socket.send_fds(connection, [b"x"], list(handles))
        answer = connection.recv(wire.PID.size)
    except OSError:
        return 0
    return int(wire.PID.unpack(answer)[0]) if len(answer) == wire.PID.size else 0


def _start_template() -> None:
    ours, theirs = socket.socketpair()
    with theirs:
        _template.pid = _start("template", (theirs.fileno(),), subprocess.DEVNULL)
    # Not the time limit of a program: this bounds only a start that went wrong.
    ours.settimeout(_TEMPLATE_SECONDS)
    _template.connection, _template.owner = ours, os.getpid()


def _start(module: str, handles: tuple[int, ...], errors: int) -> int:
    command = [
        sys.executable,
        *("-s", "-S", "-P"),  # no user packages, no site-packages, no script folder
        "-c",
        _BOOTSTRAP.format(module=module),
        str(_FOLDER),
        str(_PACKAGES),
        *map(str, handles),
        str(os.getpid()),
    ]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            pass_fds=handles,
            start_new_session=True,
            cwd="/",
            env=child_environment(),
        )
    except OSError as error:
        raise SandboxError(
            f"Starting the sandbox: {sys.executable} could not be started ({error})."
        ) from None
    process.returncode = 0  # it is waited for by its id
    return process.pid


def child_environment() -> dict[str, str]:
    """Returns the whole environment of a confined process; no secret is in it.

    The numeric settings make results repeat on other machines. Prompts hold rounded
    returns and are the keys of recorded answers; a simulator amplifies a difference in
    the last bit of an action until a rounded return differs. So numpy and OpenBLAS
    must not pick kernels by what the processor happens to offer.
    """
    environment = {
        name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ
    }
    environment |= {
        "LC_ALL": "C.UTF-8",
        "PYTHONUTF8": "1",
        "PYTHONHASHSEED": "0",  # sets of strings in one order everywhere
        # Landlock and seccomp bind one thread, so there must be no other.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }
    wide = [
        name
        for name in __cpu_dispatch__
        if name.startswith(("AVX512", "X86_V4", "SVE"))
    ]
    if wide:
        environment["NPY_DISABLE_CPU_FEATURES"] = " ".join(wide)
    machine = platform.machine()
    if machine in ("x86_64", "AMD64") and __cpu_features__.get("AVX2"):
        environment["OPENBLAS_CORETYPE"] = "Haswell"
    elif machine in ("aarch64", "arm64"):
        environment["OPENBLAS_CORETYPE"] = "ARMV8"
    return environment
