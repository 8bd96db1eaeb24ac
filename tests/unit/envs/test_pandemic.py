"""The pandemic environment as a policy and a researcher meet it.

The gates are results of the original simulator and of an independent prototype.
"""

import resource

import numpy as np
import pytest

pytest.importorskip("numba")

from llmpo.envs.instances import build_environment
from llmpo.envs.pandemic_hour import PATIENT, VISITOR, simulate_hours
from llmpo.envs.pandemic_places import HOSPITAL, PLACE_TYPES, PLACES
from llmpo.envs.registry import environment
from llmpo.errors import ConfigError

LOWER, KEEP, RAISE = range(3)
DAYS = 192


def make(**options):
    return build_environment(environment("pandemic", options))


@pytest.fixture(scope="module")
def published():
    return make()


def play(env, seed, actions):
    """Returns the rewards and the last observation of an episode."""
    observation, _ = env.reset(seed=seed)
    rewards = []
    for action in actions:
        observation, reward, terminated, _, _ = env.step(action)
        rewards.append(reward)
        assert not terminated
    return np.array(rewards), observation


def health(observation):
    return observation["global_infection_summary"][-1, 0]


def assert_consistent(env):
    """Checks that nobody is lost, or where nobody may be."""
    people, places = env.unwrapped.town.people, env.unwrapped.town.places
    visiting = people["role"] == VISITOR
    visitors = np.bincount(people["location"][visiting], minlength=len(places))
    assert np.array_equal(visitors, places["visitors"])
    limited = places["capacity"] >= 0
    assert (visitors[limited] <= places["capacity"][limited]).all()
    patients = people["role"] == PATIENT
    assert (people["location"][patients] == HOSPITAL).all()
    assert env.unwrapped.town.town["patients"][0] == patients.sum() <= 5
    assert ((people["escape"] > 0.0) & (people["escape"] <= 1.0)).all()


def test_first_observation_is_empty(published):
    observation, info = published.reset(seed=3)
    assert info == {}
    assert published.observation_space.contains(observation)
    assert all((value == 0.0).all() for value in observation.values())


def test_first_day_is_observed(published):
    _, observation = play(published, 3, [KEEP])
    assert health(observation)[[0, 1, 4]].tolist() == [0.0, 0.0, 0.0]
    assert observation["time_day"].ravel() * 8760 == pytest.approx([8, 16, 24])
    assert observation["stage"].ravel().tolist() == [0.0, 0.0, 0.0]
    for name, value in observation.items():
        if name.endswith(("summary", "alpha", "delta")):
            assert value.sum(axis=-1) == pytest.approx(np.ones((3, 1)))
            assert np.array_equal(value[0], value[2])


def test_seeds_decide_episodes(published):
    actions = [KEEP] * 10 + [RAISE] * 2 + [LOWER] * 8
    rewards, observation = play(published, 5, actions)
    play(published, 6, [RAISE] * 3)
    again, same = play(published, 5, actions)
    assert np.array_equal(rewards, again)
    assert all(np.array_equal(observation[name], same[name]) for name in same)
    other, _ = play(published, 6, actions)
    assert not np.array_equal(rewards, other)


def test_global_generator_is_left_alone(published):
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    play(published, 1, [KEEP] * 3)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002


def test_environments_do_not_share_a_town(published):
    rewards, _ = play(published, 8, [KEEP] * 25)
    one, other = make(), make()
    one.reset(seed=8)
    other.reset(seed=9)
    mixed = []
    for _ in range(25):
        mixed.append(one.step(KEEP)[1])
        other.step(RAISE)
    assert np.array_equal(rewards, mixed)


def test_observations_belong_to_the_caller(published):
    observation, _ = published.reset(seed=2)
    observation["stage"][:] = 3.0
    _, reward, *_ = published.step(RAISE)
    assert reward == pytest.approx(-10.0 - 0.054433 - 0.02, abs=1e-6)


