"""`TextCodec`: how a domain is written as text, for in-context policy iteration (ICPI).

Brooks, Walls, Lewis and Singh, "Large Language Models Can Implement Policy Iteration"
(NeurIPS 2023), write episodes as short programs. A codec writes the pieces of such a
program, joins them to the records that prompts consist of, and reads what a model
writes. Which records go into a prompt is not its business.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Any, Literal, NamedTuple

from llmpo.envs.icpi_rules import Rules, State, Values, as_state

# What a model is asked for.
Query = Literal["termination", "reward", "state", "action"]

# Longer numbers are refused: nobody means them, and they could overflow a return.
_NUMBER = "([0-9]{1,9})(?![0-9])"


class TextStep(NamedTuple):
    """One step of an episode, with its states as lines of text.

    A step that was only cut off by the time limit is not terminated.
    """

    state: str
    action: int
    reward: float
    terminated: bool
    next_state: str


@dataclass(frozen=True)
class TextCodec:
    r"""One domain as text, and what ICPI has to know to play it.

    Every piece of text ends with "\n". Rewards are whole numbers.

    Attributes:
        rules: The domain. A learning method must not look at them.
        describe: Maps a state to the exact part of its line, `assert state == [6]`.
        hint: Maps a state to the hint, `state != [4]`.
        read: Returns the state that the exact part of a line names, or None; see
            `numbers_reader`.
        actions: Text of each action.
        reset: Text that begins an episode.
        state_prefix: How each state line begins.
        max_q_steps: Most steps of a simulated rollout.
        success_threshold: An episode whose return, with the plan discount, is above
            this is a success.
        plan_discount: Discount of simulated rollouts and of the test for success.
        log_discount: Discount of reported returns and regrets.
        regret_scale: What figures divide regrets by.
        published_steps: Environment steps of the published learning curve.
        action_stop: Stop string of actions.
        reward_stop: Stop string of rewards.
        reward_end: Text after the number of a reward.
        reward_mark: Text that must stand before a number to make it a reward.
        policy_floats: Whether policy records write rewards as floats.
        policy_terminations: Whether policy records say after each step whether the
            episode has ended.
        policy_final: Text after the final state of a policy record that ends with the
            episode; None to leave out the final state.
        rounding: How far each number of a state can be from what its text says; () if
            texts are exact.
    """

    rules: Rules
    describe: Callable[[State], str]
    hint: Callable[[State], str]
    read: Callable[[str], State | None]
    actions: tuple[str, ...]
    reset: str
    state_prefix: str
    max_q_steps: int
    success_threshold: float = 0.0
    plan_discount: float = 0.8
    log_discount: float = 0.8
    regret_scale: float = 1.0
    published_steps: int = 0
    action_stop: str = "\n"
    reward_stop: str = "\n"
    reward_end: str = "\n"
    reward_mark: str = "assert reward == "
    policy_floats: bool = False
    policy_terminations: bool = False
    policy_final: str | None = None
    rounding: tuple[float, ...] = ()

    # Writing

    def state(self, raw_observation: Any, *, hints: bool = True) -> str:
        """Returns the line of a state, with or without its hint."""
        state = as_state(raw_observation)
        exact = self.describe(state)
        return f"{exact} and {self.hint(state)}\n" if hints else f"{exact}\n"

    def termination(self, terminated: bool) -> str:
        """Returns the text that says whether the episode has ended."""
        return "assert done\n" if terminated else "assert not done\n"

    def reward(self, reward: float) -> str:
        """Returns the text of a reward in world-model records."""
        return f"assert reward == {int(reward)}{self.reward_end}"

    def query(self, state: str, action: int) -> str:
        """Returns the end of a prompt that asks what an action does in a state."""
        return state + self.actions[action]

    def policy_query(self, state: str) -> str:
        """Returns the end of a prompt that asks for an action."""
        return f"\n{self.reset}{state}"

    def termination_record(self, step: TextStep) -> str:
        """Returns an example of how an action ends an episode, or does not."""
        ended = self.termination(step.terminated)
        return f"{self.query(step.state, step.action)}{ended}\n"

    def reward_record(self, step: TextStep) -> str:
        """Returns an example of what an action pays."""
        return f"{self.query(step.state, step.action)}{self.reward(step.reward)}\n"

    def state_record(self, step: TextStep) -> str:
        """Returns an example of the state an action leads to."""
        return f"{self.query(step.state, step.action)}{step.next_state}\n"

    def policy_record(self, steps: Sequence[TextStep]) -> str:
        """Returns consecutive steps as an example of behaviour."""
        pieces = [f"\n{self.reset}"]
        for step in steps:
            pieces += [self.query(step.state, step.action), self._policy_reward(step)]
            if self.policy_terminations:
                pieces.append(self.termination(step.terminated))
        if self.policy_final is not None and steps[-1].terminated:
            pieces += [steps[-1].next_state, self.policy_final]
        return "".join(pieces)

    # Reading

    def stop(self, query: Query) -> str:
        """Returns the one stop string of a query."""
        stops = {"action": self.action_stop, "reward": self.reward_stop}
        return stops.get(query, "\n")

    def read_termination(self, completion: str) -> bool | None:
        """Returns whether the episode has ended; None if the text does not say."""
        text = self._completed("termination", completion)
        if not text.startswith("assert") or "done" not in text:
            return None
        return "assert done" in text

    def read_reward(self, completion: str) -> int | None:
        """Returns the reward, 0 if there are several; None if there is none."""
        text = self._completed("reward", completion)
        found = re.findall(re.escape(self.reward_mark) + _NUMBER, text)
        if not found:
            return None
        return int(found[0]) if len(found) == 1 else 0

    def read_state(self, completion: str) -> str | None:
        """Returns the text as a state line; None if it does not begin like one."""
        text = self._completed("state", completion)
        return text if text.startswith(self.state_prefix) else None

    def read_action(self, completion: str) -> int | None:
        """Returns the action; None unless the text is exactly that of one."""
        text = self._completed("action", completion)
        return self.actions.index(text) if text in self.actions else None

    # Judging

    def parse_state(self, text: str) -> State | None:
        """Returns the state that a line names, whatever its hint says, or None.

        For diagnostics only: ICPI itself never turns text back into numbers.
        """
        state = self.read(text)
        if state is None:
            return None
        exact = self.describe(state)
        rest = text[len(exact) :]
        fits = text.startswith(exact) and (rest == "\n" or rest.startswith(" and "))
        return state if fits else None

    def is_consistent(self, text: str, *, hints: bool = True) -> bool:
        """Tells whether a state line is one that the codec writes.

        It is not if it cannot be read or if its hint contradicts its numbers.
        """
        state = self.parse_state(text)
        return state is not None and any(
            self.state(meant, hints=hints) == text for meant in self._meant(state)
        )

    def optimal_return(self, raw_observation: Any) -> float:
        """Returns the best expected return of an episode that starts in a state."""
        return self._values.value(as_state(raw_observation))

    def is_success(self, rewards: Sequence[float]) -> bool:
        """Tells whether an episode, or what is left of one, counts as successful."""
        return discounted(rewards, self.plan_discount) > self.success_threshold

    @cached_property
    def _values(self) -> Values:
        return Values(self.rules, self.log_discount)

    def _policy_reward(self, step: TextStep) -> str:
        if self.policy_floats:
            return f"assert reward == {float(step.reward)}{self.reward_end}"
        return self.reward(step.reward)

    def _completed(self, query: Query, completion: str) -> str:
        """Ends a completion with its stop string, which servers take away.

        Whatever a server lets through after the stop string is dropped. The line end
        of a stop string may be missing at the end of the text.
        """
        stop = self.stop(query)
        text, found, _ = f"{completion}\n".partition(stop)
        return (text if found else completion).lstrip() + stop

    def _meant(self, state: State) -> Iterator[State]:
        """Returns the states that a text can mean, as far as hints can differ."""
        rounding = self.rounding or (0.0,) * len(state)
        yield from product(
            *(
                (number, number - error, number + error) if error else (number,)
                for number, error in zip(state, rounding, strict=True)
            )
        )


def numbers_reader(pattern: str) -> Callable[[str], State | None]:
    """Returns a `TextCodec.read` for states whose numbers all stand in the text.

    Args:
        pattern: Regular expression of the exact part, with a group for each number.
    """
    compiled = re.compile(pattern)

    def read(text: str) -> State | None:
        found = compiled.match(text)
        return None if found is None else as_state(found.groups())

    return read


def discounted(rewards: Sequence[float], discount: float) -> float:
    """Returns the discounted return of consecutive rewards."""
    return float(sum(discount**time * reward for time, reward in enumerate(rewards)))


def regret(
    codec: TextCodec,
    raw_observations: Sequence[Any],
    rewards: Sequence[float],
    *,
    aliased_start_regret: bool = False,
) -> float:
    """Returns how much less an episode brought than the best one from its start.

    Args:
        codec: The domain.
        raw_observations: States of the episode, the first one included.
        rewards: Its rewards, all of them.
        aliased_start_regret: Compare with the best episode from the state *after* the
            first action, as the published code does in its chains, where the stored
            start is overwritten. An optimal agent then has a regret above 0. Only for
            comparisons with published figures.
    """
    start = raw_observations[1 if aliased_start_regret else 0]
    return codec.optimal_return(start) - discounted(rewards, codec.log_discount)
