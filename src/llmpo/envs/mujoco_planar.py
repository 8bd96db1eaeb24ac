"""Tables of the MuJoCo robots in a plane: HalfCheetah, Hopper and Swimmer."""

from llmpo.envs.mujoco_robot import TORQUES, Robot, numbered, rates_of
from llmpo.envs.spec import Field, ScoreBounds

_CHEETAH_QPOS = (
    "root x",
    "root height z (about 0 at the start)",
    "torso pitch angle",
    "back thigh angle",
    "back shin angle",
    "back foot angle",
    "front thigh angle",
    "front shin angle",
    "front foot angle",
)
HALFCHEETAH = Robot(
    name="halfcheetah_v5",
    gym_id="HalfCheetah-v5",
    class_base="HalfcheetahV5",
    reward_name="HalfcheetahRewardFunction",
    observation_class="MujocoHalfCheetahObservation",
    task=(
        "A two-legged robot in the vertical plane. Run as fast as possible in the "
        "positive x direction."
    ),
    qpos=_CHEETAH_QPOS,
    qvel=rates_of(_CHEETAH_QPOS),
    actuators=(
        "back thigh",
        "back shin",
        "back foot",
        "front thigh",
        "front shin",
        "front foot",
    ),
    action_unit=TORQUES,
    seconds_per_step=0.05,
    obs_vector=(
        "[0:8] is qpos[1:], [8:17] is qvel; in detail "
        + numbered(_CHEETAH_QPOS[1:] + rates_of(_CHEETAH_QPOS))
    ),
    obs_width=17,
    fields=(
        Field(
            "main_body_xy",
            lambda obs, env: (env.data.qpos[0], 0.0),
            "x of the root, and 0 because the robot moves in a plane",
            "m",
            (2,),
        ),
    ),
    reward="""
        class HalfcheetahRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                step = current.main_body_xy[0] - previous.main_body_xy[0]
                forward_speed = step / current.dt
                control_cost = 0.1 * np.sum(np.square(action))
                return forward_speed - control_cost
        """,
    bounds=ScoreBounds(-30_000.0, 30_000.0),
    ending="Episodes never terminate early.",
    step_microseconds=29.0,
)

_HOPPER_QPOS = (
    "root x",
    "torso height z",
    "torso pitch angle",
    "thigh joint angle",
    "leg joint angle",
    "foot joint angle",
)
HOPPER = Robot(
    name="hopper_v5",
    gym_id="Hopper-v5",
    class_base="HopperV5",
    reward_name="HopperRewardFunction",
    observation_class="MujocoHopperObservation",
    task=(
        "A one-legged robot in the vertical plane. Hop as fast as possible in the "
        "positive x direction without falling."
    ),
    qpos=_HOPPER_QPOS,
    qvel=rates_of(_HOPPER_QPOS),
    actuators=("thigh", "leg", "foot"),
    action_unit=TORQUES,
    seconds_per_step=0.008,
    obs_vector=(
        "[0:5] is qpos[1:], [5:11] is qvel clipped to [-10, 10]; in detail "
        + numbered(_HOPPER_QPOS[1:] + rates_of(_HOPPER_QPOS))
    ),
    obs_width=11,
    fields=(
        Field(
            "root_x_position",
            lambda obs, env: env.data.qpos[0],
            "x of the root (equal to qpos[0])",
            "m",
        ),
    ),
    reward="""
        class HopperRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                step = current.root_x_position - previous.root_x_position
                forward_speed = step / current.dt
                height, pitch = current.qpos[1:3]
                others = current.state_vector()[2:]
                healthy = (
                    height > 0.7 and abs(pitch) < 0.2 and np.all(np.abs(others) < 100.0)
                )
                healthy_bonus = 1.0 if healthy else 0.0
                control_cost = 0.001 * np.sum(np.square(action))
                return forward_speed + healthy_bonus - control_cost
        """,
    bounds=ScoreBounds(-20_000.0, 20_000.0),
    ending=(
        "The episode terminates when the torso's height is 0.7 or lower, its pitch "
        "is 0.2 rad or more in either direction, or another state value leaves "
        "(-100, 100)."
    ),
    arguments={"terminate_when_unhealthy": True},
    constants={"observation_structure": {"skipped_qpos": 1, "qpos": 5, "qvel": 6}},
    has_state_vector=True,
    step_microseconds=67.0,
)

_SWIMMER_QPOS = (
    "front tip x",
    "front tip y",
    "front segment heading angle",
    "first rotor angle (front to middle segment)",
    "second rotor angle (middle to back segment)",
)
SWIMMER = Robot(
    name="swimmer_v5",
    gym_id="Swimmer-v5",
    class_base="SwimmerV5",
    reward_name="SwimmerRewardFunction",
    observation_class="MujocoSwimmerObservation",
    task=(
        "A swimmer of three segments joined by two rotors lies in a viscous fluid in "
        "the plane. Swim as fast as possible in the positive x direction."
    ),
    qpos=_SWIMMER_QPOS,
    qvel=rates_of(_SWIMMER_QPOS),
    actuators=("first rotor", "second rotor"),
    action_unit=TORQUES,
    seconds_per_step=0.04,
    obs_vector=(
        "[0:3] is qpos[2:], [3:8] is qvel; in detail "
        + numbered(_SWIMMER_QPOS[2:] + rates_of(_SWIMMER_QPOS))
    ),
    obs_width=8,
    fields=(
        Field(
            "tip_xy",
            lambda obs, env: env.data.qpos[:2],
            "x and y of the front tip (equal to qpos[0:2])",
            "m",
            (2,),
        ),
    ),
    reward="""
        class SwimmerRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                step = current.tip_xy[0] - previous.tip_xy[0]
                forward_speed = step / current.dt
                control_cost = 0.0001 * np.sum(np.square(action))
                return forward_speed - control_cost
        """,
    bounds=ScoreBounds(-5_000.0, 5_000.0),
    ending="Episodes never terminate early.",
    constants={"observation_structure": {"skipped_qpos": 2, "qpos": 3, "qvel": 5}},
    step_microseconds=44.0,
)
