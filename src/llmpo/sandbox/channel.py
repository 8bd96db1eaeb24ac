"""The trusted end of the pipes: requests with time limits, distrustful of replies."""

import os
import re
import select
import signal
import time
from contextlib import suppress

from llmpo.sandbox.child import wire
from llmpo.sandbox.launch import Child
from llmpo.sandbox.status import Failure, ProgramFailed, Status

_STATUSES = {
    wire.SYNTAX: Status.SYNTAX,
    wire.CONTRACT: Status.CONTRACT,
    wire.CRASH: Status.CRASH,
    wire.MEMORY: Status.MEMORY,
    wire.BAD_ACTION: Status.BAD_ACTION,
}
_HEADER_SIZE = wire.HEADER.size
_MAX_MESSAGE = 500
_MAX_TRACEBACK = 4000
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]+")
_PATH = re.compile(r"(?<![\w./<])(?:/[\w.+@-]+){2,}")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


class ReplyTimeout(Exception):
    """No reply in time; the process is still running."""


class Channel:
    """Talks to one child.

    Attributes:
        waited: Seconds spent waiting for replies so far.
        failure: Why the process is gone; None while it can be used.
    """

    def __init__(self, child: Child, cpu_seconds: int) -> None:
        self.waited = 0.0
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
            largest: Largest payload a reply may have, and the likely size.

        Raises:
            ReplyTimeout: The time limit passed.
            ProgramFailed: The program failed, or its process died or misbehaved.
        """
        if self.failure is not None:
            raise ProgramFailed(self.failure)
        start = time.perf_counter()
        sequence = self._sequence = (self._sequence + 1) & 0xFFFFFFFF
        header = wire.HEADER.pack(op, wire.OK, 0, sequence, len(payload))
        try:
            self._send(header + payload, start + seconds)
            data = self._receive(start + seconds, largest)
        finally:
            self.waited += time.perf_counter() - start
        answered, status, _, echoed, length = wire.HEADER.unpack_from(data)
        if (
            answered != op
            or echoed != sequence
            or length != len(data) - _HEADER_SIZE
            or (status != wire.OK and status not in _STATUSES)
        ):
            raise self._lost(
                Status.CRASH, "the program wrote to the pipe of its process"
            )
        if status != wire.OK:
            raise ProgramFailed(_failure(_STATUSES[status], data[_HEADER_SIZE:]))
        return data[_HEADER_SIZE:]

    def close(self, failure: Failure | None = None) -> float:
        """Kills the process and everything in its group.

        Args:
            failure: What later requests shall report.

        Returns:
            CPU seconds the process used.
        """
        if self._child is None:
            return 0.0
        process, self._child = self._child.process, None
        self.failure = failure or Failure(Status.CRASH, "the process was closed")
        # The process has not been waited for, so its id cannot belong to another.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        os.close(self._incoming)
        os.close(self._outgoing)
        return usage.ru_utime + usage.ru_stime

    def _send(self, frame: bytes, deadline: float) -> None:
        rest = memoryview(frame)
        try:
            while True:
                try:
                    rest = rest[os.write(self._outgoing, rest) :]
                except BlockingIOError:
                    pass
                if not rest:
                    return
                # A long frame fills the pipe; a hung program never empties it.
                writable = select.poll()
                writable.register(self._outgoing, select.POLLOUT)
                if not writable.poll(_milliseconds(deadline)):
                    raise ReplyTimeout
        except BrokenPipeError:
            raise self._ended() from None

    def _receive(self, deadline: float, largest: int) -> bytes:
        """Returns one whole frame; memory stays bounded whatever is sent."""
        data = b""
        wanted = _HEADER_SIZE + largest
        while True:
            if not self._readable.poll(_milliseconds(deadline)):
                raise ReplyTimeout
            # One byte more than expected, to notice data nobody asked for.
            chunk = os.read(self._incoming, wanted - len(data) + 1)
            if not chunk:
                raise self._ended()
            data += chunk
            if len(data) < _HEADER_SIZE:
                continue
            _, status, _, _, length = wire.HEADER.unpack_from(data)
            allowed = largest if status == wire.OK else max(largest, wire.MAX_FAILURE)
            if length > allowed:
                raise self._lost(
                    Status.CRASH, "the program wrote to the pipe of its process"
                )
            wanted = _HEADER_SIZE + length
            if len(data) >= wanted:
                return data

    def _ended(self) -> ProgramFailed:
        """Returns the failure of a process that closed its pipe."""
        child = self._child
        assert child is not None
        # Usually it is dead; a program that only closed the pipe gets killed.
        with suppress(ChildProcessError):
            for _ in range(100):
                if os.waitid(os.P_PID, child.process.pid, _WAIT_FLAGS) is not None:
                    break
                time.sleep(0.01)
            else:
                return self._lost(Status.CRASH, "the program closed its pipe")
        cpu = self.close()
        code = child.process.returncode
        if code == -signal.SIGXCPU or (
            code == -signal.SIGKILL and cpu >= self._cpu_seconds
        ):
            return self._lost(
                Status.TIMEOUT, f"the program used more than {self._cpu_seconds} s CPU"
            )
        if code >= 0:
            return self._lost(
                Status.CRASH, f"the program's process ended with exit status {code}"
            )
        return self._lost(
            Status.CRASH, f"the program's process was ended by {_signal_name(-code)}"
        )

    def _lost(self, status: Status, message: str) -> ProgramFailed:
        failure = Failure(status, message)
        self.close(failure)
        self.failure = failure
        return ProgramFailed(failure)


_WAIT_FLAGS = (
    getattr(os, "WEXITED", 0) | getattr(os, "WNOHANG", 0) | getattr(os, "WNOWAIT", 0)
)


def clean_text(text: str, longest: int) -> str:
    """Returns text from a program without what differs between machines.

    Memory addresses, paths and control characters go; the rest is cut to `longest`
    characters, keeping the end, where an error's last frames are.
    """
    text = _CONTROL.sub("", text)
    text = _ADDRESS.sub("0x…", text)
    text = _PATH.sub("<path>", text)
    return text if len(text) <= longest else f"…{text[1 - longest :]}"


def _failure(status: Status, payload: bytes) -> Failure:
    message, _, trace = payload.decode("utf-8", "replace").partition("\0")
    message = " ".join(clean_text(message, 4 * _MAX_MESSAGE).split())
    if len(message) > _MAX_MESSAGE:
        message = f"{message[: _MAX_MESSAGE - 1]}…"
    return Failure(status, message, clean_text(trace, _MAX_TRACEBACK))


def _milliseconds(deadline: float) -> int:
    return max(0, int((deadline - time.perf_counter()) * 1000) + 1)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
