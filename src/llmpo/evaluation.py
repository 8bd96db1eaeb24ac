"""Evaluating one policy in the one episode loop: generated programs in a sandbox.

An evaluation is a pure function of its `EvaluationTask`; `llmpo.evaluator` caches it
under the task's content key and shares the work among processes.
"""

import io
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from llmpo.envs.instances import shared_environment
from llmpo.envs.observation import ObservationReader, action_layout, observation_layout
from llmpo.envs.registry import environment
from llmpo.envs.spec import EnvSpec
from llmpo.policies import load_policy
from llmpo.records import EpisodeResult, PolicyKind
from llmpo.rollout import Episode, neutral_action, play_episode
from llmpo.sandbox.contract import FloatArray, PolicyContract, Trajectory
from llmpo.sandbox.process import PolicyProcess
from llmpo.sandbox.status import Failure, Limits, ProgramFailed, Status
from llmpo.storage import digest, write_bytes_atomic

# Part of every evaluation's key: raise it when results of evaluations change.
EVALUATION_VERSION = 1

Lifetime = Literal["episode", "run"]

_ARRAYS = ("observations", "actions", "rewards")

# The limits on a whole candidate are meant for so many episodes.
_EPISODES_OF_A_CANDIDATE = 5


@dataclass(frozen=True)
class EvaluationTask:
    """One policy to be played on a list of episode seeds.

    Attributes:
        source: Source code of the policy, or the policy as data.
        kind: How to load it, see `llmpo.records.PolicyArtifact`.
        lifetime: Whether one policy object plays one episode or all of them.
        stop_at_failure: Whether the first failed episode ends the evaluation, as
            selection wants it; otherwise every episode is played and scored.
        record_to: File (.npz) for the trajectories; "" keeps none.
    """

    environment: str
    source: str
    seeds: tuple[int, ...]
    options: dict[str, str] = field(default_factory=dict)
    lifetime: Lifetime = "episode"
    limits: Limits = field(default_factory=Limits)
    stop_at_failure: bool = False
    record_to: str = ""
    unsafe: bool = False
    kind: PolicyKind = "python"

    def key(self) -> str:
        """Returns the content key of the evaluation's result."""
        spec = environment(self.environment, self.options)
        task = asdict(self)
        # Keeping the trajectories does not change the result.
        del task["record_to"]
        return digest(
            {"v": EVALUATION_VERSION, "env_version": spec.version, "task": task}
        )


@dataclass(frozen=True)
class Evaluation:
    """Result of an `EvaluationTask`.

    Attributes:
        episodes: One result per episode that was played.
        failure: The first failure of the program; None when there was none.
        env_steps: All environment steps simulated.
        layers: Sandbox layers that were active.
    """

    episodes: tuple[EpisodeResult, ...]
    failure: Failure | None
    env_steps: int
    layers: tuple[str, ...]

    @property
    def returns(self) -> tuple[float, ...]:
        """Returns of the played episodes."""
        return tuple(episode.value for episode in self.episodes)

    @property
    def successes(self) -> tuple[float, ...] | None:
        """Any-time successes of the played episodes, where there is such a notion."""
        values = [e.success for e in self.episodes if e.success is not None]
        return tuple(values) if len(values) == len(self.episodes) else None


class ProgramActor:
    """A sandboxed policy as an `Actor`; keeps what the policy saw when recording."""

    def __init__(
        self, process: PolicyProcess, reader: ObservationReader, record: bool
    ) -> None:
        self._process = process
        self._reader = reader
        self._record = record
        self.seen: list[bytes] = []

    def begin_episode(self, seed: int) -> None:
        """Starts an episode in the policy's process."""
        self.seen = []
        self._process.begin_episode(seed)

    def act(self, observation: Any) -> FloatArray | int:
        """Asks the policy's process for an action."""
        packed = self._reader.read(observation)
        if self._record:
            self.seen.append(packed)
        return self._process.act(packed)


