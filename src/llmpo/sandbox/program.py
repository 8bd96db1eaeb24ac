"""A confined process that hosts one generated program: start, limits, end.

Time limits count only the time spent waiting for the program, so neither a slow
simulator nor the start of the process is charged to it.
"""

import json
import math
from types import TracebackType
from typing import Any, Literal, Self

from llmpo.errors import SandboxError
from llmpo.sandbox.channel import Channel, ReplyTimeout
from llmpo.sandbox.child import wire
from llmpo.sandbox.launch import NUMPY_LIBRARIES, start_child
from llmpo.sandbox.status import Failure, Limits, ProgramFailed, Status

_LONGEST_SETUP_REPLY = 4096
_REMEDY = (
    "Nothing was run. Use Linux 5.13 or newer on x86-64 or arm64 with Landlock and "
    "seccomp switched on; on other systems Docker or WSL2 with such a kernel (a "
    "container's own seccomp profile must allow both). Or pass --unsafe-no-sandbox to "
    "run generated code with your own rights, which every result then records."
)


class ProgramProcess:
    """What policy and feedback processes share; a context manager.

    It must be used from the thread that entered it: the kernel kills the process when
    that thread ends.

    Attributes:
        layers: Names of the active layers of confinement; empty before the start.
    """

    def __init__(
        self,
        source: str,
        kind: Literal["policy", "feedback"],
        contract: dict[str, Any],
        limits: Limits,
        unsafe: bool,
    ) -> None:
        self.layers: tuple[str, ...] = ()
        self._source = source.encode("utf-8", "replace")
        self._kind = kind
        self._contract = contract
        self._limits = limits
        self._unsafe = unsafe
        self._channel: Channel | None = None
        self._candidate_left = limits.candidate
        self._episode_left = limits.episode

    def __enter__(self) -> Self:
        """Starts and confines the process and loads the program.

        Raises:
            SandboxError: This machine cannot confine it.
            ProgramFailed: The program does not compile, lacks its class, or its top
                level fails.
        """
        try:
            self._start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Kills the whole process group; harmless when repeated."""
        if self._channel is not None:
            self._channel.close()
            self._channel = None

    def _start(self) -> None:
        limits = self._limits
        cpu_seconds = math.ceil(limits.cpu)
        setup = {
            "kind": self._kind,
            "contract": self._contract,
            "cpu_seconds": cpu_seconds,
            "memory_bytes": limits.memory_mb * 2**20,
            "numpy_libraries": NUMPY_LIBRARIES,
            "unsafe": self._unsafe,
        }
        request = json.dumps(setup).encode()
        channel = self._channel = Channel(start_child(), cpu_seconds)
        try:
            answer = channel.request(
                wire.SETUP, request, limits.load, _LONGEST_SETUP_REPLY
            )
        except ReplyTimeout:
            raise SandboxError(
                "Starting the sandbox: the confined process gave no answer within "
                f"{limits.load:g} s. The machine may be overloaded: use fewer threads."
            ) from None
        except ProgramFailed as failed:
            found = channel.last_words or failed.failure.message
            raise SandboxError(
                f"Starting the sandbox: the confined process did not come up: {found}. "
                "Check that this user can read the interpreter, its standard library "
                "and numpy."
            ) from None
        reply = json.loads(answer)
        if reply["missing"]:
            raise SandboxError(
                "Starting the sandbox: this machine cannot confine generated code: "
                f"{reply['missing']}. {_REMEDY}"
            )
        self.layers = tuple(reply["layers"])
        self._episode_left = limits.episode
        self._ask(wire.LOAD, self._source, limits.load, "loading the program")

    def _begin_episode(self, seed: int) -> None:
        limits = self._limits
        self._episode_left = limits.episode
        payload = wire.SEED.pack(seed)
        self._ask(wire.EPISODE, payload, limits.load, "loading the program")
        self._ask(wire.CREATE, b"", limits.act, "the constructor")

    def _ask(
        self, op: int, payload: bytes, limit: float, doing: str, largest: int = 0
    ) -> bytes:
        """Sends a request under all three wall-clock limits.

        Args:
            op: Operation code.
            payload: What to send.
            limit: Time limit of this request alone.
            doing: What the program does, for the message.
            largest: Largest payload of the reply.
        """
        channel = self._channel
        if channel is None:
            raise RuntimeError("enter the process with `with` before using it")
        allowed = min(limit, self._episode_left, self._candidate_left)
        try:
            return channel.request(op, payload, allowed, largest)
        except ReplyTimeout:
            failure = Failure(Status.TIMEOUT, self._overrun(limit, allowed, doing))
            channel.close(failure)
            raise ProgramFailed(failure) from None
        finally:
            self._episode_left -= channel.elapsed
            self._candidate_left -= channel.elapsed

    def _overrun(self, limit: float, allowed: float, doing: str) -> str:
        limits = self._limits
        if allowed == limit:
            return f"{doing} took longer than {limit:g} s"
        if allowed == self._candidate_left:
            return f"the program took longer than {limits.candidate:g} s in total"
        return f"the program took longer than {limits.episode:g} s in one episode"
