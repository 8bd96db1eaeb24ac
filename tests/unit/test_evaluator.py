"""Sharing and remembering evaluations changes nothing in them."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from llmpo.evaluation import EvaluationTask, evaluate
from llmpo.evaluator import Evaluator
from llmpo.sandbox.status import Status

POLICY = """
import random


class NoiseWorldBoard1Policy:
    def act(self, obs):
        if random.random() < {failing}:
            raise RuntimeError("now and then")
        return random.randrange(4)
"""


def _task(failing: float = 0.0, **changes) -> EvaluationTask:
    values = {
        "environment": "noise_world_board_1",
        "source": POLICY.format(failing=failing),
        "seeds": tuple(range(12)),
        **changes,
    }
    return EvaluationTask(**values)


@pytest.mark.parametrize("failing", [0.0, 0.02])
def test_split_evaluation_equals_the_whole(failing):
    task = _task(failing)
    (split,) = Evaluator().evaluate([task])
    whole = evaluate(task)
    assert split == whole
    assert len(split.episodes) == 12
    assert (split.failure is not None) == (failing > 0)


def test_failed_episodes_are_scored_and_the_others_played():
    (result,) = Evaluator().evaluate([_task(0.02)])
    statuses = {episode.status for episode in result.episodes}
    assert statuses == {Status.OK, Status.CRASH}


def test_object_that_lives_for_the_run_is_never_split():
    source = POLICY.format(failing=0).replace(
        "    def act", "    played = 0\n\n    def act", 1
    )
    task = _task(lifetime="run", source=source)
    (result,) = Evaluator().evaluate([task])
    assert result == evaluate(task)


def test_what_is_remembered_is_not_played_again(tmp_path: Path, monkeypatch):
    first = Evaluator(cache=tmp_path).evaluate([_task()])
    monkeypatch.setattr("llmpo.evaluator.evaluate", None)
    assert Evaluator(cache=tmp_path).evaluate([_task()]) == first


def test_damaged_memory_is_computed_again(tmp_path: Path):
    first = Evaluator(cache=tmp_path).evaluate([_task()])
    for path in tmp_path.rglob("*.json"):
        path.write_text(path.read_text()[:40])
    assert Evaluator(cache=tmp_path).evaluate([_task()]) == first


def test_trajectories_are_kept_until_they_are_released(tmp_path: Path):
    task = _task(stop_at_failure=True, seeds=(1, 2))
    evaluator = Evaluator(cache=tmp_path)
    evaluator.evaluate([task], record=True)
    feedback = (
        "class Feedback:\n"
        "    def summarize_trajectory(self, traj):\n"
        "        return f'{len(traj)} {traj[0].action}'\n"
    )
    kept = evaluator.summarize(task, feedback, "steps")
    assert list(tmp_path.glob("trajectories/*"))
    evaluator.release([task])
    assert not list(tmp_path.glob("trajectories/*"))
    assert Evaluator().summarize(task, feedback, "steps") == kept


def test_program_that_fails_when_simulated_again_leaves_nothing_to_describe():
    # A policy that reads the clock may fail only the second time.
    task = _task(1.0, stop_at_failure=True, seeds=(1, 2))
    feedback = "class Feedback:\n    summarize_trajectory = print\n"
    assert Evaluator().summarize(task, feedback, "steps") == []


_TWO_WORKERS = """
import multiprocessing, time
from llmpo.evaluation import EvaluationTask
from llmpo.evaluator import Evaluator

if __name__ == "__main__":
    task = EvaluationTask("noise_world_board_0", '{"rule": "zero", "version": 1}',
                          tuple(range(10)), kind="rule")
    evaluator = Evaluator(threads=2)
    evaluator.evaluate([task])
    print(*[child.pid for child in multiprocessing.active_children()], flush=True)
    time.sleep(60)
"""


def test_workers_of_a_killed_job_end_with_it(tmp_path):
    script = tmp_path / "job.py"
    script.write_text(_TWO_WORKERS)
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE) as job:
        assert job.stdout is not None
        workers = [int(pid) for pid in job.stdout.readline().split()]
        job.kill()
    assert len(workers) == 2
    deadline = time.monotonic() + 20
    while any(map(_is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not any(map(_is_alive, workers))


def _is_alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
