"""NoiseWorld boards: grids with hidden stochastic regions, made from one seed.

A board is fixed by its size, its layout seed and whether the goal has prerequisites.
All draws come from one generator in a fixed order, and the same generator goes on
supplying the noise of play, so the order here is part of the environment's
definition.
"""

from collections.abc import Container
from dataclasses import dataclass

import numpy as np

Cell = tuple[int, int]

# Codes of the cells. Codes 0 to 2 are a region's type less one.
STAY, RESET = 1, 2
WALL, GOAL, BAD, FIRST_MILESTONE, SECOND_MILESTONE = 3, 4, 5, 6, 7

MOVES: tuple[Cell, ...] = ((-1, 0), (1, 0), (0, -1), (0, 1))  # up, down, left, right

_WALL_SHARE, _BAD_SHARE = 0.005, 0.002
_LOWEST_PROBABILITY, _HIGHEST_PROBABILITY = 0.25, 0.95


@dataclass(frozen=True)
class Region:
    """How moves behave in one region.

    Attributes:
        code: 0 deterministic, 1 may stay in place, 2 may be sent to the start.
        move_probability: Chance that an allowed move happens.
    """

    code: int
    move_probability: float


@dataclass(frozen=True)
class Board:
    """One generated board.

    Attributes:
        size: Number of rows and of columns.
        codes: The code of each cell, row by row.
        region_numbers: The region each cell belongs to, row by row.
        regions: The regions by number.
    """

    size: int
    codes: tuple[tuple[int, ...], ...]
    region_numbers: tuple[tuple[int, ...], ...]
    regions: tuple[Region, ...]

    @property
    def goal(self) -> Cell:
        """The goal cell; the start is (0, 0)."""
        return self.size - 1, self.size - 1

    def code(self, cell: Cell) -> int:
        """Returns the code of a cell."""
        return self.codes[cell[0]][cell[1]]

    def region(self, cell: Cell) -> Region:
        """Returns the region of a cell."""
        return self.regions[self.region_numbers[cell[0]][cell[1]]]


def generate_board(size: int, prerequisites: bool, rng: np.random.Generator) -> Board:
    """Generates a board, leaving the generator where play takes over."""
    cells = [(row, column) for row in range(size) for column in range(size)]
    start, goal = cells[0], cells[-1]

    sites = [
        (int(rng.integers(0, size)), int(rng.integers(0, size)))
        for _ in range(max(4, size // 2))
    ]
    owner = {cell: _nearest(cell, sites) for cell in cells}
    regions = tuple(_draw_region(rng) for _ in range(1 + max(owner.values())))

    walls: set[Cell] = set()
    wanted = max(1, int(_WALL_SHARE * size**2))
    for cell in _shuffled([c for c in cells if c not in (start, goal)], rng):
        if len(walls) == wanted:
            break
        if goal in _reachable(start, size, walls | {cell}):
            walls.add(cell)

    free = [cell for cell in cells if cell not in walls | {start, goal}]
    bad = set(_shuffled(free, rng)[: max(1, int(_BAD_SHARE * size**2))])

    codes = {cell: regions[owner[cell]].code for cell in cells}
    codes |= dict.fromkeys(bad, BAD) | {goal: GOAL} | dict.fromkeys(walls, WALL)
    if prerequisites:
        # As for the walls, the bad cell does not stop a path in this test.
        reachable = _reachable(start, size, walls)
        excluded = walls | bad | {start, goal}
        eligible = [c for c in cells if c in reachable and c not in excluded]
        first, second, *_ = _shuffled(eligible, rng)
        codes |= {first: FIRST_MILESTONE, second: SECOND_MILESTONE}

    return Board(
        size=size,
        codes=_rows(codes, size),
        region_numbers=_rows(owner, size),
        regions=regions,
    )


def _nearest(cell: Cell, sites: list[Cell]) -> int:
    """Returns the number of the nearest site by Manhattan distance, lowest first."""
    distances = [abs(cell[0] - site[0]) + abs(cell[1] - site[1]) for site in sites]
    return distances.index(min(distances))


def _draw_region(rng: np.random.Generator) -> Region:
    kind = int(rng.integers(1, 4))
    p = float(rng.uniform(_LOWEST_PROBABILITY, _HIGHEST_PROBABILITY))
    q = float(rng.uniform(_LOWEST_PROBABILITY, _HIGHEST_PROBABILITY))
    probability = (1.0, p, p / (p + 1 - q))[kind - 1]
    return Region(code=kind - 1, move_probability=probability)


def _shuffled(cells: list[Cell], rng: np.random.Generator) -> list[Cell]:
    shuffled = list(cells)
    rng.shuffle(shuffled)
    return shuffled


def _reachable(start: Cell, size: int, walls: Container[Cell]) -> set[Cell]:
    """Returns the cells that moves around the walls can reach from the start."""
    found = {start}
    frontier = [start]
    while frontier:
        row, column = frontier.pop()
        for down, right in MOVES:
            cell = row + down, column + right
            inside = 0 <= cell[0] < size and 0 <= cell[1] < size
            if inside and cell not in walls and cell not in found:
                found.add(cell)
                frontier.append(cell)
    return found


def _rows(values: dict[Cell, int], size: int) -> tuple[tuple[int, ...], ...]:
    return tuple(
        tuple(values[row, column] for column in range(size)) for row in range(size)
    )
