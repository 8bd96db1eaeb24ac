"""Confined processes that host one generated program each.

    with PolicyProcess(source, contract) as policy:
        policy.begin_episode(seed)
        action = policy.act(observation)

Time limits count only the time spent waiting for the program, so a slow simulator is
not charged to it. A process must be used from the thread that entered it: the kernel
kills it when that thread ends.
"""

import json
import math
from dataclasses import asdict
from types import TracebackType
from typing import Any, Literal, Self

import numpy as np

from llmpo.errors import SandboxError
from llmpo.sandbox.actions import action_checker
from llmpo.sandbox.channel import Channel, ReplyTimeout, clean_text
from llmpo.sandbox.child import wire
from llmpo.sandbox.contract import (
    ActionLayout,
    FloatArray,
    ObservationLayout,
    PolicyContract,
    Trajectory,
)
from llmpo.sandbox.launch import NUMPY_LIBRARIES, start_child
from llmpo.sandbox.status import Failure, Limits, ProgramFailed, Status

_NOT_STARTED = "The process must be entered with `with` before it is used."
_MAX_SUMMARY = 2000  # characters; it goes into every later prompt
_MAX_SETUP = 4096


class _ProgramProcess:
    """What policy and feedback processes share.

    Attributes:
        layers: Names of the active layers of confinement.
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
        self._source = source
        self._kind = kind
        self._contract = contract
        self._limits = limits
        self._unsafe = unsafe
        self._channel: Channel | None = None
        self._setup_seconds = 0.0
        self._episode_start = 0.0

    def __enter__(self) -> Self:
        """Starts and confines the process and loads the program.

        Raises:
            SandboxError: This machine cannot confine it.
            ProgramFailed: The program does not compile, lacks its class, or its top
                level fails.
        """
        try:
            self._start()
            self._episode_start = self._setup_seconds
            source = self._source.encode("utf-8", "replace")
            self._ask(wire.LOAD, source, self._limits.load, "loading the program")
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
        channel = self._channel = Channel(start_child(), cpu_seconds)
        try:
            reply = channel.request(
                wire.SETUP, json.dumps(setup).encode(), limits.load, _MAX_SETUP
            )
        except (ProgramFailed, ReplyTimeout) as error:
            raise SandboxError(
                "Starting the sandbox: the confined process did not come up "
                f"({_reason(error, limits)}). Check that the interpreter and numpy can "
                "be read by this user and that the machine is not overloaded."
            ) from None
        self.layers = tuple(json.loads(reply))
        self._setup_seconds = channel.waited

    def _ask(
        self, op: int, payload: bytes, limit: float, doing: str, largest: int = 0
    ) -> bytes:
        """Sends a request under all three wall-clock limits."""
        channel = self._channel
        if channel is None:
            raise RuntimeError(_NOT_STARTED)
        limits = self._limits
        episode = limits.episode - (channel.waited - self._episode_start)
        candidate = limits.candidate - (channel.waited - self._setup_seconds)
        allowed = min(limit, episode, candidate)
        try:
            return channel.request(op, payload, allowed, largest)
        except ReplyTimeout:
            if limit == allowed:
                message = f"{doing} took longer than {limit:g} s"
            elif episode == allowed:
                message = (
                    "the program's calls in one episode took longer than "
                    f"{limits.episode:g} s"
                )
            else:
                message = f"the program took longer than {limits.candidate:g} s"
            failure = Failure(Status.TIMEOUT, message)
            channel.close(failure)
            raise ProgramFailed(failure) from None

    def _begin_episode(self, seed: int) -> None:
        if self._channel is None:
            raise RuntimeError(_NOT_STARTED)
        self._episode_start = self._channel.waited
        limits = self._limits
        payload = wire.SEED.pack(seed)
        self._ask(wire.EPISODE, payload, limits.load, "loading the program")
        self._ask(wire.CREATE, b"", limits.act, "the constructor")


class PolicyProcess(_ProgramProcess):
    """A confined process that hosts one policy."""

    def __init__(
        self,
        source: str,
        contract: PolicyContract,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        *,
        unsafe: bool = False,
    ) -> None:
        """Prepares a process; entering it starts it.

        Args:
            source: Python source of the policy.
            contract: What the policy sees and does.
            limits: Time, CPU and memory limits.
            unsafe: Run it without confinement, with a separate process and resource
                limits only.
        """
        super().__init__(source, "policy", contract.as_json(), limits, unsafe)
        self._check = action_checker(contract.action)
        self._action_size = 8 * contract.action.width

    def begin_episode(self, seed: int) -> None:
        """Seeds the random generators and makes the policy object.

        With lifetime `episode` the module runs again in a fresh namespace; with
        lifetime `run` the first object serves all episodes.

        Args:
            seed: Episode seed, at least 0.

        Raises:
            ProgramFailed: The module or the constructor failed.
        """
        self._begin_episode(seed)

    def act(self, observation: bytes) -> FloatArray | int:
        """Returns the policy's checked action.

        Args:
            observation: The layout's float64 values, raw.

        Returns:
            A new float64 array of the box's shape within its bounds, or an integer.

        Raises:
            ProgramFailed: The policy failed or the action is not valid.
        """
        return self._check(
            self._ask(
                wire.ACT, observation, self._limits.act, "act", self._action_size
            )
        )


class FeedbackProcess(_ProgramProcess):
    """A confined process that hosts one `Feedback` class."""

    def __init__(
        self,
        source: str,
        observation: ObservationLayout,
        action: ActionLayout,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        records: Literal["observations", "steps"] = "observations",
        *,
        unsafe: bool = False,
    ) -> None:
        """Prepares a process; entering it starts it and makes the object.

        Args:
            source: Python source of the class.
            observation: Layout of the observations.
            action: Layout of the actions.
            limits: Time, CPU and memory limits; `act` bounds one summary.
            records: What a summary sees of each step: the observation before it, or
                an object with `observation`, `action`, `reward`, `next_observation`.
            unsafe: As for policies.
        """
        contract = {
            "observation": asdict(observation),
            "action": asdict(action),
            "records": records,
            "lifetime": "run",
        }
        super().__init__(source, "feedback", contract, limits, unsafe)
        self._with_steps = records == "steps"
        self._observation = observation
        self._action = action

    def __enter__(self) -> Self:
        super().__enter__()
        try:
            self._begin_episode(0)
        except BaseException:
            self.close()
            raise
        return self

    def summarize(self, trajectory: Trajectory) -> str:
        """Returns the program's summary of one episode, at most 2,000 characters.

        Raises:
            ProgramFailed: It failed or did not return a string.
        """
        steps = len(trajectory)
        if self._with_steps:
            arrays = (
                trajectory.observations,
                trajectory.actions,
                trajectory.rewards,
            )
        else:
            arrays = (trajectory.observations[:steps],)
        payload = wire.STEPS.pack(steps) + b"".join(
            np.ascontiguousarray(array, np.float64).tobytes() for array in arrays
        )
        if self._channel is not None:
            self._episode_start = self._channel.waited
        summary = self._ask(
            wire.SUMMARIZE,
            payload,
            self._limits.act,
            "summarize_trajectory",
            wire.MAX_SUMMARY,
        )
        text = clean_text(summary.decode("utf-8", "replace"), wire.MAX_SUMMARY)
        return text if len(text) <= _MAX_SUMMARY else f"{text[: _MAX_SUMMARY - 1]}…"


def _reason(error: ProgramFailed | ReplyTimeout, limits: Limits) -> str:
    if isinstance(error, ReplyTimeout):
        return f"no answer within {limits.load:g} s"
    return error.failure.message
