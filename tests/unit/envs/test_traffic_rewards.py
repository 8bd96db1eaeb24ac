"""The traffic rewards against hand calculations, and against what prompts show."""

from types import SimpleNamespace

import numpy as np
import pytest

from llmpo.envs.traffic import SPECS
from llmpo.envs.traffic_rewards import REWARDS, reward_a, reward_orpo_true

(SPEC,) = SPECS


def observation(speeds=(), ego=(), headways=(), fail=0.0):
    """Returns the part of an observation that rewards read."""

    def padded(values, size):
        return np.array([*values, *[0.0] * (size - len(values))])

    return {
        "all_vehicle_speeds": padded(speeds, 80),
        "vehicle_count": np.array(float(len(speeds))),
        "ego_speeds": padded(ego, 10),
        "leader_headways": padded(headways, 10),
        "fail": np.array(fail),
    }


EMPTY = observation()
REST = np.zeros(10)


@pytest.mark.parametrize(
    ("speeds", "expected"),
    [
        ((20.0, 20.0, 20.0), 1.0),
        ((0.0, 0.0), 0.0),
        ((10.0,), 0.5),
        ((20.0, 0.0), 1 - 1 / np.sqrt(2)),
        ((), 0.0),
    ],
)
def test_reward_a_measures_how_near_speeds_are_to_the_target(speeds, expected):
    after = observation(speeds)
    assert reward_a(EMPTY, REST, after) == pytest.approx(expected, abs=1e-6)


def test_short_headways_and_accelerations_cost():
    after = observation((20.0,), ego=(10.0, 10.0, 0.0), headways=(5.0, 30.0, 1.0))
    # Half a second short of one in the first slot; the standing bus does not count.
    assert reward_a(EMPTY, REST, after) == pytest.approx(1.0 - 0.1 * 0.5)
    action = np.array([1.5, -1.5, *[0.5] * 8])
    assert reward_a(EMPTY, action, after) == pytest.approx(0.95 - 0.7)


def test_orpo_rewards_differ_in_the_flow_only():
    after = observation((0.0, 9.999))
    assert reward_orpo_true(EMPTY, REST, after) == pytest.approx(-(1000 + 0.1) / 2)
    proxy = REWARDS["orpo_proxy"].value
    assert proxy(EMPTY, REST, after) == pytest.approx(4.9995)


@pytest.mark.parametrize("name", REWARDS)
def test_a_collision_is_worth_nothing(name):
    after = observation((20.0,), fail=1.0)
    assert REWARDS[name].value(EMPTY, np.full(10, 1.5), after) == 0.0


@pytest.mark.parametrize("name", REWARDS)
def test_prompts_show_the_reward_that_is_paid(name):
    spec = SPEC.with_options({"reward": name})
    namespace = {"np": np}
    exec(spec.reward_text, namespace)
    shown = namespace["TrafficRewardFunction"]()
    rng = np.random.default_rng(0)
    for _ in range(50):
        after = observation(
            rng.uniform(0, 30, rng.integers(0, 30)),
            rng.uniform(0, 30, rng.integers(0, 10)),
            rng.uniform(0, 60, 10),
            fail=float(rng.random() < 0.1),
        )
        action = rng.uniform(-1.5, 1.5, 10)
        current = SimpleNamespace(**after, **spec.constants)
        paid = REWARDS[name].value(EMPTY, action, after)
        assert shown.reward(None, action, current) == pytest.approx(paid, rel=1e-9)
        assert REWARDS[name].low <= paid <= REWARDS[name].high


def test_options_change_text_horizon_and_bounds_together():
    spec = SPEC.with_options({"reward": "orpo_true", "horizon": "500"})
    assert "1.0 / (speeds + 0.001)" in spec.reward_text
    assert spec.horizon == 500
    assert (spec.bounds.low, spec.bounds.high) == (-500 * 1005, 0)
    assert SPEC.with_options({"slots": "fixed"}).dynamics_text != SPEC.dynamics_text
    assert SPEC.published_seeds is None
