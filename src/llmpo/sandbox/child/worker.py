"""Main loop of the confined process: confine, load, then answer requests.

Order matters. Libraries are imported first, because afterwards nothing outside them
can be read; then the process confines itself for good; only then does it see the
program's source.
"""

import json
import os
import sys
from typing import Any

import numpy as np

from . import lockdown, programs, wire
from .actions import BadAction, action_bytes
from .observations import ObservationFactory, trajectory

# Read before the lockdown so that the common imports of a policy cost it nothing. The
# rest of the standard library and of numpy stays importable.
_COMMON = (
    "abc bisect collections copy dataclasses enum functools heapq itertools json math "
    "operator random re string time typing numpy.fft numpy.linalg numpy.random"
)
_HEADER_SIZE = wire.HEADER.size


class Host:
    """Hosts one policy or feedback program."""

    def __init__(self, setup: dict[str, Any]) -> None:
        self.kind: str = setup["kind"]
        self.contract: dict[str, Any] = setup["contract"]
        layout = self.contract["observation"]
        width = sum(int(np.prod(shape, dtype=int)) for _, shape in layout["fields"])
        self.buffer = bytearray(_HEADER_SIZE + 8 * width)
        values = np.frombuffer(self.buffer, np.float64, width, _HEADER_SIZE)
        self.factory = ObservationFactory(layout, values)
        action = self.contract["action"]
        self._action_width = int(np.prod(action["shape"], dtype=int))  # 1 if discrete
        self.program: programs.Program | None = None
        self.hosted: Any = None
        self._class: type = object
        sys.meta_path.append(
            programs.ObservationAliases(
                lambda: self.factory.observation_class,
                layout["modules"],
                layout["module_source"],
            )
        )

    def load(self, source: str) -> None:
        """Compiles the program, runs its top level and finds its class."""
        name = self.contract["observation"]["class_name"]
        predefined = {name: self.factory.observation_class}
        self.program = programs.Program(source, self.kind, predefined)
        self._predefined = predefined
        programs.seed_generators(0)
        self._find_class()

    def begin_episode(self, seed: int) -> None:
        """Seeds the generators and, for lifetime `episode`, starts all over."""
        programs.seed_generators(seed)
        if self.contract["lifetime"] == "episode":
            self.hosted = None
            self.factory.renew()
            name = self.factory.observation_class.__name__
            self._predefined[name] = self.factory.observation_class
            self._find_class()

    def create(self) -> None:
        """Calls the constructor if there is no object yet."""
        if self.hosted is None:
            self.hosted = self._class()

    def act(self) -> bytes:
        """Returns the action for the observation in the buffer, as float64."""
        action = self.hosted.act(self.factory.build())
        return action_bytes(action, self._action_width)

    def summarize(self, payload: bytearray) -> bytes:
        """Returns the summary of one episode."""
        (steps,) = wire.STEPS.unpack_from(payload)
        data = np.frombuffer(payload, np.float64, offset=wire.STEPS.size)
        contract = self.contract
        episode = trajectory(
            self.factory, contract["action"], contract["records"], data, steps
        )
        summary = self.hosted.summarize_trajectory(episode)
        if not isinstance(summary, str):
            raise programs.BrokenContract(
                f"summarize_trajectory returned {type(summary).__name__}, expected str"
            )
        return summary.encode("utf-8", "replace")[: wire.MAX_SUMMARY]

    def _find_class(self) -> None:
        assert self.program is not None
        module = self.program.run()
        if self.kind == "policy":
            self._class = programs.find_policy_class(
                module, self.contract["class_name"]
            )
        else:
            self._class = programs.find_feedback_class(module)


_DOING = {
    wire.LOAD: "loading the program",
    wire.EPISODE: "loading the program",
    wire.CREATE: "the constructor",
    wire.ACT: "act",
    wire.SUMMARIZE: "summarize_trajectory",
}


class Pipes:
    """The two ends of the pipes this process holds."""

    def __init__(self, incoming: int, outgoing: int) -> None:
        self._incoming = incoming
        self._outgoing = outgoing

    def receive(self, buffer: bytearray | memoryview) -> int:
        """Reads into the buffer and returns the number of bytes."""
        count = os.readv(self._incoming, [buffer])
        if count == 0:  # the trusted side is gone
            os._exit(0)
        return count

    def receive_rest(self, start: bytes | bytearray, size: int) -> bytearray:
        """Returns `size` bytes, of which the given ones were already read."""
        payload = bytearray(size)
        done = len(start)
        payload[:done] = start
        view = memoryview(payload)
        while done < size:
            done += self.receive(view[done:])
        return payload

    def reply(self, op: int, status: int, sequence: int, payload: bytes) -> None:
        """Sends one reply."""
        frame = wire.HEADER.pack(op, status, 0, sequence, len(payload)) + payload
        sent = os.write(self._outgoing, frame)
        while sent < len(frame):
            sent += os.write(self._outgoing, frame[sent:])


