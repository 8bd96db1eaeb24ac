"""A finite environment written out in full, for tabular methods.

An environment with few states declares a `TabularModel` in its spec. Learning methods
use only its numbering of the states; dynamic programming also its exact dynamics, which
are part of what no policy is told.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt


class Outcome(NamedTuple):
    """One thing that can happen when an action is taken in a state."""

    probability: float
    next_state: int
    reward: float
    terminated: bool


@dataclass(frozen=True)
class Transitions:
    """Exact dynamics of a finite environment, with at most K outcomes of an action.

    Action a stands for the a-th action of the environment's discrete action space.
    Time limits are no part of it.

    Attributes:
        probability: Probability of each outcome; (states, actions, K).
        next_state: State it leads to; (states, actions, K).
        reward: Its reward; (states, actions, K).
        terminated: Whether it ends the episode; (states, actions, K).
        initial: Probability of each state at the start of an episode; (states,).
    """

    probability: npt.NDArray[np.float64]
    next_state: npt.NDArray[np.int64]
    reward: npt.NDArray[np.float64]
    terminated: npt.NDArray[np.bool_]
    initial: npt.NDArray[np.float64]

    @classmethod
    def tabulate(
        cls,
        states: int,
        actions: int,
        outcomes: Callable[[int, int], Iterable[Outcome]],
        initial: Mapping[int, float],
    ) -> "Transitions":
        """Writes out dynamics that are given as a function of (state, action)."""
        rows = [
            [list(outcomes(state, action)) for action in range(actions)]
            for state in range(states)
        ]
        most = max(len(found) for row in rows for found in row)
        shape = states, actions, most
        start = np.zeros(states)
        for state, probability in initial.items():
            start[state] = probability
        table = cls(
            probability=np.zeros(shape),
            next_state=np.zeros(shape, dtype=np.int64),
            reward=np.zeros(shape),
            terminated=np.zeros(shape, dtype=np.bool_),
            initial=start,
        )
        for state, row in enumerate(rows):
            for action, found in enumerate(row):
                for number, outcome in enumerate(found):
                    place = state, action, number
                    table.probability[place] = outcome.probability
                    table.next_state[place] = outcome.next_state
                    table.reward[place] = outcome.reward
                    table.terminated[place] = outcome.terminated
        return table


@dataclass(frozen=True)
class TabularModel:
    """A finite environment.

    Attributes:
        states: Number of states.
        actions: Number of actions of its discrete action space.
        state: Maps a raw observation to the number of the state, from 0. States must
            be Markov: apart from time limits, nothing else matters for the future.
        transitions: Returns the exact dynamics.
    """

    states: int
    actions: int
    state: Callable[[Any], int]
    transitions: Callable[[], Transitions]
