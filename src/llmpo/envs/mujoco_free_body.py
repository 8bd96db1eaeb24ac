"""Tables of the MuJoCo robots with a free torso: Ant and Humanoid."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from llmpo.envs.mujoco_robot import TORQUES, Robot, numbered, rates_of
from llmpo.envs.spec import Field, ScoreBounds

_FREE_BODY_QPOS = (
    "torso x",
    "torso y",
    "torso height z",
    "torso orientation quaternion w",
    "torso orientation quaternion x",
    "torso orientation quaternion y",
    "torso orientation quaternion z",
)
_FREE_BODY_QVEL = (
    "torso velocity in x",
    "torso velocity in y",
    "torso velocity in z",
    "torso angular velocity about its own x axis",
    "torso angular velocity about its own y axis",
    "torso angular velocity about its own z axis",
)
_WRENCH = "torque x, y, z then force x, y, z"


def _cfrc_ext(bodies: tuple[str, ...]) -> Field:
    return Field(
        "cfrc_ext",
        lambda obs, env: env.data.cfrc_ext,
        f"external contact forces, one row a body: {numbered(bodies)}; the columns "
        f"are {_WRENCH}",
        "N m, N",
        (len(bodies), 6),
    )


_LEGS = ("front left", "front right", "back left", "back right")
_ANT_JOINTS = tuple(
    f"{joint} angle ({leg} leg)"
    for number, leg in enumerate(_LEGS, start=1)
    for joint in (f"hip_{number}", f"ankle_{number}")
)
_ANT_BODIES = (
    "world",
    "torso",
    *(
        f"{leg} {part}"
        for leg in _LEGS
        for part in ("leg base", "upper leg", "lower leg")
    ),
)
_ANT_QVEL = _FREE_BODY_QVEL + rates_of(_ANT_JOINTS)
ANT = Robot(
    name="ant_v5",
    gym_id="Ant-v5",
    class_base="AntV5",
    reward_name="AntRewardFunction",
    observation_class="MujocoAntObservation",
    task=(
        "A four-legged robot with a free torso and eight hinge joints. Run as fast "
        "as possible in the positive x direction without falling or flipping."
    ),
    qpos=_FREE_BODY_QPOS + _ANT_JOINTS,
    qvel=_ANT_QVEL,
    actuators=(
        "hip_4 (back right)",
        "ankle_4 (back right)",
        "hip_1 (front left)",
        "ankle_1 (front left)",
        "hip_2 (front right)",
        "ankle_2 (front right)",
        "hip_3 (back left)",
        "ankle_3 (back left)",
    ),
    action_unit=TORQUES,
    seconds_per_step=0.05,
    obs_vector=(
        "[0:13] is qpos[2:], [13:27] is qvel, [27:105] is cfrc_ext[1:] clipped to "
        "[-1, 1], row after row; in detail "
        + numbered(_FREE_BODY_QPOS[2:] + _ANT_JOINTS + _ANT_QVEL)
    ),
    obs_width=105,
    fields=(
        _cfrc_ext(_ANT_BODIES),
        Field(
            "main_body_xy",
            # Body 1 is the torso. Its xpos is one simulator substep older than qpos,
            # and the reward is computed from it.
            lambda obs, env: env.data.xpos[1, :2],
            "x and y of the torso as used by the reward",
            "m",
            (2,),
        ),
    ),
    reward="""
        class AntRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                step = current.main_body_xy[0] - previous.main_body_xy[0]
                forward_speed = step / current.dt
                state = current.state_vector()
                healthy = np.isfinite(state).all() and 0.2 <= state[2] <= 1.0
                healthy_bonus = 1.0 if healthy else 0.0
                control_cost = 0.5 * np.sum(np.square(action))
                contact_forces = np.clip(current.cfrc_ext, -1.0, 1.0)
                contact_cost = 0.0005 * np.sum(np.square(contact_forces))
                return forward_speed + healthy_bonus - control_cost - contact_cost
        """,
    bounds=ScoreBounds(-30_000.0, 30_000.0),
    ending=(
        "The episode terminates when a state value is not finite or the torso's "
        "height leaves [0.2, 1.0]."
    ),
    arguments={"terminate_when_unhealthy": True},
    has_state_vector=True,
    step_microseconds=190.0,
)

_HUMANOID_JOINTS = (
    *("abdomen_z", "abdomen_y", "abdomen_x"),
    *("right_hip_x", "right_hip_z", "right_hip_y", "right_knee"),
    *("left_hip_x", "left_hip_z", "left_hip_y", "left_knee"),
    *("right_shoulder1", "right_shoulder2", "right_elbow"),
    *("left_shoulder1", "left_shoulder2", "left_elbow"),
)
_HUMANOID_BODIES = (
    *("world", "torso", "lower waist", "pelvis"),
    *("right thigh", "right shin", "right foot"),
    *("left thigh", "left shin", "left foot"),
    *("right upper arm", "right lower arm", "left upper arm", "left lower arm"),
)
_HUMANOID_ANGLES = tuple(f"{joint} angle" for joint in _HUMANOID_JOINTS)
_HUMANOID_PARTS = {  # the parts of obs_vector in order: size, meaning
    "qpos": (22, "qpos[2:]"),
    "qvel": (23, "qvel"),
    "cinert": (130, "cinert_excl_world, row after row"),
    "cvel": (78, "cvel_excl_world, row after row"),
    "qfrc_actuator": (17, "qfrc_actuator_tail"),
    "cfrc_ext": (78, "cfrc_ext[1:], row after row"),
}


def _mass_center_xy(obs: Any, env: Any) -> npt.NDArray[np.float64]:
    masses = env.model.body_mass
    center: npt.NDArray[np.float64] = masses @ env.data.xipos[:, :2] / masses.sum()
    return center


def _part_reader(part: slice) -> Callable[[Any, Any], Any]:
    return lambda obs, env: obs[part]


def _humanoid_parts() -> tuple[list[str], tuple[Field, ...]]:
    """Returns the layout of obs_vector in words, and a field for each part of it."""
    words: list[str] = []
    fields: list[Field] = []
    start = 0
    for name, (size, meaning) in _HUMANOID_PARTS.items():
        part = slice(start, start + size)
        words.append(f"[{part.start}:{part.stop}] is {meaning}")
        fields.append(
            Field(
                f"obs_{name}_part",
                _part_reader(part),
                f"obs_vector[{part.start}:{part.stop}], which is {meaning}",
                shape=(size,),
            )
        )
        start = part.stop
    return words, tuple(fields)


_HUMANOID_WORDS, _HUMANOID_PART_FIELDS = _humanoid_parts()
HUMANOID = Robot(
    name="humanoid_v5",
    gym_id="Humanoid-v5",
    class_base="HumanoidV5",
    reward_name="HumanoidRewardFunction",
    observation_class="MujocoHumanoidObservation",
    task=(
        "A human-like robot with a free torso and 17 hinge joints. Walk or run as "
        "fast as possible in the positive x direction without falling."
    ),
    qpos=_FREE_BODY_QPOS + _HUMANOID_ANGLES,
    qvel=_FREE_BODY_QVEL + rates_of(_HUMANOID_ANGLES),
    actuators=("abdomen_y", "abdomen_z", *_HUMANOID_JOINTS[2:]),
    action_unit="Joint torques, each from -0.4 to 0.4",
    seconds_per_step=0.015,
    obs_vector="; ".join(_HUMANOID_WORDS),
    obs_width=348,
    fields=(
        Field(
            "torso_xy",
            lambda obs, env: env.data.qpos[:2],
            "x and y of the torso (equal to qpos[0:2])",
            "m",
            (2,),
        ),
        Field(
            "mass_center_xy",
            _mass_center_xy,
            "x and y of the whole body's centre of mass, as used by the reward",
            "m",
            (2,),
        ),
        Field(
            "ctrl",
            lambda obs, env: env.data.ctrl,
            "the action applied in the last step, in the order of the action entries; "
            "zeros at the start",
            shape=(17,),
        ),
        _cfrc_ext(_HUMANOID_BODIES),
        Field(
            "cinert_excl_world",
            lambda obs, env: env.data.cinert[1:],
            "mass and inertia of each body relative to the centre of mass; one row a "
            "body in the order of cfrc_ext without the world, 10 numbers each",
            shape=(13, 10),
        ),
        Field(
            "cvel_excl_world",
            lambda obs, env: env.data.cvel[1:],
            "velocity of each body relative to the centre of mass; one row a body in "
            "the order of cfrc_ext without the world: angular x, y, z then linear "
            "x, y, z",
            "rad/s, m/s",
            (13, 6),
        ),
        Field(
            "qfrc_actuator_tail",
            lambda obs, env: env.data.qfrc_actuator[6:],
            f"motor torque at each joint: {numbered(_HUMANOID_JOINTS)}",
            "N m",
            (17,),
        ),
        *_HUMANOID_PART_FIELDS,
    ),
    reward="""
        class HumanoidRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                step = current.mass_center_xy[0] - previous.mass_center_xy[0]
                forward_reward = 1.25 * step / current.dt
                healthy_bonus = 5.0 if 1.0 < current.qpos[2] < 2.0 else 0.0
                control_cost = 0.1 * np.sum(np.square(current.ctrl))
                contact_cost = 5e-7 * np.sum(np.square(current.cfrc_ext))
                contact_cost = min(contact_cost, 10.0)
                return forward_reward + healthy_bonus - control_cost - contact_cost
        """,
    bounds=ScoreBounds(-50_000.0, 50_000.0),
    ending="The episode terminates when the torso's height leaves (1.0, 2.0).",
    arguments={"terminate_when_unhealthy": True},
    constants={
        "observation_structure": {
            "skipped_qpos": 2,
            **{name: size for name, (size, _) in _HUMANOID_PARTS.items()},
            "ten_length": 0,
            "ten_velocity": 0,
        }
    },
    step_microseconds=200.0,
)
