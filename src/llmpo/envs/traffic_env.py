"""The traffic merge as a Gymnasium environment: actions, observations, episodes."""

from typing import Any

import gymnasium
import numpy as np

from llmpo.envs.traffic_rewards import Reward
from llmpo.envs.traffic_sim import (
    MAX_SPEED,
    SLOTS,
    MergeEpisode,
    Slots,
    Vehicle,
    load_sumo,
)
from llmpo.sandbox.contract import FloatArray

MAX_ACCELERATION = 1.5
"""Largest acceleration and deceleration of an action, m/s²."""

ROAD_LENGTH = 372.68
"""Sum of the lengths of all lanes, m; stands for "nobody there" in headways."""

MOST_VEHICLES = 80
"""More vehicles than the network has room for."""

_SLOT_FIELDS = (
    "ego_speeds",
    "leader_headways",
    "leader_speed_diffs",
    "follower_headways",
    "follower_speed_diffs",
    "rl_ids",
)

RawObservation = dict[str, Any]


class Traffic(gymnasium.Env[RawObservation, FloatArray]):
    """Buses on a ramp merge into a crowded highway.

    All environments of a process share one simulation: see `MergeEpisode`.

    Args:
        horizon: Number of steps, of one second each, after which episodes are cut.
        reward: What steps are worth.
        slots: Whether buses can change their slot within a step.
    """

    def __init__(self, horizon: int, reward: Reward, slots: Slots) -> None:
        load_sumo()  # A missing package is better reported now than at a reset.
        self._horizon = horizon
        self._reward = reward
        self._slots: Slots = slots
        self._episode: MergeEpisode | None = None
        self._observation: RawObservation = {}
        self._steps = 0
        self.action_space = gymnasium.spaces.Box(
            -MAX_ACCELERATION, MAX_ACCELERATION, (SLOTS,), np.float64
        )
        shapes: dict[str, tuple[int, ...]] = {
            **dict.fromkeys((*_SLOT_FIELDS, "ego_vehicle_accels"), (SLOTS,)),
            "all_vehicle_speeds": (MOST_VEHICLES,),
            **dict.fromkeys(("rl_count", "vehicle_count", "fail"), ()),
        }
        self.observation_space = gymnasium.spaces.Dict(
            {
                name: gymnasium.spaces.Box(-np.inf, np.inf, shape, np.float64)
                for name, shape in shapes.items()
            }
        )

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[RawObservation, dict[str, Any]]:
        """Starts an episode with two vehicles on the road; ends any other episode."""
        super().reset(seed=seed)
        self._episode = MergeEpisode(int(self.np_random.integers(2**31)), self._slots)
        self._steps = 0
        self._observation = _observe(self._episode, np.zeros(SLOTS), crashed=False)
        return self._observation, {}

    def step(
        self, action: FloatArray
    ) -> tuple[RawObservation, float, bool, bool, dict[str, Any]]:
        """Lets one second pass with the buses at the given accelerations.

        Raises:
            ValueError: The action is not ten finite numbers from -1.5 to 1.5.
            ResetNeeded: There is no episode, or another one took over the simulation.
        """
        action = np.asarray(action, dtype=np.float64)
        # NaN is not at most anything.
        if action.shape != (SLOTS,) or not np.abs(action).max() <= MAX_ACCELERATION:
            raise ValueError(
                f"Traffic actions are {SLOTS} numbers from {-MAX_ACCELERATION} to "
                f"{MAX_ACCELERATION}, got {action!r}."
            )
        if self._episode is None:
            raise gymnasium.error.ResetNeeded(
                "Stepping traffic: there is no episode. Reset the environment first."
            )
        before = self._observation
        crashed = self._episode.advance(action)
        self._steps += 1
        self._observation = after = _observe(self._episode, action, crashed)
        reward = self._reward.value(before, action, after)
        return after, reward, crashed, self._steps >= self._horizon, {}

    def close(self) -> None:
        """Ends the simulation, if an episode of this environment still owns it."""
        if self._episode is not None:
            self._episode.close()
            self._episode = None


def _observe(
    episode: MergeEpisode, action: FloatArray, crashed: bool
) -> RawObservation:
    slots = np.zeros((len(_SLOT_FIELDS), SLOTS))
    buses = episode.slots
    for slot, bus in enumerate(buses):
        slots[:, slot] = _seen_from(bus, episode.follower(bus))
    speeds = np.zeros(MOST_VEHICLES)
    present = [vehicle.speed for vehicle in episode.vehicles[:MOST_VEHICLES]]
    speeds[: len(present)] = present
    return {
        **dict(zip(_SLOT_FIELDS, slots, strict=True)),
        "ego_vehicle_accels": action.copy(),
        "all_vehicle_speeds": speeds,
        "rl_count": np.array(float(len(buses))),
        "vehicle_count": np.array(float(len(present))),
        "fail": np.array(float(crashed)),
    }


def _seen_from(bus: Vehicle, follower: Vehicle | None) -> tuple[float, ...]:
    """Returns what a policy sees of one bus, in the order of the slot fields."""
    leader = bus.leader
    return (
        bus.speed,
        ROAD_LENGTH if leader is None else bus.headway,
        (MAX_SPEED if leader is None else leader.speed) - bus.speed,
        ROAD_LENGTH if follower is None else follower.headway,
        bus.speed - (0.0 if follower is None else follower.speed),
        float(bus.number),
    )
