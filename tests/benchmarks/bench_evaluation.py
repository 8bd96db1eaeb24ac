"""What the sandbox costs, and how rounds scale: ratios within one run.

    python tests/benchmarks/bench_evaluation.py [scaling]

The baseline is the same policy object called in this process in a bare loop over
`env.step`, on the same seeds. Both sides are timed in turn and the best of the
repetitions counts, so that other load on the machine disturbs the ratio least.
"""

import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np

from llmpo.envs.instances import shared_environment
from llmpo.envs.observation import ObservationReader
from llmpo.envs.registry import environment
from llmpo.evaluation import EvaluationTask, evaluate
from llmpo.evaluator import Evaluator
from llmpo.seeds import selection_seeds

POLICY = """
import numpy as np


class {name}:
    def __init__(self):
        self.steps = 0

    def act(self, obs):
        self.steps += 1
        return 0.05 * np.sin(0.3 * self.steps + np.arange({size}))
"""
GOALS = {"ant_v5": 1.25, "pick_place_v3": 1.3, "halfcheetah_v5": 2.0}
REPETITIONS = 5


def task_for(env_id: str, episodes: int) -> EvaluationTask:
    spec = environment(env_id)
    size = shared_environment(spec).action_space.shape[0]
    return EvaluationTask(
        environment=env_id,
        source=POLICY.format(name=spec.policy_class, size=size),
        seeds=selection_seeds(episodes, env_id, "benchmark"),
        stop_at_failure=True,
    )


def bare_loop(task: EvaluationTask) -> tuple[int, float]:
    """Plays the episodes without harness; returns steps and the sum of rewards."""
    spec = environment(task.environment)
    env = shared_environment(spec)
    namespace: dict[str, type] = {}
    exec(task.source, namespace)
    steps, total = 0, 0.0
    for seed in task.seeds:
        policy = namespace[spec.policy_class]()
        obs, _ = env.reset(seed=seed)
        for _ in range(spec.horizon):
            action = np.clip(policy.act(obs), -1.0, 1.0)
            obs, reward, terminated, truncated, _ = env.step(action)
            steps, total = steps + 1, total + float(reward)
            if terminated or truncated:
                break
    return steps, total


def seconds(function, *arguments) -> float:
    started = time.perf_counter()
    function(*arguments)
    return time.perf_counter() - started


def overhead() -> None:
    print("candidate evaluation with sandbox against a bare loop, 5 episodes")
    for env_id, goal in GOALS.items():
        task = task_for(env_id, 5)
        steps, total = bare_loop(task)
        result = evaluate(task)
        assert result.failure is None, result.failure
        assert result.env_steps == steps
        np.testing.assert_allclose(sum(result.returns), total, rtol=1e-9)
        bare, full = [], []
        for _ in range(REPETITIONS):
            bare.append(seconds(bare_loop, task))
            full.append(seconds(evaluate, task))
        ratio = min(full) / min(bare)
        mark = "" if ratio <= goal else "  MISSED"
        print(
            f"  {env_id:16} bare {1e6 * min(bare) / steps:6.1f} us/step  evaluation "
            f"{1e6 * min(full) / steps:6.1f} us/step  ratio {ratio:.2f} "
            f"(goal {goal}){mark}"
        )


def scaling() -> None:
    print("round of 10 candidates, 1 worker against 2")
    for env_id in ("ant_v5", "pick_place_v3"):
        task = task_for(env_id, 5)
        tasks = [
            replace(task, source=task.source + f"\n# {number}") for number in range(10)
        ]
        times = {}
        for threads in (1, 2):
            with (
                tempfile.TemporaryDirectory() as folder,
                closing(Evaluator(threads, Path(folder))) as evaluator,
            ):
                # Workers start and build their environments once a job, not a round.
                evaluator.evaluate([replace(t, seeds=t.seeds[:1]) for t in tasks])
                times[threads] = seconds(evaluator.evaluate, tasks)
        print(
            f"  {env_id:16} {times[1]:.1f} s and {times[2]:.1f} s: "
            f"{times[1] / times[2]:.2f} times faster (goal 1.8)"
        )


def read_often(reader: ObservationReader, obs: object) -> None:
    for _ in range(2000):
        reader.read(obs)


def reading() -> None:
    print("reading one observation")
    for env_id in ("halfcheetah_v5", "ant_v5", "humanoid_v5", "pick_place_v3"):
        spec = environment(env_id)
        env = shared_environment(spec)
        obs, _ = env.reset(seed=0)
        reader = ObservationReader(spec, env)
        spent = min(seconds(read_often, reader, obs) for _ in range(5))
        print(f"  {env_id:16} {1e6 * spent / 2000:.1f} us")


if __name__ == "__main__":
    if "scaling" not in sys.argv:
        reading()
        overhead()
    scaling()
