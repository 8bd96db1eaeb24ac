"""The seven MuJoCo environments of Gymnasium v5 (`SPECS`).

The tables of the robots that move about are in `mujoco_free_body` and
`mujoco_planar`; this module adds those that stay in place.
"""

from llmpo.envs.mujoco_free_body import ANT, HUMANOID
from llmpo.envs.mujoco_planar import HALFCHEETAH, HOPPER, SWIMMER
from llmpo.envs.mujoco_robot import TORQUES, Robot, rates_of
from llmpo.envs.spec import Field, ScoreBounds

REACHER = Robot(
    name="reacher_v5",
    gym_id="Reacher-v5",
    class_base="ReacherV5",
    reward_name="ReacherRewardFunction",
    observation_class="MujocoReacherObservation",
    task=(
        "A planar arm with two joints. Move its fingertip to the target, which is at "
        "another random place in each episode, and keep it there."
    ),
    qpos=(
        "first joint angle (shoulder)",
        "second joint angle (elbow, relative to the first link)",
        "target x",
        "target y",
    ),
    qvel=(
        "rate of first joint angle",
        "rate of second joint angle",
        "rate of target x (always 0)",
        "rate of target y (always 0)",
    ),
    actuators=("first joint", "second joint"),
    action_unit=TORQUES,
    seconds_per_step=0.02,
    obs_vector=(
        "[0:2] cosine of the first and second joint angle, [2:4] sine of both, [4:6] x "
        "and y of the target, [6:8] rates of the first and second joint angle, [8:10] "
        "x and y of fingertip minus target"
    ),
    obs_width=10,
    # The bodies' numbers in the model: 3 is the fingertip, 4 the target.
    fields=(
        Field(
            "fingertip_minus_target",
            lambda obs, env: env.data.xpos[3] - env.data.xpos[4],
            "x, y, z of the fingertip minus those of the target",
            "m",
            (3,),
        ),
        Field(
            "fingertip_com",
            lambda obs, env: env.data.xpos[3],
            "x, y, z of the fingertip",
            "m",
            (3,),
        ),
        Field(
            "target_com",
            lambda obs, env: env.data.xpos[4],
            "x, y, z of the target",
            "m",
            (3,),
        ),
    ),
    reward="""
        class ReacherRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                distance = np.linalg.norm(current.fingertip_minus_target)
                control_cost = 1.0 * np.sum(np.square(action))
                return -distance - control_cost
        """,
    bounds=ScoreBounds(-150.0, 0.0),
    ending="Episodes never terminate early.",
    horizon=50,
    step_microseconds=27.0,
)

_PENDULUM_QPOS = (
    "cart x",
    "first hinge angle (lower pole against the vertical)",
    "second hinge angle (upper pole against the lower pole)",
)
INVERTED_DOUBLE_PENDULUM = Robot(
    name="inverted_double_pendulum_v5",
    gym_id="InvertedDoublePendulum-v5",
    class_base="InvertedDoublePendulumV5",
    reward_name="InvertedDoublePendulumRewardFunction",
    observation_class="MujocoInvertedDoublePendulumObservation",
    task=(
        "A cart on a rail carries two poles on top of each other. Push the cart so "
        "that the poles stay upright."
    ),
    qpos=_PENDULUM_QPOS,
    qvel=rates_of(_PENDULUM_QPOS),
    actuators=("force on the cart along x",),
    action_unit="One force from -1 to 1 in an array of shape (1,)",
    seconds_per_step=0.05,
    obs_vector=(
        "[0] cart x, [1:3] sine of the first and second hinge angle, [3:5] cosine of "
        "both, [5:8] rates of cart x and of both hinge angles clipped to [-10, 10], "
        "[8] constraint force on the cart clipped to [-10, 10]"
    ),
    obs_width=9,
    fields=(
        Field(
            "tip_site_pos",
            lambda obs, env: env.data.site_xpos[0],
            "x, y, z of the upper pole's tip; z is its height",
            "m",
            (3,),
        ),
    ),
    reward="""
        class InvertedDoublePendulumRewardFunction:
            def reward(self, previous, action, current):
                # previous, current: observations before and after the step
                x, _, height = current.tip_site_pos
                speed_1, speed_2 = current.qvel[1:3]
                alive_bonus = 10.0 if height > 1.0 else 0.0
                distance_penalty = 0.01 * x**2 + (height - 2.0) ** 2
                speed_penalty = 0.001 * speed_1**2 + 0.005 * speed_2**2
                return alive_bonus - distance_penalty - speed_penalty
        """,
    bounds=ScoreBounds(-10_000.0, 10_000.0),
    ending="The episode terminates when the tip is at height 1 or lower.",
    has_state_vector=True,
    step_microseconds=38.0,
)

SPECS = tuple(
    robot.spec()
    for robot in (
        ANT,
        HALFCHEETAH,
        HOPPER,
        HUMANOID,
        SWIMMER,
        REACHER,
        INVERTED_DOUBLE_PENDULUM,
    )
)
