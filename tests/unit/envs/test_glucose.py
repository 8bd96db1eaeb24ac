"""The glucose environment: published episodes, rewards, options, and misuse."""

import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("numba")

from gymnasium.error import ResetNeeded

from llmpo.envs.glucose import SPECS as SPEC
from llmpo.envs.glucose_day import DAY
from llmpo.envs.glucose_env import Glucose
from llmpo.envs.glucose_patient import CARBOHYDRATE, GLUCOSE, INSULIN
from llmpo.envs.glucose_pid import PidController
from llmpo.envs.glucose_rewards import (
    REWARDS,
    Reading,
    magni_risk,
    orpo_proxy,
    orpo_true,
    reward_a,
)
from llmpo.envs.instances import build_environment
from llmpo.envs.observation import ObservationReader
from llmpo.errors import PrerequisiteError

BASAL = 1 / 43.2
# Minute since the start and grams of each meal in the published system's first
# episode with seed 0, drawn anew with its generator.
PUBLISHED_MEALS = """
517,81 644,68 873,10 1109,96 1915,79 2007,8 2129,73 2353,9 2484,88 3313,69 3588,73
3783,12 3962,99 4679,76 4985,79 5466,106 6158,75 6773,93 7631,54 7803,76 8284,93
8953,78 9477,79 9638,95 10578,62 10622,10 10761,83 11096,114 11376,10 11988,74
12107,11 12248,78 12378,9 12609,93 12766,10 13342,74 13692,81 13983,74 14206,13
14793,66 15103,102 15398,103 16214,78 16417,9 16639,80 16993,96 17659,75 18076,84
18358,113 19125,92 19376,82 19664,8 19693,90 20036,8 20664,80 20874,85 21208,135
21457,9 22069,76 22365,78 22668,106 22949,10 23560,81 23728,87 24180,110 24925,80
25187,62 25660,85 26329,81 26664,75 26801,10 27010,115 27822,57 28062,112 28313,10
28468,91
"""
OPTIONS = [(name, value) for name, values in SPEC.variants.items() for value in values]


def published_meals():
    meals = np.zeros(20 * DAY)
    for meal in PUBLISHED_MEALS.split():
        start, grams = map(int, meal.split(","))
        meals[start : start + 5] = grams / 5
    return meals


def constant(action):
    return lambda obs: np.array([action])


def pid(env):
    controller = PidController(env._patient)
    scale = 43.2 * 0.0211226750

    def act(obs):
        return np.array([min(controller.insulin(float(obs[0, -1])) / scale, 0.1)])

    return act


def play(env, act, seed=0, meals=None):
    """Plays an episode; returns its number of steps and its return."""
    obs, _ = env.reset(seed=seed)
    if meals is not None:
        env._meals = meals
    steps, total, over = 0, 0.0, False
    while not over:
        obs, reward, terminated, truncated, _ = env.step(act(obs))
        steps, total, over = steps + 1, total + reward, terminated or truncated
    return steps, total


@pytest.fixture(scope="module")
def without_penalty():
    return Glucose(death_penalty=False)


@pytest.mark.parametrize(
    ("action", "steps", "value"),
    [(0.1, 175, -7479.0), (0.0, 4267, -234_126.6), (BASAL, 5760, -116_971.1)],
)
def test_glucose_reproduces_published_episodes(action, steps, value, without_penalty):
    played = play(without_penalty, constant(action), meals=published_meals())
    assert played == (steps, pytest.approx(value, rel=1e-4))


def test_glucose_pid_controller_is_as_good_as_published(without_penalty):
    steps, value = play(without_penalty, pid(without_penalty), meals=published_meals())
    assert (steps, value) == (5760, pytest.approx(-74_500, rel=0.03))


@pytest.mark.parametrize(
    ("action", "value", "spread"),
    [(0.1, -6930, 1100), (0.0231, -108_800, 4500)],
)
def test_glucose_returns_are_published_ones_on_our_meals(
    action, value, spread, without_penalty
):
    returns = [play(without_penalty, constant(action), seed)[1] for seed in range(5)]
    assert np.mean(returns) == pytest.approx(value, abs=2 * spread)
    assert 0 < np.std(returns) < 3 * spread


