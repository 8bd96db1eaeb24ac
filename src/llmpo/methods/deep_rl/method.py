"""The method: one class for all algorithms."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import gymnasium

from llmpo.envs.instances import AnyEnv, shared_environment
from llmpo.envs.spec import EnvSpec
from llmpo.errors import ConfigError, PrerequisiteError
from llmpo.methods.base import Role, RunContext
from llmpo.methods.deep_rl.hyperparameters import resolve_hyperparameters
from llmpo.methods.deep_rl.settings import DeepRLSettings
from llmpo.methods.deep_rl.steps import training_steps

if TYPE_CHECKING:
    from llmpo.llm.estimate import CallEstimate

_GOAL_KEYS = {"observation", "achieved_goal", "desired_goal"}


class DeepRL:
    """Deep reinforcement learning with stable-baselines3 or sbx."""

    name: ClassVar[str] = "deep_rl"
    version: ClassVar[int] = 1
    settings: ClassVar[type[DeepRLSettings]] = DeepRLSettings
    needs_llm: ClassVar[bool] = False
    role: ClassVar[Role] = "training"

    def check(self, settings: DeepRLSettings, spec: EnvSpec) -> None:
        """Checks that the algorithm fits the environment's spaces.

        Raises:
            ConfigError: It does not, or a hyper-parameter does not exist.
        """
        values = resolve_hyperparameters(settings, spec).values
        try:
            env = shared_environment(spec)
        except PrerequisiteError:
            # Replaying recorded runs needs no simulator; training will say so.
            return
        problem = _misfit(settings, env, spec, values)
        if problem:
            raise ConfigError(
                f"Method deep_rl with algorithm {settings.algorithm} on environment "
                f"{spec.label}: {problem}"
            )

    def resolve(self, settings: DeepRLSettings, spec: EnvSpec) -> Mapping[str, Any]:
        """Returns all that decides a run's results, as plain data."""
        values = resolve_hyperparameters(settings, spec).values
        return {
            **settings.model_dump(mode="json"),
            "steps": training_steps(settings, spec),
            "hyperparameters": dict(values),
        }

    def run(self, settings: DeepRLSettings, context: RunContext) -> None:
        """Trains one agent.

        Raises:
            BudgetExceeded: The steps of the run are used up.
            ConfigError: The algorithm does not fit the environment.
            DataError: The checkpoint to go on from cannot be used.
            PrerequisiteError: A library is not installed.
        """
        from llmpo.methods.deep_rl.training import Training

        self.check(settings, context.spec)
        resolved = self.resolve(settings, context.spec)
        Training(settings, resolved, self.version, context).run()

    def max_env_steps(self, settings: DeepRLSettings, spec: EnvSpec) -> int:
        """Returns the training steps of one run."""
        return training_steps(settings, spec)

    def compute_seconds(self, settings: DeepRLSettings, spec: EnvSpec) -> float:
        """Returns nothing: recorded trainings are taken as they are."""
        return 0.0

    def estimate_calls(
        self, settings: DeepRLSettings, spec: EnvSpec
    ) -> "Sequence[CallEstimate]":
        """Returns nothing: no model is called."""
        return []


def _misfit(
    settings: DeepRLSettings,
    env: AnyEnv,
    spec: EnvSpec,
    values: Mapping[str, Any],
) -> str:
    """Returns why algorithm and environment do not fit; "" if they do."""
    algorithm, action = settings.algorithm, env.action_space
    observation = env.observation_space
    if not _is_vector(observation):
        return (
            f"observations must be arrays or a dictionary of them, not {observation}."
        )
    is_box = isinstance(action, gymnasium.spaces.Box)
    is_discrete = isinstance(action, gymnasium.spaces.Discrete) and action.start == 0
    if algorithm == "dqn" and not is_discrete:
        return f"dqn chooses among discrete actions, but these are {action}; use sac."
    if algorithm in ("sac", "td3", "sac_her") and not is_box:
        return (
            f"{algorithm} needs continuous actions, but these are {action}; use dqn or "
            "ppo."
        )
    if not (is_box or is_discrete):
        return f"no algorithm here handles actions like {action}."
    if isinstance(action, gymnasium.spaces.Box) and not action.is_bounded():
        return f"actions must have finite bounds, but these are {action}."
    if algorithm == "sac_her":
        return _hindsight_misfit(settings, env, spec, values)
    return ""


def _hindsight_misfit(
    settings: DeepRLSettings,
    env: AnyEnv,
    spec: EnvSpec,
    values: Mapping[str, Any],
) -> str:
    space = env.observation_space
    keys = set(space.spaces) if isinstance(space, gymnasium.spaces.Dict) else set()
    if not keys >= _GOAL_KEYS or not hasattr(env.unwrapped, "compute_reward"):
        return (
            "hindsight replay needs observations with achieved and desired goals, "
            "which this environment does not have; use sac."
        )
    starts = int(values.get("learning_starts", 100))
    whole_episodes = int(values.get("n_envs", 1)) * spec.horizon
    if starts < whole_episodes:
        return (
            f"hindsight replay learns from whole episodes, so `learning_starts` must "
            f"be at least n_envs x horizon, {whole_episodes}, not {starts}."
        )
    if settings.engine == "sbx":
        return "hindsight replay is only available with engine sb3."
    return ""


def _is_vector(space: "gymnasium.Space[Any]") -> bool:
    if isinstance(space, gymnasium.spaces.Dict):
        return all(isinstance(s, gymnasium.spaces.Box) for s in space.spaces.values())
    return isinstance(space, gymnasium.spaces.Box)
