"""Feedback programs: what they are shown, and how they fail."""

import numpy as np
import pytest

from llmpo.sandbox.contract import ActionLayout, Trajectory
from llmpo.sandbox.process import FeedbackProcess
from llmpo.sandbox.status import Limits, ProgramFailed

TRAJECTORY = Trajectory(
    observations=np.arange(4 * 8.0).reshape(4, 8),
    actions=np.array([[1.0], [2.0], [0.0]]),
    rewards=np.array([-1.0, -2.0, 10.0]),
)
DISCRETE = ActionLayout("discrete", n=3)


def feedback(body):
    return (
        f"class Feedback:\n  def summarize_trajectory(self, traj):\n    return {body}"
    )


def test_observations_before_each_step_are_shown(contract):
    source = feedback("f'{[o.height for o in traj]} {traj[0].state_vector()}'")
    with FeedbackProcess(source, contract.observation, DISCRETE) as process:
        assert process.layers[0] == "process"
        assert process.summarize(TRAJECTORY) == "[7.0, 15.0, 23.0] [0. 1. 2. 7.]"


def test_steps_also_show_actions_rewards_and_the_last_observation(contract):
    source = feedback(
        "str([(s.observation.height, s.action, s.reward, s.next_observation.height)"
        " for s in traj])"
    )
    with FeedbackProcess(
        source, contract.observation, DISCRETE, records="steps"
    ) as process:
        assert process.summarize(TRAJECTORY) == (
            "[(7.0, 1, -1.0, 15.0), (15.0, 2, -2.0, 23.0), (23.0, 0, 10.0, 31.0)]"
        )


def test_box_actions_are_arrays(contract):
    source = feedback("str([s.action.shape for s in traj])")
    box = ActionLayout("box", shape=(1,), low=(-3.0,), high=(3.0,))
    with FeedbackProcess(source, contract.observation, box, records="steps") as process:
        assert process.summarize(TRAJECTORY) == "[(1,), (1,), (1,)]"


def test_an_episode_longer_than_a_pipe_arrives_whole(contract):
    steps = 5000
    long = Trajectory(
        np.ones((steps + 1, 8)), np.zeros((steps, 1)), np.ones(steps, np.float64)
    )
    source = feedback("str(sum(s.reward * s.next_observation.height for s in traj))")
    with FeedbackProcess(
        source, contract.observation, DISCRETE, records="steps"
    ) as process:
        assert process.summarize(long) == "5000.0"


def test_an_empty_trajectory_is_an_empty_list(contract):
    empty = Trajectory(np.ones((1, 8)), np.zeros((0, 1)), np.zeros(0))
    for records in ("observations", "steps"):
        with FeedbackProcess(
            feedback("str(traj)"), contract.observation, DISCRETE, records=records
        ) as process:
            assert process.summarize(empty) == "[]"


def test_summaries_are_trimmed_and_cleaned(contract):
    source = feedback("'a\\x00b' + str(object()) + 'x' * 10**7")
    with FeedbackProcess(source, contract.observation, DISCRETE) as process:
        summary = process.summarize(TRAJECTORY)
    assert summary.startswith("ab<object object at 0x…>xxx")
    assert len(summary) == 2000
    assert summary.endswith("x…")


@pytest.mark.parametrize(
    ("source", "status"),
    [
        ("class Summary:\n  summarize_trajectory = print", "contract"),
        ("class Feedback:\n  pass", "contract"),
        ("class feedback:\n  summarize_trajectory = print", "contract"),
        (feedback("5"), "contract"),
        (feedback("None"), "contract"),
        (feedback("traj[0].nothing"), "crash"),
        (feedback("open('/etc/passwd').read()"), "crash"),
        (feedback("[0 for _ in iter(int, 1)]"), "timeout"),
        (
            "class Feedback:\n  def __init__(self): 1 / 0\n  summarize_trajectory = 1",
            "",
        ),
        ("class Feedback(:", "syntax"),
    ],
)
def test_failures_are_statuses(contract, source, status):
    limits = Limits(act=0.3, memory_mb=2048)
    with (
        pytest.raises(ProgramFailed) as raised,
        FeedbackProcess(source, contract.observation, DISCRETE, limits) as process,
    ):
        process.summarize(TRAJECTORY)
    assert raised.value.failure.status == (status or "contract")
