"""Prompts of ICPI: which of the agent's own experience they show, and how it is mixed.

Each prompt is built anew for each question, so each shows its records in another order.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from llmpo.envs.icpi_rules import State
from llmpo.envs.icpi_text import TextCodec, TextStep
from llmpo.llm.predictors import RecordPrompt, clip_records, clip_text, count_tokens
from llmpo.methods.icpi.settings import AnySettings

_REMEMBERED_COUNTS = 1 << 14


@dataclass(frozen=True)
class Trajectory:
    """One finished episode.

    Attributes:
        states: States in order, the final one included.
        actions: Action taken in each state but the final one.
        rewards: Reward of each action.
        terminated: Whether the episode ended by itself, not by the time limit.
        decided: Whether the agent chose each action; the others are random.
    """

    states: tuple[State, ...]
    actions: tuple[int, ...]
    rewards: tuple[float, ...]
    terminated: bool
    decided: tuple[bool, ...] = ()

    def __len__(self) -> int:
        return len(self.actions)

    def ends_at(self, step: int) -> bool:
        """Tells whether the episode terminated with a step."""
        return self.terminated and step == len(self) - 1


class Prompts:
    """The agent's experience, filed by the questions it can help to answer.

    Args:
        codec: Writes the records.
        settings: What goes into prompts.
        rng: Shuffles.
    """

    def __init__(
        self, codec: TextCodec, settings: AnySettings, rng: np.random.Generator
    ) -> None:
        self._codec = codec
        self._settings = settings
        self._rng = rng
        self._only_successes = settings.algorithm == "no_argmax"
        # Records by action, and in it by what prompts balance. Without constraints,
        # those of all actions (and both terminations) are in one place.
        self._terminations = _Files()
        self._rewards = _Files()
        self._states = _Files()
        self._recent: deque[list[str]] = deque(maxlen=settings.recency)
        self._count = lru_cache(_REMEMBERED_COUNTS)(count_tokens)

    @property
    def recent(self) -> int:
        """How many episodes the policy prompt shows."""
        return len(self._recent)

    @property
    def ready(self) -> bool:
        """Whether there is something to show in prompts of every kind."""
        actions = range(len(self._codec.actions))
        return (
            all(self._terminations[self._place(action)] for action in actions)
            and any(self._states[self._place(action)] for action in actions)
            and any(self._recent)
        )

    @property
    def can_imitate(self) -> bool:
        """Whether there is something to show in the policy prompt."""
        return any(self._recent)

    def add(self, trajectory: Trajectory) -> None:
        """Files an episode."""
        steps = self._steps(trajectory)
        for step in steps:
            self._file(step)
        if self._only_successes and not self._codec.is_success(trajectory.rewards):
            return
        self._recent.append(
            [
                self._codec.policy_record(part).removeprefix("\n")
                for part in self._parts(steps)
                if not self._only_successes
                or self._codec.is_success([step.reward for step in part])
            ]
        )

    def termination(self, state: str, action: int) -> RecordPrompt:
        """Asks whether an action ends the episode."""
        classes = self._terminations[self._place(action)]
        return self._prompt(classes.values(), self._codec.query(state, action))

    def reward(self, state: str, action: int, terminated: bool) -> RecordPrompt:
        """Asks what an action pays, given whether it ends the episode."""
        classes = self._rewards[self._place(action, terminated)]
        return self._prompt(classes.values(), self._codec.query(state, action))

    def next_state(self, state: str, action: int) -> RecordPrompt:
        """Asks which state an action leads to."""
        classes = self._states[self._place(action)]
        return self._prompt(classes.values(), self._codec.query(state, action))

    def policy(self, state: str) -> RecordPrompt:
        """Asks for an action."""
        records = [record for records in self._recent for record in records]
        query = self._codec.policy_query(state).removeprefix("\n")
        return self._prompt([records] if records else [], query)

    def _steps(self, trajectory: Trajectory) -> list[TextStep]:
        hints = self._settings.hints
        texts = [self._codec.state(state, hints=hints) for state in trajectory.states]
        return [
            TextStep(
                texts[time],
                trajectory.actions[time],
                trajectory.rewards[time],
                trajectory.ends_at(time),
                texts[time + 1],
            )
            for time in range(len(trajectory))
        ]

    def _file(self, step: TextStep) -> None:
        # Blank lines between records are the business of `RecordPrompt`.
        ended = self._codec.termination_record(step).removesuffix("\n")
        paid = self._codec.reward_record(step).removesuffix("\n")
        place = self._place(step.action)
        balanced = self._settings.balancing
        self._terminations.add(place, step.terminated if balanced else None, ended)
        self._rewards.add(
            self._place(step.action, step.terminated),
            step.reward if balanced else None,
            paid,
        )
        if not step.terminated or not self._settings.constraints:
            moved = self._codec.state_record(step).removesuffix("\n")
            self._states.add(place, None, moved)

    def _place(self, *constraints: int | bool) -> tuple[int | bool, ...]:
        return constraints if self._settings.constraints else ()

    def _parts(self, steps: Sequence[TextStep]) -> Iterator[Sequence[TextStep]]:
        end = len(steps)
        match self._settings.policy_records:
            case "trajectories":
                yield steps
            case "suffixes":
                yield from (steps[start:] for start in range(end))
            case "subsequences":
                for start in range(end):
                    for stop in range(start + 1, end + 1):
                        yield steps[start:stop]

    def _prompt(self, classes: Collection[list[str]], query: str) -> RecordPrompt:
        settings = self._settings
        if settings.deduplicate:
            records = weighted(classes, self._rng)
        else:
            records = shuffled(balanced(classes, self._rng), self._rng)
        prompt = RecordPrompt(records, query)
        if settings.clipping == "records":
            return clip_records(prompt, settings.context_budget, self._count)
        if settings.context_budget is None:
            return prompt
        return RecordPrompt((), clip_text(prompt.text, settings.context_budget))


def balanced(classes: Collection[list[str]], rng: np.random.Generator) -> list[str]:
    """Returns the records of all classes, repeated until each class is as large.

    Copies of a record differ in number by at most one; chance decides which.
    """
    largest = max(map(len, classes), default=0)
    records: list[str] = []
    for members in classes:
        copies, rest = divmod(largest, len(members))
        records += members * copies
        if rest:
            records += shuffled(members, rng)[:rest]
    return records


def weighted(classes: Collection[list[str]], rng: np.random.Generator) -> list[str]:
    """Returns each distinct record once, in random order, heavy ones rather late.

    A record weighs its share of its class. Clipping, which keeps the latest, so draws
    records without replacement in proportion to their weights.
    """
    weights = Counter[str]()
    for members in classes:
        for record, copies in Counter(members).items():
            weights[record] += copies / len(members)  # type: ignore[assignment]
    # The waiting time for a record, with its weight as rate; the first comes last.
    waits = rng.exponential(size=len(weights)) / np.array(list(weights.values()))
    records = list(weights)
    return [records[place] for place in np.argsort(-waits)]


def shuffled(records: Sequence[str], rng: np.random.Generator) -> list[str]:
    """Returns the records in random order."""
    return [records[place] for place in rng.permutation(len(records)).tolist()]


class _Files:
    """Records by place, and there by class; no class is empty."""

    def __init__(self) -> None:
        self._classes = defaultdict[tuple[object, ...], dict[object, list[str]]](dict)

    def __getitem__(self, place: tuple[object, ...]) -> dict[object, list[str]]:
        return self._classes.get(place, {})

    def add(self, place: tuple[object, ...], kind: object, record: str) -> None:
        self._classes[place].setdefault(kind, []).append(record)
