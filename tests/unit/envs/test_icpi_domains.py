"""The six ICPI domains against the check vectors of an independent implementation."""

from itertools import product
from math import ceil, sqrt
from statistics import mean
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from llmpo.envs.check import check_environment
from llmpo.envs.icpi_domains import SPECS
from llmpo.envs.icpi_rules import RulesExpert, Values, as_state
from llmpo.envs.icpi_text import discounted, regret
from llmpo.envs.observation import ObservationReader
from llmpo.rollout import play_episode

BY_ID = {spec.id.removeprefix("icpi_"): spec for spec in SPECS}
NAMES = list(BY_ID)
FINITE = [name for name in NAMES if name != "point_mass"]
LIMITED = ["chain", "distractor_chain", "maze", "point_mass"]

# Optimal return of each start, in order, from the specification.
CHAIN = [0.4096, 0.512, 0.64, 0.8, 1, 0.8, 0.64, 0.512]
MAZE = [0.8, 0.64, 0.512, 1, 0.512, 0.4096, 0.8, 0.64, 0.512]


def starts(name):
    return BY_ID[name].text.rules.starts


def optimal(name, state):
    return BY_ID[name].text.optimal_return(state)


def play(name, start, actions):
    """Plays actions from a start; returns states, rewards and how it ended."""
    env = BY_ID[name].build()
    env.reset(seed=0)
    env._state = as_state(start)
    states, rewards, ends = [as_state(start)], [], []
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        states.append(as_state(obs))
        rewards.append(reward)
        ends.append((terminated, truncated))
    return states, rewards, ends


def episodes(name, policy, count=20, seed=0):
    """Plays whole episodes; yields the environment, states, actions and rewards."""
    env = BY_ID[name].build()
    for number in range(count):
        obs, _ = env.reset(seed=seed + number)
        policy.begin_episode(number)
        states, actions, rewards, over = [as_state(obs)], [], [], False
        while not over:
            actions.append(policy.act(obs))
            obs, reward, terminated, truncated, info = env.step(actions[-1])
            states.append(as_state(obs))
            rewards.append(reward)
            over = terminated or truncated
        yield SimpleNamespace(
            states=states,
            actions=actions,
            rewards=rewards,
            terminated=terminated,
            success=info["success"],
        )


class Random:
    def __init__(self, actions):
        self.actions = actions

    def begin_episode(self, seed):
        self.rng = np.random.default_rng((1, seed))  # not the environment's

    def act(self, observation):
        return int(self.rng.integers(self.actions))


def random_episodes(name, count=20):
    return episodes(name, Random(BY_ID[name].text.rules.actions), count)


def expert(name):
    spec = BY_ID[name]
    return spec.expert(spec.build())


def test_icpi_domains_are_six_with_their_horizons():
    horizons = {spec.id: spec.horizon for spec in SPECS}
    assert horizons == {
        "icpi_chain": 8,
        "icpi_distractor_chain": 8,
        "icpi_maze": 8,
        "icpi_mini_catch": 5,
        "icpi_mini_invaders": 6,
        "icpi_point_mass": 8,
    }
    assert all(spec.family == "ICPI" and spec.score == "return" for spec in SPECS)


@pytest.mark.parametrize("name", NAMES)
def test_icpi_domain_passes_the_checker(name):
    assert check_environment(BY_ID[name], fresh_process=False) == []


@pytest.mark.parametrize("name", NAMES)
def test_icpi_episode_ends_at_the_horizon_at_the_latest(name):
    spec = BY_ID[name]
    played = list(random_episodes(name, 60))
    assert max(len(episode.rewards) for episode in played) == spec.horizon
    for episode in played:
        assert episode.terminated or len(episode.rewards) == spec.horizon
        if name not in LIMITED:
            assert episode.terminated


@pytest.mark.parametrize("name", LIMITED)
def test_icpi_time_out_is_a_truncation(name):
    start = {"maze": (0, 2), "point_mass": (3.0, 0.0)}.get(name, (0.0, 5.0))
    start = start[: len(BY_ID[name].text.rules.low)]
    away = {"maze": 2, "point_mass": 1}.get(name, 0)
    _, rewards, ends = play(name, start, [away] * 8)
    assert ends == [(False, False)] * 7 + [(False, True)]
    assert rewards == [0.0] * 8


