"""Policies that are tables: one action for each state of a finite environment.

The document counts the states and actions of the environment it is for and holds rows.
A row gives an action for each state, one digit of base 62 a state, and how many time
steps in a row it serves:

    {"actions": 4, "rows": [[1, "0312"], [24, "0333"]], "states": 4}

The last row also serves for all time after it, so a policy that does not depend on time
has one row.
"""

from string import ascii_letters, digits
from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

from llmpo.envs.spec import EnvSpec
from llmpo.envs.tabular import TabularModel
from llmpo.errors import DataError

_DIGITS = digits + ascii_letters
MOST_ACTIONS = len(_DIGITS)


def table_document(
    actions: npt.NDArray[np.integer[Any]], model: TabularModel
) -> dict[str, Any]:
    """Returns the document of a policy.

    Args:
        actions: Action in each state, (states,), or at each time, (times, states).
        model: The finite environment it is for.

    Raises:
        ValueError: The environment has more than `MOST_ACTIONS` actions.
    """
    if model.actions > MOST_ACTIONS:
        raise ValueError(f"a table can have {MOST_ACTIONS} actions at most")
    rows: list[list[Any]] = []
    for row in np.atleast_2d(actions):
        text = "".join(_DIGITS[action] for action in row)
        if rows and rows[-1][1] == text:
            rows[-1][0] += 1
        else:
            rows.append([1, text])
    return {"states": model.states, "actions": model.actions, "rows": rows}


class TableActor:
    """Looks actions up; counts time from the beginning of the episode.

    Args:
        rows: Numbers of actions by time and state; the last row goes on for ever.
        model: The finite environment.
        first_action: The environment's action that has number 0.
    """

    def __init__(
        self,
        rows: npt.NDArray[np.int64],
        model: TabularModel,
        first_action: int = 0,
    ) -> None:
        self._rows = rows
        self._state = model.state
        self._first_action = first_action
        self._time = 0

    def begin_episode(self, seed: int) -> None:
        """Starts to count from 0; a table is deterministic and needs no seed."""
        self._time = 0

    def act(self, observation: Any) -> int:
        """Returns the action for the state and the time."""
        row = self._rows[min(self._time, len(self._rows) - 1)]
        self._time += 1
        return self._first_action + int(row[self._state(observation)])


def load_table(
    document: dict[str, Any], spec: EnvSpec, env: "gymnasium.Env[Any, Any]"
) -> TableActor:
    """Returns the actor that a table describes.

    Raises:
        DataError: The document is no table, or not one for this environment.
    """
    model = spec.tabular
    space = env.action_space
    if model is None or not isinstance(space, gymnasium.spaces.Discrete):
        raise _error(spec, "the environment is not finite, so it cannot be played")
    expected = {"states": model.states, "actions": model.actions}
    found = {name: document.get(name) for name in expected}
    if found != expected:
        raise _error(
            spec,
            f"it is for {found['states']} states and {found['actions']} actions, but "
            f"the environment has {model.states} and {model.actions}",
        )
    rows = _read_rows(document.get("rows"), spec, model)
    return TableActor(rows, model, int(space.start))


def _read_rows(rows: Any, spec: EnvSpec, model: TabularModel) -> npt.NDArray[np.int64]:
    numbers = {digit: number for number, digit in enumerate(_DIGITS[: model.actions])}
    if not isinstance(rows, list) or not rows:
        raise _error(spec, "it has no rows")
    table: list[list[int]] = []
    for place, row in enumerate(rows):
        match row:
            case [int(count), str(text)] if (
                count is not True and count > 0 and len(text) == model.states
            ):
                pass
            case _:
                raise _error(
                    spec, f"row {place} is not a count and {model.states} digits"
                )
        if not numbers.keys() >= set(text):
            raise _error(spec, f"row {place} has actions that do not exist")
        # A damaged count must not fill the memory; nobody plays beyond the horizon.
        count = min(count, spec.horizon - len(table))
        table.extend([[numbers[digit] for digit in text]] * count)
    return np.array(table, dtype=np.int64)


def _error(spec: EnvSpec, problem: str) -> DataError:
    return DataError(
        f"Loading a table policy for {spec.label}: {problem}. The record that holds it "
        "is damaged or of another environment; delete it and run again."
    )
