"""Building models of stable-baselines3 and sbx, and training them in segments.

Both libraries share stable-baselines3's base classes, so all but the parameters
themselves (`model_state`) is the same for both. Neither ships types that would help
here; models are `Any`.
"""

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np

from llmpo.errors import ConfigError, PrerequisiteError
from llmpo.methods.deep_rl.hyperparameters import HARNESS_NAMES
from llmpo.methods.deep_rl.model_state import is_finite
from llmpo.methods.deep_rl.settings import Algorithm, Engine

_ON_POLICY = frozenset[Algorithm]({"ppo"})
_LINEAR = "lin_"
_SCHEDULED = ("learning_rate", "clip_range")


class WholeRun:
    """Makes schedules count the whole run where training proceeds in segments.

    stable-baselines3 takes each call of `learn` for a training of its own.
    """

    whole_run_steps: int

    def _update_current_progress_remaining(self, steps: int, _: int) -> None:
        self._current_progress_remaining = 1.0 - steps / self.whole_run_steps


def build_model(
    engine: Engine,
    algorithm: Algorithm,
    env: Any,
    values: Mapping[str, Any],
    *,
    steps: int,
    seed: int,
) -> Any:
    """Builds an untrained model.

    Args:
        engine: Library to use.
        algorithm: Algorithm to use.
        env: Vectorized environment to train in.
        values: Hyper-parameters.
        steps: Steps of the whole run.
        seed: Seed of the first parameters.

    Raises:
        ConfigError: The library does not have one of the hyper-parameters.
        PrerequisiteError: The library is not installed.
    """
    original = _algorithm_class(engine, algorithm)
    import torch
    from stable_baselines3.common.logger import Logger

    # More threads wait for each other longer than they compute.
    torch.set_num_threads(1)
    arguments = _arguments(engine, algorithm, env, values, steps)
    _check_arguments(original, arguments, f"Engine {engine} with algorithm {algorithm}")
    bases = (WholeRun, original)
    whole_run = type(original.__name__, bases, {"whole_run_steps": steps})
    policy = "MultiInputPolicy" if algorithm == "sac_her" else "MlpPolicy"
    model = whole_run(policy, env, seed=seed, device="cpu", **arguments)
    model.set_logger(Logger(folder=None, output_formats=[]))
    return model


def update_steps(algorithm: Algorithm, values: Mapping[str, Any]) -> int:
    """Returns the environment steps between two updates, in all environments."""
    environments = int(values.get("n_envs", 1))
    if algorithm in _ON_POLICY:
        return environments * int(values.get("n_steps", 2048))
    return environments * int(values.get("train_freq", 4 if algorithm == "dqn" else 1))


def train_segment(model: Any, steps: int, seed: int) -> bool:
    """Trains on, from freshly reset environments and newly seeded generators.

    So what a segment does depends on the model and the seed alone, and a run that was
    interrupted between two segments goes on as if it had not been.

    Args:
        model: Trained so far.
        steps: Further steps, a multiple of the steps between two updates.
        seed: Seed of everything random, the environments included.

    Returns:
        Whether the parameters are still finite.
    """
    model.set_random_seed(seed)
    if hasattr(model.policy, "noise_key"):
        # sbx keeps a second stream there that `set_random_seed` forgets.
        model.policy.key = model.policy.noise_key = model.key
    model._last_obs = None  # makes `learn` reset the environments
    try:
        model.learn(steps, reset_num_timesteps=False, log_interval=None)
    except (ArithmeticError, AssertionError, ValueError):
        # Distributions and simulators refuse what a diverged network puts out.
        if is_finite(model):
            raise
        return False
    buffer: Any = getattr(model, "replay_buffer", None)
    if hasattr(buffer, "truncate_last_trajectory"):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            buffer.truncate_last_trajectory()
    return is_finite(model)


def _algorithm_class(engine: Engine, algorithm: Algorithm) -> Any:
    name = algorithm.removesuffix("_her").upper()
    try:
        import stable_baselines3

        if engine == "sb3":
            return getattr(stable_baselines3, name)
        import sbx
    except ImportError as error:
        extra = "baselines" if engine == "sb3" else "sbx"
        raise PrerequisiteError(
            f"Training {algorithm}: a package is missing ({error}). Install it with: "
            f"pip install 'llmpo[{extra}]'."
        ) from error
    return getattr(sbx, name)


def _arguments(
    engine: Engine,
    algorithm: Algorithm,
    env: Any,
    values: Mapping[str, Any],
    steps: int,
) -> dict[str, Any]:
    from stable_baselines3 import HerReplayBuffer
    from stable_baselines3.common.noise import NormalActionNoise

    arguments = {k: v for k, v in values.items() if k not in HARNESS_NAMES}
    for name in _SCHEDULED:
        if name in arguments:
            arguments[name] = _schedule(arguments[name])
    if "policy_kwargs" in arguments:
        given = arguments["policy_kwargs"]
        arguments["policy_kwargs"] = _policy_arguments(engine, given)
    if algorithm not in _ON_POLICY:
        # A buffer longer than the run behaves the same and only costs memory.
        size = int(arguments.get("buffer_size", 1_000_000))
        arguments["buffer_size"] = min(size, steps + env.num_envs)
    if "action_noise_std" in values:
        shape = env.action_space.shape
        deviation = np.full(shape, float(values["action_noise_std"]))
        arguments["action_noise"] = NormalActionNoise(np.zeros(shape), deviation)
    if algorithm == "sac_her":
        arguments["replay_buffer_class"] = HerReplayBuffer
    return arguments


def _check_arguments(original: Any, arguments: Mapping[str, Any], where: str) -> None:
    unknown = sorted(set(arguments) - set(inspect.signature(original).parameters))
    if unknown:
        raise ConfigError(
            f"{where}: it has no hyper-parameter {unknown[0]!r}. Set it to null under "
            "`hyperparameters`, or use engine sb3."
        )


def _schedule(value: Any) -> Any:
    """Returns a schedule for `lin_0.0003`: linear down to zero over the run."""
    from stable_baselines3.common.utils import LinearSchedule

    if isinstance(value, str) and value.startswith(_LINEAR):
        return LinearSchedule(float(value.removeprefix(_LINEAR)), 0.0, 1.0)
    return value


def _policy_arguments(engine: Engine, given: Mapping[str, Any]) -> dict[str, Any]:
    arguments = dict(given)
    name = arguments.get("activation_fn")
    if name is not None and engine == "sb3":
        from torch import nn

        arguments["activation_fn"] = {"relu": nn.ReLU, "tanh": nn.Tanh}[name]
    elif name is not None:
        from flax import linen

        arguments["activation_fn"] = {"relu": linen.relu, "tanh": linen.tanh}[name]
    return arguments
