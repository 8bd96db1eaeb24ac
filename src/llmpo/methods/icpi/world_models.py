"""World models for ICPI's rollouts: predicted from text, looked up, or exact.

A world model also holds the rollout policy, which draws on the same experience.
"""

from collections.abc import Callable
from typing import Protocol, TypeVar

import numpy as np

from llmpo.envs.icpi_rules import State, Transition
from llmpo.envs.icpi_text import Query, TextCodec
from llmpo.methods.icpi.prediction import Asking, Predictions, known
from llmpo.methods.icpi.prompts import Prompts, Trajectory
from llmpo.methods.icpi.settings import AnySettings

S = TypeVar("S")

# Takes kind, state, action and answer of each valid prediction of the world model.
Observer = Callable[[Query, str, int, object], None]


class WorldModel(Protocol[S]):
    """Answers the questions of a rollout; None means that there is no answer."""

    @property
    def recent(self) -> int:
        """Recent episodes that the rollout policy draws upon."""
        ...

    @property
    def ready(self) -> bool:
        """Whether there is enough experience to ask anything."""
        ...

    def begin(self, state: State) -> S:
        """Returns the model's own form of a real state."""
        ...

    def termination(self, state: S, action: int) -> Asking[bool | None]:
        """Returns whether an action ends the episode."""
        ...

    def reward(self, state: S, action: int, terminated: bool) -> Asking[float | None]:
        """Returns what an action pays, given whether it ends the episode."""
        ...

    def next_state(self, state: S, action: int) -> Asking[S | None]:
        """Returns where an action leads that does not end the episode."""
        ...

    def action(self, state: S) -> Asking[int | None]:
        """Returns the rollout policy's action."""
        ...

    def learn(self, trajectory: Trajectory) -> None:
        """Adds a finished episode to the experience."""
        ...


class PredictedWorld:
    """ICPI's own world model: a state is a line of text, as the model wrote it.

    Args:
        codec: The domain's texts.
        settings: What counts as valid.
        prompts: Builds the questions from experience.
        predictions: Asks them.
        observe: Is told each valid prediction; for diagnostics, which the agent does
            not hear of.
    """

    def __init__(
        self,
        codec: TextCodec,
        settings: AnySettings,
        prompts: Prompts,
        predictions: Predictions,
        observe: Observer = lambda kind, state, action, answer: None,
    ) -> None:
        self._codec = codec
        self._settings = settings
        self._prompts = prompts
        self._predictions = predictions
        self._observe = observe

    @property
    def recent(self) -> int:
        """Recent episodes that the policy prompt shows."""
        return self._prompts.recent

    @property
    def ready(self) -> bool:
        """Whether there is something to show in each kind of prompt."""
        return self._prompts.ready

    @property
    def can_imitate(self) -> bool:
        """Whether there is something to show in the policy prompt."""
        return self._prompts.can_imitate

    def begin(self, state: State) -> str:
        """Returns the line of a real state."""
        return self._codec.state(state, hints=self._settings.hints)

    def termination(self, state: str, action: int) -> Asking[bool | None]:
        """Predicts whether an action ends the episode."""
        terminated = yield from self._predictions.predict(
            "termination",
            lambda: self._prompts.termination(state, action),
            self._codec.read_termination,
        )
        if terminated is not None:
            self._observe("termination", state, action, terminated)
        return terminated

    def reward(self, state: str, action: int, terminated: bool) -> Asking[float | None]:
        """Predicts what an action pays."""
        reward = yield from self._predictions.predict(
            "reward",
            lambda: self._prompts.reward(state, action, terminated),
            self._codec.read_reward,
        )
        if reward is not None:
            self._observe("reward", state, action, reward)
        return reward

    def next_state(self, state: str, action: int) -> Asking[str | None]:
        """Predicts the line of the next state."""
        following = yield from self._predictions.predict(
            "state",
            lambda: self._prompts.next_state(state, action),
            self._read_state,
        )
        if following is not None:
            self._observe("state", state, action, following)
        return following

    def action(self, state: str) -> Asking[int | None]:
        """Predicts what the agent would do."""
        return self._predictions.predict(
            "action", lambda: self._prompts.policy(state), self._codec.read_action
        )

    def learn(self, trajectory: Trajectory) -> None:
        """Files an episode for the prompts."""
        self._prompts.add(trajectory)

    def _read_state(self, completion: str) -> str | None:
        state = self._codec.read_state(completion)
        if state is None or not self._settings.check_hints:
            return state
        hints = self._settings.hints
        return state if self._codec.is_consistent(state, hints=hints) else None


