"""The same program, environment and seeds give the same bits, wherever and whenever."""

import json
import subprocess
import sys

import pytest

from llmpo.envs.registry import environment
from llmpo.evaluation import EvaluationTask, evaluate

pytest.importorskip("mujoco")
pytest.importorskip("metaworld")
pytest.importorskip("gymnasium_robotics")

# Random numbers, numpy's transcendental functions and a matrix product: whatever could
# differ between processes should show.
POLICY = """
import random

import numpy as np


class {name}:
    def __init__(self):
        self.weights = np.random.standard_normal(({size}, 7))
        self.steps = 0

    def act(self, obs):
        self.steps += 1
        phase = np.sin(0.1 * self.steps * np.arange(1, 8)) + random.random()
        action = np.tanh(self.weights @ np.exp(-phase))
        return int(self.steps * random.random()) % 4 if {discrete} else action
"""

ENVIRONMENTS = (
    "noise_world_board_4",
    "point_maze_large_v3",
    "button_press_v3",
    "halfcheetah_v5",
    "hopper_v5",
)
SIZES = {"point_maze_large_v3": 2, "button_press_v3": 4, "hopper_v5": 3}


def task_for(env_id: str) -> EvaluationTask:
    source = POLICY.format(
        name=environment(env_id).policy_class,
        size=SIZES.get(env_id, 6),
        discrete=env_id not in SIZES and env_id != "halfcheetah_v5",
    )
    return EvaluationTask(environment=env_id, source=source, seeds=(3, 71))


def returns(env_id: str) -> list[str]:
    result = evaluate(task_for(env_id))
    assert result.failure is None, result.failure
    return [value.hex() for value in result.returns]


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, list[str]]:
    """The returns as another process finds them."""
    script = (
        "import json, runpy; "
        f"this = runpy.run_path({__file__!r}); "
        "print(json.dumps({e: this['returns'](e) for e in this['ENVIRONMENTS']}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_returns_are_bit_identical_in_another_process(env_id, elsewhere):
    assert returns(env_id) == elsewhere[env_id]


@pytest.mark.parametrize("env_id", ENVIRONMENTS)
def test_earlier_episodes_leave_no_trace(env_id):
    task = task_for(env_id)
    both = evaluate(task)
    second = evaluate(EvaluationTask(**{**vars(task), "seeds": task.seeds[1:]}))
    assert second.returns == both.returns[1:]


def test_different_seeds_differ():
    first, second = evaluate(task_for("halfcheetah_v5")).returns
    assert first != second
