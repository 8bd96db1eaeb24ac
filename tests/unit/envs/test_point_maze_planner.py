"""The planner's path and control, without the simulator."""

from types import SimpleNamespace

import numpy as np
import pytest

from llmpo.envs.point_maze_planner import MazePlanner, steps_to_goal

GRID = ["11111", "10001", "10111", "10001", "11111"]
FREE = {(r, c) for r, row in enumerate(GRID) for c, x in enumerate(row) if x == "0"}


class Maze:
    maze_map = tuple(tuple(int(x) for x in row) for row in GRID)

    def cell_xy_to_rowcol(self, xy):
        return np.array([int(2.5 - xy[1]), int(xy[0] + 2.5)])

    def cell_rowcol_to_xy(self, cell):
        return np.array([cell[1] - 2.0, 2.0 - cell[0]])


@pytest.fixture
def planner():
    return MazePlanner(SimpleNamespace(unwrapped=SimpleNamespace(maze=Maze())))


def test_path_goes_round_the_wall():
    following = steps_to_goal(FREE, (3, 3))
    path = [(1, 3)]
    while path[-1] in following:
        path.append(following[path[-1]])
    assert path == [(1, 3), (1, 2), (1, 1), (2, 1), (3, 1), (3, 2), (3, 3)]


def test_cells_without_way_to_the_goal_have_no_next_one():
    assert (3, 3) not in steps_to_goal(FREE - {(2, 1)}, (1, 1))


def test_ball_on_a_frictionless_plane_arrives(planner):
    position, velocity, goal = np.array([1.2, 1.1]), np.zeros(2), np.array([1.0, -1.0])
    planner.begin_episode(0)
    for step in range(300):
        observation = np.concatenate([position, velocity])
        action = planner.act({"observation": observation, "desired_goal": goal})
        assert np.abs(action).max() <= 1.0
        velocity = np.clip(velocity + 0.238 * action, -5, 5)
        position = position + 0.01 * velocity
        row, column = Maze().cell_xy_to_rowcol(position)
        assert (row, column) in FREE, f"into the wall at step {step}"
        if np.linalg.norm(position - goal) <= 0.45:
            break
    assert np.linalg.norm(position - goal) <= 0.45


def test_new_episode_plans_anew(planner):
    still = np.array([-2.0 + 1, -1.0, 0.0, 0.0])
    for goal, sign in (([1.0, -1.0], 1), ([1.0, 1.0], 1)):
        planner.begin_episode(0)
        action = planner.act({"observation": still, "desired_goal": np.array(goal)})
        assert action[0 if goal[1] < 0 else 1] * sign > 0.5
