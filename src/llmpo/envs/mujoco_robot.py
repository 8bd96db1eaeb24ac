"""What the seven Gymnasium MuJoCo environments have in common.

A robot is described by a table: its Gymnasium id, the names of its coordinates and
speeds in simulator order, its fields and its reward. `Robot.spec` makes the
`EnvSpec` from it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from textwrap import dedent
from typing import Any

import gymnasium

from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

TORQUES = "Joint torques, each from -1 to 1"
PER_ENTRY_POSITION = "m for lengths, rad for angles"
PER_ENTRY_SPEED = "m/s for lengths, rad/s for angles"


def numbered(names: Sequence[str], start: int = 0) -> str:
    """Returns a layout in words: `[0] name, [1] name, ...`."""
    return ", ".join(f"[{index}] {name}" for index, name in enumerate(names, start))


def rates_of(names: Sequence[str]) -> tuple[str, ...]:
    """Returns names for the rates of change of coordinates that have one each."""
    return tuple(f"rate of {name}" for name in names)


def make_gymnasium(gym_id: str, arguments: Mapping[str, Any]) -> Any:
    """Builds a Gymnasium environment without its per-step argument checker."""
    return gymnasium.make(gym_id, disable_env_checker=True, **arguments)


@dataclass(frozen=True)
class Robot:
    """One MuJoCo environment as a table.

    Attributes:
        name: Id of the environment in llmpo, e.g. `hopper_v5`.
        gym_id: Id in Gymnasium.
        class_base: Policies are called `<class_base>Policy`.
        reward_name: Name of the reward in prompts.
        observation_class: Name of the observation class.
        task: What the robot should achieve.
        qpos: Names of the coordinates in simulator order.
        qvel: Names of the speeds in simulator order.
        actuators: Names of the action entries.
        action_unit: What an action entry is, range included.
        seconds_per_step: Simulated time between two observations.
        obs_vector: Meaning of Gymnasium's observation vector, layout included.
        obs_width: Number of entries of that vector.
        fields: The fields beyond obs_vector, qpos and qvel.
        reward: Python source of the reward class, constants included.
        bounds: Sanity bounds for a return.
        ending: When an episode terminates.
        horizon: Maximum number of steps.
        arguments: Arguments for `gymnasium.make`.
        constants: Plain values beyond `dt`.
        has_state_vector: Whether observations offer `state_vector()`.
        step_microseconds: Rough CPU time of one step.
    """

    name: str
    gym_id: str
    class_base: str
    reward_name: str
    observation_class: str
    task: str
    qpos: tuple[str, ...]
    qvel: tuple[str, ...]
    actuators: tuple[str, ...]
    action_unit: str
    seconds_per_step: float
    obs_vector: str
    obs_width: int
    fields: tuple[Field, ...]
    reward: str
    bounds: ScoreBounds
    ending: str
    horizon: int = 1000
    arguments: Mapping[str, Any] = field(default_factory=dict)
    constants: Mapping[str, Any] = field(default_factory=dict)
    has_state_vector: bool = False
    step_microseconds: float = 50.0

    def spec(self) -> EnvSpec:
        """Returns the environment's spec."""
        return EnvSpec(
            id=self.name,
            version=1,
            family="MuJoCo",
            build=partial(make_gymnasium, self.gym_id, self.arguments),
            horizon=self.horizon,
            task=self.task,
            action_text=f"{self.action_unit}: {numbered(self.actuators)}.",
            fields=self._common_fields() + self.fields,
            dynamics_text=(
                f"{self.ending} One step is {self.seconds_per_step:g} s of simulated "
                "time (`dt`). The start of each episode is randomised slightly."
            ),
            reward_text=dedent(self.reward).strip(),
            score="return",
            bounds=self.bounds,
            class_base=self.class_base,
            reward_name=self.reward_name,
            observation_class=self.observation_class,
            constants={"dt": self.seconds_per_step, **self.constants},
            concatenations=(
                {"state_vector": ("qpos", "qvel")} if self.has_state_vector else {}
            ),
            extra="sims",
            step_microseconds=self.step_microseconds,
        )

    def _common_fields(self) -> tuple[Field, ...]:
        return (
            Field(
                "obs_vector",
                lambda obs, env: obs,
                f"the environment's own observation vector: {self.obs_vector}",
                shape=(self.obs_width,),
            ),
            Field(
                "qpos",
                lambda obs, env: env.data.qpos,
                f"the coordinates: {numbered(self.qpos)}",
                PER_ENTRY_POSITION,
                (len(self.qpos),),
            ),
            Field(
                "qvel",
                lambda obs, env: env.data.qvel,
                f"the rates of change: {numbered(self.qvel)}",
                PER_ENTRY_SPEED,
                (len(self.qvel),),
            ),
        )
