"""Four Meta-World manipulation tasks (Sawyer arm, v3, reward version v2)."""

from functools import partial
from textwrap import dedent

from llmpo.envs.meta_world_env import make_meta_world
from llmpo.envs.meta_world_expert import NOTE, ScriptedExpert
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_HORIZON = 500
_LARGEST_STEP_REWARD = 10.0

# The tasks PromptPO's release scores on: it builds a new environment with seed 0 for
# each candidate and plays the first five tasks that this happens to draw.
_PUBLISHED_TASKS = (42, 31, 25, 13, 15)

_ACTION_TEXT = (
    "Four numbers, each from -1 to 1. [0], [1], [2] move the hand's target position "
    "along x, y, z: 1 is 0.01 m a step, and the hand follows with some delay. [3] is "
    "the gripper effort: positive closes, negative opens."
)
_DYNAMICS = (
    "The episode goes on after a success; it always lasts the full number of steps. "
    "The first observation repeats the present frame as the previous one. Positions "
    "are in metres in the robot's frame: x to the side, y away from the robot, z up. "
    "The object's and the goal's places differ from episode to episode; the hand "
    "always starts at about the same place with the gripper open."
)
_TOOLS = """
# tol(d, near, far, margin): 1 while near <= d <= far; outside, with e the distance
#   to that interval, 1 / ((3 * e / margin)**2 + 1)
# ham(a, b): a * b / (a + b - a * b), and 0 when both are 0
# dist(p, q): Euclidean distance; clip(v, lo, hi): v limited to [lo, hi]
# hand = obs_vector[0:3]; opening = obs_vector[3]; object = obs_vector[4:7];
# goal = obs_vector[36:39], all after the step; action is that of the step
# tcp: midpoint of the two fingertips, about 0.045 below the hand
# NAME_0: the value of NAME when the episode begins
"""


def _fields(thing: str, goal: str) -> tuple[Field, ...]:
    frame = (
        "[0:3] x, y, z of the hand, [3] gripper opening (0 closed, 1 fully open), "
        f"[4:7] x, y, z of {thing}, [7:11] its orientation as a quaternion, [11:18] "
        "unused (zero)"
    )
    return (
        Field(
            "obs_vector",
            lambda obs, env: obs,
            f"[0:18] is the present frame: {frame}; [18:36] is the previous frame in "
            f"the same order; [36:39] x, y, z of {goal}",
            "m for positions",
            (39,),
        ),
    )


def _spec(
    name: str,
    class_base: str,
    task: str,
    thing: str,
    goal: str,
    reward: str,
    success: str,
    intuition: str,
    step_microseconds: float,
) -> EnvSpec:
    pseudo_code = f"{_TOOLS.strip()}\n\n{dedent(reward).strip()}"
    return EnvSpec(
        id=name.replace("-", "_"),
        version=1,
        family="Meta-World",
        build=partial(make_meta_world, name),
        horizon=_HORIZON,
        task=task,
        action_text=_ACTION_TEXT,
        fields=_fields(thing, goal),
        dynamics_text=_DYNAMICS,
        reward_text=(
            f"Pseudo-code of the reward of one step:\n\n{pseudo_code}\n\n"
            f"Success of a step: {success}\n\n{intuition}"
        ),
        score="success",
        bounds=ScoreBounds(0.0, _HORIZON * _LARGEST_STEP_REWARD),
        class_base=class_base,
        reward_name=f"{class_base}RewardFunction",
        observation_class=f"MetaWorld{class_base}Observation",
        success_text=f"At any step of the episode, {success}",
        extra="sims",
        published_seeds=_PUBLISHED_TASKS,
        step_microseconds=step_microseconds,
        expert=lambda env: ScriptedExpert(name),
        expert_note=NOTE,
    )


