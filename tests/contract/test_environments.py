"""Every registered environment keeps the contract, and the shipped ones their physics.

The numbers are the check vectors of an independent run of the published system with
the pinned simulator versions.
"""

import ast

import numpy as np
import pytest

from llmpo.envs.check import check_environment
from llmpo.envs.instances import shared_environment
from llmpo.envs.observation import ObservationReader, action_layout, observation_layout
from llmpo.envs.prompt_text import implementation_text, observation_text, reward_text
from llmpo.envs.registry import environment, environment_ids
from llmpo.envs.transcript import (
    TranscriptRequest,
    fresh_transcripts,
    play_transcript,
)

pytest.importorskip("mujoco")
pytest.importorskip("metaworld")
pytest.importorskip("gymnasium_robotics")
pytest.importorskip("libsumo")
pytest.importorskip("numba")

IDS = environment_ids()
VARIANTS = [
    (env_id, {option: value})
    for env_id in IDS
    for option, values in environment(env_id).variants.items()
    for value in list(values)[1:]
]
SEED, STEPS = 1234, 60

# Policy base, reward name and observation class of each published environment.
PUBLISHED_NAMES = {
    "traffic": ("Traffic", "TrafficRewardFunction", "TrafficObservation"),
    "pandemic": ("Pandemic", "PandemicRewardFunction", "PandemicObservation"),
    "glucose": ("Glucose", "GlucoseRewardFunction", "GlucoseObservation"),
    "ant_v5": ("AntV5", "AntRewardFunction", "MujocoAntObservation"),
    "halfcheetah_v5": (
        "HalfcheetahV5",
        "HalfcheetahRewardFunction",
        "MujocoHalfCheetahObservation",
    ),
    "inverted_double_pendulum_v5": (
        "InvertedDoublePendulumV5",
        "InvertedDoublePendulumRewardFunction",
        "MujocoInvertedDoublePendulumObservation",
    ),
    "button_press_v3": (
        "ButtonPressV3",
        "ButtonPressV3RewardFunction",
        "MetaWorldButtonPressV3Observation",
    ),
    "point_maze_large_diverse_g_v3": (
        "PointMazeLargeDiverseGV3",
        "PointMazeLargeDiverseGV3RewardFunction",
        "PointMazeLargeDiverseGV3Observation",
    ),
    "noise_world_board_1": (
        "NoiseWorldBoard1",
        "NoiseWorldRewardFunction",
        "NoiseWorldObservation",
    ),
}
HORIZONS = {"Meta-World": 500, "PointMaze": 800}
# Sum of 10 rewards with every action entry 0.1 after reset(seed=0).
MUJOCO_RETURNS = {
    "ant_v5": 11.870861307,
    "halfcheetah_v5": 0.319640684,
    "hopper_v5": 10.176434147,
    "humanoid_v5": 46.391853552,
    "swimmer_v5": 1.140648816,
    "reacher_v5": -1.878789884,
    "inverted_double_pendulum_v5": 59.55612148,
}
# Start and goal after reset(seed=0).
MAZE_STARTS = {
    "point_maze_large_v3": ((0.258264, -0.843365), (-1.615107, -3.229513)),
    "point_maze_large_diverse_g_v3": ((-4.741736, 3.156635), (0.384893, -3.229513)),
}
# Task 0: sum of 10 rewards with every action entry 0.1, and the goal.
META_WORLD_RETURNS = {
    "button_press_v3": (2.883551043, (0.008977, 0.771183, 0.115)),
    "pick_place_v3": (0.017941893, (-0.023312, 0.879173, 0.182224)),
    "door_open_v3": (5.81261362, (-0.245512, 0.442365, 0.15)),
    "drawer_open_v3": (12.49640558, (0.008977, 0.54, 0.09)),
}


def ten_rewards(env_id: str, seed: int) -> float:
    env = shared_environment(environment(env_id))
    env.reset(seed=seed)
    action = np.full(env.action_space.shape, 0.1)
    return sum(float(env.step(action)[1]) for _ in range(10))


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, list[str]]:
    """Returns the episode of each environment as another process plays it."""
    requests = [TranscriptRequest(env_id, {}, SEED, STEPS) for env_id in IDS]
    return dict(zip(IDS, fresh_transcripts(requests), strict=True))


@pytest.mark.parametrize("env_id", IDS)
def test_environment_passes_the_checker(env_id):
    # The fresh process is shared by all environments, in the next test.
    assert check_environment(environment(env_id), fresh_process=False) == []


