"""Tabular Q-learning (Watkins 1989) for environments with few states.

The states are numbered by the environment's `TabularModel`; its dynamics are not used.
Details and deviations: `docs/methods/q_learning.md`.
"""

from collections.abc import Mapping
from itertools import count
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, PositiveInt

from llmpo.budgets import published_budget
from llmpo.envs.instances import build_environment
from llmpo.envs.spec import EnvSpec
from llmpo.envs.tabular import TabularModel
from llmpo.errors import ConfigError
from llmpo.llm.estimate import CallEstimate
from llmpo.methods.base import MethodSettings, Role, RunContext
from llmpo.methods.monitoring import Monitor
from llmpo.policies.table import MOST_ACTIONS, table_document
from llmpo.seeds import generator, selection_seeds
from llmpo.storage import canonical_json


class QLearningSettings(MethodSettings):
    """Settings of tabular Q-learning."""

    steps: PositiveInt | Literal["matched"] = Field(
        "matched",
        description="Training steps in the environment. `matched`: as many as "
        "PromptPO's published settings allow it there.",
    )
    alpha: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Step size of the first update of a state and action.",
    )
    alpha_power: float = Field(
        0.3,
        ge=0,
        le=1,
        description="The n-th update of a state and action has the step size `alpha` "
        "times n to the power of minus this; 0 keeps it constant.",
    )
    gamma: float = Field(0.995, gt=0, le=1, description="Discount factor.")
    epsilon: float = Field(
        0.05, ge=0, le=1, description="Share of random actions at the beginning."
    )
    epsilon_final: float = Field(
        0.05, ge=0, le=1, description="Share of random actions in the end."
    )
    exploration: float = Field(
        1.0,
        gt=0,
        le=1,
        description="Part of the steps over which the share changes linearly.",
    )
    initial_value: float = Field(
        20.0,
        description="Value of every state and action at the beginning. The more it is "
        "above what the agent finds, the longer it tries everything.",
    )
    evaluations: PositiveInt = Field(
        20, description="Evaluation points, evenly spaced over the steps."
    )
    evaluation_episodes: PositiveInt = Field(
        20, description="Episodes of each evaluation, on the same seeds each time."
    )


class QLearning:
    """Tabular Q-learning as a method of the harness."""

    name: ClassVar[str] = "q_learning"
    version: ClassVar[int] = 1
    settings: ClassVar[type[QLearningSettings]] = QLearningSettings
    needs_llm: ClassVar[bool] = False
    role: ClassVar[Role] = "training"

    def check(self, settings: QLearningSettings, spec: EnvSpec) -> None:
        """Checks that the environment is finite and the evaluations fit the steps.

        Raises:
            ConfigError: They do not.
        """
        if spec.tabular is None:
            raise ConfigError(
                f"Method q_learning cannot learn {spec.label}: it needs an environment "
                "whose spec numbers its states (`tabular`). Use deep_rl there, or "
                "restrict the method with `environments`."
            )
        if spec.tabular.actions > MOST_ACTIONS:
            raise ConfigError(
                f"Method q_learning cannot learn {spec.label}: it has "
                f"{spec.tabular.actions} actions, and tables hold {MOST_ACTIONS} at "
                "most."
            )
        if settings.evaluations > training_steps(settings, spec):
            raise ConfigError(
                f"Method q_learning on {spec.label}: {settings.evaluations} "
                f"evaluations do not fit {training_steps(settings, spec)} steps; "
                "lower `evaluations`."
            )

    def resolve(self, settings: QLearningSettings, spec: EnvSpec) -> Mapping[str, Any]:
        """Returns the settings with the number of steps."""
        return {
            **settings.model_dump(mode="json"),
            "steps": training_steps(settings, spec),
        }

    def run(self, settings: QLearningSettings, context: RunContext) -> None:
        """Trains one table, and evaluates it as it grows.

        Raises:
            BudgetExceeded: The steps of the run are used up.
            ConfigError: The environment is not finite.
        """
        self.check(settings, context.spec)
        _Run(settings, context).play()

    def max_env_steps(self, settings: QLearningSettings, spec: EnvSpec) -> int:
        """Returns the training steps of one run."""
        return training_steps(settings, spec)

    def compute_seconds(self, settings: QLearningSettings, spec: EnvSpec) -> float:
        """Returns nothing: an update takes no more than a step."""
        return 0.0

    def estimate_calls(
        self, settings: QLearningSettings, spec: EnvSpec
    ) -> list[CallEstimate]:
        """Returns no calls."""
        return []


def training_steps(settings: QLearningSettings, spec: EnvSpec) -> int:
    """Returns the steps of a run."""
    return published_budget(spec) if settings.steps == "matched" else settings.steps


