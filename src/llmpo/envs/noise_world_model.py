"""The rules of NoiseWorld: what a move can do and what arriving somewhere means.

The environment plays by these rules and dynamic programming solves them.
"""

from collections.abc import Iterator
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from llmpo.envs.noise_world_board import (
    BAD,
    FIRST_MILESTONE,
    GOAL,
    MOVES,
    RESET,
    SECOND_MILESTONE,
    STAY,
    WALL,
    Board,
    Cell,
    generate_board,
)
from llmpo.envs.tabular import Outcome, TabularModel, Transitions

START: Cell = (0, 0)
_PHASES = 3  # no milestone, the first one, both


class Move(NamedTuple):
    """Where a move leads.

    Attributes:
        there: The cell it leads to.
        probability: Chance of that; moves with 1.0 involve no chance at all.
        otherwise: The cell it leads to else.
    """

    there: Cell
    probability: float
    otherwise: Cell


class Arrival(NamedTuple):
    """What standing on a cell after a step means."""

    phase: int
    reward: float
    terminated: bool
    success: bool


def move(board: Board, here: Cell, action: int) -> Move:
    """Returns where a move from a cell leads."""
    down, right = MOVES[action]
    there = here[0] + down, here[1] + right
    inside = 0 <= there[0] < board.size and 0 <= there[1] < board.size
    if not inside or board.code(there) == WALL:
        return Move(here, 1.0, here)
    kind = board.code(here)
    if kind not in (STAY, RESET):
        return Move(there, 1.0, here)
    probability = board.region(here).move_probability
    return Move(there, probability, here if kind == STAY else START)


def arrive(board: Board, cell: Cell, phase: int, prerequisites: bool) -> Arrival:
    """Returns what a step that ends on a cell means.

    Args:
        board: The board.
        cell: The cell after the step.
        phase: How many milestones had been passed in order before (0 to 2).
        prerequisites: Whether the goal pays only in phase 2.
    """
    code, size = board.code(cell), board.size
    if (code, phase) in ((FIRST_MILESTONE, 0), (SECOND_MILESTONE, 1)):
        phase += 1
    success = code == GOAL and (phase == 2 or not prerequisites)
    return Arrival(
        phase=phase,
        reward=-1.0 + success * float(size**3) - (code == BAD) * float(size**5),
        terminated=code in (GOAL, BAD),
        success=success,
    )


def tabular_model(size: int, layout_seed: int, prerequisites: bool) -> TabularModel:
    """Returns a board as a finite environment, with states (phase, row, column)."""
    return TabularModel(
        states=(_PHASES if prerequisites else 1) * size**2,
        actions=len(MOVES),
        state=partial(_state, size=size, prerequisites=prerequisites),
        transitions=partial(_transitions, size, layout_seed, prerequisites),
    )


def _state(observation: Any, *, size: int, prerequisites: bool) -> int:
    row, column = (round(float(x) * (size - 1)) for x in observation[:2])
    phase = round(float(observation[-2] + observation[-1])) if prerequisites else 0
    return (phase * size + row) * size + column


def _transitions(size: int, layout_seed: int, prerequisites: bool) -> Transitions:
    board = generate_board(size, prerequisites, np.random.default_rng(layout_seed))

    def outcomes(state: int, action: int) -> Iterator[Outcome]:
        phase, cell = divmod(state, size**2)
        leads = move(board, divmod(cell, size), action)
        chances = (
            (leads.there, leads.probability),
            (leads.otherwise, 1.0 - leads.probability),
        )
        for (row, column), chance in chances:
            if chance > 0.0:
                after = arrive(board, (row, column), phase, prerequisites)
                number = (after.phase * size + row) * size + column
                yield Outcome(chance, number, after.reward, after.terminated)

    phases = _PHASES if prerequisites else 1
    return Transitions.tabulate(phases * size**2, len(MOVES), outcomes, {0: 1.0})
