"""Confined processes for policies and feedback programs.

with PolicyProcess(source, contract) as policy:
    policy.begin_episode(seed)
    action = policy.act(observation)
"""

import os
import platform
import time
from dataclasses import asdict
from typing import Any, Literal, Self

import numpy as np

from llmpo.errors import SandboxError
from llmpo.sandbox.actions import action_checker
from llmpo.sandbox.affinity import SharedProcessor
from llmpo.sandbox.child import landlock, wire
from llmpo.sandbox.contract import (
    ActionLayout,
    FloatArray,
    ObservationLayout,
    PolicyContract,
    Trajectory,
)
from llmpo.sandbox.program import ProgramProcess
from llmpo.sandbox.status import Limits
from llmpo.sandbox.text import clean_text, shorten

_LONGEST_SUMMARY = 2000  # characters; it goes into every later prompt
_LIMITS = Limits()
# Acts of an episode before policy and harness settle on one processor. Until then the
# scheduler may move them away from other work.
_SETTLING_ACTS = 32


class PolicyProcess(ProgramProcess):
    """A confined process that hosts one policy."""

    def __init__(
        self,
        source: str,
        contract: PolicyContract,
        limits: Limits = _LIMITS,
        *,
        unsafe: bool = False,
    ) -> None:
        """Prepares a process; entering it starts it.

        Args:
            source: Python source of the policy.
            contract: What the policy sees and does.
            limits: Time, CPU and memory limits.
            unsafe: Run it without confinement, in a separate process with resource
                limits only.
        """
        super().__init__(source, "policy", contract.as_json(), limits, unsafe)
        self._lifetime = contract.lifetime
        self._check = action_checker(contract.action)
        self._action_size = 8 * contract.action.width
        self._processor = SharedProcessor()
        self._acts = 0

    def begin_episode(self, seed: int) -> None:
        """Seeds the random generators and makes the policy object.

        With lifetime `episode` the module runs again in a fresh namespace, in a new
        process if the last episode cost the program its process. With lifetime `run`
        the first object serves all episodes.

        Args:
            seed: Episode seed, at least 0.

        Raises:
            ProgramFailed: The module or the constructor failed.
        """
        self._processor.leave()
        self._acts = 0
        channel = self._channel
        if (
            self._lifetime == "episode"
            and channel is not None
            and channel.failure is not None
        ):
            self._start()
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
        self._acts += 1
        if self._acts == _SETTLING_ACTS:
            self._share_processor()
        return self._check(
            self._ask(wire.ACT, observation, self._limits.act, "act", self._action_size)
        )

    def close(self) -> None:
        """Kills the whole process group; harmless when repeated."""
        self._processor.leave()
        super().close()

    def _share_processor(self) -> None:
        if self._channel is not None and self._channel.pid is not None:
            self._processor.join(self._channel.pid)


class FeedbackProcess(ProgramProcess):
    """A confined process that hosts one `Feedback` class."""

    def __init__(
        self,
        source: str,
        observation: ObservationLayout,
        action: ActionLayout,
        limits: Limits = _LIMITS,
        *,
        records: Literal["observations", "steps"] = "observations",
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
        arrays = [trajectory.observations[:steps]]
        if self._with_steps:
            arrays = [
                trajectory.observations[: steps + 1],
                trajectory.actions,
                trajectory.rewards,
            ]
        payload = wire.STEPS.pack(steps) + b"".join(
            np.ascontiguousarray(array, np.float64).tobytes() for array in arrays
        )
        self._episode_left = self._limits.episode
        summary = self._ask(
            wire.SUMMARIZE,
            payload,
            self._limits.act,
            "summarize_trajectory",
            wire.MAX_SUMMARY,
        )
        return shorten(clean_text(summary.decode("utf-8", "replace")), _LONGEST_SUMMARY)


def sandbox_report() -> dict[str, Any]:
    """Returns which layers confine generated code here, by starting one process.

    `available` tells whether the core layers work; `problem` says what is missing.
    """
    contract = PolicyContract(
        "ProbePolicy", ObservationLayout("Observation", ()), ActionLayout("discrete", 1)
    )
    report: dict[str, Any] = {
        "available": True,
        "layers": (),
        "problem": "",
        "landlock_abi": landlock.abi() if os.name == "posix" else 0,
        "system": platform.system(),
        "kernel": platform.release(),
        "machine": platform.machine(),
    }
    start = time.perf_counter()
    try:
        with PolicyProcess("class ProbePolicy:\n    act = print", contract) as process:
            report["layers"] = process.layers
    except SandboxError as error:
        report.update(available=False, problem=str(error))
    report["start_seconds"] = round(time.perf_counter() - start, 3)
    return report