def test_glucose_death_costs_by_default(without_penalty):
    steps, value = play(Glucose(), constant(0.1), seed=3)
    free = play(without_penalty, constant(0.1), seed=3)
    assert free == (steps, pytest.approx(value + 1e5))
    assert steps < 250
    for reward in ("orpo_true", "orpo_proxy"):
        paid = play(Glucose(reward=reward), constant(0.1), seed=3)
        free = play(Glucose(reward=reward, death_penalty=False), constant(0.1), seed=3)
        assert paid == (steps, pytest.approx(free[1] - 100))
        assert free[1] > -100


def test_glucose_rewards_have_the_published_values():
    at = {70: 25, 40: 84, 400: 56, 138.8: 0}
    assert {g: round(magni_risk(g), 1 if g == 138.8 else 0) for g in at} == at
    assert magni_risk(0.5) == magni_risk(-3.0) == magni_risk(1.0)
    before = Reading(100.0, 0.0, 100.0, False)
    after = Reading(70.0, 0.05, 69.0, False)
    assert reward_a(before, 0.05, after) == -magni_risk(70.0) - 0.5
    assert orpo_true(before, 0.05, after) == pytest.approx(-magni_risk(69.0) / 1000)
    assert orpo_proxy(before, 0.05, after) == pytest.approx(-0.016 - 0.128425, abs=1e-6)
    assert orpo_proxy(before, 0.05, before) == 0.0


@pytest.mark.parametrize("penalty", ["on", "off"])
@pytest.mark.parametrize("reward", REWARDS)
def test_glucose_reward_text_computes_the_reward(reward, penalty):
    spec = SPEC.with_options({"reward": reward, "death_penalty": penalty})
    namespace = {"np": np}
    exec(spec.reward_text, namespace)
    described = namespace["GlucoseRewardFunction"]().reward
    env = spec.build()
    env.reset(seed=1)
    over, rng, more = False, np.random.default_rng(1), ()
    while not over:
        action = rng.uniform(0.06, 0.1, 1)
        obs, paid, over, _, info = env.step(action)
        current = SimpleNamespace(
            bg=obs[0], insulin=obs[1], is_terminated=float(env.is_terminated)
        )
        if "true_glucose" in spec.reward_text:
            more = (info["glucose"],)
        assert described(None, action, current, *more) == pytest.approx(paid, rel=1e-5)
    assert env.is_terminated


def test_glucose_options_combine_in_any_order():
    choice = {"reward": "orpo_true", "death_penalty": "off", "sensor_noise": "on"}
    first = SPEC.with_options(choice)
    second = SPEC
    for name in ("sensor_noise", "reward", "death_penalty"):
        second = SPEC.variants[name][choice[name]](second)
    assert (first.build, first.reward_text) == (second.build, second.reward_text)
    assert first.bounds == second.bounds
    assert "is_terminated" not in first.reward_text
    assert "error" in first.dynamics_text
    assert "error" not in SPEC.dynamics_text


@pytest.mark.parametrize(("name", "value"), OPTIONS)
def test_glucose_options_reach_the_environment(name, value):
    env = SPEC.with_options({name: value}).build()
    env.reset(seed=0)
    obs, reward, *_ = env.step(np.array([0.02]))
    assert np.isfinite(obs).all()
    assert np.isfinite(reward)
    assert env.observation_space.contains(obs)


def test_glucose_fields_and_history_are_those_of_the_day_before():
    env = SPEC.build()
    obs, info = env.reset(seed=0)
    fields = {field.name: field.read(obs, env) for field in SPEC.fields}
    assert fields["bg"].tolist() == obs[0].tolist()
    assert fields["insulin"].tolist() == obs[1].tolist()
    assert fields["cho"].tolist() == [0.0] * 48
    assert fields["is_terminated"] is False
    # As recorded with the published system: 366 down to about 107, hardly insulin.
    assert 350 < fields["bg"][0] <= 400
    assert (np.diff(fields["bg"]) < 0).all()
    assert fields["bg"][-1] == pytest.approx(107, abs=3)
    assert (fields["insulin"] > 0).sum() < 5
    assert info["glucose"] == pytest.approx(106.8, abs=0.5)
    first, *_ = env.step(np.array([0.0]))
    assert first[0, -1] == pytest.approx(118, abs=0.5)
    assert first[0, :-1].tolist() == obs[0, 1:].tolist()


def test_glucose_day_before_ends_in_the_published_state():
    env = Glucose()
    start = env._patient["start_x12"] / env._patient["Vg"]
    assert env._history[GLUCOSE, -1] - start == pytest.approx(0.7, abs=0.3)


