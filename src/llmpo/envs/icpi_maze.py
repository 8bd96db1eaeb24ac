"""Maze: nine cells, two inner walls and a goal (ICPI)."""

from functools import partial
from itertools import product

from llmpo.envs.icpi_rules import (
    NOTE,
    Rules,
    RulesEnv,
    RulesExpert,
    State,
    Transition,
    tabular_model,
)
from llmpo.envs.icpi_text import TextCodec, numbers_reader
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

_SIZE = 3
_GOAL: State = (1.0, 0.0)
_MOVES = ((0.0, -1.0), (1.0, 0.0), (-1.0, 0.0), (0.0, 1.0))  # left, down, up, right
_WALLS = (
    frozenset({(1.0, 0.0), (1.0, 1.0)}),
    frozenset({(1.0, 1.0), (2.0, 1.0)}),
)


def _step(state: State, action: int, case: int) -> Transition:
    row, column = state
    down, right = _MOVES[action]
    there = row + down, column + right
    inside = 0 <= there[0] < _SIZE and 0 <= there[1] < _SIZE
    blocked = not inside or frozenset({state, there}) in _WALLS
    # What counts is where the agent was, so reaching the goal pays one step later.
    found = state == _GOAL
    return Transition(state if blocked else there, float(found), found)


def _cell(state: State) -> str:
    return f"C(i={state[0]:.0f}, j={state[1]:.0f})"


def _describe(state: State) -> str:
    return f"assert state == {_cell(state)}"


def _hint(state: State) -> str:
    return f"state {'==' if state == _GOAL else '!='} {_cell(_GOAL)}"


RULES = Rules(
    actions=len(_MOVES),
    starts=tuple(
        (float(row), float(column)) for row, column in product(range(_SIZE), repeat=2)
    ),
    transition=_step,
    low=(0.0, 0.0),
    high=(_SIZE - 1.0, _SIZE - 1.0),
    horizon=8,
)

CODEC = TextCodec(
    rules=RULES,
    describe=_describe,
    hint=_hint,
    read=numbers_reader(r"assert state == C\(i=([0-9]), j=([0-9])\)"),
    actions=tuple(
        f"state, reward = {move}()\n" for move in ("left", "down", "up", "right")
    ),
    reset="state, reward = reset()\n",
    state_prefix="assert state == ",
    max_q_steps=6,
    published_steps=140,
    policy_floats=True,
)

SPECS = (
    EnvSpec(
        id="icpi_maze",
        version=1,
        family="ICPI",
        build=partial(RulesEnv, RULES),
        horizon=RULES.horizon,
        task=(
            "Walk through a maze of three by three cells to the goal cell, in as few "
            "steps as possible, and take one more step there."
        ),
        action_text=(
            "One of four integers. 0 moves left (column - 1), 1 down (row + 1), 2 up "
            "(row - 1), 3 right (column + 1)."
        ),
        fields=(
            Field("row", lambda obs, env: obs[0], "the agent's row, 0 to 2 from top"),
            Field("column", lambda obs, env: obs[1], "the agent's column, 0 to 2"),
        ),
        dynamics_text=(
            "An episode starts in a random cell. There is a wall between the cells "
            "(row 1, column 0) and (row 1, column 1), another one between (row 1, "
            "column 1) and (row 2, column 1), and one around the maze. A move into a "
            "wall changes nothing. The first action taken in the goal cell, whatever "
            "it is, ends the episode; otherwise it ends when time runs out."
        ),
        reward_text="""\
class IcpiMazeRewardFunction:
    def reward(self, previous, action, current):
        # previous, current: observations before and after the step
        here = (previous.row, previous.column)
        return 1.0 if here == (previous.goal_row, previous.goal_column) else 0.0""",
        score="return",
        bounds=ScoreBounds(0.0, 1.0),
        class_base="IcpiMaze",
        reward_name="IcpiMazeRewardFunction",
        observation_class="IcpiMazeObservation",
        constants={"goal_row": 1, "goal_column": 0},
        success_text="An action is taken in the goal cell.",
        step_microseconds=15.0,
        expert=partial(RulesExpert, discount=CODEC.log_discount),
        expert_note=NOTE,
        tabular=tabular_model(RULES),
        text=CODEC,
    ),
)