def serve(pipes: Pipes, host: Host) -> None:
    """Answers requests until the trusted side closes the pipe."""
    buffer = host.buffer
    receive, reply, act = pipes.receive, pipes.reply, host.act
    unpack = wire.HEADER.unpack_from
    act_size = len(buffer)
    while True:
        count = receive(buffer)
        if count < _HEADER_SIZE:
            buffer[:_HEADER_SIZE] = pipes.receive_rest(buffer[:count], _HEADER_SIZE)
            count = _HEADER_SIZE
        op, _, _, sequence, length = unpack(buffer)
        try:
            if op == wire.ACT and count == act_size:
                answer = act()
            else:
                start = buffer[_HEADER_SIZE:count]
                answer = _handle(host, op, pipes.receive_rest(start, length))
        except BaseException as error:  # whatever a program raises is its outcome
            status, message, trace = _describe(host, op, error)
            reply(op, status, sequence, wire.failure_payload(message, trace))
        else:
            reply(op, wire.OK, sequence, answer)


def _handle(host: Host, op: int, payload: bytearray) -> bytes:
    if op == wire.LOAD:
        host.load(payload.decode("utf-8"))
    elif op == wire.EPISODE:
        host.begin_episode(wire.SEED.unpack(payload)[0])
    elif op == wire.CREATE:
        host.create()
    elif op == wire.ACT:  # an observation that arrived in pieces
        host.buffer[_HEADER_SIZE:] = payload
        return host.act()
    elif op == wire.SUMMARIZE:
        return host.summarize(payload)
    return b""


def _describe(host: Host, op: int, error: BaseException) -> tuple[int, str, str]:
    try:
        if isinstance(error, BadAction):
            return wire.BAD_ACTION, str(error), ""
        if op == wire.LOAD and host.program is None and isinstance(error, SyntaxError):
            return programs.describe_syntax(error, f"<{host.kind}>")
        return programs.describe(error, host.program, _DOING.get(op, "the program"))
    except MemoryError:
        return wire.MEMORY, f"{_DOING.get(op, 'the program')} ran out of memory", ""


def main(incoming: int, outgoing: int, parent: int) -> None:
    """Runs the confined process.

    Args:
        incoming: File descriptor requests are read from.
        outgoing: File descriptor replies are written to.
        parent: Process id of the trusted side.
    """
    lockdown.die_with_parent(parent)
    pipes = Pipes(incoming, outgoing)
    header = pipes.receive_rest(b"", _HEADER_SIZE)
    op, _, _, sequence, length = wire.HEADER.unpack(header)
    setup = json.loads(pipes.receive_rest(b"", length))
    import_common()
    sys.dont_write_bytecode = True
    programs.replace_entropy()
    host = Host(setup)
    close_standard_error()
    missing = ""
    layers = ["process"]
    try:
        confine(setup, parent, layers)
    except lockdown.Unconfined as reason:
        missing = str(reason)
    answer = json.dumps({"layers": layers, "missing": missing}).encode()
    pipes.reply(op, wire.OK, sequence, answer)
    if not missing:
        serve(pipes, host)


def import_common() -> None:
    """Imports what policies commonly import."""
    for name in _COMMON.split():
        __import__(name)


def close_standard_error() -> None:
    """Ends the only stream on which a failing start can be explained."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    os.close(null)


def confine(setup: dict[str, Any], parent: int, layers: list[str]) -> None:
    """Confines this process and appends the names of the active layers.

    Raises:
        lockdown.Unconfined: A core layer is missing.
    """
    unsafe = setup["unsafe"]
    namespaces = not unsafe and lockdown.enter_namespaces()
    lockdown.die_with_parent(parent)  # a change of credentials cancels it
    readable = [*lockdown.library_paths(np.__path__), *setup["numpy_libraries"]]
    lockdown.limit_resources(setup["cpu_seconds"], setup["memory_bytes"])
    layers.append("rlimits")
    if unsafe:
        layers.append("UNSAFE")
        return
    layers += lockdown.confine(readable)
    if namespaces:
        layers.append("namespaces")