class OracleWorld:
    """The true dynamics, with the predicted rollout policy.

    It tells errors of the agent from limits of the model.

    Args:
        codec: The domain.
        predicted: Supplies the rollout policy.
        rng: Draws what the dynamics leave to chance.
    """

    def __init__(
        self, codec: TextCodec, predicted: PredictedWorld, rng: np.random.Generator
    ) -> None:
        self._rules = codec.rules
        self._predicted = predicted
        self._rng = rng
        self._after: Transition

    @property
    def recent(self) -> int:
        """Recent episodes that the policy prompt shows."""
        return self._predicted.recent

    @property
    def ready(self) -> bool:
        """Whether ICPI would be ready, too."""
        return self._predicted.ready

    def begin(self, state: State) -> State:
        """Returns the state itself."""
        return state

    def termination(self, state: State, action: int) -> Asking[bool | None]:
        """Draws what an action does; returns whether it ends the episode."""
        # The next two questions of a rollout are about the same draw. No other rollout
        # comes between, as nothing is asked until then.
        self._after = self._rules.step(state, action, self._rng)
        return known(self._after.terminated)

    def reward(
        self, state: State, action: int, terminated: bool
    ) -> Asking[float | None]:
        """Returns what the action pays."""
        return known(self._after.reward)

    def next_state(self, state: State, action: int) -> Asking[State | None]:
        """Returns where the action leads."""
        return known(self._after.state)

    def action(self, state: State) -> Asking[int | None]:
        """Predicts what the agent would do."""
        return self._predicted.action(self._predicted.begin(state))

    def learn(self, trajectory: Trajectory) -> None:
        """Files an episode for the policy prompt."""
        self._predicted.learn(trajectory)


class MatchingWorld:
    """The baseline without a model: what happened last in exactly this state.

    Args:
        actions: Number of actions.
        recency: Bound of `recent`, as for ICPI.
    """

    def __init__(self, actions: int, recency: int) -> None:
        self._actions = actions
        self._recency = recency
        self._episodes = 0
        self._happened: dict[tuple[State, int], Transition] = {}
        self._did: dict[State, int] = {}

    @property
    def recent(self) -> int:
        """As many recent episodes as ICPI would have."""
        return min(self._episodes, self._recency)

    @property
    def ready(self) -> bool:
        """Whether ICPI would be ready, too."""
        tried = {action for _, action in self._happened}
        goes_on = any(not after.terminated for after in self._happened.values())
        return len(tried) == self._actions and goes_on

    def begin(self, state: State) -> State:
        """Returns the state itself."""
        return state

    def termination(self, state: State, action: int) -> Asking[bool | None]:
        """Returns whether the action ended the episode last time."""
        found = self._happened.get((state, action))
        return known(None if found is None else found.terminated)

    def reward(
        self, state: State, action: int, terminated: bool
    ) -> Asking[float | None]:
        """Returns what the action paid last time."""
        return known(self._happened[state, action].reward)

    def next_state(self, state: State, action: int) -> Asking[State | None]:
        """Returns where the action led last time."""
        return known(self._happened[state, action].state)

    def action(self, state: State) -> Asking[int | None]:
        """Returns what the agent did last time."""
        return known(self._did.get(state))

    def learn(self, trajectory: Trajectory) -> None:
        """Remembers an episode."""
        self._episodes += 1
        for time, action in enumerate(trajectory.actions):
            state, following = trajectory.states[time : time + 2]
            self._did[state] = action
            self._happened[state, action] = Transition(
                following, trajectory.rewards[time], trajectory.ends_at(time)
            )
