"""The template process: imports everything once, then makes one process per program.

Importing numpy costs a tenth of a second, which every candidate would pay. The template
never sees a program; each process it makes confines itself before it does. These have
the template's parent as their own, so the trusted side waits for them and the kernel
kills them with it, as if it had started them itself.
"""

import ctypes
import gc
import os
import platform
import signal
import socket

from . import lockdown, wire, worker

HANDLES = 3  # requests, replies, standard error

_CLONE_PARENT = 0x00008000
_SYS_CLONE = {"x86_64": 56, "aarch64": 220}


def main(connection: int, parent: int) -> None:
    """Makes processes until the trusted side closes the connection.

    Args:
        connection: Socket on which each message carries the three handles of a new
            process, and is answered with its id, or 0 if there can be none.
        parent: Process id of the trusted side.
    """
    lockdown.die_with_parent(parent)
    worker.import_common()
    gc.collect()
    gc.freeze()  # what all processes share is never written to
    requests = socket.socket(fileno=connection)
    while True:
        message, handles, _, _ = socket.recv_fds(requests, 1, HANDLES)
        if not message:
            os._exit(0)
        pid = _clone()
        if pid == 0:
            requests.close()
            os.setsid()
            incoming, outgoing, errors = handles
            os.dup2(errors, 2)
            os.close(errors)
            try:
                worker.main(incoming, outgoing, parent)
            finally:
                os._exit(1)
        for handle in handles:
            os.close(handle)
        requests.send(wire.PID.pack(max(0, pid)))


def _clone() -> int:
    """Forks, with this process's parent as the parent of the new one.

    Returns:
        The id of the new process; 0 in it; -1 if it cannot be made.
    """
    # Not CDLL: that would give up the interpreter's lock around the call, and only the
    # calling thread exists in the new process.
    libc = ctypes.PyDLL(None, use_errno=True)
    flags = _CLONE_PARENT | signal.SIGCHLD
    number = _SYS_CLONE[platform.machine()]
    return int(libc.syscall(number, flags, 0, 0, 0, 0))
