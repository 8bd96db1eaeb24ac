"""Tabular Q-learning: the update rule, and runs on small boards."""

from dataclasses import replace

import gymnasium
import numpy as np
import pytest

from llmpo.budgets import published_budget, published_settings
from llmpo.envs.registry import environment, environment_ids
from llmpo.envs.tabular import TabularModel
from llmpo.errors import BudgetExceeded, ConfigError
from llmpo.evaluator import Evaluator
from llmpo.methods.base import RunContext
from llmpo.methods.q_learning import QLearning, QLearningSettings, QTable, Training
from llmpo.records import Cell
from llmpo.sandbox.status import Limits

BOARD = environment("noise_world_board_1")


class Counter(gymnasium.Env):
    """Pays 1 a step; ends by itself or by the clock after three steps."""

    def __init__(self, terminates):
        self.action_space = gymnasium.spaces.Discrete(1, start=7)
        self.observation_space = gymnasium.spaces.Discrete(3)
        self.terminates = terminates
        self.seeds = []

    def reset(self, *, seed=None, options=None):
        self.seeds.append(seed)
        self.time = 0
        return 0, {}

    def step(self, action):
        assert action == 7
        self.time += 1
        over = self.time == 3
        return self.time % 3, 1.0, over and self.terminates, over, {}


@pytest.fixture
def counter():
    def _counter(terminates, **settings):
        env = Counter(terminates)
        model = TabularModel(3, 1, lambda observation: observation, lambda: None)
        spec = replace(BOARD, build=lambda: env, tabular=model, horizon=9)
        table = QTable(
            model,
            QLearningSettings(alpha=0.5, alpha_power=0.0, **settings),
            np.random.default_rng(0),
        )
        return env, table, Training(table, spec, model, seed=0)

    return _counter


def _values(table):
    return [values[0] for values in table._values]


def test_nothing_is_to_be_had_after_termination(counter):
    _, table, training = counter(terminates=True, gamma=0.5)
    for _ in range(300):
        training.step(0.0)
    assert _values(table) == pytest.approx([1.75, 1.5, 1.0])


def test_time_limit_is_no_termination(counter):
    _, table, training = counter(terminates=False, gamma=0.5)
    for _ in range(300):
        training.step(0.0)
    assert _values(table) == pytest.approx([2.0, 2.0, 2.0])


def test_each_episode_has_its_own_seed(counter):
    env, _, training = counter(terminates=True, gamma=0.5)
    for _ in range(30):
        training.step(0.0)
    assert len(set(env.seeds)) == 11
    assert max(env.seeds) < 2**30  # the range that methods may see


def test_step_size_falls_with_the_updates_of_a_pair():
    model = TabularModel(1, 2, lambda observation: 0, lambda: None)
    settings = QLearningSettings(alpha=1.0, alpha_power=1.0, initial_value=0.0)
    table = QTable(model, settings, np.random.default_rng(0))
    for reward in (1.0, 2.0, 6.0):
        table.update(0, 1, reward, None)
    assert table._values[0] == pytest.approx([0.0, 3.0])  # the plain mean
    assert table.greedy().tolist() == [1]


def _run(seed=0, spec=BOARD, budget=None, **values):
    settings = QLearningSettings(**{"evaluation_episodes": 5, **values})
    cell = Cell(
        experiment="test",
        environment=spec.id,
        method="q_learning",
        algorithm="q_learning",
        seed=seed,
    )
    context = RunContext(cell, spec, Evaluator(), Limits(), env_step_budget=budget)
    QLearning().check(settings, spec)
    stopped = False
    try:
        QLearning().run(settings, context)
    except BudgetExceeded:
        stopped = True
    return context, stopped


def test_learns_the_way_to_the_goal():
    context, _ = _run(steps=15000, evaluations=3)
    journal = context.journal
    assert [a.totals.env_steps for a in journal.attempts] == [5000, 10000, 15000]
    assert [a.round for a in journal.attempts] == [1, 2, 3]
    last = journal.policies["last"]
    assert last.round == 3
    assert last.selection_score > 900
    assert journal.policies["best"].selection_score >= last.selection_score
    assert set(journal.programs) == {p.program for p in journal.policies.values()}
    assert journal.notes["monitoring_steps"] > 0
    assert context.env_steps == 15000


def test_run_is_determined_by_its_seed():
    first, second, other = (
        _run(seed, steps=1000, evaluations=2)[0].journal for seed in (3, 3, 4)
    )
    assert first == second
    assert first.programs != other.programs


def test_budget_ends_the_run_and_keeps_what_was_learned():
    context, stopped = _run(steps=1000, evaluations=4, budget=600)
    assert stopped
    assert context.env_steps == 500
    assert len(context.journal.attempts) == 2
    assert context.journal.policies["last"].round == 2


def test_steps_match_the_published_budget_by_default():
    settings = QLearningSettings()
    assert QLearning().max_env_steps(settings, BOARD) == 5 * 10 * 5 * 100
    assert QLearning().resolve(settings, BOARD)["steps"] == 25000
    limited = QLearningSettings(steps=70)
    assert QLearning().max_env_steps(limited, BOARD) == 70


def test_environment_that_is_not_finite_is_refused():
    with pytest.raises(ConfigError, match=r"cannot learn ant_v5.*Use deep_rl"):
        QLearning().check(QLearningSettings(), environment("ant_v5"))


def test_more_evaluations_than_steps_are_refused():
    settings = QLearningSettings(steps=10, evaluations=11)
    with pytest.raises(ConfigError, match="11 evaluations do not fit 10 steps"):
        QLearning().check(settings, BOARD)


@pytest.mark.parametrize("env_id", environment_ids())
def test_every_environment_has_a_published_budget(env_id):
    spec = environment(env_id)
    settings = published_settings(spec)
    assert settings.source
    assert published_budget(spec) % spec.horizon == 0


def test_environment_of_another_package_has_the_documented_budget():
    other = replace(BOARD, id="other", family="Other", horizon=10)
    assert published_budget(other) == 10 * 10 * 5 * 10