def evaluate(task: EvaluationTask) -> Evaluation:
    """Evaluates a policy in this process; a program itself runs in a sandbox.

    Raises:
        DataError: The policy is data, but cannot be read.
        SandboxError: The program cannot be confined on this machine.
        PrerequisiteError: The simulator is not installed.
    """
    spec = environment(task.environment, task.options)
    env = shared_environment(spec)
    if task.kind != "python":
        trusted = load_policy(task.kind, task.source, spec, env)
        played = [play_episode(env, trusted, s, spec.horizon) for s in task.seeds]
        return _evaluation(played, None, ())
    contract = policy_contract(spec, task.lifetime)
    reader = ObservationReader(spec, env)
    recording = bool(task.record_to)
    episodes: list[Episode] = []
    trajectories: list[Trajectory] = []
    limits = _limits_for(task)
    process = PolicyProcess(task.source, contract, limits, unsafe=task.unsafe)
    try:
        with process:
            actor = ProgramActor(process, reader, recording)
            for seed in task.seeds:
                episode = play_episode(
                    env,
                    actor,
                    seed,
                    spec.horizon,
                    record=recording,
                    finish_failed=not task.stop_at_failure,
                )
                episodes.append(episode)
                if episode.failure is not None and task.stop_at_failure:
                    break
                if recording and episode.failure is None:
                    trajectories.append(
                        _trajectory(actor.seen, reader, episode, contract.action.width)
                    )
    except ProgramFailed as failed:
        # The program could not even be loaded, so it fails every episode alike.
        if not task.stop_at_failure:
            dead = _DeadActor(failed)
            episodes = [
                play_episode(env, dead, seed, spec.horizon, finish_failed=True)
                for seed in task.seeds
            ]
        return _evaluation(episodes, failed.failure, process.layers)
    failure = next((e.failure for e in episodes if e.failure is not None), None)
    if recording and failure is None:
        write_trajectories(Path(task.record_to), trajectories)
    return _evaluation(episodes, failure, process.layers)


def _limits_for(task: EvaluationTask) -> Limits:
    """Allows more episodes than a selection has proportionally more time."""
    factor = max(1.0, len(task.seeds) / _EPISODES_OF_A_CANDIDATE)
    limits = task.limits
    return replace(limits, candidate=factor * limits.candidate, cpu=factor * limits.cpu)


def policy_contract(spec: EnvSpec, lifetime: Lifetime) -> PolicyContract:
    """Returns what a sandboxed process must know to host a policy for `spec`."""
    return PolicyContract(
        class_name=spec.policy_class,
        observation=observation_layout(spec),
        action=action_layout(shared_environment(spec)),
        lifetime=lifetime,
    )


class _DeadActor:
    """Fails at once, for programs that cannot be loaded."""

    def __init__(self, failed: ProgramFailed) -> None:
        self._failed = failed

    def begin_episode(self, seed: int) -> None:
        raise self._failed

    def act(self, observation: Any) -> Any:
        raise self._failed


def dry_trajectory(spec: EnvSpec, seed: int, steps: int) -> Trajectory:
    """Returns a few steps of the neutral action, to try a feedback program on."""
    env = shared_environment(spec)
    reader = ObservationReader(spec, env)
    actor = _NeutralActor(reader, neutral_action(env.action_space))
    episode = play_episode(env, actor, seed, steps, record=True)
    return _trajectory(actor.seen, reader, episode, action_layout(env).width)


def write_trajectories(path: Path, trajectories: Sequence[Trajectory]) -> None:
    """Writes trajectories to one file, atomically."""
    arrays = {
        f"{name}{index}": getattr(trajectory, name)
        for index, trajectory in enumerate(trajectories)
        for name in _ARRAYS
    }
    data = io.BytesIO()
    np.savez(data, allow_pickle=False, **arrays)
    write_bytes_atomic(path, data.getvalue())


def read_trajectories(path: Path) -> tuple[Trajectory, ...]:
    """Reads what `write_trajectories` wrote."""
    with np.load(path, allow_pickle=False) as arrays:
        count = len(arrays) // len(_ARRAYS)
        return tuple(
            Trajectory(**{name: arrays[f"{name}{index}"] for name in _ARRAYS})
            for index in range(count)
        )


class _NeutralActor:
    """Always takes the neutral action; keeps what a policy would have seen."""

    def __init__(self, reader: ObservationReader, action: FloatArray | int) -> None:
        self._reader = reader
        self._action = action
        self.seen: list[bytes] = []

    def begin_episode(self, seed: int) -> None:
        self.seen = []

    def act(self, observation: Any) -> FloatArray | int:
        self.seen.append(self._reader.read(observation))
        return self._action


def _trajectory(
    seen: list[bytes], reader: ObservationReader, episode: Episode, action_width: int
) -> Trajectory:
    rows = [*seen, reader.read(episode.final_observation)]
    observations = np.frombuffer(b"".join(rows), dtype=np.float64)
    actions = np.asarray(episode.actions, dtype=np.float64)
    return Trajectory(
        observations=observations.reshape(len(rows), -1),
        actions=actions.reshape(len(episode.actions), action_width),
        rewards=np.asarray(episode.rewards, dtype=np.float64),
    )


def _evaluation(
    episodes: Sequence[Episode],
    failure: Failure | None,
    layers: tuple[str, ...],
) -> Evaluation:
    return Evaluation(
        episodes=tuple(
            EpisodeResult(
                seed=episode.seed,
                value=episode.value,
                success=episode.success,
                final_success=episode.final_success,
                length=len(episode.rewards),
                status=episode.failure.status if episode.failure else Status.OK,
                message=episode.failure.message if episode.failure else "",
            )
            for episode in episodes
        ),
        failure=failure,
        env_steps=sum(episode.env_steps for episode in episodes),
        layers=layers,
    )
