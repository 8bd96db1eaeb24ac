"""Reference policies as a method."""

import json
from dataclasses import replace
from statistics import fmean, stdev

import pytest
from pydantic import ValidationError

from llmpo.config import load_config
from llmpo.envs.registry import environment
from llmpo.errors import ConfigError
from llmpo.evaluation import EvaluationTask, evaluate
from llmpo.evaluator import Evaluator
from llmpo.methods.base import RunContext
from llmpo.methods.reference import Reference, ReferenceSettings
from llmpo.plan import make_plan
from llmpo.records import Cell
from llmpo.sandbox.status import Limits
from llmpo.seeds import reporting_seeds

BOARD = environment("noise_world_board_1")


def _run(policy, spec=BOARD):
    settings = ReferenceSettings(policy=policy)
    cell = Cell(
        experiment="test",
        environment=spec.id,
        method="reference",
        algorithm="reference",
        seed=0,
    )
    context = RunContext(cell, spec, Evaluator(), Limits())
    Reference().check(settings, spec)
    Reference().run(settings, context)
    assert context.env_steps == 0
    assert not context.journal.attempts
    return context.journal


def _play(journal, env_id, episodes):
    policy = journal.policies["last"]
    assert journal.policies["best"] == policy
    assert policy.selection_score is None
    seeds = reporting_seeds(episodes, env_id)
    source = journal.programs[policy.program]
    return evaluate(EvaluationTask(env_id, source, seeds, kind=policy.kind)).returns


@pytest.mark.parametrize("number", [0, 1, 4, 5])
def test_simulated_optimum_agrees_with_the_exact_one(number):
    env_id = f"noise_world_board_{number}"
    journal = _run("optimal", environment(env_id))
    returns = _play(journal, env_id, 250)
    error = 4 * stdev(returns) / len(returns) ** 0.5
    expected = journal.notes["expected_return"]
    assert fmean(returns) == pytest.approx(expected, abs=error)


def test_random_and_zero_policy_are_played_through_the_normal_loop():
    returns = _play(_run("random"), BOARD.id, 20)
    assert min(returns) < 0
    assert _play(_run("zero"), BOARD.id, 2) == (-100.0, -100.0)  # stays at the edge


def test_rules_are_plain_data():
    journal = _run("random")
    (text,) = journal.programs.values()
    assert json.loads(text)["rule"] == "random"


def test_expert_is_noted():
    spec = replace(BOARD, expert=lambda env: None, expert_note="Knows the way.")
    journal = _run("expert", spec)
    assert journal.notes["expert"] == "Knows the way."


@pytest.mark.parametrize(
    ("policy", "env_id", "message"),
    [
        ("expert", "noise_world_board_1", "It offers: random, zero, optimal"),
        ("optimal", "point_maze_large_v3", "It offers: random, zero, expert"),
        ("optimal", "ant_v5", "It offers: random, zero. "),
        ("expert", "ant_v5", "nobody has written an expert"),
    ],
)
def test_policy_that_an_environment_lacks_is_a_config_error(policy, env_id, message):
    experiment = {
        "environments": [env_id],
        "methods": {"ref": {"method": "reference", "settings": {"policy": policy}}},
        "seeds": [0],
    }
    with pytest.raises(ConfigError, match=message):
        make_plan(load_config({"experiments": {"test": experiment}}, "test"))


@pytest.mark.parametrize("values", [{}, {"policy": "best"}, {"policy": "zero", "a": 1}])
def test_wrong_settings_are_refused(values):
    with pytest.raises(ValidationError):
        ReferenceSettings.model_validate(values)
