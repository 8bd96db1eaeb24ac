"""The traffic merge: its physics, its seeds, and the one simulation of a process."""

import gc
import hashlib
import json
import subprocess
import sys
import xml.etree.ElementTree as ET
from importlib import resources
from pathlib import Path

import gymnasium
import numpy as np
import pytest
from click.testing import CliRunner

from llmpo.cli import main
from llmpo.envs.instances import build_environment
from llmpo.envs.traffic import SPECS
from llmpo.envs.traffic_rewards import reward_a
from llmpo.envs.traffic_sim import SLOTS, MergeEpisode, Vehicle, driver_acceleration
from llmpo.errors import PrerequisiteError

libsumo = pytest.importorskip("libsumo")

(SPEC,) = SPECS
REST = np.zeros(SLOTS)


def build(**options):
    return SPEC.with_options(options).build()


@pytest.fixture
def env():
    env = build()
    yield env
    env.close()


def rest(_, rng):
    return REST


def accelerate(_, rng):
    return np.full(SLOTS, 1.5)


def at_random(_, rng):
    return rng.uniform(-1.5, 1.5, SLOTS)


def like_humans(obs, rng):
    """The human drivers' model on the buses; can be out of the action's bounds."""
    action = np.zeros(SLOTS)
    for slot in range(int(obs["rl_count"])):
        speed = obs["ego_speeds"][slot]
        leader = Vehicle("", 0, False, speed + obs["leader_speed_diffs"][slot])
        headway = obs["leader_headways"][slot]
        bus = Vehicle("", 0, True, speed, leader, headway)
        action[slot] = driver_acceleration(bus)
    return action


def play(env, policy, seed, steps=300):
    """Returns the return under reward A, with actions clipped only for the buses."""
    rng = np.random.default_rng(seed)
    obs, _ = env.reset(seed=seed)
    total, over = 0.0, False
    while not over and steps:
        action = policy(obs, rng)
        before = obs
        obs, _, terminated, truncated, _ = env.step(np.clip(action, -1.5, 1.5))
        total += reward_a(before, action, obs)
        over, steps = terminated or truncated, steps - 1
    return total


def digest(env, seed, steps=60):
    """Returns everything seen and earned in an episode with random actions."""
    rng = np.random.default_rng(seed)
    obs, _ = env.reset(seed=seed)
    seen = [*obs.values()]
    for _ in range(steps):
        obs, reward, *_ = env.step(rng.uniform(-1.5, 1.5, SLOTS))
        seen += [*obs.values(), reward]
    return b"".join(np.float64(value).tobytes() for value in seen)


# Means and deviations of the original (Flow over TraCI, ten episodes each): resting
# 74.0 +- 11.7, accelerating -369.3 +- 0.8, at random -183.9 +- 8.0, human 55.1 +- 5.5.
@pytest.mark.parametrize(
    ("policy", "episodes", "low", "high"),
    [
        (rest, 6, 62, 92),
        (accelerate, 2, -373, -366),
        (at_random, 4, -197, -165),
        (like_humans, 6, 46, 64),
    ],
)
def test_returns_are_those_of_the_original(env, policy, episodes, low, high):
    returns = [play(env, policy, seed) for seed in range(100, 100 + episodes)]
    assert low < np.mean(returns) < high


def test_the_two_true_rewards_rank_resting_and_following_differently():
    env = build(reward="orpo_true")

    def returned(policy, seed):
        rng, total = np.random.default_rng(0), 0.0
        obs, _ = env.reset(seed=seed)
        for _ in range(300):
            obs, reward, *_ = env.step(np.clip(policy(obs, rng), -1.5, 1.5))
            total += reward
        return total

    # Original: about -90 000 (a bus that rests where it had to stop) and -1000.
    assert min(returned(rest, seed) for seed in (101, 102)) < -5000
    assert -3000 < returned(like_humans, 101) < -300


def test_demand_keeps_the_merge_crowded(env):
    obs, _ = env.reset(seed=3)
    rng = np.random.default_rng(0)
    counts, speeds, numbers = [], [], []
    for _ in range(300):
        obs, *_ = env.step(np.clip(like_humans(obs, rng), -1.5, 1.5))
        counts.append(obs["vehicle_count"])
        speeds.append(obs["all_vehicle_speeds"][: int(counts[-1])].mean())
        numbers.append(obs["rl_ids"][obs["rl_ids"] > 0])
    # 16 to 20 vehicles at 5.5 to 6.5 m/s in the original, 112.5 buses an hour.
    assert 14 < np.mean(counts[50:]) < 23
    assert 4.5 < np.mean(speeds[50:]) < 7.5
    assert len(np.unique(np.concatenate(numbers))) in range(8, 11)


