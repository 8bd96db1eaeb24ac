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
_DYING_SECONDS = 1.0


class ReplyTimeout(Exception):
    """No reply in time; the process is still running."""


class Channel:
    """Talks to one child.

    Attributes:
        elapsed: Seconds the last request waited for its reply.
        failure: Why the process is gone; None while it can be used.
        last_words: The last line of a process that ended before it was confined.
    """

    def __init__(self, child: Child, cpu_seconds: int) -> None:
        self.elapsed = 0.0
        self.failure: Failure | None = None
        self.last_words = ""
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
            status, reply = self._receive(op, sequence, deadline, largest)
        finally:
            self.elapsed = time.perf_counter() - start
        if status != wire.OK:
            raise ProgramFailed(program_failure(_STATUSES[status], reply))
        return reply

    @property
    def pid(self) -> int | None:
        """Id of the process; None once it is closed."""
        return self._child.pid if self._child else None

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
            os.kill(child.pid, signal.SIGKILL)  # it may not lead its group yet
            os.killpg(child.pid, signal.SIGKILL)
        _, status, usage = os.wait4(child.pid, 0)
        self.last_words = _last_line(child.errors)
        for handle in (child.incoming, child.outgoing, child.errors):
            os.close(handle)
        return os.waitstatus_to_exitcode(status), usage.ru_utime + usage.ru_stime

    def _send(self, frame: bytes, deadline: float) -> None:
        try:
            sent = os.write(self._outgoing, frame)
            while sent < len(frame):
                # A long frame fills the pipe; a hung program never empties it.
                writable = select.poll()
                writable.register(self._outgoing, select.POLLOUT)
                if not writable.poll(_milliseconds(deadline)):
                    raise ReplyTimeout
                sent += os.write(self._outgoing, memoryview(frame)[sent:])
        except BlockingIOError:  # requests nobody read fill the pipe
            raise ReplyTimeout from None
        except BrokenPipeError:
            raise self._ended() from None

    def _receive(
        self, op: int, sequence: int, deadline: float, largest: int
    ) -> tuple[int, bytes]:
        """Returns status and payload; memory stays bounded whatever is sent."""
        data = b""
        wanted = _HEADER_SIZE + largest
        while True:
            if not self._readable.poll(_milliseconds(deadline)):
                raise ReplyTimeout
            # One byte more than expected, to notice data nobody asked for.
            chunk = os.read(self._incoming, wanted - len(data) + 1)
            if not chunk:
                raise self._ended()
            data = data + chunk if data else chunk
            if len(data) < _HEADER_SIZE:
                continue
            answered, status, _, echoed, length = wire.HEADER.unpack_from(data)
            allowed = largest if status == wire.OK else wire.MAX_FAILURE
            wanted = _HEADER_SIZE + length
            if (
                answered != op
                or echoed != sequence
                or length > allowed
                or len(data) > wanted
                or (status != wire.OK and status not in _STATUSES)
            ):
                raise self._lose(Status.CRASH, "the program wrote to its own pipe")
            if len(data) == wanted:
                return status, data[_HEADER_SIZE:]

    def _ended(self) -> ProgramFailed:
        """Returns the failure of a process that closed its end of a pipe."""
        assert self._child is not None
        pid = self._child.pid
        deadline = time.perf_counter() + _DYING_SECONDS
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, pid, flags) is None:
            if time.perf_counter() > deadline:  # it lives on with a closed pipe
                return self._lose(Status.CRASH, "the program closed its own pipe")
            time.sleep(0.005)
        code, cpu = self.close()
        if code == -signal.SIGXCPU or (
            code == -signal.SIGKILL and cpu >= self._cpu_seconds
        ):
            return self._lose(
                Status.TIMEOUT,
                f"the program used more than {self._cpu_seconds} s of CPU time",
            )
        if code >= 0:
            how = f"ended with exit status {code}"
        else:
            how = f"was ended by {_signal_name(-code)}"
        return self._lose(Status.CRASH, f"the program's process {how}")

    def _lose(self, status: Status, message: str) -> ProgramFailed:
        self.close()
        self.failure = Failure(status, message)
        return ProgramFailed(self.failure)


def _last_line(handle: int) -> str:
    try:
        text = os.read(handle, 65536).decode("utf-8", "replace")
    except BlockingIOError:
        return ""
    return text.strip().rpartition("\n")[2]


def _milliseconds(deadline: float) -> int:
    return max(0, int((deadline - time.perf_counter()) * 1000) + 1)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
