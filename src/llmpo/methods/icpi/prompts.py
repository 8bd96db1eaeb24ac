"""Prompts of ICPI: which of the agent's own experience they show, and how it is mixed.

Each prompt is built anew for each question, so each shows its records in another order.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain

import numpy as np

from llmpo.envs.icpi_rules import State
from llmpo.envs.icpi_text import TextCodec, TextStep
from llmpo.llm.predictors import (
    Library,
    Numbers,
    RecordPrompt,
    Records,
    clip_records,
    clip_text,
    count_tokens,
)
from llmpo.methods.icpi.settings import AnySettings

_REMEMBERED_COUNTS = 1 << 14
_NONE: Numbers = np.zeros(0, np.intp)

_Place = tuple[int | bool, ...]


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
        self._terminations = defaultdict[_Place, _File](self._file)
        self._rewards = defaultdict[_Place, _File](self._file)
        self._states = defaultdict[_Place, _File](self._file)
        self._recent: deque[list[str]] = deque(maxlen=settings.recency)
        # Those of the policy prompt. The library of old ones is left behind.
        self._policy = Records(Library(), _NONE)
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
            all(self._terminations[self._place(action)].classes for action in actions)
            and any(self._states[self._place(action)].classes for action in actions)
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
            self._add(step)
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
        library = Library(self._count)
        self._policy = Records(library, library.add_all(chain(*self._recent)))

    def termination(self, state: str, action: int) -> RecordPrompt:
        """Asks whether an action ends the episode."""
        return self._world(self._terminations, state, action)

    def reward(self, state: str, action: int, terminated: bool) -> RecordPrompt:
        """Asks what an action pays, given whether it ends the episode."""
        return self._world(self._rewards, state, action, terminated)

    def next_state(self, state: str, action: int) -> RecordPrompt:
        """Asks which state an action leads to."""
        return self._world(self._states, state, action)

    def policy(self, state: str) -> RecordPrompt:
        """Asks for an action."""
        query = self._codec.policy_query(state).removeprefix("\n")
        records = self._policy
        classes = [records.numbers] if len(records) else []
        return self._prompt(records.library, classes, query)

    def _world(
        self,
        files: defaultdict[_Place, "_File"],
        state: str,
        action: int,
        *constraints: bool,
    ) -> RecordPrompt:
        file = files[self._place(action, *constraints)]
        query = self._codec.query(state, action)
        return self._prompt(file.library, file.classes, query)

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

    def _file(self) -> "_File":
        return _File(Library(self._count))

    def _add(self, step: TextStep) -> None:
        # Blank lines between records are the business of `RecordPrompt`.
        ended = self._codec.termination_record(step).removesuffix("\n")
        paid = self._codec.reward_record(step).removesuffix("\n")
        place = self._place(step.action)
        balanced = self._settings.balancing
        self._terminations[place].add(step.terminated if balanced else None, ended)
        payment = self._place(step.action, step.terminated)
        self._rewards[payment].add(step.reward if balanced else None, paid)
        if not step.terminated or not self._settings.constraints:
            moved = self._codec.state_record(step).removesuffix("\n")
            self._states[place].add(None, moved)

    def _place(self, *constraints: int | bool) -> _Place:
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

    def _prompt(
        self, library: Library, classes: Sequence[Numbers], query: str
    ) -> RecordPrompt:
        settings = self._settings
        if settings.deduplicate:
            numbers = weighted(classes, self._rng)
        else:
            numbers = self._rng.permutation(balanced(classes, self._rng))
        whole = RecordPrompt(Records(library, numbers), query)
        budget = settings.context_budget
        clipped = clip_records(whole, budget, self._count)
        if settings.clipping == "records" or budget is None:
            return clipped
        # One more record fills the budget up, as far as tokens are left for it.
        dropped = len(whole.records) - len(clipped.records)
        shown = RecordPrompt(whole.records[max(0, dropped - 1) :], query)
        return RecordPrompt((), clip_text(shown.text, budget))


def balanced(classes: Sequence[Numbers], rng: np.random.Generator) -> Numbers:
    """Returns the records of all classes, repeated until each class is as large.

    Copies of a record differ in number by at most one; chance decides which.
    """
    largest = max(map(len, classes), default=0)
    records: list[Numbers] = [_NONE]
    for members in classes:
        copies, rest = divmod(largest, len(members))
        records += [members] * copies
        if rest:
            records.append(rng.permutation(members)[:rest])
    return np.concatenate(records)


def weighted(classes: Sequence[Numbers], rng: np.random.Generator) -> Numbers:
    """Returns each distinct record once, in random order, heavy ones rather late.

    A record weighs its share of its class. Clipping, which keeps the latest, so draws
    records without replacement in proportion to their weights.
    """
    weights = Counter[int]()
    for members in classes:
        for record, copies in Counter(members.tolist()).items():
            weights[record] += copies / len(members)  # type: ignore[assignment]
    # The waiting time for a record, with its weight as rate; the first comes last.
    waits = rng.exponential(size=len(weights)) / np.array(list(weights.values()))
    return np.array(list(weights), np.intp)[np.argsort(-waits)]


class _File:
    """Records of one place, by class; no class is empty."""

    def __init__(self, library: Library) -> None:
        self.library = library
        self._members: dict[object, list[int]] = {}
        self._classes: list[Numbers] | None = []

    @property
    def classes(self) -> list[Numbers]:
        """The records of each class, copies included."""
        if self._classes is None:
            members = self._members.values()
            self._classes = [np.array(numbers, np.intp) for numbers in members]
        return self._classes

    def add(self, kind: object, record: str) -> None:
        self._members.setdefault(kind, []).append(self.library.add(record))
        self._classes = None
