"""The one episode loop. Every method and every evaluation plays episodes here."""

from dataclasses import dataclass, field
from typing import Any, Protocol

import gymnasium
import numpy as np

from llmpo.sandbox.contract import FloatArray
from llmpo.sandbox.status import Failure, ProgramFailed


class Actor(Protocol):
    """Whatever chooses actions: a sandboxed program, a network, a fixed rule."""

    def begin_episode(self, seed: int) -> None:
        """Prepares for a new episode; the seed is for the actor's own randomness."""

    def act(self, observation: Any) -> Any:
        """Returns the action for a raw observation of the environment.

        Raises:
            ProgramFailed: The actor is a generated program and failed.
        """


@dataclass
class Episode:
    """What happened in one episode.

    Attributes:
        rewards: Reward of each step the actor played.
        actions: Action of each step, only when recording.
        final_observation: Raw observation after the last step, only when recording.
        success: Success at any step; None without a notion of success.
        final_success: Success at the last step.
        failure: How the actor failed; None when it did not.
        idle_return: Return of the steps played with the neutral action after a
            failure.
        env_steps: All steps simulated.
    """

    seed: int
    rewards: list[float] = field(default_factory=list)
    actions: list[Any] = field(default_factory=list)
    final_observation: Any = None
    success: float | None = None
    final_success: float | None = None
    failure: Failure | None = None
    idle_return: float = 0.0
    env_steps: int = 0

    @property
    def value(self) -> float:
        """The return the episode counts with.

        A failed episode is worth what it had collected when the actor failed, or that
        plus what the neutral action then collects, whichever is less. So failing pays
        neither where time costs (leaving early) nor where idling is rewarded.
        """
        collected = float(sum(self.rewards))
        return (
            collected
            if self.failure is None
            else collected + min(0.0, self.idle_return)
        )


def play_episode(
    env: "gymnasium.Env[Any, Any]",
    actor: Actor,
    seed: int,
    horizon: int,
    *,
    record: bool = False,
    finish_failed: bool = False,
) -> Episode:
    """Plays one episode.

    Args:
        env: The environment; `reset(seed=seed)` alone decides its randomness.
        actor: Chooses the actions.
        seed: Episode seed.
        horizon: Maximum number of steps.
        record: Whether to keep actions and the final observation.
        finish_failed: Whether to play on with the neutral action after a failure of
            the actor, which scoring needs; selection discards the episode instead.
    """
    episode = Episode(seed)
    observation, _ = env.reset(seed=seed)
    over = False
    try:
        actor.begin_episode(seed)
        while not over and len(episode.rewards) < horizon:
            action = actor.act(observation)
            observation, reward, terminated, truncated, info = env.step(action)
            episode.rewards.append(float(reward))
            over = terminated or truncated
            success = info.get("success")
            if success is not None:
                episode.final_success = float(success)
                episode.success = max(episode.success or 0.0, episode.final_success)
            if record:
                episode.actions.append(action)
    except ProgramFailed as failed:
        episode.failure = failed.failure
    episode.env_steps = len(episode.rewards)
    if record:
        episode.final_observation = observation
    if episode.failure is not None:
        if finish_failed:
            _play_idle(env, episode, horizon)
        # A controller that died did not do the job, whatever it had touched before.
        episode.success = None if episode.success is None else 0.0
        episode.final_success = episode.success
    return episode


def _play_idle(env: "gymnasium.Env[Any, Any]", episode: Episode, horizon: int) -> None:
    action = neutral_action(env.action_space)
    over = False
    while not over and episode.env_steps < horizon:
        _, reward, terminated, truncated, info = env.step(action)
        episode.idle_return += float(reward)
        episode.env_steps += 1
        over = terminated or truncated
        if info.get("success") is not None:
            episode.success = 0.0


def neutral_action(space: "gymnasium.Space[Any]") -> int | FloatArray:
    """Returns the action of a dead controller: zero, or the first discrete one."""
    if isinstance(space, gymnasium.spaces.Box):
        zero = np.zeros(space.shape)
        return np.clip(zero, space.low, space.high).astype(np.float64)
    return 0
