"""The trusted end of the pipes: requests with time limits, distrustful of replies."""

import os
import select
import signal
import time
from contextlib import suppress

from llmpo.sandbox.child import wire
from llmpo.sandbox.launch import Child
from llmpo.sandbox.status import Failure, ProgramFailed, Status
from llmpo.sandbox.text import program_failure

_STATUSES = {
    wire.SYNTAX: Status.SYNTAX,
    wire.CONTRACT: Status.CONTRACT,
    wire.CRASH: Status.CRASH,
    wire.MEMORY: Status.MEMORY,
    wire.BAD_ACTION: Status.BAD_ACTION,
}
_HEADER_SIZE = wire.HEADER.size
_FORGED = "the program wrote to the pipe of its process"
_DYING_SECONDS = 1.0


class ReplyTimeout(Exception):
    """No reply in time; the process is still running."""


class Channel:
    """Talks to one child.

    Attributes:
        elapsed: Seconds the last request waited for its reply.
        failure: Why the process is gone; None while it can be used.
    """

    def __init__(self, child: Child, cpu_seconds: int) -> None:
        self.elapsed = 0.0
        self.failure: Failure | None = None
        self._child: Child | None = child
        self._incoming = child.incoming
        self._outgoing = child.outgoing
        self._cpu_seconds = cpu_seconds
        self._sequence = 0
        self._readable = select.poll()
        self._readable.register(child.incoming, select.POLLIN)

    def request(self, op: int, payload: bytes, seconds: float, largest: int) -> bytes:
        """Sends one request and returns the payload of its reply.

        Args:
            op: Operation code.
            payload: What to send.
            seconds: Time limit.
            largest: Largest payload the reply may have, and its likely size.

        Raises:
            ReplyTimeout: The time limit passed.
            ProgramFailed: The program failed, or its process died or misbehaved.
        """
        if self.failure is not None:
            raise ProgramFailed(self.failure)
        sequence = self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        frame = wire.HEADER.pack(op, wire.OK, 0, sequence, len(payload)) + payload
        start = time.perf_counter()
        deadline = start + seconds
        try:
            self._send(frame, deadline)
            reply = self._receive(deadline, largest)
        finally:
            self.elapsed = time.perf_counter() - start
        answered, status, _, echoed, length = wire.HEADER.unpack_from(reply)
        if (
            answered != op
            or echoed != sequence
            or length != len(reply) - _HEADER_SIZE
            or (status != wire.OK and status not in _STATUSES)
        ):
            raise self._lose(Status.CRASH, _FORGED)
        if status != wire.OK:
            failed = program_failure(_STATUSES[status], reply[_HEADER_SIZE:])
            raise ProgramFailed(failed)
        return reply[_HEADER_SIZE:]

    def close(self, failure: Failure | None = None) -> tuple[int, float]:
        """Kills the process and everything in its group.

        Args:
            failure: What later requests shall report.

        Returns:
            Exit code, negative for a signal, and CPU seconds used.
        """
        if self._child is None:
            return 0, 0.0
        child, self._child = self._child, None
        self.failure = failure or Failure(Status.CRASH, "the process was closed")
        # The process has not been waited for, so its id cannot belong to another.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(child.process.pid, 0)
        child.process.returncode = os.waitstatus_to_exitcode(status)
        for handle in (child.incoming, child.outgoing, child.errors):
            os.close(handle)
        return child.process.returncode, usage.ru_utime + usage.ru_stime

    def start_errors(self) -> str:
        """Returns the last line a process that never got confined wrote."""
        if self._child is None:
            return ""
        with suppress(BlockingIOError):
            text = os.read(self._child.errors, 65536).decode("utf-8", "replace")
            return text.strip().rpartition("\n")[2]
        return ""

    def _send(self, frame: bytes, deadline: float) -> None:
        try:
            if os.write(self._outgoing, frame) == len(frame):
                return
        except BlockingIOError:
            raise ReplyTimeout from None  # cannot be: the pipe was empty
        except BrokenPipeError:
            raise self._ended() from None