@pytest.mark.parametrize("env_id", IDS)
def test_environment_plays_the_same_episode_in_another_process(env_id, elsewhere):
    spec = environment(env_id)
    env = shared_environment(spec)
    play_transcript(spec, env, SEED + 1, 5)
    assert play_transcript(spec, env, SEED, STEPS) == elsewhere[env_id]


@pytest.mark.parametrize(("env_id", "options"), VARIANTS)
def test_environment_variant_passes_the_checker(env_id, options):
    spec = environment(env_id, options)
    assert check_environment(spec, fresh_process=False) == []
    assert spec.label != env_id


def test_checker_compares_with_a_fresh_process():
    assert check_environment(environment("noise_world_board_2")) == []


@pytest.mark.parametrize("env_id", PUBLISHED_NAMES)
def test_names_are_the_published_ones(env_id):
    spec = environment(env_id)
    names = (spec.class_base, spec.reward_name, spec.observation_class)
    assert names == PUBLISHED_NAMES[env_id]
    assert spec.policy_class == f"{names[0]}Policy"


@pytest.mark.parametrize("env_id", IDS)
def test_prompt_texts_name_every_visible_field(env_id):
    spec = environment(env_id)
    text = observation_text(spec)
    for field in spec.fields:
        assert (f"`{field.name}`" in text) == field.in_prompt
    assert spec.horizon == HORIZONS.get(spec.family, spec.horizon)
    action = action_layout(shared_environment(spec))
    assert f"at most {spec.horizon} steps" in implementation_text(spec, action)
    assert reward_text(spec)


@pytest.mark.parametrize("env_id", [*MUJOCO_RETURNS, *MAZE_STARTS])
def test_read_observations_do_not_follow_the_simulator(env_id):
    spec = environment(env_id)
    env = shared_environment(spec)
    reader = ObservationReader(spec, env)
    raw_obs, _ = env.reset(seed=5)
    first = np.frombuffer(reader.read(raw_obs))
    before = first.copy()
    raw_obs, *_ = env.step(np.full(env.action_space.shape, 0.3))
    second = np.frombuffer(reader.read(raw_obs))
    assert first.size == observation_layout(spec).width
    assert np.array_equal(first, before)
    assert not np.array_equal(first, second)


@pytest.mark.parametrize("env_id", MUJOCO_RETURNS)
def test_mujoco_matches_the_check_vectors(env_id):
    expected = MUJOCO_RETURNS[env_id]
    assert ten_rewards(env_id, seed=0) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("env_id", MAZE_STARTS)
def test_point_maze_matches_the_check_vectors(env_id):
    env = shared_environment(environment(env_id))
    observation, _ = env.reset(seed=0)
    start, goal = MAZE_STARTS[env_id]
    assert observation["achieved_goal"] == pytest.approx(start, abs=1e-6)
    assert observation["desired_goal"] == pytest.approx(goal, abs=1e-6)


@pytest.mark.parametrize("env_id", MAZE_STARTS)
def test_point_maze_grid_is_in_the_prompt_only_when_shown(env_id):
    spec = environment(env_id)
    action = action_layout(shared_environment(spec))
    hidden = implementation_text(spec, action)
    shown = implementation_text(spec.with_options({"layout": "shown"}), action)
    assert "1111111111" not in hidden
    assert "grid" not in hidden
    assert "\n1111111111" in shown
    assert "x = j + 0.5 -" in shown


def test_shown_maze_formula_gives_the_places_of_the_cells():
    env = shared_environment(environment("point_maze_large_diverse_g_v3"))
    maze = env.unwrapped.maze
    for row, column in ((1, 1), (3, 5), (7, 10)):
        place = maze.cell_rowcol_to_xy(np.array([row, column]))
        assert place.tolist() == [column + 0.5 - 6, 4.5 - row - 0.5]


@pytest.mark.parametrize("env_id", META_WORLD_RETURNS)
def test_meta_world_matches_the_check_vectors(env_id):
    total, goal = META_WORLD_RETURNS[env_id]
    env = shared_environment(environment(env_id))
    assert ten_rewards(env_id, seed=0) == pytest.approx(total, rel=1e-6)
    observation, _ = env.reset(seed=50)  # 50 tasks: seed 50 is task 0 again
    assert observation[36:39] == pytest.approx(goal, abs=1e-6)


def test_reward_sources_are_valid_python():
    for env_id in IDS:
        spec = environment(env_id)
        if spec.family in ("MuJoCo", "PointMaze"):
            (node,) = ast.parse(reward_text(spec)).body
            assert isinstance(node, ast.ClassDef)
            assert node.name == spec.reward_name
