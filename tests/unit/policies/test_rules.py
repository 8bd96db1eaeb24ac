"""Policies as rules with a name."""

import json
from dataclasses import replace
from types import SimpleNamespace

import gymnasium
import numpy as np
import pytest

from llmpo.envs.registry import environment
from llmpo.errors import ConfigError, DataError
from llmpo.policies import load_policy
from llmpo.policies.rules import rule_document

SPEC = environment("noise_world_board_0")
BOX = gymnasium.spaces.Box(
    np.array([0.0, -2.0], dtype=np.float32), np.array([0.5, -1.0], dtype=np.float32)
)


def _load(rule, space, spec=SPEC):
    document = json.dumps(rule_document(rule))
    return load_policy("rule", document, spec, SimpleNamespace(action_space=space))


def _play(actor, seed, steps=400):
    actor.begin_episode(seed)
    return np.array([actor.act(None) for _ in range(steps)])


@pytest.mark.parametrize("space", [gymnasium.spaces.Discrete(3, start=5), BOX])
def test_random_actions_cover_the_space_evenly(space):
    actor = _load("random", space)
    actions = _play(actor, 1)
    assert all(space.contains(np.asarray(a, dtype=space.dtype)) for a in actions)
    if isinstance(space, gymnasium.spaces.Discrete):
        shares = [np.mean(actions == a) for a in (5, 6, 7)]
        assert shares == pytest.approx([1 / 3] * 3, abs=0.1)
    else:
        assert actions.mean(axis=0) == pytest.approx(
            (space.low + space.high) / 2, abs=0.1
        )
        assert actions.min(axis=0) == pytest.approx(space.low, abs=0.05)
        assert actions.max(axis=0) == pytest.approx(space.high, abs=0.05)


def test_random_actions_are_decided_by_the_episode_seed_alone():
    actor = _load("random", BOX)
    first = _play(actor, 1)
    other = _play(actor, 2)
    assert (_play(_load("random", BOX), 1) == first).all()
    assert (first != other).any()


def test_random_actions_do_not_go_with_the_noise_of_the_environment():
    actor = _load("random", gymnasium.spaces.Discrete(4))
    noise = [int(4 * np.random.default_rng(seed).random()) for seed in range(400)]
    actions = [_play(actor, seed, 1)[0] for seed in range(400)]
    assert np.mean(np.equal(noise, actions)) == pytest.approx(0.25, abs=0.08)


def test_random_needs_bounds():
    space = gymnasium.spaces.Box(-1.0, np.inf, (2,))
    with pytest.raises(ConfigError, match="neither discrete nor bounded"):
        _load("random", space)


def test_zero_is_the_neutral_action():
    assert _play(_load("zero", gymnasium.spaces.Discrete(4)), 0, 2).tolist() == [0, 0]
    assert _play(_load("zero", BOX), 0, 1).tolist() == [[0.0, -1.0]]


def test_expert_is_that_of_the_spec_and_gets_the_live_environment():
    given = []
    spec = replace(SPEC, expert=lambda env: given.append(env) or "the expert")
    assert _load("expert", BOX, spec) == "the expert"
    assert given[0].action_space is BOX


def test_no_expert_is_an_error():
    with pytest.raises(ConfigError, match="no expert for noise_world_board_0"):
        _load("expert", BOX)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"rule": "perfect", "version": 1}, "no rule 'perfect'; known are random"),
        ({"version": 1}, "no rule 'None'"),
        ({"rule": ["random"]}, "no rule"),
        ({"rule": "random", "version": -1}, "rules of version"),
        ({"rule": "random"}, "rules of version"),
        ({**rule_document("random"), "seed": 3}, "recorded as"),
    ],
)
def test_damaged_or_stale_rule_is_refused(document, message):
    with pytest.raises(DataError, match=message):
        load_policy("rule", json.dumps(document), SPEC, SPEC.build())
