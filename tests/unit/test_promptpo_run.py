"""PromptPO's algorithm on a small board, with a scripted model.

The zigzag walk reaches the goal of board 1; the other programs do not.
"""

import pytest

from llmpo.errors import ConfigError
from llmpo.methods.promptpo import PromptPOSettings
from llmpo.sandbox.status import Status

FEEDBACK = """```python
class Feedback:
    def summarize_trajectory(self, traj):
        return f"{len(traj)} steps"
```"""
BROKEN_FEEDBACK = """```python
class Feedback:
    def summarize_trajectory(self, traj):
        raise RuntimeError("no")
```"""


def policy(body: str) -> str:
    return f"""```python
class NoiseWorldBoard1Policy:
    def __init__(self):
        self.t = 0

    def act(self, obs):
        self.t += 1
        {body}
```"""


ZIGZAG = policy("return 1 if self.t % 2 else 3")
STAY = policy("return 0")
CRASH_LATER = policy("return 0 if self.t < 5 else 1 / 0")
REFLECTION = "Better than nothing."


def script(*candidates: str, repairs: tuple[str, ...] = (STAY,), feedback=FEEDBACK):
    return {
        "feedback": [feedback],
        "feedback_repair": [feedback],
        "candidate": list(candidates),
        "repair": list(repairs),
        "reflection": [REFLECTION],
    }


def test_best_candidate_of_a_round_wins(scripted_run):
    record = scripted_run(script(STAY, ZIGZAG), settings={"candidates": 2})
    assert record.status == "finished"
    assert [a.is_selected for a in record.attempts] == [False, True]
    assert record.policies["best"].selection_score == record.attempts[1].score > 900
    assert record.totals.calls == 3


def test_last_policy_may_be_worse_than_the_best(scripted_run):
    record = scripted_run(
        {**script(ZIGZAG), "promptpo/refinement": [STAY]}, settings={"rounds": 2}
    )
    assert record.policies["best"].round == 1
    assert record.policies["last"].round == 2


def test_repairs_and_rejected_candidates_cost_environment_steps(scripted_run):
    record = scripted_run(
        script(CRASH_LATER, ZIGZAG, repairs=(STAY,)),
        settings={"candidates": 2, "feedback_trial": False},
    )
    failed, rejected, repaired = (
        record.attempts[0],
        record.attempts[1],
        record.attempts[2],
    )
    assert failed.status == Status.CRASH
    assert not failed.is_final
    assert failed.totals.env_steps == 4  # the fifth call of act failed
    assert (repaired.candidate, repaired.attempt) == (0, 1)
    assert repaired.totals.env_steps == rejected.totals.env_steps + 2 * 100
    assert record.totals.env_steps == repaired.totals.env_steps


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("no code", Status.NO_CODE),
        ("```python\nclass A\n```", Status.SYNTAX),
        ("```python\nx = 1\n```", Status.CONTRACT),
        (policy("raise ValueError(self.t)"), Status.CRASH),
        (policy("return 4"), Status.BAD_ACTION),
        (policy("return None"), Status.BAD_ACTION),
    ],
)
def test_hopeless_candidate_is_an_outcome_not_an_end(scripted_run, answer, status):
    record = scripted_run(
        script(answer, repairs=(answer,)), settings={"rounds": 2, "max_repairs": 2}
    )
    assert record.status == "failed"
    assert [a.status for a in record.attempts] == [status] * 6
    assert [a.is_final for a in record.attempts] == [False, False, True] * 2
    assert record.policies == {}


def test_paper_preset_repairs_only_failed_rollouts(scripted_run):
    settings = {"preset": "paper", "candidates": 2, "max_repairs": 1}
    record = scripted_run(script("no code", CRASH_LATER), settings=settings)
    assert [(a.candidate, a.attempt, a.status) for a in record.attempts] == [
        (0, 0, Status.NO_CODE),
        (1, 0, Status.CRASH),
        (1, 1, Status.OK),
    ]


def test_feedback_failure_falls_back_to_the_builtin_summary(scripted_run):
    answers = script(ZIGZAG, feedback=BROKEN_FEEDBACK)
    record = scripted_run(answers, settings={"rounds": 2})
    assert record.status == "finished"
    assert len(record.notes["feedback_failures"]) == 4  # the first and three repairs
    assert "return" in record.notes["history"][0]["feedback"][0]


def test_paper_preset_restarts_after_a_feedback_failure(scripted_run):
    settings = {"preset": "paper", "rounds": 2}
    record = scripted_run(script(ZIGZAG, feedback=BROKEN_FEEDBACK), settings=settings)
    assert record.notes["restarts"] == 2
    assert record.status == "finished"
    # Two abandoned rounds and the two of the last run: all stay counted.
    assert len(record.attempts) == 4
    assert record.totals.calls == 3 * (1 + 1 + 3) + 1 + 1


def test_reflection_and_history_reach_the_next_prompt(scripted_run):
    record = scripted_run(script(ZIGZAG), settings={"rounds": 3})
    history = record.notes["history"]
    assert [entry["reflection"] for entry in history] == [REFLECTION, REFLECTION, ""]
    assert record.totals.calls == 1 + 3 + 2


@pytest.mark.parametrize(
    ("budget", "named"),
    [
        ({"calls": 3}, "calls"),
        ({"env_steps": 450}, "environment steps"),
        ({"tokens": 4000}, "tokens"),
    ],
)
def test_budget_truncates_the_run_and_keeps_its_results(scripted_run, budget, named):
    record = scripted_run(
        script(ZIGZAG, STAY), settings={"rounds": 3, "candidates": 2}, budget=budget
    )
    assert record.status == "truncated"
    assert record.policies["best"].selection_score > 900
    assert record.totals.env_steps <= budget.get("env_steps", 10**9)
    assert record.totals.calls <= budget.get("calls", 10**9)
    assert named in record.reason


def test_same_run_twice_gives_the_same_bytes(scripted_run, tmp_path):
    answers = script(ZIGZAG, STAY, CRASH_LATER)
    settings = {"rounds": 2, "candidates": 3}
    first = scripted_run(answers, settings=settings)
    again = scripted_run(answers, settings=settings)  # from the cache
    assert first.model_dump_json() == again.model_dump_json()
    cached = tmp_path / "results" / "state"
    for path in sorted(cached.rglob("*.json")):
        path.unlink()
    recomputed = scripted_run(answers, settings=settings)
    assert first.model_dump_json() == recomputed.model_dump_json()


def test_number_of_threads_does_not_change_the_record(scripted_run, tmp_path):
    answers = script(ZIGZAG, STAY, CRASH_LATER)
    settings = {"rounds": 2, "candidates": 3}
    serial = scripted_run(answers, settings=settings)
    for path in sorted((tmp_path / "results" / "state").rglob("*.json")):
        path.unlink()
    parallel = scripted_run(answers, settings=settings, threads=2)
    assert serial.model_dump_json() == parallel.model_dump_json()


def test_given_settings_win_over_the_preset():
    settings = PromptPOSettings.model_validate(
        {"preset": "paper", "tie_break": "return"}
    )
    assert settings.tie_break == "return"
    assert settings.policy_lifetime == "run"


def test_misspelled_setting_names_the_key(scripted_run):
    with pytest.raises(ConfigError, match="reflexion: there is no such key"):
        scripted_run(script(ZIGZAG), settings={"reflexion": True})
