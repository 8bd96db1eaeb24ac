"""Traffic: controlled buses on a ramp merge into a crowded highway (SUMO).

The scenario is Flow's `singleagent_merge_bus`, which PromptPO took over from the work
on misspecified rewards before it, on a network file of our own. docs/environments has
a page on what is known about it and what differs here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import gymnasium

from llmpo.envs.spec import EnvSpec, Field, ScoreBounds
from llmpo.envs.traffic_env import MOST_VEHICLES, ROAD_LENGTH, Traffic
from llmpo.envs.traffic_rewards import REWARDS, TARGET_SPEED, reward_source
from llmpo.envs.traffic_sim import MAX_SPEED, SLOTS, Slots

_REWARD_NAME = "TrafficRewardFunction"


@dataclass(frozen=True)
class _Scenario:
    """What the options choose; called, it builds the environment."""

    horizon: int = 300
    reward: str = "A"
    slots: Slots = "moving"

    def __call__(self) -> "gymnasium.Env[Any, Any]":
        return Traffic(self.horizon, REWARDS[self.reward], self.slots)


_TASK = (
    "A single-lane highway and a single-lane ramp merge into one lane. Many more "
    "vehicles want to enter the highway than it can take. Some vehicles on the ramp "
    "are buses whose acceleration you control (called RL vehicles); all others are "
    "driven by a model of human drivers. Control the buses so that the reward, summed "
    "over the episode, is as large as possible."
)
_ACTION = (
    "Ten accelerations in m/s^2, each from -1.5 (braking) to 1.5. Entry i is for the "
    "bus in slot i and acts for the whole second of the step. Entries of empty slots "
    "move nothing. SUMO's safety rule limits the speed that results, so that no bus "
    "can be driven into the vehicle ahead. A bus never drives backwards, and with an "
    "acceleration of 0 one that stands goes on standing."
)
_ROADS = (
    "One step is one second. The highway leads 150 m to the junction, the ramp 100 m "
    "to the same junction, and one lane of 75 m leads out of it, where vehicles leave; "
    "the way across the junction is about 24 m (all lanes together: 372.68 m). The "
    "speed limit is 30 m/s. At the junction the ramp has the right of way: the highway "
    "yields. 7500 vehicles an hour want to enter the highway at 10 m/s, far more than "
    "fit; 450 vehicles an hour enter the ramp at 7.5 m/s, every fourth of them a bus. "
    "Buses are as long as cars and occur only on the ramp and behind the junction. "
    "Usually 15 to 25 vehicles are on the road and 0 to 2 of them are buses, more if "
    "they hold each other up. Human drivers follow the vehicle ahead "
    "with the intelligent driver model (desired speed 30 m/s, time headway 1 s). An "
    "episode begins with two human vehicles and no bus on the road; it terminates if "
    "vehicles collide, which practically never happens."
)
_SLOTS: Mapping[Slots, str] = {
    "moving": (
        "Buses take the first free slot as they enter, and when one leaves the road "
        "those behind it move up, both also in the middle of a step: a bus that has "
        "just entered may already get the entry of a slot that was still empty when "
        "you chose the action."
    ),
    "fixed": (
        "Buses take the first free slot as they enter, and when one leaves the road "
        "those behind it move up, both only between steps: in a step, entry i drives "
        "the bus that you saw in slot i. Until its first step a bus drives like a "
        "human."
    ),
}
_IN_SLOTS = "for each slot (0 if the slot is empty)"
_FIELDS = (
    Field(
        "ego_speeds",
        lambda obs, env: obs["ego_speeds"],
        f"speed of the bus, {_IN_SLOTS}",
        "m/s",
        (SLOTS,),
    ),
    Field(
        "leader_headways",
        lambda obs, env: obs["leader_headways"],
        "distance to the vehicle ahead (gap between the bumpers plus 2.5; max_length "
        f"if there is none), {_IN_SLOTS}",
        "m",
        (SLOTS,),
    ),
    Field(
        "leader_speed_diffs",
        lambda obs, env: obs["leader_speed_diffs"],
        "speed of the vehicle ahead (max_speed if there is none) minus that of the "
        f"bus, {_IN_SLOTS}",
        "m/s",
        (SLOTS,),
    ),
    Field(
        "follower_headways",
        lambda obs, env: obs["follower_headways"],
        "distance of the vehicle behind to the bus (measured the same way; max_length "
        f"if there is none), {_IN_SLOTS}",
        "m",
        (SLOTS,),
    ),
    Field(
        "follower_speed_diffs",
        lambda obs, env: obs["follower_speed_diffs"],
        "speed of the bus minus that of the vehicle behind (0 if there is none), "
        f"{_IN_SLOTS}",
        "m/s",
        (SLOTS,),
    ),
    Field(
        "rl_ids",
        lambda obs, env: obs["rl_ids"],
        "which bus is in each slot that is not empty: a number that a vehicle keeps "
        "from entering to leaving",
        "",
        (SLOTS,),
        count="rl_count",
    ),
    Field(
        "rl_count",
        lambda obs, env: obs["rl_count"],
        "how many slots hold a bus; they are the first ones",
    ),
    Field(
        "ego_vehicle_accels",
        lambda obs, env: obs["ego_vehicle_accels"],
        "the action of the step before (all 0 at the beginning)",
        "m/s^2",
        (SLOTS,),
    ),
    Field(
        "all_vehicle_speeds",
        lambda obs, env: obs["all_vehicle_speeds"],
        "speeds of all vehicles on the road, buses included, in the order they entered",
        "m/s",
        (MOST_VEHICLES,),
        count="vehicle_count",
    ),
    Field(
        "vehicle_count",
        lambda obs, env: obs["vehicle_count"],
        "how many vehicles are on the road",
    ),
    Field(
        "fail",
        lambda obs, env: obs["fail"],
        "1 if vehicles collided in the step before, else 0",
    ),
)


def _changed(spec: EnvSpec, **choice: Any) -> EnvSpec:
    """Returns the spec of the same scenario with one thing chosen otherwise."""
    assert isinstance(spec.build, _Scenario)
    return _configured(spec, replace(spec.build, **choice))


def _configured(spec: EnvSpec, scenario: _Scenario) -> EnvSpec:
    reward = REWARDS[scenario.reward]
    return replace(
        spec,
        build=scenario,
        horizon=scenario.horizon,
        dynamics_text=f"{_ROADS} {_SLOTS[scenario.slots]}",
        reward_text=reward_source(_REWARD_NAME, reward),
        bounds=ScoreBounds(
            scenario.horizon * reward.low, scenario.horizon * reward.high
        ),
    )


_BASE = EnvSpec(
    id="traffic",
    version=1,
    family="Real world",
    build=_Scenario(),
    horizon=_Scenario.horizon,
    task=_TASK,
    action_text=_ACTION,
    fields=_FIELDS,
    dynamics_text="",
    reward_text="",
    score="return",
    bounds=ScoreBounds(0.0, 0.0),
    class_base="Traffic",
    reward_name=_REWARD_NAME,
    observation_class="TrafficObservation",
    constants={
        "target_velocity": TARGET_SPEED,
        "max_speed": MAX_SPEED,
        "max_length": ROAD_LENGTH,
    },
    variants={
        "reward": {
            "A": lambda spec: spec,
            "orpo_true": partial(_changed, reward="orpo_true"),
            "orpo_proxy": partial(_changed, reward="orpo_proxy"),
        },
        "horizon": {
            "300": lambda spec: spec,
            "500": partial(_changed, horizon=500),
        },
        "slots": {
            "moving": lambda spec: spec,
            "fixed": partial(_changed, slots="fixed"),
        },
    },
    extra="realworld",
    release_modules=("flow_reward_misspecification.flow.envs.traffic_obs_wrapper",),
    # PromptPO's release draws a new, unseeded episode each time.
    published_seeds=None,
    step_microseconds=800.0,
)

SPECS = (_configured(_BASE, _Scenario()),)
