"""The rules of a small exact domain: what ICPI's environments have in common.

A domain is a start and a transition. The environment, its numbering for tabular methods
and its best return all follow from these two.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

import gymnasium
import numpy as np
import numpy.typing as npt

from llmpo.envs.tabular import Outcome, TabularModel, Transitions

# A whole state in plain numbers, so that it can be stored by value and looked up.
State = tuple[float, ...]
Array = npt.NDArray[np.float64]

_REMEMBERED_VALUES = 1 << 14  # more than any finite domain needs


class Transition(NamedTuple):
    """What follows from an action."""

    state: State
    reward: float
    terminated: bool


@dataclass(frozen=True)
class Rules:
    """One domain.

    Attributes:
        actions: Number of actions, called 0, 1, ...
        starts: The states an episode starts in with equal chances, or a function that
            draws one.
        transition: Maps (state, action, case) to what follows. Only the case, from 0
            to `cases` - 1, is left to chance.
        low: Least value of each entry of a state.
        high: Greatest value of each entry of a state.
        horizon: Steps after which an episode is cut off.
        solved: Undiscounted return with which an episode counts as a success.
        cases: Number of equally likely cases.
    """

    actions: int
    starts: tuple[State, ...] | Callable[[np.random.Generator], State]
    transition: Callable[[State, int, int], Transition]
    low: State
    high: State
    horizon: int
    solved: float = 1.0
    cases: int = 1

    def start(self, rng: np.random.Generator) -> State:
        """Draws the state an episode starts in."""
        if callable(self.starts):
            return self.starts(rng)
        return self.starts[rng.integers(len(self.starts))]

    def step(self, state: State, action: int, rng: np.random.Generator) -> Transition:
        """Returns what follows from an action, by chance where there is some."""
        case = int(rng.integers(self.cases)) if self.cases > 1 else 0
        return self.transition(state, action, case)

    def all_cases(self, state: State, action: int) -> list[Transition]:
        """Returns everything that can follow from an action, equally likely."""
        return [self.transition(state, action, case) for case in range(self.cases)]


def as_state(raw_observation: Any) -> State:
    """Returns a raw observation as plain numbers, which later steps cannot change."""
    return tuple(float(number) for number in raw_observation)


class RulesEnv(gymnasium.Env[Array, np.int64]):
    """A domain as an environment; its observation is the whole state.

    Args:
        rules: The domain.
    """

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.action_space = gymnasium.spaces.Discrete(rules.actions)
        self.observation_space = gymnasium.spaces.Box(
            np.array(rules.low, dtype=np.float64),
            np.array(rules.high, dtype=np.float64),
            dtype=np.float64,
        )
        self._state: State = ()
        self._steps = 0
        self._return = 0.0

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Array, dict[str, Any]]:
        """Starts an episode; a seed decides it completely."""
        super().reset(seed=seed)
        self._state = self.rules.start(self.np_random)
        self._steps = 0
        self._return = 0.0
        return self._observe(), {"success": 0.0}

    def step(self, action: np.int64) -> tuple[Array, float, bool, bool, dict[str, Any]]:
        """Takes an action. Running out of time is a truncation, never a termination.

        Raises:
            ValueError: There is no such action.
        """
        if not self.action_space.contains(action):
            raise ValueError(
                f"Actions of this environment are integers 0 to "
                f"{self.rules.actions - 1}, got {action!r}."
            )
        if not self._state:
            raise gymnasium.error.ResetNeeded("Call reset before the first step.")
        after = self.rules.step(self._state, int(action), self.np_random)
        self._state = after.state
        self._steps += 1
        self._return += after.reward
        return (
            self._observe(),
            float(after.reward),
            after.terminated,
            not after.terminated and self._steps >= self.rules.horizon,
            {"success": float(self._return >= self.rules.solved)},
        )

    def _observe(self) -> Array:
        return np.array(self._state, dtype=np.float64)


class Values:
    """Best discounted returns of a domain, by exhaustive search with a memory.

    Args:
        rules: The domain.
        discount: Factor by which a reward one step later counts less.
    """

    def __init__(self, rules: Rules, discount: float) -> None:
        self._rules = rules
        self._discount = discount
        self._value = lru_cache(_REMEMBERED_VALUES)(self._search)

    def value(self, state: State) -> float:
        """Returns the best expected return of an episode that starts in a state."""
        return self._value(state, self._rules.horizon)

    def best_action(self, state: State, steps_left: int) -> int:
        """Returns the first of the best actions."""
        values = [
            # Values that differ only by rounding count as equal.
            round(self._action_value(state, action, steps_left), 9)
            for action in range(self._rules.actions)
        ]
        return values.index(max(values))

    def _search(self, state: State, steps_left: int) -> float:
        if steps_left == 0:
            return 0.0
        return max(
            self._action_value(state, action, steps_left)
            for action in range(self._rules.actions)
        )

    def _action_value(self, state: State, action: int, steps_left: int) -> float:
        cases = self._rules.all_cases(state, action)
        return sum(
            after.reward
            if after.terminated
            else after.reward
            + self._discount * self._value(after.state, steps_left - 1)
            for after in cases
        ) / len(cases)


NOTE = "Exhaustive search over the rules of the domain (written for llmpo)."


class RulesExpert:
    """Plays a domain with the best discounted return.

    Args:
        env: A live environment of the domain.
        discount: Factor by which a reward one step later counts less.
    """

    def __init__(self, env: "gymnasium.Env[Any, Any]", discount: float) -> None:
        rules = env.unwrapped.rules  # type: ignore[attr-defined]
        self._horizon: int = rules.horizon
        self._values = Values(rules, discount)
        self._steps_left = self._horizon

    def begin_episode(self, seed: int) -> None:
        """Starts counting the steps; the expert is deterministic."""
        self._steps_left = self._horizon

    def act(self, observation: Array) -> int:
        """Returns the first of the best actions."""
        # A state that is played on after its time has run out is a fresh start.
        steps_left, self._steps_left = self._steps_left, self._steps_left - 1
        return self._values.best_action(as_state(observation), max(steps_left, 1))


def tabular_model(rules: Rules) -> TabularModel:
    """Numbers the states of a domain with finitely many.

    States that only ever end an episode are numbered too; they lead to themselves.
    """
    inner, states = _reachable(rules)
    number = {state: index for index, state in enumerate(states)}

    def outcomes(index: int, action: int) -> Iterator[Outcome]:
        if states[index] not in inner:
            yield Outcome(1.0, index, 0.0, True)
            return
        for after in rules.all_cases(states[index], action):
            yield Outcome(
                1.0 / rules.cases, number[after.state], after.reward, after.terminated
            )

    def transitions() -> Transitions:
        starts = _starts(rules)
        initial = {number[state]: 1.0 / len(starts) for state in starts}
        return Transitions.tabulate(len(states), rules.actions, outcomes, initial)

    return TabularModel(
        states=len(states),
        actions=rules.actions,
        state=lambda raw_observation: number[as_state(raw_observation)],
        transitions=transitions,
    )


def _reachable(rules: Rules) -> tuple[set[State], list[State]]:
    """Returns the states in which episodes go on, and all states in order."""
    inner = set(_starts(rules))
    final: set[State] = set()
    waiting = list(inner)
    while waiting:
        state = waiting.pop()
        for action in range(rules.actions):
            for after in rules.all_cases(state, action):
                if after.terminated:
                    final.add(after.state)
                elif after.state not in inner:
                    inner.add(after.state)
                    waiting.append(after.state)
    return inner, sorted(inner | final)


def _starts(rules: Rules) -> tuple[State, ...]:
    assert not callable(rules.starts), "only domains with listed starts are finite"
    return rules.starts
