"""An expert for PointMaze: shortest path on the grid, then feedback on the speed.

It reads the map from the live environment, which policies cannot. Each straight piece
of the path has one target, the centre of the cell where the path turns, or the goal.
Along each axis the ball takes the highest speed from which it can still stop at the
target.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

Cell = tuple[int, int]
Array = npt.NDArray[np.float64]

NOTE = (
    "Breadth-first search on the map of the maze, which it reads from the simulator, "
    "and feedback control of the ball's speed (written for llmpo)."
)

_WALL = 1
_STEPS: tuple[Cell, ...] = ((-1, 0), (1, 0), (0, -1), (0, 1))

_TOP_SPEED = 5.0  # m/s, where the simulator clips
# Less than the 23.9 m/s^2 of full force, to have something left for corrections.
_BRAKING = 15.0
_GAIN = 3.0  # force for an error of 1 m/s; saturates soon


class MazePlanner:
    """Drives the ball along a shortest path.

    Args:
        env: A live PointMaze environment.
    """

    def __init__(self, env: "gymnasium.Env[Any, Any]") -> None:
        maze = env.unwrapped.maze  # type: ignore[attr-defined]
        self._maze = maze
        self._free = {
            (row, column)
            for row, cells in enumerate(maze.maze_map)
            for column, kind in enumerate(cells)
            if kind != _WALL
        }
        self._next: Mapping[Cell, Cell] | None = None

    def begin_episode(self, seed: int) -> None:
        """Forgets the last plan; the planner is deterministic."""
        self._next = None

    def act(self, observation: Mapping[str, Array]) -> Array:
        """Returns the force that brings the ball along its path."""
        goal = observation["desired_goal"]
        if self._next is None:
            self._next = steps_to_goal(self._free, self._cell(goal))
        position, velocity = np.split(observation["observation"], 2)
        error = self._target(self._cell(position), goal) - position
        speed = np.minimum(np.sqrt(2 * _BRAKING * np.abs(error)), _TOP_SPEED)
        wanted = np.sign(error) * speed
        return np.clip(_GAIN * (wanted - velocity), -1.0, 1.0)

    def _target(self, cell: Cell, goal: Array) -> Array:
        """Returns the end of the straight piece of the path ahead."""
        assert self._next is not None
        step = None
        while cell in self._next:
            ahead = self._next[cell]
            turn = ahead[0] - cell[0], ahead[1] - cell[1]
            if step is not None and turn != step:
                corner: Array = self._maze.cell_rowcol_to_xy(np.array(cell))
                return corner
            cell, step = ahead, turn
        return goal

    def _cell(self, position: Array) -> Cell:
        row, column = self._maze.cell_xy_to_rowcol(position)
        return int(row), int(column)


def steps_to_goal(free: set[Cell], goal: Cell) -> dict[Cell, Cell]:
    """Returns, for each cell that can reach the goal, the next one on the way there.

    The goal itself has no next cell.
    """
    following: dict[Cell, Cell] = {}
    seen = {goal}
    frontier = deque([goal])
    while frontier:
        cell = frontier.popleft()
        for neighbour in _neighbours(cell):
            if neighbour in free and neighbour not in seen:
                seen.add(neighbour)
                following[neighbour] = cell
                frontier.append(neighbour)
    return following


def _neighbours(cell: Cell) -> Iterator[Cell]:
    return ((cell[0] + down, cell[1] + right) for down, right in _STEPS)
