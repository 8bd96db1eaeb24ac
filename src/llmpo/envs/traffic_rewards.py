"""The rewards of the traffic environment, and how prompts show them.

Each is a pure function of the observation before the step, the action and the
observation after it. They differ in how they value the traffic as a whole; keeping
distance and driving smoothly count in all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from textwrap import indent

import numpy as np

from llmpo.sandbox.contract import FloatArray

TARGET_SPEED = 20.0  # m/s

Observation = Mapping[str, FloatArray]
"""The observation's arrays by field name."""

_DISTANCE_WEIGHT = 0.1
_SMALL = 1e-7
_SMALL_SPEED = 1e-3  # m/s


@dataclass(frozen=True)
class Reward:
    """One way to value a step.

    Attributes:
        value: The reward of (observation before, action, observation after).
        text: The body of its function, as prompts show it.
        low: No step is worth less.
        high: No step is worth more.
    """

    value: Callable[[Observation, FloatArray, Observation], float]
    text: str
    low: float
    high: float


def reward_a(before: Observation, action: FloatArray, after: Observation) -> float:
    """Values speeds near 20 m/s: 1 where all have it, 0 where all stand."""
    if after["fail"]:
        return 0.0
    return _closeness(_speeds(after)) + _manners(action, after)


def reward_orpo_true(
    before: Observation, action: FloatArray, after: Observation
) -> float:
    """Charges the time a metre takes, on average over all vehicles (ORPO's true)."""
    if after["fail"]:
        return 0.0
    speeds = _speeds(after)
    pace = float((1.0 / (speeds + _SMALL_SPEED)).mean()) if speeds.size else 0.0
    return -pace + _manners(action, after)


def reward_orpo_proxy(
    before: Observation, action: FloatArray, after: Observation
) -> float:
    """Values the mean speed (ORPO's proxy)."""
    if after["fail"]:
        return 0.0
    speeds = _speeds(after)
    mean = float(speeds.mean()) if speeds.size else 0.0
    return mean + _manners(action, after)


def _speeds(after: Observation) -> FloatArray:
    return after["all_vehicle_speeds"][: int(after["vehicle_count"])]


def _closeness(speeds: FloatArray) -> float:
    if not speeds.size:
        return 0.0
    largest = TARGET_SPEED * np.sqrt(speeds.size)
    distance = np.linalg.norm(speeds - TARGET_SPEED)
    return float(max(largest - distance, 0.0) / (largest + _SMALL))


def _manners(action: FloatArray, after: Observation) -> float:
    """Charges headways under one second and strong accelerations."""
    speeds = after["ego_speeds"]
    driving = speeds > 0.0
    headways = after["leader_headways"][driving] / speeds[driving]
    distance = np.minimum(headways - 1.0, 0.0).sum()
    return float(_DISTANCE_WEIGHT * distance - np.abs(action).mean())


def reward_source(name: str, reward: Reward) -> str:
    """Returns the reward as Python source with a class of the given name."""
    body = f"{_OPENING}{reward.text}{_CLOSING}"
    return (
        f"class {name}:\n"
        "    def reward(self, previous, action, current):\n"
        "        # previous, current: observations before and after the step\n"
        f"{indent(body, ' ' * 8)}"
    )


_OPENING = """\
if current.fail:  # vehicles collided
    return 0.0
speeds = current.all_vehicle_speeds[: int(current.vehicle_count)]

"""
_CLOSING = """
# headways of less than one second, over all controlled vehicles that move
distance = 0.0
for headway, speed in zip(current.leader_headways, current.ego_speeds):
    if speed > 0:
        distance += min(headway / speed - 1.0, 0.0)

# the mean is over all 10 entries, also over those of empty slots
effort = np.mean(np.abs(action))

return flow + 0.1 * distance - effort"""

REWARDS: Mapping[str, Reward] = {
    "A": Reward(
        reward_a,
        """\
# 1 when every vehicle drives at the target velocity of 20 m/s, 0 when all stand
flow = 0.0
if len(speeds) > 0:
    largest = np.linalg.norm(np.full(len(speeds), current.target_velocity))
    distance_to_target = np.linalg.norm(speeds - current.target_velocity)
    flow = max(largest - distance_to_target, 0.0) / (largest + 1e-7)
""",
        low=-5.0,
        high=1.0,
    ),
    "orpo_true": Reward(
        reward_orpo_true,
        """\
# minus the mean time a metre takes; a vehicle that stands costs 1000 / len(speeds)
flow = -np.mean(1.0 / (speeds + 0.001)) if len(speeds) > 0 else 0.0
""",
        low=-1005.0,
        high=0.0,
    ),
    "orpo_proxy": Reward(
        reward_orpo_proxy,
        """\
# the mean speed of all vehicles
flow = np.mean(speeds) if len(speeds) > 0 else 0.0
""",
        low=-5.0,
        high=40.0,
    ),
}
