"""What happened in an episode, as digests that two processes can compare.

Run as a module, it plays the episodes that standard input asks for and writes their
transcripts to standard output; that is how the checks get a fresh process.
"""

import hashlib
import json
import struct
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import gymnasium
import numpy as np

from llmpo.envs.instances import build_environment
from llmpo.envs.observation import ObservationReader, action_layout
from llmpo.envs.registry import environment
from llmpo.envs.spec import EnvSpec
from llmpo.errors import DataError
from llmpo.sandbox.contract import ActionLayout


@dataclass(frozen=True)
class Step:
    """What an environment returned from one step, or from `reset`.

    Attributes:
        number: 0 for `reset`, then 1, 2, ...
        observation: The raw observation.
        reward: The reward; 0 for `reset`.
        terminated: Whether the episode terminated here.
        truncated: Whether the environment itself cut the episode here.
        info: The info dictionary.
    """

    number: int
    observation: Any
    reward: float
    terminated: bool
    truncated: bool
    info: dict[str, Any]


def play_transcript(
    spec: EnvSpec,
    env: "gymnasium.Env[Any, Any]",
    seed: int,
    steps: int,
    inspect: Callable[[Step], None] | None = None,
) -> list[str]:
    """Plays an episode with random actions that depend on the seed only.

    Args:
        spec: The environment's spec.
        env: An instance of it.
        seed: Seed of the episode and of the actions.
        steps: Most steps to play.
        inspect: Called with each step, beginning with `reset`.

    Returns:
        A digest for `reset` and for each step, of the fields, the reward and how the
        episode stands.
    """
    reader = ObservationReader(spec, env)
    actions = action_layout(env)
    rng = np.random.default_rng(seed)
    observation, info = env.reset(seed=seed)
    step = Step(0, observation, 0.0, False, False, info)
    digests: list[str] = []
    while True:
        digests.append(_digest(reader.read(step.observation), step))
        if inspect is not None:
            inspect(step)
        if step.terminated or step.truncated or step.number == steps:
            return digests
        observation, reward, terminated, truncated, info = env.step(
            _random_action(actions, rng)
        )
        step = Step(
            step.number + 1,
            observation,
            float(reward),
            bool(terminated),
            bool(truncated),
            info,
        )


@dataclass(frozen=True)
class TranscriptRequest:
    """An episode to play in another process.

    Attributes:
        environment: Id of the environment.
        options: Its options.
        seed: Seed of the episode.
        steps: Most steps to play.
    """

    environment: str
    options: dict[str, str]
    seed: int
    steps: int


def fresh_transcripts(requests: Sequence[TranscriptRequest]) -> list[list[str]]:
    """Plays episodes one after the other in one fresh Python process.

    Raises:
        DataError: The process failed.
    """
    done = subprocess.run(
        [sys.executable, "-m", "llmpo.envs.transcript"],
        input=json.dumps([vars(request) for request in requests]),
        capture_output=True,
        text=True,
        check=False,
    )
    # Simulators may write to standard output as well; the answer is the last line.
    lines = done.stdout.splitlines()
    if done.returncode or not lines:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise DataError(f"Playing episodes in a fresh process failed: {reason}")
    answer: list[list[str]] = json.loads(lines[-1])
    return answer


def _digest(observation: bytes, step: Step) -> str:
    rest = struct.pack("<d??", step.reward, step.terminated, step.truncated)
    return hashlib.sha256(observation + rest).hexdigest()[:16]


def _random_action(layout: ActionLayout, rng: np.random.Generator) -> Any:
    if layout.kind == "discrete":
        return int(rng.integers(layout.n))
    # Unbounded actions are tried within one unit of zero.
    low = np.maximum(layout.low, -1.0)
    high = np.minimum(layout.high, 1.0)
    inside = np.clip(rng.uniform(low, np.maximum(low, high)), layout.low, layout.high)
    return inside.reshape(layout.shape)


def _answer(text: str) -> str:
    transcripts = []
    for entry in json.loads(text):
        request = TranscriptRequest(**entry)
        spec = environment(request.environment, request.options)
        env = build_environment(spec)
        transcripts.append(play_transcript(spec, env, request.seed, request.steps))
        env.close()
    return json.dumps(transcripts)


if __name__ == "__main__":
    sys.stdout.write(f"\n{_answer(sys.stdin.read())}\n")