class QTable:
    """Action values, updated from single steps.

    Args:
        model: Numbers of states and actions.
        settings: Step sizes, discount and initial value.
        rng: Breaks ties and explores.
    """

    def __init__(
        self,
        model: TabularModel,
        settings: QLearningSettings,
        rng: np.random.Generator,
    ) -> None:
        self._settings = settings
        self._rng = rng
        # Lists, because numpy is slow on four numbers at a time.
        self._values = [
            [settings.initial_value] * model.actions for _ in range(model.states)
        ]
        self._updates = [[0] * model.actions for _ in range(model.states)]

    def choose(self, state: int, epsilon: float) -> int:
        """Returns a random action with chance epsilon, else one of the best."""
        values = self._values[state]
        if self._rng.random() < epsilon:
            return int(self._rng.integers(len(values)))
        highest = max(values)
        best = [action for action, value in enumerate(values) if value == highest]
        return best[0] if len(best) == 1 else best[self._rng.integers(len(best))]

    def update(
        self, state: int, action: int, reward: float, following: int | None
    ) -> None:
        """Learns from one step.

        Args:
            state: State before the step.
            action: Action taken.
            reward: Reward of the step.
            following: State after the step; None where the episode terminated, after
                which nothing more can be had. A time limit is no such end.
        """
        settings = self._settings
        self._updates[state][action] += 1
        updates = self._updates[state][action]
        step_size = settings.alpha * float(updates) ** -settings.alpha_power
        future = 0.0 if following is None else max(self._values[following])
        target = reward + settings.gamma * future
        values = self._values[state]
        values[action] += step_size * (target - values[action])

    def greedy(self) -> npt.NDArray[np.int64]:
        """Returns the best action of each state, the first of equals."""
        best: npt.NDArray[np.int64] = np.array(self._values).argmax(axis=1)
        return best


class Training:
    """Steps the environment and learns from it, for as long as it is told.

    Args:
        table: What learns.
        spec: The environment.
        model: The environment's states.
        seed: Seed of the run, from which those of all training episodes follow.
    """

    def __init__(
        self, table: QTable, spec: EnvSpec, model: TabularModel, seed: int
    ) -> None:
        self._table = table
        # Not the shared instance: evaluations take place in the midst of an episode.
        self._env = build_environment(spec)
        self._spec = spec
        self._model = model
        self._seeds = (
            selection_seeds(1, spec.id, "training", seed, episode)[0]
            for episode in count()
        )
        self._first_action = int(getattr(self._env.action_space, "start", 0))
        self._length = 0
        self._state = self._reset()

    def step(self, epsilon: float) -> None:
        """Takes one step and learns from it; begins a new episode where one ends."""
        state = self._state
        action = self._table.choose(state, epsilon)
        observation, reward, terminated, truncated, _ = self._env.step(
            self._first_action + action
        )
        self._state = self._model.state(observation)
        self._length += 1
        self._table.update(
            state, action, float(reward), None if terminated else self._state
        )
        if terminated or truncated or self._length == self._spec.horizon:
            self._length = 0
            self._state = self._reset()

    def close(self) -> None:
        """Closes the environment."""
        self._env.close()

    def _reset(self) -> int:
        observation, _ = self._env.reset(seed=next(self._seeds))
        return self._model.state(observation)


class _Run:
    """One run: training in parts, with an evaluation after each."""

    def __init__(self, settings: QLearningSettings, context: RunContext) -> None:
        spec, seed = context.spec, context.cell.seed
        assert spec.tabular is not None  # see `QLearning.check`
        self._settings = settings
        self._context = context
        self._model = spec.tabular
        self._steps = training_steps(settings, spec)
        rng = generator("q_learning", spec.id, seed)
        self._table = QTable(self._model, settings, rng)
        self._training = Training(self._table, spec, self._model, seed)
        self._monitor = Monitor(context, "table", settings.evaluation_episodes)

    def play(self) -> None:
        context, points = self._context, self._settings.evaluations
        try:
            for number in range(1, points + 1):
                until = self._steps * number // points
                context.reserve_env_steps(until - context.env_steps)
                while context.env_steps < until:
                    self._training.step(self._epsilon(context.env_steps))
                    context.env_steps += 1
                table = table_document(self._table.greedy(), self._model)
                score = self._monitor.evaluate(number, canonical_json(table))
                context.report(
                    f"evaluation {number}/{points}: {context.spec.score} {score:.4g} "
                    f"after {context.env_steps} environment steps"
                )
        finally:
            self._training.close()

    def _epsilon(self, steps: int) -> float:
        settings = self._settings
        progress = min(1.0, steps / (settings.exploration * self._steps))
        return settings.epsilon + progress * (settings.epsilon_final - settings.epsilon)
