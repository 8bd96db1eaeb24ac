"""Keeps the harness and a confined process on one processor while they take turns.

The two never run at the same time, so a second processor gains nothing; but each turn
would wake it from idle, which costs tens of microseconds, several times the exchange
itself, on virtual machines above all. Measure it with `bench_evaluation.py`.
"""

import ctypes
import os


class SharedProcessor:
    """Binds the calling thread and one process to the processor they are on.

    Where the system has no such calls, or refuses them, nothing happens: this changes
    speed only.
    """

    def __init__(self) -> None:
        self._before: set[int] | None = None
        self._pid = 0

    def join(self, pid: int) -> None:
        """Binds both to the processor on which the calling thread is running."""
        try:
            allowed = os.sched_getaffinity(0)
            if len(allowed) == 1:
                return
            here = ctypes.CDLL(None).sched_getcpu()
            if here not in allowed:
                return
            os.sched_setaffinity(pid, {here})
            os.sched_setaffinity(0, {here})
        except (AttributeError, OSError):
            return
        self._before, self._pid = allowed, pid

    def leave(self) -> None:
        """Frees both again, so that the scheduler can balance the load."""
        if self._before is None:
            return
        before, self._before = self._before, None
        for pid in (0, self._pid):
            try:
                os.sched_setaffinity(pid, before)
            except OSError:  # the process has ended
                continue
