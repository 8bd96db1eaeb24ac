"""Tabular Q, the matching model, random and optimal play."""

from dataclasses import replace

import numpy as np
import pytest

from llmpo.methods.icpi.baselines import NoArgmax, TabularQ
from llmpo.methods.icpi.prediction import ask_together
from llmpo.methods.icpi.world_models import MatchingWorld

CLAIM = ((4.0,), 1, 1.0, (4.0,), True)


@pytest.fixture
def make_table(domains):
    def make(domain="chain", **settings):
        values = {
            "learning_rate": 1.0,
            "initial_value": 1.0,
            "bootstrap_through_termination": False,
            "min_successes": 3,
        }
        return TabularQ(
            domains[domain].text,
            **{**values, **settings},
            ties=np.random.default_rng(0),
        )

    return make


def test_table_knows_that_nothing_follows_the_end(make_table):
    table = make_table()
    for _ in range(30):
        table.see(*CLAIM)
    assert table.values[(4.0,)][1] == 1.0


def test_released_table_looks_behind_the_end(make_table):
    table = make_table(bootstrap_through_termination=True)
    for _ in range(60):
        table.see(*CLAIM)
    assert table.values[(4.0,)][1] == pytest.approx(5.0, abs=1e-4)


def test_time_limit_is_bootstrapped(make_table):
    table = make_table(learning_rate=0.5)
    table.see((2.0,), 2, 0.0, (3.0,), False)
    assert table.values[(2.0,)] == pytest.approx([1.0, 1.0, 0.9])
    assert table.act((2.0,)) in (0, 1)


def test_table_counts_returns_that_reach_the_threshold(make_table, walk):
    table = make_table()
    assert table.trust == pytest.approx(0.0025, abs=1e-4)
    for _ in range(3):
        table.learn(walk(2, 1))  # a return of 0 reaches the threshold of 0
    assert table.trust == 0.5
    invaders = make_table("mini_invaders")
    for _ in range(3):
        invaders.learn(walk(2, 1))
    assert invaders.trust < 0.01


def _answer(task):
    (answer,) = ask_together(None, [task])
    return answer


def test_matching_model_repeats_what_happened_last(walk):
    world = MatchingWorld(actions=3, recency=8)
    world.learn(walk(4, 3, 4, claim=True))
    world.learn(walk(4, 5, 6))
    four = (4.0,)
    assert _answer(world.termination(four, 1)) is True
    assert _answer(world.reward(four, 1, True)) == 1.0
    assert _answer(world.next_state(four, 2)) == (5.0,)
    assert _answer(world.action(four)) == 2  # lately it went on to the right
    assert _answer(world.termination((3.0,), 0)) is None
    assert _answer(world.action((6.0,))) is None
    assert world.recent == 2


def test_matching_model_is_ready_like_icpi(walk):
    world = MatchingWorld(actions=3, recency=8)
    world.learn(walk(2, 3, 4, claim=True))
    assert not world.ready
    world.learn(walk(4, 3))
    assert world.ready
    for _ in range(20):
        world.learn(walk(4, 3))
    assert world.recent == 8


def test_optimal_play_has_no_regret(icpi_run, domains, mean_regret):
    for domain in domains:
        run = icpi_run(domain, algorithm="optimal", steps=60)
        assert mean_regret([run], 0, 60) == pytest.approx(0.0, abs=1e-9)


def test_aliased_regret_of_optimal_play_is_the_known_floor(icpi_run, mean_regret):
    run = icpi_run("chain", algorithm="optimal", steps=3000, aliased_start_regret=True)
    assert mean_regret([run], 0, 3000) == pytest.approx(0.1348, abs=0.01)


def test_random_play_has_the_known_regret(icpi_run, mean_regret):
    for domain, expected in (("chain", 0.57), ("maze", 0.41), ("mini_catch", 0.75)):
        runs = [
            icpi_run(domain, seed, algorithm="random", steps=300) for seed in (0, 1)
        ]
        assert mean_regret(runs, 0, 300) == pytest.approx(expected, abs=0.09)
        assert not any(
            episode["decided"]
            for run in runs
            for episode in run.journal.notes["episodes"]
        )


def test_tabular_q_learns_chain_but_not_the_distractor_chain(icpi_run, mean_regret):
    def late(domain):
        runs = [
            icpi_run(domain, seed, algorithm="tabular_q", steps=160)
            for seed in range(8)
        ]
        return mean_regret(runs, 120, 160)

    assert late("chain") < 0.15
    assert late("distractor_chain") > 0.3


def test_imitation_is_trusted_by_its_successes(domains, constant_model):
    class World:
        can_imitate = False
        recent = 0

        def begin(self, state):
            return "state\n"

        def action(self, state):
            yield from ()
            return None

    world = World()
    agent = NoArgmax(
        world,
        constant_model(""),
        3,
        min_successes=3,
        fallback=np.random.default_rng(0),
    )
    assert agent.trust == 0.0
    world.can_imitate, world.recent = True, 3
    assert agent.trust == 0.5
    assert {agent.act((0.0,)) for _ in range(50)} == {0, 1, 2}


def test_discount_and_threshold_can_be_set(icpi_run, domains):
    run = icpi_run("chain", algorithm="optimal", steps=60, log_discount=0.5)
    values = {round(e["optimal"], 6) for e in run.journal.notes["episodes"]}
    assert values <= {1.0, 0.5, 0.25, 0.125, 0.0625}
    codec = replace(domains["chain"].text, log_discount=0.5)
    assert codec.optimal_return((2.0,)) == 0.25