def test_network_file_spells_out_lengths_and_right_of_way():
    data = resources.files("llmpo.envs").joinpath("data/traffic/merge.net.xml")
    root = ET.fromstring(data.read_text("utf-8"))
    lengths = [float(lane.get("length")) for lane in root.iter("lane")]
    assert sum(lengths) == pytest.approx(372.68)
    junction = root.find("junction[@id='center']")
    assert junction.get("intLanes") == ":center_0_0 :center_1_0"
    # The ramp (0) yields to nobody, the highway (1) to the ramp.
    assert [entry.get("response") for entry in junction.iter("request")] == ["00", "01"]
    states = {link.get("from"): link.get("state") for link in root.iter("connection")}
    assert (states["bottom"], states["left"]) == ("M", "m")


def test_driver_model_against_a_hand_calculation():
    leader = Vehicle("", 1, False, speed=8.0)
    driver = Vehicle("", 2, False, speed=10.0, leader=leader, headway=20.0)
    # 1 - (1/3)**4 - ((2 + 10 + 20 / (2 * 1.5**0.5)) / 20)**2
    assert driver_acceleration(driver) == pytest.approx(-0.0289103, abs=1e-6)
    assert driver_acceleration(Vehicle("", 3, False)) == 1.0
    touching = Vehicle("", 4, False, speed=0.0, leader=leader, headway=0.0)
    assert driver_acceleration(touching) == pytest.approx(1 - (2 / 0.001) ** 2)


def test_first_observation_shows_two_vehicles_and_no_bus(env):
    obs, _ = env.reset(seed=0)
    assert (obs["vehicle_count"], obs["rl_count"], obs["fail"]) == (2, 0, 0)
    for name in ("ego_speeds", "leader_headways", "rl_ids", "ego_vehicle_accels"):
        assert not obs[name].any()


def test_observation_of_a_bus_is_consistent(env):
    obs, _ = env.reset(seed=2)
    filled = 0
    for _ in range(150):
        obs, *_ = env.step(REST)
        count = int(obs["rl_count"])
        filled += count
        for name in ("ego_speeds", "leader_headways", "follower_headways", "rl_ids"):
            assert not obs[name][count:].any()
        present = obs["all_vehicle_speeds"][: int(obs["vehicle_count"])]
        assert np.isin(obs["ego_speeds"][:count], present).all()
        assert (obs["leader_headways"][:count] > 0).all()
        assert (obs["follower_headways"][:count] > 0).all()
        assert (np.diff(obs["rl_ids"][:count]) > 0).all()
    assert filled > 100


def test_fixed_slots_keep_their_bus_within_a_step():
    episode = MergeEpisode(seed=1, slots="fixed")
    pressed = 0
    for _ in range(120):
        before = episode.slots
        action = np.zeros(SLOTS)
        action[: len(before)] = -1.5
        episode.advance(action)
        for bus in episode.slots:
            # A bus that was not in a slot when the step began is not braked.
            pressed += bus in before
            assert bus in before or bus.speed > 5.0
    assert pressed > 50


def test_same_seed_gives_the_same_episode_after_other_episodes(env):
    first = digest(env, 5)
    assert digest(env, 6) != first
    assert digest(env, 5) == first
    again = build()
    assert digest(again, 5) == first


WORKER = """
import hashlib, importlib.util, sys
spec = importlib.util.spec_from_file_location("shared_steps", sys.argv[1])
steps = importlib.util.module_from_spec(spec)
spec.loader.exec_module(steps)
env = steps.build()
print(hashlib.sha256(steps.digest(env, int(sys.argv[2]))).hexdigest())
"""


