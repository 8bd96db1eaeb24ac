"""Measures scores for `src/llmpo/data/reference_scores.csv`.

    python tests/benchmarks/measure_reference_scores.py random|zero|expert [ENV ...]

Without environments: all whose score is a return.
"""

import sys
from typing import Any

import numpy as np

from llmpo.envs.instances import build_environment
from llmpo.envs.registry import environment, environment_ids
from llmpo.rollout import Actor, neutral_action, play_episode
from llmpo.seeds import reporting_seeds, stable_hash

EPISODES = 50


class RandomActor:
    """Draws every action uniformly from the action space."""

    def __init__(self, space: Any) -> None:
        self._space = space

    def begin_episode(self, seed: int) -> None:
        self._space.seed(stable_hash("random actor", seed) % 2**31)

    def act(self, observation: Any) -> Any:
        return self._space.sample()


class ZeroActor:
    """Always takes the neutral action."""

    def __init__(self, space: Any) -> None:
        self._action = neutral_action(space)

    def begin_episode(self, seed: int) -> None:
        pass

    def act(self, observation: Any) -> Any:
        return self._action


def make_actor(name: str, spec: Any, env: Any) -> Actor:
    if name == "expert":
        return spec.expert(env)
    return {"random": RandomActor, "zero": ZeroActor}[name](env.action_space)


def main(name: str, names: list[str]) -> None:
    for spec in map(environment, names or environment_ids()):
        if not names and spec.score == "success":
            continue
        env = build_environment(spec)
        actor = make_actor(name, spec, env)
        seeds = reporting_seeds(EPISODES, "reference scores", spec.id)
        values = []
        for seed in seeds:
            episode = play_episode(env, actor, seed, spec.horizon)
            values.append(episode.value if spec.score == "return" else episode.success)
        error = np.std(values, ddof=1) / np.sqrt(EPISODES)
        print(f"{spec.id},{spec.score},{name},{np.mean(values):.6g},+-{error:.2g}")
        sys.stdout.flush()
        env.close()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
