"""The rewards that prompts describe are the rewards that the environments pay."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from llmpo.envs.instances import shared_environment
from llmpo.envs.observation import ObservationReader, observation_layout
from llmpo.envs.prompt_text import reward_text
from llmpo.envs.registry import environment

pytest.importorskip("mujoco")
pytest.importorskip("metaworld")
pytest.importorskip("gymnasium_robotics")

WITH_SOURCE = [
    "ant_v5",
    "halfcheetah_v5",
    "hopper_v5",
    "humanoid_v5",
    "swimmer_v5",
    "reacher_v5",
    "inverted_double_pendulum_v5",
    "point_maze_large_v3",
    "point_maze_large_diverse_g_v3",
]


def observe(spec, reader, raw_obs):
    """Rebuilds the observation object a policy would get."""
    layout = observation_layout(spec)
    flat = np.frombuffer(reader.read(raw_obs))
    values, start = dict(layout.constants), 0
    for name, shape in layout.fields:
        size = math.prod(shape)
        part = flat[start : start + size]
        values[name] = part.reshape(shape) if shape else float(part[0])
        start += size
    for name, fields in layout.concatenations.items():
        joined = np.concatenate([np.ravel(values[field]) for field in fields])
        values[name] = lambda joined=joined: joined
    return SimpleNamespace(**values)


@pytest.mark.parametrize("env_id", WITH_SOURCE)
def test_reward_source_computes_the_reward_of_each_step(env_id):
    spec = environment(env_id)
    env = shared_environment(spec)
    reader = ObservationReader(spec, env)
    namespace = {"np": np}
    exec(reward_text(spec), namespace)
    function = namespace[spec.reward_name]()
    rng = np.random.default_rng(0)
    steps = 0
    for seed in range(3):
        raw_obs, _ = env.reset(seed=seed)
        current, over = observe(spec, reader, raw_obs), False
        while not over and steps < 60 * (seed + 1):
            action = rng.uniform(env.action_space.low, env.action_space.high)
            raw_obs, reward, terminated, truncated, _ = env.step(action)
            previous, current = current, observe(spec, reader, raw_obs)
            expected = function.reward(previous, action, current)
            assert expected == pytest.approx(reward, rel=1e-9, abs=1e-9)
            steps, over = steps + 1, terminated or truncated
    assert steps >= 15


def tol(distance, near, far, margin):
    if near <= distance <= far:
        return 1.0
    excess = near - distance if distance < near else distance - far
    return 1 / ((3 * excess / margin) ** 2 + 1)


def ham(a, b):
    return a * b / (a + b - a * b) if a + b > 0 else 0.0


def button_press(now, start, action):
    gap = abs(now.goal[1] - now.thing[1])
    distance = math.dist(now.thing, now.tcp)
    reach = tol(distance, 0, 0.05, math.dist(now.thing, start.tcp))
    reward = 2 * ham(max(now.opening, 0), reach)
    if distance <= 0.05:
        reward += 8 * tol(gap, 0, 0.005, 0.0935)
    return reward, gap <= 0.02


def pick_place(now, start, action):
    def pad(gap):
        return tol(gap, 0.015, 0.05, abs(abs(gap) - 0.05))

    def across(place, other):
        return math.hypot(place[0] - other[0], place[2] - other[2])

    to_goal = math.dist(now.thing, now.goal)
    in_place = tol(to_goal, 0, 0.05, math.dist(start.thing, now.goal))
    pads = ham(pad(now.left_y - now.thing[1]), pad(now.thing[1] - now.right_y))
    margin = across(start.tcp, start.thing) - 0.005
    caging = ham(pads, tol(across(now.tcp, now.thing), 0, 0.005, margin))
    grip = min(max(action[3], 0), 1) if caging > 0.97 else 0
    reward = ham((ham(caging, grip) + caging) / 2, in_place)
    lifted = now.thing[2] > start.thing[2] + 0.01
    if math.dist(now.tcp, now.thing) < 0.02 and now.opening > 0 and lifted:
        reward += 1 + 5 * in_place
    return 10.0 if to_goal < 0.05 else reward, to_goal <= 0.07


def door_open(now, start, action):
    handle = now.thing - (0.05, 0, 0)
    radius = math.dist(now.hand[:2], handle[:2])
    floor = 0 if radius <= 0.12 else 0.4 + 0.04 * math.log(radius - 0.12)
    height = now.hand[2]
    above = 1.0 if height >= floor else tol(floor - height, 0, 0.01, floor / 2)
    near = tol(
        math.dist(now.hand, handle + np.array([0.05, 0.03, -0.01])), 0, 0.06, 0.5
    )
    opened = 0.8 * tol(2 * math.pi / 3 - now.door_angle, 0, 0.5, math.pi / 3)
    opened += 0.2 * (now.door_angle > math.pi / 90)
    reward = 2 * ham(ham(above, near), (np.clip(action[3], -1, 1) + 1) / 2) + 8 * opened
    success = abs(now.thing[0] - now.goal[0]) <= 0.08
    return 10.0 if success else reward, success


def drawer_open(now, start, action):
    scale = np.array([3, 3, 1])
    to_goal = math.dist(now.thing, now.goal)
    error = np.linalg.norm(scale * (now.thing - now.hand))
    error_0 = np.linalg.norm(scale * (now.goal + np.array([0, 0.2, 0]) - start.tcp))
    opened = tol(to_goal, 0, 0.02, 0.2)
    return 5 * (tol(error, 0, 0.01, error_0) + opened), to_goal <= 0.03


PSEUDO_CODE = {
    "button_press_v3": button_press,
    "pick_place_v3": pick_place,
    "door_open_v3": door_open,
    "drawer_open_v3": drawer_open,
}


def scene(env, obs):
    simulator = env.unwrapped
    names = [simulator.model.joint(i).name for i in range(simulator.model.njnt)]
    door = "doorjoint" in names
    return SimpleNamespace(
        hand=obs[:3],
        opening=obs[3],
        thing=obs[4:7],
        goal=obs[36:39],
        tcp=simulator.tcp_center.copy(),
        left_y=float(simulator.data.body("leftpad").xpos[1]),
        right_y=float(simulator.data.body("rightpad").xpos[1]),
        door_angle=-float(simulator.data.joint("doorjoint").qpos[0]) if door else 0.0,
    )


@pytest.mark.parametrize("env_id", PSEUDO_CODE)
def test_meta_world_pseudo_code_computes_the_reward_of_each_step(env_id):
    env = shared_environment(environment(env_id))
    rng = np.random.default_rng(0)
    for seed in (0, 7):
        obs, _ = env.reset(seed=seed)
        start = scene(env, obs)
        # Meta-World takes it one simulator substep before the first observation.
        start.tcp = env.unwrapped.init_tcp
        for step in range(120):
            # To the object from above, then close and drag towards the goal.
            above = np.array([0, 0, 0.1 if step < 40 else 0.0])
            target = obs[4:7] + above if step < 70 else obs[36:39]
            move = 10 * (target - obs[:3] + (0, 0, 0.04))
            action = np.clip([*move, -1.0 if step < 60 else 1.0], -1, 1)
            action += rng.uniform(-0.05, 0.05, 4)
            obs, reward, _, _, info = env.step(action)
            expected, success = PSEUDO_CODE[env_id](scene(env, obs), start, action)
            assert expected == pytest.approx(reward, rel=1e-6, abs=1e-6)
            assert success == bool(info["success"])
