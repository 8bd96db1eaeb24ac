"""What ICPI is compared with: acting without argmax, tabular Q, random and optimal."""

from collections import defaultdict

import numpy as np

from llmpo.envs.icpi_rules import State, Values
from llmpo.envs.icpi_text import TextCodec, discounted
from llmpo.llm.predictors.completion import CompletionModel
from llmpo.methods.icpi.algorithm import argmax, schedule
from llmpo.methods.icpi.prediction import ask_together
from llmpo.methods.icpi.prompts import Trajectory
from llmpo.methods.icpi.world_models import PredictedWorld


class _Quiet:
    """An agent that does not learn from single steps."""

    def see(
        self, state: State, action: int, reward: float, following: State, ended: bool
    ) -> None:
        """Learns nothing."""


class NoArgmax(_Quiet):
    """Imitates its successes: acts by the rollout policy alone.

    Args:
        world: Supplies the rollout policy.
        model: Answers its questions.
        actions: Number of actions.
        min_successes: Successes with which every second action is the agent's.
        fallback: Draws the actions that the rollout policy does not give.
    """

    def __init__(
        self,
        world: PredictedWorld,
        model: CompletionModel,
        actions: int,
        *,
        min_successes: int,
        fallback: np.random.Generator,
    ) -> None:
        self._world = world
        self._model = model
        self._actions = actions
        self._min_successes = min_successes
        self._fallback = fallback

    @property
    def trust(self) -> float:
        """Chance by the number of successes; 0 before the first."""
        if not self._world.can_imitate:
            return 0.0
        return schedule(self._world.recent, self._min_successes)

    def act(self, state: State) -> int:
        """Returns the action predicted from successful episodes."""
        question = self._world.action(self._world.begin(state))
        (action,) = ask_together(self._model, [question])
        return int(self._fallback.integers(self._actions)) if action is None else action

    def learn(self, trajectory: Trajectory) -> None:
        """Adds an episode to the experience."""
        self._world.learn(trajectory)


class TabularQ:
    """One-step Q-learning on exact states, optimistic instead of exploring.

    Args:
        codec: Number of actions, discount and threshold of success.
        learning_rate: Step size.
        initial_value: Value of all states and actions at the beginning.
        bootstrap_through_termination: Whether the value of the state after the end of
            an episode counts, as in the published code.
        min_successes: Successes with which every second action is the agent's.
        ties: Breaks ties between actions.
    """

    def __init__(
        self,
        codec: TextCodec,
        *,
        learning_rate: float,
        initial_value: float,
        bootstrap_through_termination: bool,
        min_successes: int,
        ties: np.random.Generator,
    ) -> None:
        self._codec = codec
        self._learning_rate = learning_rate
        self._bootstraps = bootstrap_through_termination
        self._min_successes = min_successes
        self._ties = ties
        self._successes = 0
        untried = [initial_value] * len(codec.actions)
        self.values = defaultdict[State, list[float]](untried.copy)

    @property
    def trust(self) -> float:
        """Chance by the number of episodes whose return reaches the threshold."""
        return schedule(self._successes, self._min_successes)

    def act(self, state: State) -> int:
        """Returns one of the actions with the highest value."""
        return argmax(self.values[state], self._ties)

    def see(
        self, state: State, action: int, reward: float, following: State, ended: bool
    ) -> None:
        """Moves the value of an action towards what it brought."""
        target = reward
        if not ended or self._bootstraps:
            target += self._codec.plan_discount * max(self.values[following])
        values = self.values[state]
        values[action] += self._learning_rate * (target - values[action])

    def learn(self, trajectory: Trajectory) -> None:
        """Counts an episode if its return reaches the threshold."""
        value = discounted(trajectory.rewards, self._codec.plan_discount)
        self._successes += value >= self._codec.success_threshold


class Random(_Quiet):
    """Leaves every action to chance."""

    trust = 0.0

    def act(self, state: State) -> int:
        """Is never asked."""
        raise AssertionError("nobody trusts the random agent")

    def learn(self, trajectory: Trajectory) -> None:
        """Learns nothing."""


class Optimal(_Quiet):
    """Plays with the best discounted return, by search in the true dynamics.

    Args:
        codec: The domain.
    """

    trust = 1.0

    def __init__(self, codec: TextCodec) -> None:
        self._values = Values(codec.rules, codec.log_discount)
        self._horizon = codec.rules.horizon
        self._steps_left = self._horizon

    def act(self, state: State) -> int:
        """Returns the first of the best actions."""
        self._steps_left -= 1
        return self._values.best_action(state, self._steps_left + 1)

    def learn(self, trajectory: Trajectory) -> None:
        """Expects a new episode."""
        self._steps_left = self._horizon
