"""The daily part of the pandemic environment: disease, and tests for it.

Two variants infect independently of each other, each with its own course in every
person. Once a day all courses move on, and a part of the people is tested.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np
import numpy.typing as npt

from llmpo.envs.pandemic_hour import (
    ASSIGNEE,
    CRITICAL,
    DEAD,
    NEGATIVE,
    NOWHERE,
    PATIENT,
    POSITIVE,
    UNTESTED,
    VISITOR,
)
from llmpo.envs.pandemic_town import Rates, Town

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Courses of a variant in a person.
SUSCEPTIBLE, EXPOSED, PRE_ASYMPTOMATIC, PRE_SYMPTOMATIC, ASYMPTOMATIC = range(5)
SYMPTOMATIC, NEEDS_HOSPITAL, HOSPITALISED, RECOVERED, DIED = range(5, 10)
_COURSES: Final = 10

# Columns of a summary, in the alphabetical order of the published observations.
IS_CRITICAL, IS_DEAD, IS_INFECTED, IS_NONE, IS_RECOVERED = range(5)
SUMMARY_COLUMNS: Final = ("critical", "dead", "infected", "none", "recovered")
_SUMMARY: Final = np.array(
    [
        *(IS_NONE, IS_NONE, IS_INFECTED, IS_INFECTED, IS_INFECTED),
        *(IS_INFECTED, IS_CRITICAL, IS_CRITICAL, IS_RECOVERED, IS_DEAD),
    ]
)
# Of two variants the one with the higher rank decides what a person counts as.
_RANK: Final = np.array([3, 4, 2, 0, 1])
_COLUMN_OF_RANK: Final = np.argsort(_RANK)
_COLUMN_OF_TEST: Final = np.array([IS_NONE, IS_NONE, IS_INFECTED, IS_CRITICAL, IS_DEAD])

FIRST_CASES: Final = 6
DELTA_START: Final = range(95, 105)
_SPREAD_MEAN, _SPREAD_DEVIATION = (0.021, 0.03), 0.01
ALARM: Final = 10
"""People tested as infected from which the threshold flag is up."""

_SYMPTOMATIC_SHARE: Final = 0.57
_PRE_RATE: Final = 1 / 2.3
_HOSPITAL_RATE: Final = 0.1695
_UNTREATED_RECOVERS, _UNTREATED_DIES = 0.0214286, 0.3
# By age class: up to 4, 17, 49, 64, above; then the same for persons at high risk.
_LAST_AGE: Final = np.array([4, 17, 49, 64])
_HOSPITAL_PERCENT: Final = np.array(
    [
        *(0.0279, 0.0215, 1.3215, 2.8563, 3.3873),
        *(0.2791, 0.2146, 13.2154, 28.5634, 33.8733),
    ]
)
_UNTREATED_DEATH: Final = np.tile([0.2390, 0.3208, 0.2304, 0.3049, 0.4269], 2)
_HOSPITAL_DEATH: Final = np.tile([0.0390, 0.1208, 0.0304, 0.1049, 0.2269], 2)

_TEST_SHARE, _RETEST_SHARE = 0.3, 0.033
_FALSE_NEGATIVE, _FALSE_POSITIVE = 0.01, 0.001


@dataclass(frozen=True)
class Transitions:
    """Where courses lead in a day: two ways on, else the course stays.

    Attributes:
        next_course: (course, 2) the two ways.
        probability: (course, 2, group) their probabilities.
    """

    next_course: Ints
    probability: Floats

    @classmethod
    def from_rates(cls, rates: Rates) -> "Transitions":
        """Returns the transitions of a variant."""
        groups = len(_HOSPITAL_PERCENT)
        next_course = np.tile(np.arange(_COURSES)[:, None], 2)
        probability = np.zeros((_COURSES, 2, groups))

        def lead(course: int, *ways: tuple[int, npt.ArrayLike]) -> None:
            for way, (target, chance) in enumerate(ways):
                next_course[course, way] = target
                probability[course, way] = chance

        leaves = rates.leaves_exposed
        recovers = rates.symptomatic_recovers
        hospital = 0.01 * _HOSPITAL_PERCENT
        worsens = recovers * hospital
        worsens /= _HOSPITAL_RATE + (recovers - _HOSPITAL_RATE) * hospital
        lead(
            EXPOSED,
            (PRE_ASYMPTOMATIC, leaves * (1 - _SYMPTOMATIC_SHARE)),
            (PRE_SYMPTOMATIC, leaves * _SYMPTOMATIC_SHARE),
        )
        lead(PRE_ASYMPTOMATIC, (ASYMPTOMATIC, _PRE_RATE))
        lead(PRE_SYMPTOMATIC, (SYMPTOMATIC, _PRE_RATE))
        lead(ASYMPTOMATIC, (RECOVERED, rates.asymptomatic_recovers))
        lead(
            SYMPTOMATIC,
            (NEEDS_HOSPITAL, _HOSPITAL_RATE * worsens),
            (RECOVERED, recovers * (1 - worsens)),
        )
        lead(
            NEEDS_HOSPITAL,
            (RECOVERED, _UNTREATED_RECOVERS * (1 - _UNTREATED_DEATH)),
            (DIED, _UNTREATED_DIES * _UNTREATED_DEATH),
        )
        lead(
            HOSPITALISED,
            (RECOVERED, rates.hospitalised_recovers * (1 - _HOSPITAL_DEATH)),
            (DIED, rates.hospitalised_dies * _HOSPITAL_DEATH),
        )
        return cls(next_course, probability)

    def step(self, course: Ints, group: Ints, draw: Floats) -> Ints:
        """Returns the courses of the next day, given uniform draws."""
        first = self.probability[course, 0, group]
        second = first + self.probability[course, 1, group]
        way = np.where(draw < first, self.next_course[course, 0], course)
        return np.where(
            (first <= draw) & (draw < second), self.next_course[course, 1], way
        )


@dataclass
class Disease:
    """The course of both variants in all persons of an episode.

    Attributes:
        town: The town of this episode; its people are told how they are.
        rng: The episode's generator.
        deaths_recorded: Whether tests notice deaths. The published ones overwrite
            them, so that the dead go on with their lives, if without infecting.
        course: (variant, person).
        results: (3, person) last test results: overall, alpha, delta.
        counts: (3, 5) people by test result, in summary columns.
    """

    town: Town
    rng: np.random.Generator
    deaths_recorded: bool
    course: Ints = field(init=False)
    results: Ints = field(init=False)
    counts: Ints = field(init=False)

    def __post_init__(self) -> None:
        people, variants = len(self.town.people), len(self.town.rates)
        self.course = np.full((variants, people), SUSCEPTIBLE)
        self.results = np.full((1 + variants, people), UNTESTED)
        self.counts = np.zeros((1 + variants, len(SUMMARY_COLUMNS)), dtype=np.int64)
        self.counts[:, IS_NONE] = people
        self._transitions = [Transitions.from_rates(r) for r in self.town.rates]
        self._group = np.searchsorted(_LAST_AGE, self.town.people["age"])
        self._group += self.town.people["high_risk"] * (len(_LAST_AGE) + 1)
        start = DELTA_START.start, DELTA_START.stop
        # Each variant begins on the first update after its day.
        self._begins = (-1, int(self.rng.integers(*start)))
        self._begun = [False] * variants

        self.town.people["spread"] = self._spread_rates().T

    def update(self, day: int) -> None:
        """Moves all courses on by a day, tests people and tells the town."""
        people = self.town.people
        draws = self.rng.random((5, len(people)))
        for variant, transitions in enumerate(self._transitions):
            if day > self._begins[variant]:
                self._advance(variant, transitions, draws[variant])
        people["escape"] = 1.0
        columns = _SUMMARY[self.course]
        people["critical"] = self.overall() == IS_CRITICAL
        people["infectious"] = _is_ill(columns).T
        self._test(columns, draws[2], draws[3:])

    def overall(self) -> Ints:
        """Returns the summary column of each person."""
        columns: Ints = _COLUMN_OF_RANK[_RANK[_SUMMARY[self.course]].max(axis=0)]
        return columns

    def shares(self) -> Floats:
        """Returns the summaries as shares: true overall, alpha, delta, then tested."""
        true = [self.overall(), *_SUMMARY[self.course]]
        counted = [np.bincount(columns, minlength=5) for columns in true]
        return np.concatenate((counted, self.counts)) / len(self.town.people)

    @property
    def above_threshold(self) -> bool:
        """Whether at least ten people are known to be infected."""
        return bool(self.counts[0, IS_INFECTED] >= ALARM)

    def _spread_rates(self) -> Floats:
        """Draws for each variant and person the chance to infect at a contact."""
        means = np.array(_SPREAD_MEAN)[:, None]
        rates = np.full(self.course.shape, -1.0)
        while (outside := (rates < 0.0) | (rates > 1.0)).any():
            draws = self.rng.normal(means, _SPREAD_DEVIATION, rates.shape)
            rates = np.where(outside, draws, rates)
        return rates

    def _advance(self, variant: int, transitions: Transitions, draw: Floats) -> None:
        people, course = self.town.people, self.course[variant]
        if not self._begun[variant]:
            self._begun[variant] = True
            course[:FIRST_CASES] = EXPOSED
        risk = 1.0 - people["escape"][:, variant]
        infected = (course == SUSCEPTIBLE) & (draw < risk)
        moved = transitions.step(course, self._group, draw)
        moved[infected] = EXPOSED
        # Admission is a fact about the alpha variant only, as published: whoever is
        # critical from delta counts as untreated wherever it lies.
        if variant == 0:
            moved[(course == NEEDS_HOSPITAL) & people["hospitalised"]] = HOSPITALISED
        self.course[variant] = moved

    def _test(self, columns: Ints, draw: Floats, errors: Floats) -> None:
        known = np.isin(self.results[0], (POSITIVE, CRITICAL))
        tested = (
            (columns == IS_DEAD).any(axis=0)
            | (columns == IS_CRITICAL).any(axis=0)
            | self.town.people["hospitalised"]
            | (known & (draw < _RETEST_SHARE))
            # The published shares for those with and without symptoms are equal.
            | (draw < _TEST_SHARE)
        )
        tested &= self.results[0] != DEAD
        ill = _is_ill(columns)
        found = np.where(ill, errors >= _FALSE_NEGATIVE, errors < _FALSE_POSITIVE)
        result = np.where(found, POSITIVE, NEGATIVE)
        result[found & (columns == IS_CRITICAL)] = CRITICAL
        if self.deaths_recorded:
            result[columns == IS_DEAD] = DEAD
        results = np.where(
            tested, np.vstack((result.max(axis=0), result)), self.results
        )
        for counts, old, new in zip(self.counts, self.results, results, strict=True):
            recount(counts, old, new)
        if self.deaths_recorded:
            self._bury((results[0] == DEAD) & (self.results[0] != DEAD))
        self.results = results
        self.town.people["test"] = results[0]

    def _bury(self, dead: Bools) -> None:
        """Takes people out of the town."""
        for who in np.flatnonzero(dead):
            person = self.town.people[who]
            if person["role"] == VISITOR:
                self.town.places["visitors"][person["location"]] -= 1
            elif person["role"] == PATIENT:
                self.town.town["patients"] -= 1
            person["location"] = NOWHERE
            person["role"] = ASSIGNEE
            person["hospitalised"] = False


def _is_ill(columns: Ints) -> Bools:
    ill: Bools = (columns == IS_INFECTED) | (columns == IS_CRITICAL)
    return ill


def recount(counts: Ints, old: Ints, new: Ints) -> None:
    """Moves people between the columns of tested people.

    Whoever was ill counts as recovered with the next negative result. The reverse
    way leads out of "none", as published, until that column is empty.
    """
    changed = old != new
    old, new = old[changed], new[changed]
    was_ill = (old == POSITIVE) | (old == CRITICAL)
    into = np.where((new == NEGATIVE) & was_ill, IS_RECOVERED, _COLUMN_OF_TEST[new])
    counts += np.bincount(into, minlength=5)
    counts -= np.bincount(_COLUMN_OF_TEST[old], minlength=5)
    missing = min(0, int(counts[IS_NONE]))
    counts[IS_NONE] -= missing
    counts[IS_RECOVERED] += missing
