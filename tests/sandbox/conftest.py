"""Runs hostile programs and makes sure that nothing of them is left behind."""

import os
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from llmpo.sandbox.contract import ActionLayout, ObservationLayout, PolicyContract
from llmpo.sandbox.launch import template_pid
from llmpo.sandbox.process import PolicyProcess
from llmpo.sandbox.status import Failure, Limits, ProgramFailed

LAYOUT = ObservationLayout(
    class_name="MujocoToyObservation",
    fields=(("position", (3,)), ("contacts", (2, 2)), ("height", ())),
    constants={"dt": 0.05, "structure": {"position": 3}},
    concatenations={"state_vector": ("position", "height")},
)
OBSERVATION = np.arange(8.0).tobytes()
CONTRACT = PolicyContract(
    "ToyPolicy", LAYOUT, ActionLayout("box", shape=(2,), low=(-1.0,) * 2, high=(1.0, 2))
)
LIMITS = Limits(load=20.0, act=1.0, episode=20.0, candidate=30.0, memory_mb=256)


@dataclass
class Outcome:
    """What became of a program: actions until it failed, if it did."""

    actions: list[Any] = field(default_factory=list)
    failure: Failure | None = None

    @property
    def status(self) -> str:
        return str(self.failure.status) if self.failure else "ok"

    @property
    def message(self) -> str:
        return self.failure.message if self.failure else ""


@pytest.fixture
def contract() -> PolicyContract:
    return CONTRACT


@pytest.fixture
def observation() -> bytes:
    return OBSERVATION


@pytest.fixture
def limits() -> Limits:
    return LIMITS


@pytest.fixture
def run_policy() -> Callable[..., Outcome]:
    """Runs a policy for some steps of one episode."""

    def run(
        source: str,
        contract: PolicyContract = CONTRACT,
        limits: Limits = LIMITS,
        steps: int = 1,
        seed: int = 0,
    ) -> Outcome:
        outcome = Outcome()
        try:
            with PolicyProcess(textwrap.dedent(source), contract, limits) as process:
                process.begin_episode(seed)
                for _ in range(steps):
                    outcome.actions.append(process.act(OBSERVATION))
        except ProgramFailed as failed:
            outcome.failure = failed.failure
        return outcome

    return run


@pytest.fixture
def attack(run_policy: Callable[..., Outcome]) -> Callable[..., Outcome]:
    """Runs statements inside `act`; each name in `values` is defined there."""

    def run(statements: str, limits: Limits = LIMITS, **values: Any) -> Outcome:
        definitions = "\n".join(f"{name} = {v!r}" for name, v in values.items())
        body = textwrap.indent(textwrap.dedent(statements).strip(), " " * 8)
        source = (
            f"{definitions}\nclass ToyPolicy:\n    def act(self, obs):\n"
            f"{body}\n        return [0.0, 0.0]\n"
        )
        return run_policy(source, limits=limits)

    return run


@pytest.fixture
def confined_processes() -> Callable[[], list[int]]:
    """Finds the confined processes of this one."""
    return _confined_processes


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    """Fails a test that leaves one of our confined processes, or a copy of it."""
    yield
    deadline = time.monotonic() + 5
    while left := _confined_processes():
        assert time.monotonic() < deadline, f"processes left behind: {left}"
        time.sleep(0.02)


def _confined_processes() -> list[int]:
    """Ids of processes started by this one's sandbox: their arguments name us."""
    found = []
    own = str(os.getpid()).encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        ours = b"from child import" in b"".join(arguments) and own in arguments
        if ours and int(entry.name) != template_pid():
            found.append(int(entry.name))
    return found
