"""The episode loop, with an environment whose rewards are known by hand."""

from typing import Any

import gymnasium
import numpy as np
import pytest

from llmpo.rollout import neutral_action, play_episode
from llmpo.sandbox.status import Failure, ProgramFailed, Status


class Corridor(gymnasium.Env[Any, Any]):
    """Ends after six steps; pays what it is built with; succeeds at step two."""

    action_space = gymnasium.spaces.Box(0.5, 1.0, (2,))
    observation_space = gymnasium.spaces.Box(0.0, 10.0, (1,))

    def __init__(self, reward: float) -> None:
        self.reward = reward
        self.actions: list[Any] = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return np.zeros(1), {}

    def step(self, action):
        self.steps += 1
        self.actions.append(action)
        info = {"success": float(self.steps == 2)}
        return np.full(1, self.steps), self.reward, self.steps == 6, False, info


class Actor:
    def __init__(self, fails_at: int | None = None) -> None:
        self.fails_at = fails_at
        self.calls = 0

    def begin_episode(self, seed: int) -> None:
        self.calls = 0

    def act(self, observation):
        if self.calls == self.fails_at:
            raise ProgramFailed(Failure(Status.CRASH, "x"))
        self.calls += 1
        return np.ones(2)


def test_episode_ends_with_the_environment_and_at_the_horizon():
    assert play_episode(Corridor(1.0), Actor(), 0, 100).value == 6.0
    assert play_episode(Corridor(1.0), Actor(), 0, 4).value == 4.0


def test_success_at_any_step_and_at_the_last_are_told_apart():
    episode = play_episode(Corridor(1.0), Actor(), 0, 100)
    assert (episode.success, episode.final_success) == (1.0, 0.0)


@pytest.mark.parametrize(
    ("reward", "value"),
    [(1.0, 3.0), (-1.0, -6.0)],
    ids=["idling pays, so it does not count", "time costs, so it counts"],
)
def test_failing_never_pays(reward, value):
    episode = play_episode(Corridor(reward), Actor(3), 0, 100, finish_failed=True)
    assert episode.value == value
    assert episode.env_steps == 6
    assert len(episode.rewards) == 3
    assert episode.success == 0.0


def test_selection_stops_at_a_failure():
    episode = play_episode(Corridor(-1.0), Actor(3), 0, 100)
    assert episode.failure is not None
    assert episode.env_steps == 3


def test_rest_of_a_failed_episode_is_played_with_the_neutral_action():
    env = Corridor(1.0)
    play_episode(env, Actor(5), 0, 100, finish_failed=True)
    np.testing.assert_array_equal(env.actions[-1], [0.5, 0.5])  # zero is out of bounds
    assert neutral_action(gymnasium.spaces.Discrete(4)) == 0
