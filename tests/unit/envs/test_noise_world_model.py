"""The finite model of NoiseWorld against the environment itself."""

import numpy as np
import pytest

from llmpo.envs.noise_world import SPECS


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.id)
def test_noise_world_does_only_what_the_model_says(spec):
    model = spec.tabular
    table = model.transitions()
    assert table.probability.sum(axis=2) == pytest.approx(1.0)
    assert table.initial.sum() == pytest.approx(1.0)

    env = spec.build()
    rng = np.random.default_rng(5)
    tried = np.zeros((model.states, model.actions), dtype=int)
    for seed in range(60):
        observation, _ = env.reset(seed=seed)
        over, state = False, model.state(observation)
        assert table.initial[state] == 1.0
        while not over:
            # The rarest action so far comes round corners that chance does not.
            action = int(np.argmin(tried[state] + rng.random(model.actions)))
            observation, reward, terminated, truncated, _ = env.step(np.int64(action))
            following = model.state(observation)
            possible = [
                p
                for p, *outcome in zip(
                    table.probability[state, action],
                    table.next_state[state, action],
                    table.reward[state, action],
                    table.terminated[state, action],
                    strict=True,
                )
                if outcome == [following, reward, terminated]
            ]
            assert sum(possible) > 0
            tried[state, action] += 1
            state, over = following, terminated or truncated
    assert np.count_nonzero(tried) >= 30


def test_milestones_are_part_of_the_state():
    spec = SPECS[4]
    model = spec.tabular
    assert model.states == 300
    observation = np.zeros(4 + 100 + 2, dtype=np.float32)
    observation[:2] = 3 / 9, 9 / 9
    assert model.state(observation) == 39
    observation[-2] = 1
    assert model.state(observation) == 139
    observation[-1] = 1
    assert model.state(observation) == 239


def test_goal_pays_only_after_both_milestones():
    table = SPECS[4].tabular.transitions()
    above_goal, down = 89, 1
    rewards = [table.reward[phase * 100 + above_goal, down, 0] for phase in range(3)]
    assert rewards == [-1.0, -1.0, 999.0]
    assert table.terminated[above_goal, down, 0]
