"""Exact solution of a finite environment with a time limit, by dynamic programming."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from llmpo.envs.tabular import Transitions

# Actions whose values differ only by rounding count as equal, and the first is taken,
# so that the table is the same on every machine.
_DECIMALS = 9


@dataclass(frozen=True)
class Solution:
    """An optimal policy and its values.

    Attributes:
        actions: Best action at each time in each state; (horizon, states).
        values: Expected sum of the rewards still to come; (horizon + 1, states).
        expected_return: Expected return of an episode.
    """

    actions: npt.NDArray[np.int64]
    values: npt.NDArray[np.float64]
    expected_return: float


def solve(transitions: Transitions, horizon: int) -> Solution:
    """Maximises the expected undiscounted return of episodes of `horizon` steps.

    Near the end of an episode other actions can be best than at its beginning, so the
    policy depends on time.
    """
    states = len(transitions.initial)
    values = np.zeros((horizon + 1, states))
    actions = np.zeros((horizon, states), dtype=np.int64)
    for time in reversed(range(horizon)):
        future = values[time + 1][transitions.next_state]
        future[transitions.terminated] = 0.0
        outcomes = transitions.probability * (transitions.reward + future)
        action_values = outcomes.sum(axis=2)
        actions[time] = action_values.round(_DECIMALS).argmax(axis=1)
        values[time] = action_values.max(axis=1)
    expected = float(transitions.initial @ values[0])
    return Solution(actions, values, expected)
