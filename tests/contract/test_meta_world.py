"""Meta-World: seeds choose tasks, and the fast contact search changes nothing."""

import numpy as np
import pytest

from llmpo.envs.instances import shared_environment
from llmpo.envs.meta_world_env import with_array_contacts
from llmpo.envs.registry import environment

metaworld = pytest.importorskip("metaworld")

ENV_IDS = ("button_press_v3", "pick_place_v3", "door_open_v3", "drawer_open_v3")
LOW = np.array([0, 0, 0.02])


def grasp(obs: np.ndarray, step: int) -> np.ndarray:
    """Scripted pick and place: over the puck, down, close, to the goal."""
    puck, goal = obs[4:7], obs[36:39]
    if step < 25:
        target, effort = puck + np.array([0, 0, 0.14]), -1.0
    elif step < 60:
        target, effort = puck + LOW, -1.0
    elif step < 75:
        target, effort = obs[:3], 1.0
    else:
        target, effort = goal + LOW, 1.0
    return np.clip([*(10 * (target - obs[:3])), effort], -1, 1)


def test_array_contacts_give_bit_identical_rewards_while_grasping():
    benchmark = metaworld.MT1("pick-place-v3", seed=0)
    original = benchmark.train_classes["pick-place-v3"]
    pair = [cls() for cls in (original, with_array_contacts(original))]
    touched = lifted = 0
    for number in (0, 25):
        for env in pair:
            env.set_task(benchmark.train_tasks[number])
        slow_obs, fast_obs = (env.reset()[0] for env in pair)
        for step in range(200):
            action = grasp(slow_obs, step)
            slow, fast = (env.step(action) for env in pair)
            slow_obs, fast_obs = slow[0], fast[0]
            assert slow_obs.tobytes() == fast_obs.tobytes()
            assert slow[1] == fast[1]
            assert slow[4] == fast[4]
            answers = [env.touching_main_object for env in pair]
            assert answers[0] == answers[1]
            touched += answers[0]
            lifted += slow[4]["grasp_success"]
        assert slow[4]["success"] == 1.0
    # The comparison means something only if the pads really held the puck.
    assert touched > 100
    assert lifted > 50


@pytest.mark.parametrize("env_id", ENV_IDS)
def test_seed_decides_the_task_whatever_was_played_before(env_id):
    env = shared_environment(environment(env_id))

    def episode(seed: int, steps: int) -> bytes:
        obs, _ = env.reset(seed=seed)
        rng = np.random.default_rng(seed)
        seen = [obs]
        for _ in range(steps):
            obs, reward, *_ = env.step(rng.uniform(-1, 1, 4))
            seen.append(np.append(obs, reward))
        return b"".join(entry.tobytes() for entry in seen)

    first = episode(7, 30)
    other = episode(31, 80)
    assert episode(7, 30) == first != other
    obs, _ = env.reset(seed=7 + 50 * 3)
    assert obs.tobytes() == first[: obs.nbytes]


def test_published_seeds_are_the_tasks_of_the_release():
    for env_id in ENV_IDS:
        assert environment(env_id).published_seeds == (42, 31, 25, 13, 15)


def test_published_seeds_are_what_the_plain_library_plays():
    import gymnasium

    plain = gymnasium.make(
        "Meta-World/MT1", env_name="button-press-v3", seed=0, disable_env_checker=True
    )
    env = shared_environment(environment("button_press_v3"))
    for seed in (42, 31, 25, 13, 15):
        assert plain.reset()[0].tobytes() == env.reset(seed=seed)[0].tobytes()
    plain.close()
