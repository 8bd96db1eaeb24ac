"""PointMaze: a ball in a large maze with a sparse reward (Gymnasium-Robotics).

`point_maze_large_v3` is a maze of PromptPO's authors, not the library's map of that
name; `point_maze_large_diverse_g_v3` is the library's map. Whether the prompt prints
the grid is the option `layout`.
"""

from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import replace
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import gymnasium

from llmpo.envs.point_maze_planner import NOTE, MazePlanner
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_HORIZON = 800

# 1 is a wall, 0 a free cell. Without r (start) or g (goal) cells, any free cell can
# be the start or the goal of an episode.
_LARGE = """
1111111111
1000100001
1010101101
1000000101
1011110101
1000000001
1010111101
1000000001
1111111111
"""
_LARGE_DIVERSE_G = """
111111111111
1r0001g00001
101101010101
10000g0100g1
101111011101
10g101000001
110101010111
1001g0g10g01
111111111111
"""


def _build(grid: str) -> "gymnasium.Env[Any, Any]":
    # The library greets every process with a notice about other environments.
    with redirect_stderr(StringIO()):
        import gymnasium_robotics

    gymnasium.register_envs(gymnasium_robotics)
    # The ids differ in their maps only, and the map is given here.
    env: gymnasium.Env[Any, Any] = gymnasium.make(
        "PointMaze_Large-v3",
        maze_map=[
            [int(cell) if cell.isdigit() else cell for cell in row]
            for row in grid.split()
        ],
        continuing_task=False,
        max_episode_steps=_HORIZON,
        disable_env_checker=True,
    )
    # The library leaves a model file in the temporary folder for every instance.
    Path(env.unwrapped.tmp_xml_file_path).unlink(missing_ok=True)  # type: ignore[attr-defined]
    return env


_FIELDS = (
    Field(
        "observation_vector",
        lambda obs, env: obs["observation"],
        "[0] x of the ball, [1] y of the ball, [2] its velocity in x, [3] in y",
        "m for positions, m/s for velocities",
        (4,),
    ),
    Field(
        "desired_goal",
        lambda obs, env: obs["desired_goal"],
        "x and y of the goal",
        "m",
        (2,),
    ),
    Field(
        "achieved_goal",
        lambda obs, env: obs["achieved_goal"],
        "x and y of the ball (equal to observation_vector[0:2])",
        "m",
        (2,),
    ),
)

_DYNAMICS = (
    "The episode terminates as soon as the ball is within 0.45 m of the goal, which "
    "is the success condition. The speeds are clipped to [-5, 5] before each step. "
    "One step is 0.01 s of simulated time, so actions are applied at 100 Hz. Start "
    "and goal are new in each episode and stay the same during it."
)
_HIDDEN = (
    "The map of the maze is not given here, and walls do not appear in observations: "
    "the ball simply does not get past them."
)
_REWARD = """\
class {name}:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the step
        offset = current.achieved_goal - current.desired_goal
        return 1.0 if np.linalg.norm(offset) <= 0.45 else 0.0"""


def _with_layout(spec: EnvSpec, grid: str, cells: str) -> EnvSpec:
    """Prints the grid and tells where its cells are."""
    rows = grid.split()
    shown = (
        f"The maze is a grid of {len(rows)} rows and {len(rows[0])} columns, rows "
        f"from top to bottom. 1 is a wall; {cells}\n\n"
        + "\n".join(rows)
        + "\n\nCells are squares with sides of 1 m. The centre of the cell in row i "
        "and column j, both counted from 0, is at "
        f"x = j + 0.5 - {len(rows[0]) / 2:g}, y = {len(rows) / 2:g} - i - 0.5. Start "
        "and goal are cell centres moved by up to 0.25 m along each axis."
    )
    return replace(spec, dynamics_text=spec.dynamics_text.replace(_HIDDEN, shown))


def _spec(env_id: str, class_base: str, maze: str, grid: str, cells: str) -> EnvSpec:
    show: Callable[[EnvSpec], EnvSpec] = partial(_with_layout, grid=grid, cells=cells)
    return EnvSpec(
        id=env_id,
        version=1,
        family="PointMaze",
        build=partial(_build, grid),
        horizon=_HORIZON,
        task=(
            "A ball is pushed through a maze seen from above. Bring it to the goal, "
            f"around the walls, before time runs out. {maze}"
        ),
        action_text="Forces on the ball, each from -1 to 1: [0] along x, [1] along y.",
        fields=_FIELDS,
        dynamics_text=f"{_DYNAMICS} {_HIDDEN}",
        reward_text=_REWARD.format(name=f"{class_base}RewardFunction"),
        score="return",
        bounds=ScoreBounds(0.0, 1.0),
        class_base=class_base,
        reward_name=f"{class_base}RewardFunction",
        observation_class=f"{class_base}Observation",
        success_text="The ball comes within 0.45 m of the goal.",
        variants={"layout": {"hidden": lambda spec: spec, "shown": show}},
        extra="sims",
        step_microseconds=25.0,
        expert=MazePlanner,
        expert_note=NOTE,
    )


SPECS = (
    _spec(
        "point_maze_large_v3",
        "PointMazeLargeV3",
        "The maze was made for this project; it is not the large maze that comes with "
        "Gymnasium-Robotics.",
        _LARGE,
        "0 is free, and any free cell can be the start or the goal.",
    ),
    _spec(
        "point_maze_large_diverse_g_v3",
        "PointMazeLargeDiverseGV3",
        "The maze is that of PointMaze_Large_Diverse_G-v3 in Gymnasium-Robotics.",
        _LARGE_DIVERSE_G,
        "every other cell is free: r is the start, g are the possible goals.",
    ),
)
