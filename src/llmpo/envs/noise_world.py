"""NoiseWorld: seven grid worlds that hide their dynamics (PromptPO's own suite).

The agent sees its position and a board of integer labels whose meaning it must find
out. Moves can fail or send it back to the start, one cell is a catastrophe, and on
the last three boards the goal pays only after two milestones in the right order.
"""

from dataclasses import replace
from functools import partial
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from llmpo.envs.noise_world_board import (
    MOVES,
    SECOND_MILESTONE,
    Board,
    Cell,
    generate_board,
)
from llmpo.envs.noise_world_model import START, arrive, move, tabular_model
from llmpo.envs.spec import EnvSpec, Field, ScoreBounds

Observation = npt.NDArray[np.float32]


class NoiseWorld(gymnasium.Env[Observation, np.int64]):
    """One board.

    After construction the generator that made the board also supplies the noise of
    play: `reset()` goes on with its stream, `reset(seed=s)` starts a new stream.

    Args:
        size: Number of rows and of columns.
        layout_seed: Seed of the board.
        prerequisites: Whether the goal pays only after both milestones.
    """

    def __init__(self, size: int, layout_seed: int, prerequisites: bool) -> None:
        self.np_random = np.random.default_rng(layout_seed)
        self.board: Board = generate_board(size, prerequisites, self.np_random)
        self.action_space = gymnasium.spaces.Discrete(len(MOVES))
        length = 4 + size**2 + 2 * prerequisites
        self.observation_space = gymnasium.spaces.Box(
            0.0, float(SECOND_MILESTONE), (length,), np.float32
        )
        self._prerequisites = prerequisites
        self._moves = {
            (cell, action): move(self.board, cell, action)
            for cell in np.ndindex(size, size)
            for action in range(len(MOVES))
        }
        self._board_codes = np.array(self.board.codes, dtype=np.float32).ravel()
        self._agent: Cell = START
        self._phase = 0
        self._steps = 0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Starts an episode at cell (0, 0); a seed starts a new stream of noise."""
        if seed is not None:
            self.np_random = np.random.default_rng(seed)
        self._agent = START
        self._phase = 0
        self._steps = 0
        return self._observe(), {"success": 0.0}

    def step(
        self, action: np.int64
    ) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Moves up, down, left or right (0 to 3), as far as the cell lets it.

        Raises:
            ValueError: The action is not an integer from 0 to 3.
        """
        if not self.action_space.contains(action):
            raise ValueError(f"NoiseWorld actions are integers 0 to 3, got {action!r}.")
        there, probability, otherwise = self._moves[self._agent, int(action)]
        # Noise is drawn only where there is some, which keeps the published stream.
        happens = probability == 1.0 or self.np_random.random() < probability
        self._agent = there if happens else otherwise
        self._steps += 1

        arrival = arrive(self.board, self._agent, self._phase, self._prerequisites)
        self._phase = arrival.phase
        return (
            self._observe(),
            arrival.reward,
            arrival.terminated,
            self._steps >= self.board.size**2,
            {"success": float(arrival.success)},
        )

    @property
    def agent(self) -> Cell:
        """The agent's row and column."""
        return self._agent

    @property
    def phase(self) -> int:
        """How many milestones were passed in order (0 to 2)."""
        return self._phase

    def _observe(self) -> Observation:
        scale = self.board.size - 1
        position = (self._agent[0] / scale, self._agent[1] / scale, 1.0, 1.0)
        flags = (self._phase >= 1, self._phase >= 2) if self._prerequisites else ()
        return np.concatenate(
            (
                np.array(position, dtype=np.float32),
                self._board_codes,
                np.array(flags, dtype=np.float32),
            )
        )


_BOARDS = (  # size, layout seed, prerequisites
    (5, 710000, False),
    (10, 710001, False),
    (10, 710002, False),
    (10, 717003, False),
    (10, 710004, True),
    (10, 710005, True),
    (10, 713006, True),
)
_UNRELIABLE_BOARDS = (2, 3)  # described more strongly, as in the release