@pytest.mark.parametrize("action", [-1, 3, 1.0, 0.5, "1", None, np.array([1])])
def test_bad_actions_are_refused(published, action):
    published.reset(seed=0)
    with pytest.raises(ValueError, match=r"0 .* 1 .* 2"):
        published.step(action)


def test_stages_move_by_one_and_stay_within_limits(published):
    published.reset(seed=0)
    seen = []
    for action in [LOWER] + [RAISE] * 5 + [KEEP] + [LOWER] * 5:
        seen.append(published.step(np.int64(action))[0]["stage"][-1, 0, 0])
    assert seen == [0, 1, 2, 3, 4, 4, 4, 3, 2, 1, 0, 0]


def test_night_is_quiet_and_noon_is_busy(published):
    published.reset(seed=0)
    published.step(KEEP)
    env = published.unwrapped
    town = env.town
    noise = np.zeros((12, len(town.places), 3))
    met = np.full((500, 500), -1)
    simulate_hours(town.town, town.places, town.people, noise[:4], met, 24)
    at_home = town.people["location"] == town.people["home"]
    night_shift = town.people["on_duty"][:, 24 + 3].astype(bool)
    assert at_home[~night_shift].all()
    simulate_hours(town.town, town.places, town.people, noise[4:], met, 28)
    at_work = town.people["location"] == town.people["base"]
    on_duty = town.people["on_duty"][:, 24 + 11].astype(bool)
    assert 0.6 < at_work[on_duty].mean() <= 1.0
    assert_consistent(published)


def test_closed_places_are_empty(published):
    published.reset(seed=0)
    for action in [RAISE] * 4:
        published.step(action)
    town = published.unwrapped.town
    met = np.full((500, 500), -1)
    noise = np.zeros((13, len(town.places), 3))
    simulate_hours(town.town, town.places, town.people, noise, met, 96)
    for name in ("school", "salon", "office", "retail"):
        assert not np.isin(town.people["location"], PLACES[name]).any()
    groceries = np.isin(town.people["location"], PLACES["grocery"])
    assert groceries.any()


def test_distancing_spares_homes(published):
    published.reset(seed=0)
    for action in (RAISE, RAISE):
        published.step(action)
    share = published.unwrapped.town.places["contact_share"]
    assert share[0] == pytest.approx(PLACE_TYPES["home"].contact_share)
    bar = PLACES["bar"][0]
    assert share[bar] == pytest.approx(0.7 * np.array([0.7, 0.2, 0.1]))


def test_multipliers_compound_unless_switched_off(published):
    published.reset(seed=0)
    for _ in range(3):
        published.step(RAISE)
    first = 1 - 0.99 * 0.2
    second = 1 - 0.99 * (1 - 0.48 * first)
    third = 1 - 0.99 * (1 - 0.48 * second)
    assert published.unwrapped.multipliers[0] == pytest.approx(third)

    simple = make(compounding_multipliers="off")
    simple.reset(seed=0)
    for _ in range(3):
        simple.step(RAISE)
    assert simple.unwrapped.multipliers == pytest.approx([0.48, 0.72])


def test_days_of_history_differ():
    env = make(history="days")
    _, observation = play(env, 0, [KEEP] * 30)
    assert observation["time_day"].ravel() * 365 == pytest.approx([28, 29, 30])
    summary = observation["global_infection_summary"][:, 0]
    assert not np.array_equal(summary[1], summary[2])
    hours, plain = play(make(), 0, [KEEP] * 30)
    assert np.array_equal(summary[2], health(plain))
    days, _ = play(env, 0, [KEEP] * 30)
    assert np.array_equal(hours, days)


def test_recorded_deaths_show_in_tests(published):
    env = make(deaths_recorded="on")
    _, observation = play(env, 4, [LOWER] * 80)
    tested = observation["global_testing_summary"][-1, 0]
    assert tested[1] == health(observation)[1] > 0.0
    assert_consistent(env)
    _, observation = play(published, 4, [LOWER] * 80)
    assert observation["global_testing_summary"][-1, 0, 1] == 0.0
    assert health(observation)[1] > 0.0