@pytest.mark.parametrize(
    ("name", "start", "actions"),
    [
        ("chain", (4,), [0, 2, 0, 2, 0, 2, 0, 1]),
        ("maze", (0, 0), [2, 2, 2, 2, 2, 2, 1, 1]),
    ],
)
def test_icpi_end_in_the_last_step_is_a_termination(name, start, actions):
    _, _, ends = play(name, start, actions)
    assert ends[-2:] == [(False, False), (True, False)]


def test_icpi_chain_claim_ends_the_episode_anywhere():
    for place in range(8):
        states, rewards, ends = play("chain", (place,), [1])
        assert states == [(place,), (place,)]
        assert rewards == [float(place == 4)]
        assert ends == [(True, False)]


def test_icpi_chain_is_clipped():
    assert play("chain", (0,), [0, 2])[0] == [(0,), (0,), (1,)]
    assert play("chain", (7,), [2, 0])[0] == [(7,), (7,), (6,)]


def test_icpi_chain_optimal_returns_match_the_check_vector():
    assert [optimal("chain", start) for start in starts("chain")] == pytest.approx(
        CHAIN
    )


def test_icpi_aliased_start_regret_matches_the_check_vector():
    codec = BY_ID["chain"].text
    by_distance = {}
    regrets = []
    for place in range(8):
        away = place - 4
        actions = [0 if away > 0 else 2] * abs(away) + [1]
        states, rewards, _ = play("chain", (place,), actions)
        assert regret(codec, states, rewards) == pytest.approx(0, abs=1e-12)
        aliased = regret(codec, states, rewards, aliased_start_regret=True)
        by_distance[abs(away)] = aliased
        regrets.append(aliased)
    assert [by_distance[distance] for distance in range(5)] == pytest.approx(
        [0, 0.2, 0.16, 0.128, 0.1024]
    )
    assert mean(regrets) == pytest.approx(0.1348, abs=1e-9)


def test_icpi_distractor_is_redrawn_at_every_step():
    env = BY_ID["distractor_chain"].build()
    seen, again = set(), 0
    for seed in range(60):
        obs, _ = env.reset(seed=seed)
        after, _, terminated, *_ = env.step(1)  # the claim as well
        assert terminated
        assert obs[0] == after[0]
        seen.add(after[1])
        again += obs[1] == after[1]
    assert seen == set(range(8))
    assert again < 20  # of 60; 7.5 expected


def test_icpi_maze_optimal_returns_match_the_check_vector():
    assert [optimal("maze", start) for start in starts("maze")] == pytest.approx(MAZE)


def test_icpi_maze_walls_block_both_ways():
    left, down, up, right = range(4)
    for here, action in (
        ((1, 1), left),
        ((2, 1), up),
        ((1, 1), down),
        ((0, 1), up),
        ((2, 2), down),
        ((2, 2), right),
        ((2, 0), left),
    ):
        assert play("maze", here, [action])[0] == [here, here]
    assert play("maze", (1, 2), [left, up, left, down])[0][1:] == [
        (1, 1),
        (0, 1),
        (0, 0),
        (1, 0),
    ]


def test_icpi_maze_pays_the_step_after_the_goal_is_reached_and_still_moves():
    states, rewards, ends = play("maze", (0, 0), [1, 2])
    assert states == [(0, 0), (1, 0), (0, 0)]
    assert rewards == [0.0, 1.0]
    assert ends == [(False, False), (True, False)]
    assert play("maze", (1, 0), [3])[0] == [(1, 0), (1, 0)]  # a wall, even there


@pytest.mark.parametrize("last", [0, 1, 2])
def test_icpi_catch_episode_matches_the_check_vector(last):
    states, rewards, ends = play("mini_catch", (2, 0, 4), [0, 0, 1, 1, last])
    assert states == [(2, 0, 4), (1, 0, 3), (0, 0, 2), (0, 0, 1), (0, 0, 0), (0, 0, 0)]
    assert rewards == [0, 0, 0, 0, 1]
    assert ends[-2:] == [(False, False), (True, False)]


def test_icpi_catch_paddle_is_clipped_and_can_miss():
    states, rewards, _ = play("mini_catch", (2, 0, 4), [2, 2, 2, 2, 0])
    assert [state[0] for state in states] == [2, 3, 3, 3, 3, 3]
    assert sum(rewards) == 0


