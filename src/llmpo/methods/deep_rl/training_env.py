"""The environments an agent trains in: fresh instances, seen as plain arrays."""

from collections.abc import Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from llmpo.envs.instances import AnyEnv, build_environment
from llmpo.envs.spec import EnvSpec


class TrainingView(gymnasium.Wrapper[Any, Any, Any, Any]):
    """An environment as learning algorithms take it.

    Episodes are truncated at the horizon. Infos are dropped, because nothing here
    reads them and stable-baselines3 copies them at every step. Observations become one
    vector of single precision, which is what networks work on.

    Args:
        env: A fresh environment.
        horizon: Most steps of an episode.
        keep_dictionary: Whether dictionary observations stay what they are, which
            hindsight replay needs.
    """

    def __init__(self, env: AnyEnv, horizon: int, *, keep_dictionary: bool) -> None:
        super().__init__(env)
        self._horizon = horizon
        self._steps = 0
        self._flatten = not keep_dictionary
        self._keys = observation_keys(env.observation_space)
        if self._flatten:
            size = gymnasium.spaces.flatdim(env.observation_space)
            self.observation_space = gymnasium.spaces.Box(
                -np.inf, np.inf, (size,), np.float32
            )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Starts an episode."""
        self._steps = 0
        observation, _ = self.env.reset(seed=seed, options=options)
        return self._view(observation), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Plays a step."""
        observation, reward, terminated, truncated, _ = self.env.step(action)
        self._steps += 1
        over = bool(truncated) or self._steps >= self._horizon
        return self._view(observation), float(reward), bool(terminated), over, {}

    def _view(self, observation: Any) -> Any:
        if not self._flatten:
            return observation
        if self._keys:
            parts = [np.ravel(observation[key]) for key in self._keys]
            return np.concatenate(parts).astype(np.float32)
        return np.asarray(observation, dtype=np.float32).ravel()


def observation_keys(space: "gymnasium.Space[Any]") -> tuple[str, ...]:
    """Returns the entries of a dictionary observation in the order of the inputs."""
    return tuple(space.spaces) if isinstance(space, gymnasium.spaces.Dict) else ()


def make_training_env(
    spec: EnvSpec, values: Mapping[str, Any], *, keep_dictionary: bool
) -> Any:
    """Builds the vectorized environment that hyper-parameters ask for.

    Args:
        spec: The environment.
        values: Hyper-parameters; `n_envs`, `normalize` and `gamma` count here.
        keep_dictionary: See `TrainingView`.

    Raises:
        PrerequisiteError: The simulator is not installed.
    """
    from stable_baselines3.common.vec_env import DummyVecEnv, VecNormalize

    def build() -> AnyEnv:
        return TrainingView(
            build_environment(spec), spec.horizon, keep_dictionary=keep_dictionary
        )

    env: Any = DummyVecEnv([build] * int(values.get("n_envs", 1)))
    normalize = values.get("normalize", False)
    if normalize:
        # Returns are scaled with the discount factor of the learner.
        options = {"gamma": values.get("gamma", 0.99)}
        if isinstance(normalize, Mapping):
            options.update(normalize)
        env = VecNormalize(env, **options)
    return env


def normalization_state(env: Any) -> dict[str, Any]:
    """Returns the running statistics of a `VecNormalize` as nested arrays."""
    state = {"returns": _moments(env.ret_rms)}
    if env.norm_obs:
        statistics = env.obs_rms
        if isinstance(statistics, dict):
            state["observations"] = {k: _moments(v) for k, v in statistics.items()}
        else:
            state["observations"] = _moments(statistics)
    return state


def restore_normalization(env: Any, state: Mapping[str, Any]) -> None:
    """Puts back statistics that `normalization_state` returned."""
    _restore_moments(env.ret_rms, state["returns"])
    if env.norm_obs:
        statistics = env.obs_rms
        if isinstance(statistics, dict):
            for key, moments in statistics.items():
                _restore_moments(moments, state["observations"][key])
        else:
            _restore_moments(statistics, state["observations"])


def _moments(moments: Any) -> dict[str, Any]:
    return {
        "mean": np.asarray(moments.mean, dtype=np.float64),
        "variance": np.asarray(moments.var, dtype=np.float64),
        "count": float(moments.count),
    }


def _restore_moments(moments: Any, state: Mapping[str, Any]) -> None:
    mean: npt.NDArray[np.float64] = np.array(state["mean"], dtype=np.float64)
    variance: npt.NDArray[np.float64] = np.array(state["variance"], dtype=np.float64)
    moments.mean, moments.var, moments.count = mean, variance, state["count"]
