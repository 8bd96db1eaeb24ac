"""Starts the confined process, before anything untrusted is in it.

The process gets a scrubbed environment, no standard streams, a session of its own and
an interpreter without installed packages: only the standard library, numpy and the
modules of `llmpo.sandbox.child`.
"""

import os
import platform
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy._core._multiarray_umath import (  # type: ignore[import-not-found]
    __cpu_dispatch__,
    __cpu_features__,
)

from llmpo.errors import SandboxError

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
from child import worker
del sys.path[-2:]
worker.main(*map(int, sys.argv[3:6]))
"""

# Where the interpreter finds its own shared library and standard library on some
# clusters. Nothing else of our environment is passed on.
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME")


@dataclass(frozen=True)
class Child:
    """A started process and our ends of its pipes, all non-blocking.

    Attributes:
        process: The process, leader of its own session.
        incoming: Where its replies arrive.
        outgoing: Where requests go.
        errors: Its standard error until it is confined, to explain a failing start.
    """

    process: "subprocess.Popen[bytes]"
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
    command = [
        sys.executable,
        *("-s", "-S", "-P"),  # no user packages, no site-packages, no script folder
        "-c",
        _BOOTSTRAP,
        str(_FOLDER),
        str(_PACKAGES),
        str(child_in),
        str(child_out),
        str(os.getpid()),
    ]
    errors, child_errors = os.pipe()
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=child_errors,
            pass_fds=(child_in, child_out),
            start_new_session=True,
            cwd="/",
            env=child_environment(),
        )
    except OSError as error:
        for handle in (incoming, outgoing, errors):
            os.close(handle)
        raise SandboxError(
            f"Starting the sandbox: {sys.executable} could not be started ({error})."
        ) from None
    finally:
        for handle in (child_in, child_out, child_errors):
            os.close(handle)
    for handle in (incoming, outgoing, errors):
        os.set_blocking(handle, False)
    return Child(process, incoming, outgoing, errors)


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