def test_icpi_invaders_episode_matches_the_check_vector():
    start = (1, 0, 5, 3, 5)
    states, rewards, ends = play("mini_invaders", start, [0, 1, 2, 2, 2, 1])
    assert rewards == [0, 1, 0, 0, 0, 1]
    assert states == [
        (1, 0, 5, 3, 5),
        (0, 0, 4, 3, 4),
        (0, -1, -1, 3, 3),
        (1, -1, -1, 3, 2),
        (2, -1, -1, 3, 1),
        (3, -1, -1, 3, 0),
        (3, -1, -1, -1, -1),
    ]
    assert ends[-2:] == [(False, False), (True, False)]


def test_icpi_invaders_end_when_an_alien_lands():
    states, rewards, ends = play("mini_invaders", (0, 1, 5, 3, 5), [0] * 6)
    assert states[-1] == (0, 1, -1, 3, -1)
    assert ends[-2:] == [(False, False), (True, False)]
    assert sum(rewards) == 0


def test_icpi_invaders_start_in_three_different_columns():
    assert len(starts("mini_invaders")) == len(set(starts("mini_invaders"))) == 24
    for ship, first, _, second, _ in starts("mini_invaders"):
        assert len({ship, first, second}) == 3


def test_icpi_point_mass_episodes_match_the_check_vectors():
    states, rewards, ends = play("point_mass", (-3.45, 0.0), [1, 1, 0, 0, 1])
    assert np.array(states)[:5] == pytest.approx(
        np.array([(-3.45, 0), (-3.45, 1), (-2.45, 2), (-0.45, 1), (0.55, 0)])
    )
    assert rewards == [0, 0, 0, 0, 1]
    assert ends[-1] == (True, False)
    assert discounted(rewards, 0.8) == pytest.approx(0.4096)
    assert optimal("point_mass", (-3.45, 0.0)) == pytest.approx(0.4096)

    _, rewards, ends = play("point_mass", (-2.5, 0.0), [1, 0, 0])
    assert rewards == [0, 0, 1]
    assert discounted(rewards, 0.8) == pytest.approx(0.64)
    assert optimal("point_mass", (-2.5, 0.0)) == pytest.approx(0.64)


def test_icpi_point_mass_optimum_is_the_published_formula():
    rng = np.random.default_rng(0)
    places = [BY_ID["point_mass"].text.rules.start(rng)[0] for _ in range(400)]
    assert all(2 < abs(place) < 6 for place in places)
    assert 150 < sum(place > 0 for place in places) < 250
    for place in places[:50]:
        expected = 0.8 ** (2 * ceil(sqrt(abs(place) - 2)))
        assert optimal("point_mass", (place, 0.0)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chain", 0.6642),
        ("distractor_chain", 0.6642),
        ("maze", 0.6473),
        ("mini_catch", 1.0),
        ("mini_invaders", 2.0),
    ],
)
def test_icpi_mean_optimal_return_matches_the_check_vector(name, expected):
    found = mean(optimal(name, start) for start in starts(name))
    assert found == pytest.approx(expected, abs=5e-5)


def test_icpi_point_mass_mean_optimal_return_matches_the_check_vector():
    places = np.linspace(2, 6, 101)[1:] - 0.02
    found = mean(optimal("point_mass", (place, 0.0)) for place in places)
    assert found == pytest.approx(0.4672, abs=5e-5)


@pytest.mark.parametrize("name", NAMES)
def test_icpi_expert_has_no_regret(name):
    codec = BY_ID[name].text
    for episode in episodes(name, expert(name), 30):
        assert regret(codec, episode.states, episode.rewards) == pytest.approx(
            0, abs=1e-12
        )
        assert episode.success == 1.0


@pytest.mark.parametrize("name", NAMES)
def test_icpi_regret_of_other_episodes_is_not_negative(name):
    codec = BY_ID[name].text
    for episode in random_episodes(name, 30):
        assert regret(codec, episode.states, episode.rewards) > -1e-12


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("chain", 0.6),
        ("distractor_chain", 0.6),
        ("maze", 0.4),
        ("mini_catch", 0.75),
        ("mini_invaders", 0.8),
        ("point_mass", 0.4),
    ],
)
def test_icpi_random_policy_has_about_the_published_regret(name, expected):
    codec = BY_ID[name].text
    found = mean(
        regret(codec, episode.states, episode.rewards) / codec.regret_scale
        for episode in random_episodes(name, 300)
    )
    assert found == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize("name", NAMES)