def test_parallel_processes_play_on_their_own_and_leave_nothing_behind(tmp_path, env):
    command = [sys.executable, "-c", WORKER, __file__]
    workers = [
        subprocess.Popen(
            [*command, str(seed)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=tmp_path,
            env={"TMPDIR": str(tmp_path), "PATH": ""},
            text=True,
        )
        for seed in (8, 9)
    ]
    for seed, worker in zip((8, 9), workers, strict=True):
        out, err = worker.communicate(timeout=120)
        assert (worker.returncode, err) == (0, "")
        assert out.split() == [hashlib.sha256(digest(env, seed)).hexdigest()]
    assert list(tmp_path.iterdir()) == []


def test_a_new_episode_ends_the_one_of_another_environment(env):
    other = build()
    env.reset(seed=1)
    env.step(REST)
    expected = digest(other, 4, steps=20)
    with pytest.raises(gymnasium.error.ResetNeeded, match="one SUMO simulation per"):
        env.step(REST)
    other.reset(seed=4)
    env.close()  # must not end the other's episode
    other.step(REST)
    assert digest(env, 4, steps=20) == expected
    other.close()
    env.step(REST)


def test_stepping_without_an_episode_is_refused(env):
    with pytest.raises(gymnasium.error.ResetNeeded, match="Reset the environment"):
        env.step(REST)
    env.reset(seed=0)
    env.close()
    env.close()
    with pytest.raises(gymnasium.error.ResetNeeded):
        env.step(REST)
    assert not libsumo.isLoaded()


@pytest.mark.parametrize(
    "action",
    [
        np.zeros(5),
        np.zeros((1, SLOTS)),
        np.full(SLOTS, 1.6),
        np.full(SLOTS, np.nan),
        [*[0.0] * 9, np.inf],
        0.0,
    ],
)
def test_bad_actions_are_refused_and_change_nothing(env, action):
    env.reset(seed=0)
    expected = env.step(REST)[0]
    env.reset(seed=0)
    with pytest.raises(ValueError, match=r"10 numbers from -1\.5 to 1\.5"):
        env.step(action)
    got = env.step(REST)[0]
    assert all(np.array_equal(expected[name], got[name]) for name in expected)


@pytest.mark.parametrize("horizon", ["300", "500"])
def test_episodes_are_cut_at_the_chosen_horizon(horizon):
    env = build(horizon=horizon)
    env.reset(seed=0)
    cut = [env.step(accelerate(None, None))[3] for _ in range(int(horizon))]
    assert cut == [False] * (int(horizon) - 1) + [True]


def test_a_collision_ends_the_episode_without_a_reward(env):
    env.reset(seed=0)
    for _ in range(60):
        env.step(REST)
    queue = libsumo.lane.getLastStepVehicleIDs("left_0")
    place = libsumo.vehicle.getLanePosition(queue[-1]) - 1.0
    libsumo.vehicle.moveTo(queue[0], "left_0", place)
    after, reward, terminated, truncated, _ = env.step(REST)
    assert (reward, terminated, truncated, after["fail"]) == (0.0, True, False, 1.0)
    assert all(np.isfinite(value).all() for value in after.values())
    assert after["all_vehicle_speeds"].min() >= 0.0
    assert not env.reset(seed=0)[0]["fail"]


def test_a_missing_simulator_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "libsumo", None)
    with pytest.raises(PrerequisiteError, match=r"llmpo\[realworld\]"):
        build_environment(SPEC)


POLICY = """
import numpy as np
from direct_policy_learning.observations import TrafficObservation


class TrafficPolicy:
    def act(self, obs: TrafficObservation) -> np.ndarray:
        action = np.zeros(10, dtype=np.float32)
        if obs.rl_count and obs.leader_headways[0] < obs.ego_speeds[0]:
            action[0] = -1.5
        assert obs.target_velocity == 20 and obs.max_length > obs.max_speed
        return action
"""


def test_policies_with_the_published_names_can_be_evaluated(tmp_path):
    file = tmp_path / "policy.py"
    file.write_text(POLICY, encoding="utf-8")
    arguments = ["evaluate", "--policy", str(file), "--env", "traffic"]
    done = CliRunner().invoke(main, [*arguments, "--seeds", "1:3", "--json"])
    report = json.loads(done.stdout)
    assert report["statuses"] == ["ok", "ok"]
    assert report["lengths"] == [300, 300]
    assert 30 < report["mean"] < 120


def fuzz(env, seeds):
    for seed in seeds:
        rng = np.random.default_rng(seed)
        env.reset(seed=seed)
        over, scale = False, rng.choice([0.2, 1.0, 3.0])
        while not over:
            action = np.clip(rng.normal(0, scale, SLOTS), -1.5, 1.5)
            obs, reward, terminated, over, _ = env.step(action)
            assert not terminated
            assert all(np.isfinite(value).all() for value in obs.values())
            assert obs["vehicle_count"] < len(obs["all_vehicle_speeds"])
            assert -5.0 < reward < 1.0


def test_random_actions_never_break_it(env):
    fuzz(env, range(4))


@pytest.mark.slow
def test_many_episodes_leak_nothing(env):
    fuzz(env, range(10, 20))
    before = _memory()
    fuzz(env, range(20, 60))
    gc.collect()
    assert _memory() - before < 10_000


def _memory():
    """Returns the resident memory of this process in KiB."""
    status = Path("/proc/self/status").read_text("utf-8").splitlines()
    line = next(line for line in status if line.startswith("VmRSS"))
    return int(line.split()[1])
