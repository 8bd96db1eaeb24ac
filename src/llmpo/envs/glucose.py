"""Glucose: insulin for a simulated patient with type 1 diabetes, for 20 days.

The glucose problem of PromptPO's paper, which comes from RL4BG and ORPO. Every option
has the published behaviour as its default; see `docs/environments/glucose.md`.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from textwrap import indent
from typing import Any, cast

import gymnasium

from llmpo.envs.glucose_pid import NOTE, PidExpert
from llmpo.envs.glucose_rewards import REWARDS
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_STEPS_A_DAY = 288


@dataclass(frozen=True)
class GlucoseBuild:
    """Builds the environment; its attributes are described at `Glucose`."""

    legacy_food_units: bool = True
    death_penalty: bool = True
    reward: str = "A"
    sensor_noise: bool = False
    patient: str = "adult_001"
    days: int = 20

    def __call__(self) -> "gymnasium.Env[Any, Any]":
        """Returns a new environment; compiles it if that was never done here."""
        from llmpo.envs.glucose_env import Glucose

        return Glucose(**asdict(self))


_TASK = (
    "A person with type 1 diabetes wears an insulin pump and a glucose sensor. Set the "
    "insulin so that glucose stays in a healthy range through 20 days with several "
    "meals a day, and so that the patient survives."
)
_ACTION = (
    "The insulin pumped at a constant rate during the next 5 minutes. An action a "
    "pumps a * 0.9125 U/min, which is 43.2 * a times the patient's basal rate of "
    "0.02112 U/min; so 0.0231 is about the basal rate, and there is no other insulin. "
    "The pump rounds to multiples of 0.00000833 U/min."
)
_SENSOR = (
    "The sensor measures under the skin every 3 minutes and shows the last measurement "
    "in between, limited to [40, 400] mg/dL"
)
_DYNAMICS = (
    "One step is 5 minutes. The patient is an adult of 102 kg. An episode begins at "
    "midnight, after a day of automatic control with meals. Each day can bring three "
    "main meals, at about 7, 12 and 18 h with about 69, 82 and 98 g of carbohydrate, "
    "and three snacks of about 10 g, at about 9:30, 15 and 21:30 h; times, sizes and "
    "whether a meal takes place vary from day to day. Insulin acts with a delay of "
    "tens of minutes and for hours. {sensor}. The episode terminates when the patient "
    "dies: when the mean true glucose of a step is below 10 or above 1000 mg/dL."
)

_FIELDS = (
    Field(
        "bg",
        lambda obs, env: obs[0],
        "glucose as the sensor showed it, means of the last 48 steps (4 hours), the "
        "oldest first, so [-1] is the latest",
        "mg/dL",
        (48,),
    ),
    Field(
        "insulin",
        lambda obs, env: obs[1],
        "insulin pumped in the last 48 steps, the oldest first",
        "U/min",
        (48,),
    ),
    Field(
        "cho",
        lambda obs, env: env.carbohydrate,
        "carbohydrate that the patient announced in the last 48 steps, the oldest "
        "first; a meal is announced over 5 minutes when it begins and eaten at up to "
        "5 g/min",
        "g/min",
        (48,),
    ),
    Field(
        "is_terminated",
        lambda obs, env: env.is_terminated,
        "1 once the patient has died, else 0",
    ),
)

_REWARD = """\
class GlucoseRewardFunction:
    def reward(self, previous, action, current{more}):
        # previous, current: observations before and after the step
{body}
        return reward"""
_DEATH = """
if current.is_terminated:
    reward -= {penalty:g}"""


def _reward_text(build: GlucoseBuild) -> str:
    reward = REWARDS[build.reward]
    body = reward.body
    if build.death_penalty:
        body += _DEATH.format(penalty=reward.death)
    return _REWARD.format(
        more=", true_glucose" if reward.sees_true_glucose else "",
        body=indent(body, " " * 8),
    )


def _dynamics_text(build: GlucoseBuild) -> str:
    errors = (
        ", with an error of around 10 mg/dL that changes slowly"
        if build.sensor_noise
        else ""
    )
    return _DYNAMICS.format(sensor=_SENSOR + errors)


def _bounds(build: GlucoseBuild) -> ScoreBounds:
    reward = REWARDS[build.reward]
    death = reward.death if build.death_penalty else 0.0
    return ScoreBounds(-(build.days * _STEPS_A_DAY * reward.worst + death), 0.0)


def _chosen(spec: EnvSpec, **choice: Any) -> EnvSpec:
    """Returns the spec with one more choice; the order of choices does not matter."""
    build = replace(cast(GlucoseBuild, spec.build), **choice)
    return replace(
        spec,
        build=build,
        dynamics_text=_dynamics_text(build),
        reward_text=_reward_text(build),
        bounds=_bounds(build),
    )


def _option(
    name: str, values: Mapping[str, Any]
) -> Mapping[str, Callable[[EnvSpec], EnvSpec]]:
    return {
        value: partial(_chosen, **{name: choice}) for value, choice in values.items()
    }


_BUILD = GlucoseBuild()

SPECS = EnvSpec(
    id="glucose",
    version=1,
    family="Real world",
    build=_BUILD,
    horizon=_BUILD.days * _STEPS_A_DAY,
    task=_TASK,
    action_text=_ACTION,
    fields=_FIELDS,
    dynamics_text=_dynamics_text(_BUILD),
    reward_text=_reward_text(_BUILD),
    score="return",
    bounds=_bounds(_BUILD),
    class_base="Glucose",
    reward_name="GlucoseRewardFunction",
    observation_class="GlucoseObservation",
    variants={
        "legacy_food_units": _option("legacy_food_units", {"on": True, "off": False}),
        "death_penalty": _option("death_penalty", {"on": True, "off": False}),
        "reward": _option("reward", {name: name for name in REWARDS}),
        "sensor_noise": _option("sensor_noise", {"off": False, "on": True}),
    },
    extra="realworld",
    release_modules=("bgp.simglucose.envs.glucose_obs_wrapper",),
    step_microseconds=20.0,
    expert=PidExpert,
    expert_note=NOTE,
)
