"""Trained agents as documents: played again, and refused when damaged."""

import json
from copy import deepcopy

import pytest

from llmpo.envs.instances import build_environment
from llmpo.errors import DataError
from llmpo.methods.icpi.policy import DecisionsActor, load_icpi
from llmpo.rollout import play_episode


@pytest.fixture(scope="module")
def chain(icpi_run, domains):
    context = icpi_run("chain", steps=120)
    policies = context.journal.policies
    assert policies["best"] == policies["last"]
    document = json.loads(context.journal.programs[policies["last"].program])
    spec = domains["chain"]
    return document, spec, build_environment(spec)


def test_learned_agent_plays_well(chain):
    document, spec, env = chain
    actor = load_icpi(document, spec, env)
    episodes = [play_episode(env, actor, seed, spec.horizon) for seed in range(20)]
    assert sum(episode.value for episode in episodes) / 20 > 0.8


def test_episode_depends_on_its_seed_alone(chain):
    document, spec, env = chain

    def play(seeds):
        actor = load_icpi(document, spec, env)
        return [
            play_episode(env, actor, s, spec.horizon, record=True).actions
            for s in seeds
        ]

    assert play([3, 1, 2]) == play([3, 1, 2])
    assert play([3, 1, 2])[2] == play([2])[0]


@pytest.mark.parametrize(
    "algorithm", ["tabular_q", "matching_model", "random", "optimal", "no_argmax"]
)
def test_every_algorithm_can_be_played_again(icpi_run, domains, algorithm):
    spec = domains["chain"]
    context = icpi_run("chain", steps=160, algorithm=algorithm)
    (source,) = context.journal.programs.values()
    env = build_environment(spec)
    actor = load_icpi(json.loads(source), spec, env)
    values = [play_episode(env, actor, s, spec.horizon).value for s in range(40)]
    mean = sum(values) / 40
    expected = {"random": (0.0, 0.35), "optimal": (1.0, 1.0)}
    low, high = expected.get(algorithm, (0.4, 1.0))
    assert low <= mean <= high


def test_agent_of_a_language_model_repeats_its_decisions(llm_run, domains, make_answer):
    run = llm_run(
        "chain", lambda request: make_answer("assert done"), steps=40, recency=4
    )
    spec = domains["chain"]
    (source,) = run.journal.programs.values()
    env = build_environment(spec)
    document = json.loads(source)
    actor = load_icpi(document, spec, env)
    assert isinstance(actor, DecisionsActor)
    latest = {}
    for trajectory in document["trajectories"]:
        for state, action, decided in zip(
            trajectory["states"][:-1],
            trajectory["actions"],
            trajectory["decided"],
            strict=True,
        ):
            if decided:
                latest[state[0]] = action
    actor.begin_episode(0)
    assert latest
    for place, action in latest.items():
        assert actor.act([place]) == action


def test_random_actions_come_before_any_experience(chain):
    document, spec, env = chain
    actor = load_icpi({**document, "trajectories": []}, spec, env)
    chosen = set()
    for seed in range(20):
        actor.begin_episode(seed)
        chosen.add(actor.act([3.0]))
    assert chosen == {0, 1, 2}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda d: d.update(version=99), "version 99"),
        (lambda d: d.update(environment="icpi_maze"), "icpi_maze"),
        (lambda d: d.update(extra=1), "extra"),
        (lambda d: d["settings"].update(model="gpt"), "settings"),
        (lambda d: d["trajectories"][0].update(actions=[7]), "episode"),
        (lambda d: d["trajectories"][0].update(states=[[1.0, 2.0]]), "episode"),
        (lambda d: d["trajectories"][0].update(rewards="x"), "trajectories"),
    ],
)
def test_damaged_documents_are_refused(chain, change, message):
    document, spec, env = chain
    damaged = deepcopy(document)
    change(damaged)
    with pytest.raises(DataError, match=message):
        load_icpi(damaged, spec, env)
