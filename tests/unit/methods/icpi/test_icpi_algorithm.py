"""The two algorithm boxes: schedule, training loop, rollouts, greedy choice."""

from dataclasses import replace

import numpy as np
import pytest

from llmpo.envs.instances import build_environment
from llmpo.methods.icpi.algorithm import ICPI, argmax, schedule, train
from llmpo.methods.icpi.prediction import ask_together, known


class ScriptedWorld:
    """A line of places: action 1 goes on, action 0 stays; place 3 pays and ends."""

    recent = 8
    ready = True

    def __init__(self, policy=1, fails=""):
        self.policy = policy
        self.fails = fails
        self.asked = []
        self.learned = []

    def begin(self, state):
        return state[0]

    def termination(self, state, action):
        return self._say("termination", state + action == 3)

    def reward(self, state, action, terminated):
        return self._say("reward", float(terminated))

    def next_state(self, state, action):
        return self._say("state", state + action)

    def action(self, state):
        return self._say("action", self.policy)

    def learn(self, trajectory):
        self.learned.append(trajectory)

    def _say(self, kind, value):
        self.asked.append(kind)
        return known(None if kind == self.fails else value)


@pytest.fixture
def make_agent(domains):
    def make(world, rollouts=1, min_successes=3, seed=0, **changes):
        codec = replace(domains["point_mass"].text, **changes)  # two actions
        return ICPI(
            world,
            None,
            codec,
            rollouts=rollouts,
            min_successes=min_successes,
            ties=np.random.default_rng(seed),
            fallback=np.random.default_rng(seed),
        )

    return make


def _value(agent, state, action):
    (value,) = ask_together(None, [agent.rollout(state, action)])
    return value


def test_schedule_has_the_published_values():
    values = [schedule(episodes, 3) for episodes in range(9)]
    assert values == pytest.approx(
        [0.0025, 0.018, 0.1192, 0.5, 0.8808, 0.982, 0.9975, 0.99966, 0.99995], abs=6e-5
    )
    assert schedule(0, 10**6) == 0.0


def test_return_is_discounted_with_the_steps_to_the_reward(make_agent):
    agent = make_agent(ScriptedWorld(), plan_discount=0.8)
    assert _value(agent, 0.0, 1) == pytest.approx(0.8**2)
    assert _value(agent, 0.0, 0) == pytest.approx(0.8**3)
    assert _value(agent, 2.0, 1) == 1.0
    assert agent.act((0.0,)) == 1


def test_rollout_asks_in_the_published_order_and_no_more(make_agent):
    world = ScriptedWorld(policy=0)
    agent = make_agent(world, max_q_steps=2)
    assert _value(agent, 0.0, 0) == 0.0
    assert world.asked == [
        "termination",
        "reward",
        "state",
        "action",
        "termination",
        "reward",
    ]


@pytest.mark.parametrize("kind", ["termination", "reward", "state"])
def test_failed_prediction_ends_the_rollout(make_agent, kind):
    world = ScriptedWorld(fails=kind)
    assert _value(make_agent(world), 0.0, 1) == 0.0
    assert world.asked[-1] == kind
    assert len(world.asked) <= 3


def test_without_a_predicted_action_the_rollout_goes_on_by_chance(make_agent):
    agent = make_agent(ScriptedWorld(fails="action"), plan_discount=1.0)
    assert _value(agent, 0.0, 1) == 1.0  # in 8 steps it gets there with this seed


def test_ties_are_broken_evenly():
    rng = np.random.default_rng(0)
    chosen = [argmax([0.0, 1.0, 1.0], rng) for _ in range(1000)]
    assert 0 not in chosen
    assert 450 < chosen.count(1) < 550


def test_returns_of_several_rollouts_are_averaged(make_agent):
    class Lucky(ScriptedWorld):
        def reward(self, state, action, terminated):
            # Action 0 pays always 0.4, action 1 every other time 1.
            self.times = getattr(self, "times", 0) + (action == 1)
            return known(0.4 if action == 0 else float(self.times % 2))

        def termination(self, state, action):
            return known(True)

    assert make_agent(Lucky()).act((0.0,)) == 1
    assert make_agent(Lucky(), rollouts=4).act((0.0,)) == 1
    assert make_agent(Lucky(), rollouts=5, seed=1).act((0.0,)) == 1
    assert make_agent(Lucky(), rollouts=1000).act((0.0,)) == 1


def test_nobody_is_trusted_before_being_ready(make_agent):
    world = ScriptedWorld()
    agent = make_agent(world)
    assert agent.trust > 0.999
    world.ready = False
    assert agent.trust == 0.0


class Recorder:
    """An agent that always takes the same action and writes down what it hears."""

    def __init__(self, trust, action=1):
        self.trust = trust
        self.action = action
        self.seen = []
        self.learned = []

    def act(self, state):
        return self.action

    def see(self, state, action, reward, following, ended):
        self.seen.append((state, action, reward, following, ended))

    def learn(self, trajectory):
        self.learned.append(trajectory)


def _train(spec, agent, steps=50, names=("test", 0), **options):
    return list(
        train(
            agent,
            build_environment(spec),
            steps=steps,
            horizon=spec.horizon,
            names=names,
            **options,
        )
    )


def test_budget_is_tested_between_episodes(domains):
    episodes = _train(domains["mini_catch"], Recorder(1.0), steps=51)
    assert [episode.steps_before for episode in episodes] == list(range(0, 51, 5))
    taken = []
    _train(
        domains["mini_catch"],
        Recorder(1.0),
        steps=51,
        count_step=lambda: taken.append(1),
    )
    assert len(taken) == 55


def test_episodes_hold_what_happened(domains):
    agent = Recorder(1.0)
    episodes = _train(domains["chain"], agent)
    assert agent.learned == [episode.trajectory for episode in episodes]
    for episode in agent.learned:
        ((place,),) = set(episode.states)
        assert episode.actions == (1,)
        assert episode.rewards == (float(place == 4),)
        assert episode.terminated
        assert episode.decided == (True,)
    assert {e.success for e in episodes} == {0.0, 1.0}
    assert agent.seen[0][0] == agent.learned[0].states[0]
    assert agent.seen[0][4] is True


def test_running_out_of_time_is_no_termination(domains):
    agent = Recorder(1.0, action=0)
    episodes = _train(domains["chain"], agent)
    assert {len(episode.trajectory) for episode in episodes} == {8}
    assert not any(episode.trajectory.terminated for episode in episodes)
    assert not any(ended for *_, ended in agent.seen)


def test_exploration_does_not_depend_on_the_agent(domains):
    spec = domains["mini_catch"]
    first = _train(spec, Recorder(0.5, action=0), steps=400)
    second = _train(spec, Recorder(0.5, action=2), steps=400)
    decided = 0
    for one, other in zip(first, second, strict=True):
        assert one.trajectory.states[0] == other.trajectory.states[0]
        assert one.trajectory.decided == other.trajectory.decided
        decided += sum(one.trajectory.decided)
        for own, a, b in zip(
            one.trajectory.decided,
            one.trajectory.actions,
            other.trajectory.actions,
            strict=True,
        ):
            assert (a, b) == (0, 2) if own else a == b
    assert 150 < decided < 250
    other_seed = _train(spec, Recorder(0.5), steps=400, names=("test", 1))
    assert [e.trajectory.decided for e in other_seed] != [
        e.trajectory.decided for e in first
    ]