def test_icpi_reward_text_computes_the_reward(name):
    spec = BY_ID[name]
    namespace = {"np": np}
    exec(spec.reward_text, namespace)
    function = namespace[spec.reward_name]()
    env = spec.build()

    def observed(state):
        values = {field.name: field.read(np.array(state), env) for field in spec.fields}
        return SimpleNamespace(**values, **spec.constants)

    for episode in [*random_episodes(name), *episodes(name, expert(name))]:
        for before, action, reward, after in zip(
            episode.states[:-1],
            episode.actions,
            episode.rewards,
            episode.states[1:],
            strict=True,
        ):
            assert function.reward(observed(before), action, observed(after)) == reward


@pytest.mark.parametrize("name", NAMES)
def test_icpi_same_seed_gives_the_same_episode(name):
    first, again = (list(random_episodes(name)) for _ in range(2))
    assert first == again
    assert len({episode.states[0] for episode in first}) > 2


def test_icpi_actions_and_cases_do_not_change_the_start():
    env = BY_ID["distractor_chain"].build()
    first = env.reset(seed=4)[0].tolist()
    env.step(2)
    assert env.reset(seed=4)[0].tolist() == first


@pytest.mark.parametrize("name", NAMES)
def test_icpi_observations_are_copies(name):
    env = BY_ID[name].build()
    obs, _ = env.reset(seed=1)
    before = obs.copy()
    obs += 1.0
    reader = ObservationReader(BY_ID[name], env)
    reader.read(obs)
    env.step(0)
    assert (obs == before + 1).all()
    assert np.array_equal(env.reset(seed=1)[0], before)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("action", [-1, 4, 1.5, None])
def test_icpi_refuses_other_actions(name, action):
    env = BY_ID[name].build()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="integers 0 to"):
        env.step(action)


def test_icpi_step_needs_a_reset():
    with pytest.raises(gymnasium.error.ResetNeeded):
        BY_ID["chain"].build().step(0)


@pytest.mark.parametrize("name", FINITE)
def test_icpi_tabular_model_holds_every_transition_played(name):
    spec = BY_ID[name]
    model = spec.tabular
    table = model.transitions()
    shape = (model.states, model.actions, spec.text.rules.cases)
    assert table.probability.shape == shape
    assert table.probability.sum(axis=2) == pytest.approx(1.0)
    assert table.initial.sum() == pytest.approx(1.0)
    for episode in random_episodes(name, 30):
        numbers = [model.state(state) for state in episode.states]
        assert table.initial[numbers[0]] > 0
        last = len(episode.actions) - 1
        for time, (action, reward) in enumerate(
            zip(episode.actions, episode.rewards, strict=True)
        ):
            place = numbers[time], action
            possible = (
                (table.next_state[place] == numbers[time + 1])
                & (table.reward[place] == reward)
                & (table.terminated[place] == (time == last and episode.terminated))
            )
            assert table.probability[place][possible].sum() > 0


@pytest.mark.parametrize("name", FINITE)
def test_icpi_tabular_model_gives_the_same_optimum(name):
    spec = BY_ID[name]
    table = spec.tabular.transitions()
    values = np.zeros(spec.tabular.states)
    for _ in range(spec.horizon):
        future = values[table.next_state] * spec.text.log_discount
        future[table.terminated] = 0.0
        values = (table.probability * (table.reward + future)).sum(axis=2).max(axis=1)
    for start in starts(name):
        assert values[spec.tabular.state(start)] == pytest.approx(optimal(name, start))


def test_icpi_point_mass_is_not_tabular():
    assert BY_ID["point_mass"].tabular is None


def test_icpi_values_see_the_time_limit():
    values = Values(BY_ID["chain"].text.rules, 0.8)
    assert values.best_action((0.0,), 8) == 2
    assert values._value((0.0,), 4) == 0.0  # five steps are needed


def test_icpi_expert_survives_being_played_on():
    spec = BY_ID["chain"]
    actor = RulesExpert(spec.build(), 0.8)
    actor.begin_episode(0)
    for _ in range(20):
        assert actor.act(np.array([0.0])) in range(3)
    episode = play_episode(spec.build(), actor, seed=3, horizon=spec.horizon)
    assert episode.value == 1.0


def test_icpi_maze_starts_are_all_cells():
    assert set(starts("maze")) == set(product((0.0, 1.0, 2.0), repeat=2))
