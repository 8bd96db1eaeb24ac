"""Every finite model is complete and agrees with its environment."""

from itertools import pairwise

import pytest

from llmpo.envs.instances import shared_environment
from llmpo.envs.registry import environment, environment_ids

FINITE = [i for i in environment_ids() if environment(i).tabular is not None]


@pytest.mark.parametrize("env_id", FINITE)
def test_finite_model_is_complete(env_id):
    spec = environment(env_id)
    model, table = spec.tabular, spec.tabular.transitions()
    assert table.probability.shape[:2] == (model.states, model.actions)
    assert table.probability.sum(axis=2) == pytest.approx(1.0)
    assert table.next_state.min() >= 0
    assert table.next_state.max() < model.states
    assert table.initial.sum() == pytest.approx(1.0)
    env = shared_environment(spec)
    assert env.action_space.n == model.actions
    for seed in range(3):
        states = []
        observation, _ = env.reset(seed=seed)
        states.append(model.state(observation))
        assert table.initial[states[0]] > 0
        for _ in range(min(20, spec.horizon)):
            observation, _, terminated, truncated, _ = env.step(env.action_space.start)
            states.append(model.state(observation))
            if terminated or truncated:
                break
        for before, after in pairwise(states):
            possible = table.next_state[before, 0][table.probability[before, 0] > 0]
            assert after in possible