def test_glucose_insulin_is_scaled_and_rounded_like_the_pump():
    env = Glucose()
    env.reset(seed=0)
    for action, rate in ((0.1, 0.09125), (0.0231, 0.021075), (4e-6, 0.0)):
        obs, *_ = env.step(np.array([action]))
        assert obs[1, -1] == pytest.approx(rate, abs=1e-8)
    assert env._log[INSULIN, 48:51].tolist() == obs[1, -3:].tolist()


def test_glucose_seed_decides_meals_and_noise_apart(without_penalty):
    noisy = Glucose(sensor_noise=True)
    play(noisy, constant(0.1), seed=8)
    without_penalty.reset(seed=5)
    first, _ = noisy.reset(seed=5)
    assert (noisy._meals == without_penalty._meals).all()
    steps = [noisy.step(np.array([0.02])) for _ in range(50)]
    clear = [without_penalty.step(np.array([0.02])) for _ in range(50)]
    assert [step[4] for step in steps] == [step[4] for step in clear]
    gaps = [a[0][0, -1] - b[0][0, -1] for a, b in zip(steps, clear, strict=True)]
    assert 1 < np.std(gaps) < 30
    again = Glucose(sensor_noise=True)
    again.reset(seed=5)
    assert (again.step(np.array([0.02]))[0] == steps[0][0]).all()
    assert (first[0, 1:] == steps[0][0][0, :-1]).all()
    noisy.reset(seed=6)
    assert (noisy._meals != without_penalty._meals).any()


def test_glucose_random_episodes_stay_sound():
    env = SPEC.with_options({"sensor_noise": "on"}).build()
    reader = ObservationReader(SPEC, env)
    rng = np.random.default_rng(0)
    for seed in range(12):
        obs, _ = env.reset(seed=seed)
        scale, over, total = rng.uniform(), False, 0.0
        while not over:
            obs, reward, died, truncated, info = env.step(
                rng.uniform(0, 0.1 * scale, 1)
            )
            over, total = died or truncated, total + reward
            assert np.isfinite(reward)
        assert reader.violations(obs) == []
        assert env.observation_space.contains(obs)
        assert np.isfinite(env._log[:, : 48 + env._steps]).all()
        assert (env._log[CARBOHYDRATE, : 48 + env._steps] >= 0).all()
        assert SPEC.bounds.low <= total <= SPEC.bounds.high
        assert died == (not 10 <= info["glucose"] <= 1000) == env.is_terminated
        assert truncated == (env._steps == SPEC.horizon)


@pytest.mark.parametrize(
    "action",
    [
        np.array([0.11]),
        np.array([-0.001]),
        np.array([np.nan]),
        np.array([np.inf]),
        np.array([0.01, 0.02]),
        np.array(0.01),
        0.01,
        [0.01],
        None,
    ],
)
def test_glucose_refuses_other_actions(action, without_penalty):
    without_penalty.reset(seed=0)
    with pytest.raises(ValueError, match=r"one number from 0 to 0\.1"):
        without_penalty.step(action)


def test_glucose_takes_the_bounds_in_single_precision():
    env = Glucose()
    env.reset(seed=0)
    obs, *_ = env.step(np.array([0.1], dtype=np.float32))
    assert env.observation_space.contains(obs)


def test_glucose_must_be_reset_before_and_after_an_episode():
    env = Glucose(days=1)
    with pytest.raises(ResetNeeded, match="call reset"):
        env.step(np.array([0.0]))
    assert play(env, constant(0.02))[0] == 288
    with pytest.raises(ResetNeeded, match="call reset"):
        env.step(np.array([0.0]))
    env.reset(seed=0)
    env.step(np.array([0.0]))


def test_glucose_observations_are_not_changed_later():
    env = Glucose()
    obs, _ = env.reset(seed=0)
    kept = obs.copy()
    env.step(np.array([0.05]))
    env.reset(seed=1)
    env.step(np.array([0.0]))
    assert (obs == kept).all()
    with pytest.raises(ValueError, match="read-only"):
        obs[0, 0] = 1.0


def test_glucose_spec_does_not_load_the_compiler():
    program = "import sys, llmpo.envs.glucose; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_glucose_names_the_extra_that_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "llmpo.envs.glucose_env", None)
    with pytest.raises(PrerequisiteError, match=r"llmpo\[realworld\]"):
        build_environment(SPEC)