SPECS = (
    _spec(
        "button-press-v3",
        "ButtonPressV3",
        task="A robot arm stands in front of a box with a button on its front side. "
        "Push the button in.",
        thing="the button",
        goal="the button's place when fully pressed",
        reward="""
        reach = tol(dist(object, tcp), 0, 0.05, margin=dist(object, tcp_0))
        gap = abs(goal.y - object.y)
        pressed = tol(gap, 0, 0.005, margin=0.0935)
        reward = 2 * ham(max(opening, 0), reach)
        if dist(object, tcp) <= 0.05:
            reward += 8 * pressed
        """,
        success="abs(goal.y - object.y) <= 0.02.",
        intuition="The first term pays for bringing the fingertips to the button with "
        "the gripper open; the second, larger one pays for the button's travel along "
        "y and counts only while the fingertips are at the button.",
        step_microseconds=150.0,
    ),
    _spec(
        "pick-place-v3",
        "PickPlaceV3",
        task="A robot arm stands in front of a small puck on a table. Grasp the puck "
        "and carry it to the goal, which is usually in the air.",
        thing="the puck",
        goal="the place where the puck should be",
        # The margin of the pads uses the pads' present places: Meta-World keeps a
        # live view of them where it means to store the initial ones.
        reward="""
        in_place = tol(dist(object, goal), 0, 0.05, margin=dist(object_0, goal))

        # left_pad, right_pad: inner sides of the two fingers, left at the larger y
        left_gap = left_pad.y - object.y
        right_gap = object.y - right_pad.y
        left = tol(left_gap, 0.015, 0.05, margin=abs(abs(left_gap) - 0.05))
        right = tol(right_gap, 0.015, 0.05, margin=abs(abs(right_gap) - 0.05))
        xz_gap = distance of tcp and object in the x-z plane
        across = tol(xz_gap, 0, 0.005, margin=(tcp_0 to object_0 in that plane) - 0.005)
        caging = ham(ham(left, right), across)
        grip = clip(action[3], 0, 1) if caging > 0.97 else 0
        grasp = (ham(caging, grip) + caging) / 2

        reward = ham(grasp, in_place)
        if dist(tcp, object) < 0.02 and opening > 0 and object.z > object_0.z + 0.01:
            reward += 1 + 5 * in_place
        if dist(object, goal) < 0.05:
            reward = 10
        """,
        success="dist(object, goal) <= 0.07.",
        intuition="Caging is high when the puck lies between the two finger pads with "
        "the fingertips level with it; closing the gripper pays only then. Once the "
        "puck is held and lifted, the reward grows as it nears the goal.",
        step_microseconds=300.0,
    ),
    _spec(
        "door-open-v3",
        "DoorOpenV3",
        task="A robot arm stands in front of a door with a handle and a hinge. Pull "
        "the door open.",
        thing="the door handle",
        goal="the handle's place when the door is open",
        reward="""
        h = object - (0.05, 0, 0)
        radius = distance of hand and h in the x-y plane
        floor = 0 if radius <= 0.12 else 0.4 + 0.04 * log(radius - 0.12)
        above = 1 if hand.z >= floor else tol(floor - hand.z, 0, 0.01, margin=floor / 2)
        near = tol(dist(hand, h + (0.05, 0.03, -0.01)), 0, 0.06, margin=0.5)
        ready = ham(above, near)

        angle = opening angle of the door in radians, 0 when closed
        opened = 0.8 * tol(2 * pi / 3 - angle, 0, 0.5, margin=pi / 3)
        if angle > pi / 90:
            opened += 0.2

        reward = 2 * ham(ready, (clip(action[3], -1, 1) + 1) / 2) + 8 * opened
        if abs(object.x - goal.x) <= 0.08:
            reward = 10
        """,
        success="abs(object.x - goal.x) <= 0.08.",
        intuition="Stay above a funnel around the handle on the way there, come down "
        "to the place between handle and door, close the gripper, and pull the handle "
        "along the arc towards its goal; most of the reward is for the door's angle.",
        step_microseconds=240.0,
    ),
    _spec(
        "drawer-open-v3",
        "DrawerOpenV3",
        task="A robot arm stands in front of a closed drawer with a handle. Pull the "
        "drawer open.",
        thing="the drawer handle",
        goal="the handle's place when the drawer is open",
        reward="""
        opened = tol(dist(object, goal), 0, 0.02, margin=0.2)
        error = (3, 3, 1) * (object - hand)
        error_0 = (3, 3, 1) * (goal + (0, 0.2, 0) - tcp_0)
        caging = tol(length of error, 0, 0.01, margin=length of error_0)
        reward = 5 * (caging + opened)
        """,
        success="dist(object, goal) <= 0.03.",
        intuition="Half of the reward is for the hand being at the handle, with errors "
        "in x and y weighted three times, so it is best to come down onto it from "
        "above; the other half is for pulling the handle along y to its goal.",
        step_microseconds=170.0,
    ),
)
