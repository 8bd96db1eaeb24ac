"""The rewards' numbers are worked out by hand from the published formulas."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest

from llmpo.envs.pandemic_rewards import REWARDS, reward_function
from llmpo.envs.pandemic_stages import STAGES, next_multiplier

CRITICAL, DEAD, INFECTED = 0, 1, 2


def observation(stage=0, critical=0.0, dead=0.0, infected=0.0):
    summary = np.array([critical, dead, infected, 1 - critical - dead - infected, 0])
    return {
        "global_infection_summary": np.tile(summary, (3, 1, 1)),
        "stage": np.full((3, 1, 1), float(stage)),
    }


@pytest.mark.parametrize(
    ("name", "costs"),
    [
        ("A", (0.0, 0.019245, 0.054433)),
        ("orpo_true", (0.0, 0.0125, 0.035355)),
        ("orpo_proxy", (0.0, 0.0125, 0.035355)),
    ],
)
def test_the_action_is_charged_not_the_stage(name, costs):
    for action, cost in enumerate(costs):
        for stage in (0, 4):
            same = observation(stage, infected=0.1)
            assert REWARDS[name](same, action, same) == pytest.approx(-cost, abs=1e-6)


def test_the_stage_is_charged_as_an_option():
    reward = reward_function("A", of_stage=True)
    costs = [-reward(observation(s), 0, observation(s)) for s in range(5)]
    assert costs == pytest.approx([0.1 * (s / 4) ** 1.5 for s in range(5)])


@pytest.mark.parametrize(
    ("ill", "penalty"),
    [(0.0, 10.0), (0.002, 3.6), (0.004, 0.4), (0.005, 0.0), (0.5, 0.0)],
)
def test_raising_the_stage_too_early_costs(ill, penalty):
    before = observation(1, critical=ill / 2, dead=ill / 4, infected=ill / 4)
    after = observation(2)
    for name, weight, change in (
        ("A", 1.0, 0.054433 + 0.02),
        ("orpo_true", 1.0, 0.035355 + 0.01),
        ("orpo_proxy", 0.0, 0.035355 + 0.01),
    ):
        expected = -weight * penalty - change
        assert REWARDS[name](before, 2, after) == pytest.approx(expected, abs=1e-5)


def test_lowering_the_stage_and_staying_at_the_top_are_no_alarm():
    assert REWARDS["A"](observation(1), 0, observation(0)) == pytest.approx(-0.02)
    top = observation(4)
    assert REWARDS["A"](top, 2, top) == pytest.approx(-0.054433, abs=1e-6)


def test_critical_cases_count_after_the_step():
    reward = REWARDS["A"](observation(critical=0.5), 0, observation(critical=0.03))
    assert reward == pytest.approx(-0.3)


@pytest.mark.parametrize("of_stage", [False, True])
@pytest.mark.parametrize("name", REWARDS)
def test_prompts_show_the_reward_that_is_computed(name, of_stage):
    reward = reward_function(name, of_stage=of_stage)
    namespace = {}
    exec(reward.text("Shown"), namespace)
    shown = namespace["Shown"]()
    rng = np.random.default_rng(0)
    for stage, action in itertools.product(range(5), range(3)):
        shares = rng.uniform(0, 0.006, (2, 3))
        before = observation(stage, *shares[0])
        after = observation(min(max(stage + action - 1, 0), 4), *shares[1])
        value = shown.reward(
            SimpleNamespace(**before), action, SimpleNamespace(**after)
        )
        assert reward(before, action, after) == pytest.approx(value, rel=1e-12)
        assert reward.low <= value <= 0.0


def test_multipliers_have_the_published_fixed_points():
    for stage, fixed_point in ((0, 1.0), (1, 0.0481), (2, 0.0190), (4, 0.0190)):
        multiplier = 1.0
        for _ in range(2000):
            multiplier = next_multiplier(multiplier, STAGES[stage].factor)
        assert multiplier == pytest.approx(fixed_point, abs=1e-4)


def test_multipliers_recover_by_a_hundredth_of_the_gap():
    assert next_multiplier(0.2, 1.0) == pytest.approx(0.208)
    assert next_multiplier(1.5, 1.0) == pytest.approx(1.495)