def test_options_reach_environment_and_prompt():
    spec = environment("pandemic", {"horizon": "96", "reward": "orpo_proxy"})
    assert spec.horizon == 96
    assert "min(ill" not in spec.reward_text
    assert "min(ill" in environment("pandemic").reward_text
    other = environment("pandemic", {"town_seed": "2"})
    assert other.build is not None
    assert other.build != spec.build
    assert environment("pandemic", {"town_seed": "2"}).build == other.build
    by_stage = environment("pandemic", {"stage_cost_on": "stage"})
    assert "(new / 4)" in by_stage.reward_text
    with pytest.raises(ConfigError, match="town_seed"):
        environment("pandemic", {"town_seed": "99"})


def test_unregulated_epidemic_matches_the_original(published):
    """Original: -14.9 (1 episode); prototype -13.9 +- 2.1, see the reference."""
    returns, dead, recovered, worst, peak = [], [], [], [], []
    for seed in range(6):
        published.reset(seed=seed)
        total, shares = 0.0, []
        for _ in range(DAYS):
            observation, reward, _, truncated, _ = published.step(KEEP)
            total += reward
            shares.append(health(observation))
        assert truncated
        shares = np.array(shares)
        returns.append(total)
        dead.append(shares[-1, 1])
        recovered.append(shares[-1, 4])
        worst.append(shares[:, 0].max())
        peak.append(shares[:, 2].max())
        assert_consistent(published)
    assert -17.5 < np.mean(returns) < -11.0
    assert np.mean(dead) == pytest.approx(0.070, abs=0.02)
    assert np.mean(recovered) == pytest.approx(0.92, abs=0.03)
    assert np.mean(worst) == pytest.approx(0.028, abs=0.008)
    assert np.mean(peak) == pytest.approx(0.44, abs=0.04)


def test_lowering_costs_what_keeping_costs_less_the_action(published):
    """Lowering at stage 0 changes nothing but the charge for the action."""
    keep, _ = play(published, 11, [KEEP] * DAYS)
    lower, _ = play(published, 11, [LOWER] * DAYS)
    assert lower - keep == pytest.approx(np.full(DAYS, 0.1 / 27**0.5))
    assert -16.0 < lower.sum() < -5.0


def test_always_raising_is_half_politics(published):
    """Prototype: -22 +- 2, half of it for raising too early."""
    returns, politics = [], []
    for seed in range(6):
        rewards, observation = play(published, seed, [RAISE] * DAYS)
        returns.append(rewards.sum())
        politics.append(rewards[:4].sum())
        assert health(observation)[3] > 0.9  # regulation keeps the epidemic away
    assert -26.0 < np.mean(returns) < -18.0
    assert 0.3 < np.mean(politics) / np.mean(returns) < 0.7


def test_random_actions_cost_politics(published):
    """Prototype: -250 +- 160."""
    actions = np.random.default_rng(0).integers(3, size=DAYS)
    rewards, _ = play(published, 13, actions)
    assert -650.0 < rewards.sum() < -60.0


def fuzz(episodes, days):
    env = make()
    rng = np.random.default_rng(0)
    for seed in range(episodes):
        env.reset(seed=seed)
        bias = rng.dirichlet(np.ones(3))
        for _ in range(days):
            observation, reward, *_ = env.step(rng.choice(3, p=bias))
            assert np.isfinite(reward)
        assert env.observation_space.contains(observation)
        assert all(np.isfinite(value).all() for value in observation.values())
        for name in ("global_infection_summary", "global_testing_summary_delta"):
            assert observation[name].sum(axis=-1) == pytest.approx(np.ones((3, 1)))
        assert_consistent(env)


def test_random_actions_do_no_harm():
    fuzz(episodes=25, days=20)


@pytest.mark.slow
def test_many_random_actions_do_no_harm_and_keep_no_memory():
    fuzz(episodes=20, days=5)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    fuzz(episodes=1000, days=12)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert after - before < 20_000  # kB
