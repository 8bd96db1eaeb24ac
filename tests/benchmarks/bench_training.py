"""Training throughput of the deep-RL method against a bare stable-baselines3 script.

Run it as a script. Both train the same algorithm with the same hyper-parameters, in
turns, in this process. Ours writes checkpoints and exports its policy on the way; the
episodes of its evaluations are left out on both sides. Bar: a ratio of at least 0.95.
"""

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import gymnasium

from llmpo.envs.registry import environment
from llmpo.evaluation import Evaluation
from llmpo.methods.base import RunContext
from llmpo.methods.deep_rl import DeepRL, DeepRLSettings
from llmpo.methods.deep_rl.hyperparameters import resolve_hyperparameters
from llmpo.records import Cell, EpisodeResult
from llmpo.sandbox.status import Limits, Status

ENVIRONMENT = "halfcheetah_v5"
GYM_ID = "HalfCheetah-v5"
RUNS = {
    # Updates from early on, so that they weigh as much as in a long run.
    "ppo": (20_480, {}),
    "sac": (3_000, {"learning_starts": 200}),
}
REPEATS = 3
BAR = 0.95


class NoEvaluator:
    """Answers every evaluation at once."""

    def evaluate(self, tasks: list[Any]) -> list[Evaluation]:
        episode = EpisodeResult(seed=0, value=0.0, length=1, status=Status.OK)
        return [Evaluation((episode,), None, 1, ()) for _ in tasks]


def train_ours(settings: DeepRLSettings, seed: int) -> int:
    cell = Cell(
        experiment="bench",
        environment=ENVIRONMENT,
        method="deep_rl",
        algorithm="deep_rl",
        seed=seed,
    )
    with TemporaryDirectory() as folder:
        context = RunContext(
            cell=cell,
            spec=environment(ENVIRONMENT),
            evaluator=NoEvaluator(),  # type: ignore[arg-type]
            limits=Limits(),
            state=Path(folder),
        )
        DeepRL().run(settings, context)
        return context.env_steps


def train_bare(settings: DeepRLSettings, values: Mapping[str, Any], seed: int) -> int:
    import stable_baselines3
    from stable_baselines3.common.env_util import make_vec_env
    from stable_baselines3.common.vec_env import VecNormalize
    from torch import nn

    arguments = dict(values)
    env: Any = make_vec_env(GYM_ID, n_envs=arguments.pop("n_envs", 1), seed=seed)
    if arguments.pop("normalize", False):
        env = VecNormalize(env, gamma=values["gamma"])
    if "policy_kwargs" in arguments:
        assert arguments["policy_kwargs"]["activation_fn"] == "relu"
        arguments["policy_kwargs"] = {
            **arguments["policy_kwargs"],
            "activation_fn": nn.ReLU,
        }
    algorithm = getattr(stable_baselines3, settings.algorithm.upper())
    model = algorithm("MlpPolicy", env, seed=seed, device="cpu", **arguments)
    model.learn(settings.steps)
    env.close()
    return int(model.num_timesteps)


def speed(train: Any, *arguments: Any) -> float:
    started = time.process_time()
    steps = train(*arguments)
    return float(steps / (time.process_time() - started))


def main() -> None:
    import torch

    torch.set_num_threads(1)
    gymnasium.make(GYM_ID).close()
    worst = float("inf")
    for algorithm, (steps, changes) in RUNS.items():
        settings = DeepRLSettings.model_validate(
            {"algorithm": algorithm, "steps": steps, "hyperparameters": changes}
        )
        values = resolve_hyperparameters(settings, environment(ENVIRONMENT)).values
        ours, bare = [], []
        for seed in range(REPEATS):
            bare.append(speed(train_bare, settings, values, seed))
            ours.append(speed(train_ours, settings, seed))
        ratio = max(ours) / max(bare)
        worst = min(worst, ratio)
        print(
            f"{algorithm} on {ENVIRONMENT}, {steps} steps: ours {max(ours):.0f}, bare "
            f"{max(bare):.0f} steps per CPU second, ratio {ratio:.3f}"
        )
    print(f"worst ratio {worst:.3f} (bar {BAR}): {'ok' if worst >= BAR else 'MISSED'}")
    sys.exit(worst < BAR)


if __name__ == "__main__":
    main()
