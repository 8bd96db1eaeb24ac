"""In-context policy iteration: the two algorithm boxes of the paper.

Brooks, Walls, Lewis and Singh, "Large Language Models Can Implement Policy Iteration"
(NeurIPS 2023, arXiv 2210.03821). `train` is algorithm 1, `ICPI.rollout` algorithm 2.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from statistics import fmean
from typing import Any, Generic, Protocol, TypeVar

import gymnasium
import numpy as np

from llmpo.envs.icpi_rules import State, as_state
from llmpo.envs.icpi_text import TextCodec
from llmpo.llm.predictors.completion import CompletionModel
from llmpo.methods.icpi.prediction import Asking, ask_together
from llmpo.methods.icpi.prompts import Trajectory
from llmpo.methods.icpi.world_models import WorldModel
from llmpo.seeds import generator, selection_seeds

S = TypeVar("S")


class Agent(Protocol):
    """Whatever learns in the training loop."""

    @property
    def trust(self) -> float:
        """Chance with which each action is the agent's; the others are random."""
        ...

    def act(self, state: State) -> int:
        """Returns an action."""
        ...

    def see(
        self, state: State, action: int, reward: float, following: State, ended: bool
    ) -> None:
        """Learns from one step; `ended` says that the episode terminated with it."""
        ...

    def learn(self, trajectory: Trajectory) -> None:
        """Learns from a finished episode."""
        ...


@dataclass(frozen=True)
class Played:
    """One training episode.

    Attributes:
        steps_before: Environment steps before it.
        success: Success at any step; None without a notion of success.
    """

    trajectory: Trajectory
    steps_before: int
    success: float | None


def train(
    agent: Agent,
    env: "gymnasium.Env[Any, Any]",
    *,
    steps: int,
    horizon: int,
    names: tuple[str | int, ...],
    count_step: Callable[[], None] = lambda: None,
) -> Iterator[Played]:
    """Trains an agent by letting it act, and yields each episode (algorithm 1).

    Args:
        agent: Learns.
        env: The environment.
        steps: Environment steps after which no further episode begins.
        horizon: Most steps of an episode.
        names: Names of the run's random streams.
        count_step: Is called before each step; may raise to stop the training.
    """
    taken = 0
    for episode in count():
        if taken >= steps:
            return
        played = _play(agent, env, taken, horizon, (*names, episode), count_step)
        agent.learn(played.trajectory)
        taken += len(played.trajectory)
        yield played


def _play(
    agent: Agent,
    env: "gymnasium.Env[Any, Any]",
    steps_before: int,
    horizon: int,
    names: tuple[str | int, ...],
    count_step: Callable[[], None],
) -> Played:
    # The streams are the episode's own: what is random in it does not depend on how
    # earlier episodes went, or on which algorithm plays.
    (seed,) = selection_seeds(1, *names)
    exploration = generator("exploration", *names)
    space = env.action_space
    assert isinstance(space, gymnasium.spaces.Discrete)
    observation, _ = env.reset(seed=seed)
    states, actions, rewards = [as_state(observation)], list[int](), list[float]()
    decided = list[bool]()
    success: float | None = None
    trust = agent.trust
    over = terminated = False
    while not over and len(actions) < horizon:
        decides, guess = exploration.random() < trust, exploration.integers(space.n)
        action = agent.act(states[-1]) if decides else int(guess)
        count_step()
        observation, reward, terminated, truncated, info = env.step(
            int(space.start) + action
        )
        over = terminated or truncated
        states.append(as_state(observation))
        actions.append(action)
        rewards.append(float(reward))
        decided.append(bool(decides))
        agent.see(states[-2], action, rewards[-1], states[-1], terminated)
        if (now := info.get("success")) is not None:
            success = max(success or 0.0, float(now))
    # Running out of time does not count as termination: nobody could predict it.
    trajectory = Trajectory(
        tuple(states), tuple(actions), tuple(rewards), bool(terminated), tuple(decided)
    )
    return Played(trajectory, steps_before, success)


def schedule(episodes: int, center: int) -> float:
    """Returns the chance with which each action is the agent's.

    Args:
        episodes: Recent episodes that the agent draws upon.
        center: Number of episodes with which the chance is one half.
    """
    # The logistic function of twice the difference.
    return (1.0 + math.tanh(episodes - center)) / 2.0


def argmax(values: Sequence[float], rng: np.random.Generator) -> int:
    """Returns the place of the largest value; chance breaks ties."""
    largest = max(values)
    best = [place for place, value in enumerate(values) if value == largest]
    return best[rng.integers(len(best))]


class ICPI(Generic[S]):
    """Acts greedily on the returns of rollouts in a world model (algorithm 2).

    Args:
        world: The world model, with the rollout policy.
        model: Answers its questions.
        codec: Number of actions, discount and length of rollouts.
        rollouts: Rollouts per action.
        min_successes: Recent episodes with which every second action is the agent's.
        ties: Breaks ties between actions.
        fallback: Draws the actions that the rollout policy does not give.
    """

    def __init__(
        self,
        world: WorldModel[S],
        model: CompletionModel,
        codec: TextCodec,
        *,
        rollouts: int,
        min_successes: int,
        ties: np.random.Generator,
        fallback: np.random.Generator,
    ) -> None:
        self.world = world
        self._model = model
        self._actions = len(codec.actions)
        self._discount = codec.plan_discount
        self._max_steps = codec.max_q_steps
        self._rollouts = rollouts
        self._min_successes = min_successes
        self._ties = ties
        self._fallback = fallback

    @property
    def trust(self) -> float:
        """Chance by the number of recent episodes; 0 until the model can be asked."""
        if not self.world.ready:
            return 0.0
        return schedule(self.world.recent, self._min_successes)

    def act(self, state: State) -> int:
        """Returns the action with the best simulated return; chance breaks ties."""
        start = self.world.begin(state)
        returns = ask_together(
            self._model,
            [
                self.rollout(start, action)
                for action in range(self._actions)
                for _ in range(self._rollouts)
            ],
        )
        values = [
            fmean(returns[action * self._rollouts : (action + 1) * self._rollouts])
            for action in range(self._actions)
        ]
        return argmax(values, self._ties)

    def rollout(self, state: S, action: int) -> Asking[float]:
        """Returns the simulated return of taking an action in a state."""
        value = 0.0
        for time in range(self._max_steps):
            terminated = yield from self.world.termination(state, action)
            if terminated is None:
                break
            reward = yield from self.world.reward(state, action, terminated)
            if reward is None:
                break
            value += self._discount**time * reward
            if terminated or time + 1 == self._max_steps:
                break
            following = yield from self.world.next_state(state, action)
            if following is None:
                break
            state = following
            predicted = yield from self.world.action(state)
            action = self._any_action() if predicted is None else predicted
        return value

    def see(
        self, state: State, action: int, reward: float, following: State, ended: bool
    ) -> None:
        """Learns nothing: prompts are made of finished episodes."""

    def learn(self, trajectory: Trajectory) -> None:
        """Adds an episode to the experience."""
        self.world.learn(trajectory)

    def _any_action(self) -> int:
        return int(self._fallback.integers(self._actions))