_TASK = (
    "A grid world. Starting in one corner, bring about the task's success condition "
    "at the goal cell in as few steps as possible."
)
_ACTIONS = (
    "One of four integers. 0 decreases the vertical coordinate (row), 1 increases it, "
    "2 decreases the horizontal coordinate (column), 3 increases it."
)
_DYNAMICS = "A move does not always lead where it was meant to lead."
_UNRELIABLE_DYNAMICS = (
    "Do not assume any particular deterministic response to an action: the same "
    "action in the same place can have different results."
)
_TERMINATION = (
    "An episode ends at the goal cell, on a catastrophic failure, or when the time "
    "limit is reached."
)
_REWARD = (
    "Each step has a negative cost. Meeting the task's success condition at the goal "
    "adds a large positive amount on that step. There may be a catastrophic failure, "
    "which ends the episode and adds a large negative amount. The number of steps is "
    "limited. The exact amounts and the probabilities behind the moves are not given."
)
_KEY_INFORMATION = (
    " Label 6 marks the first milestone and label 7 the second. The goal counts only "
    "after the agent has stood on label 6 and then, later in the same episode, on "
    "label 7; label 7 does nothing before label 6, and reaching the goal too early "
    "ends the episode without success."
)


def _fields(size: int, prerequisites: bool) -> tuple[Field, ...]:
    scale = size - 1
    labels = "0 to 7" if prerequisites else "0 to 5"
    tail = (
        " In the environment's own observation vector two more scalars follow the "
        "board."
        if prerequisites
        else ""
    )
    last = 4 + size**2

    def flag(index: int) -> Any:
        return lambda obs, env: obs[index] if prerequisites else 0.0

    return (
        Field("agent_row", lambda obs, env: obs[0], f"the agent's row / {scale}, 0..1"),
        Field(
            "agent_col", lambda obs, env: obs[1], f"the agent's column / {scale}, 0..1"
        ),
        Field("goal_row", lambda obs, env: obs[2], f"the goal's row / {scale}, 0..1"),
        Field(
            "goal_col", lambda obs, env: obs[3], f"the goal's column / {scale}, 0..1"
        ),
        Field(
            "board",
            lambda obs, env: obs[4:last],
            f"integer labels of all cells, row by row: the cell in row r and column c "
            f"is entry {size}*r + c. Labels {labels} can occur.{tail}",
            shape=(size**2,),
        ),
        Field(
            "prereq_first_done",
            flag(last),
            "1 once the first milestone has been reached, else 0",
            in_prompt=False,
        ),
        Field(
            "prereq_second_done",
            flag(last + 1),
            "1 once the second milestone has been reached after the first, else 0",
            in_prompt=False,
        ),
    )


def _with_key_information(spec: EnvSpec) -> EnvSpec:
    """Names the milestones, their order and the two flags."""
    return replace(
        spec,
        fields=tuple(replace(field, in_prompt=True) for field in spec.fields),
        dynamics_text=spec.dynamics_text + _KEY_INFORMATION,
    )


def _spec(number: int) -> EnvSpec:
    size, layout_seed, prerequisites = _BOARDS[number]
    moves = _UNRELIABLE_DYNAMICS if number in _UNRELIABLE_BOARDS else _DYNAMICS
    hidden_or_shown = {
        "hidden": lambda spec: spec,
        "shown": _with_key_information,
    }
    return EnvSpec(
        id=f"noise_world_board_{number}",
        version=1,
        family="NoiseWorld",
        build=partial(NoiseWorld, size, layout_seed, prerequisites),
        horizon=size**2,
        task=_TASK,
        action_text=_ACTIONS,
        fields=_fields(size, prerequisites),
        dynamics_text=f"{moves} {_TERMINATION}",
        reward_text=_REWARD,
        score="return",
        bounds=ScoreBounds(low=-float(size**2 + size**5), high=float(size**3 - 1)),
        class_base=f"NoiseWorldBoard{number}",
        reward_name="NoiseWorldRewardFunction",
        observation_class="NoiseWorldObservation",
        success_text="The task's success condition is met at the goal.",
        variants={"key_information": hidden_or_shown} if prerequisites else {},
        # The release goes on with the random stream of the board's generation, the
        # same for every candidate; fixed seeds come nearest to that.
        published_seeds=(0, 1, 2, 3, 4),
        step_microseconds=10.0,
        tabular=tabular_model(size, layout_seed, prerequisites),
    )


SPECS = tuple(_spec(number) for number in range(len(_BOARDS)))
