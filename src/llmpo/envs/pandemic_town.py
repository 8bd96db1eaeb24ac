"""The town of the pandemic environment: places, people and their habits.

A town is what the published simulator draws when it is constructed: 500 persons with
homes, work and routines, and the rates of the two virus variants. It is drawn in the
simulator's own order from NumPy's frozen legacy generator, so that town seed 0 is the
town in which all published episodes take place.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from llmpo.envs.pandemic_hour import (
    ASSIGNEE,
    BAR,
    CANTEEN,
    GROCERY,
    NOWHERE,
    RESTAURANT,
    RETAIL,
    SALON,
    SOCIAL,
)
from llmpo.envs.pandemic_places import (
    HOSPITAL,
    HOSPITAL_BEDS,
    PLACE_COUNT,
    PLACE_TYPES,
    PLACES,
    opening_hours,
)
from llmpo.envs.pandemic_tables import (
    HOURS_OF_WEEK,
    PERSON,
    PLACE,
    TOWN,
    VARIANTS,
    Row,
    Table,
)

PERSONS: Final = 500

# Kinds of people.
_MINOR, _WORKER, _RETIRED = range(3)
_ADULT_AGE, _RETIREMENT_AGE, _SOCIAL_AGE = 19, 66, 12
_BUSINESSES: Final = tuple(name for name in PLACE_TYPES if name != "home")
_PLACE_OF_ROUTINE: Final = {
    GROCERY: "grocery",
    RETAIL: "retail",
    SALON: "salon",
    RESTAURANT: "restaurant",
    BAR: "bar",
    SOCIAL: "home",
    CANTEEN: "restaurant",
}
_EXPLORE: Final = {
    GROCERY: 0.05,
    RETAIL: 0.05,
    SALON: 0.05,
    RESTAURANT: 0.5,
    BAR: 0.5,
    CANTEEN: 0.05,
}


class Rates(NamedTuple):
    """Daily rates of one variant, drawn once for a town."""

    leaves_exposed: float
    asymptomatic_recovers: float
    symptomatic_recovers: float
    hospitalised_recovers: float
    hospitalised_dies: float


@dataclass(frozen=True)
class Town:
    """A town with its people, as constructed.

    Attributes:
        town: Table of one row; see `pandemic_tables`, as for the others.
        places: Table of places, the homes first.
        people: Table of people, in the simulator's order.
        rates: Of the alpha and the delta variant.
    """

    town: Table
    places: Table
    people: Table
    rates: tuple[Rates, ...]

    def copy(self) -> "Town":
        """Returns a fresh town for an episode."""
        tables = self.town.copy(), self.places.copy(), self.people.copy()
        return Town(*tables, self.rates)


class _Resident(NamedTuple):
    kind: int
    age: int
    home: int
    base: int  # school or work, -1 without
    on_duty: npt.NDArray[np.bool_]  # at that base, by hour of the week
    high_risk: bool


def build_town(seed: int) -> Town:
    """Draws the town of a seed; seed 0 is the published one."""
    rng = np.random.RandomState(seed)
    # The simulator draws the days of social events when it is imported, and then
    # does not use them.
    rng.randint(0, 365, 12)
    residents = list(_residents(rng))
    rates = tuple(_rates(rng) for _ in range(VARIANTS))
    people = _people(residents)
    for person, resident in zip(people, residents, strict=True):
        _give_routines(person, resident.kind, rng)
    return Town(_town(), _places(), people, rates)


def _residents(rng: np.random.RandomState) -> Iterator[_Resident]:
    """Yields the people in the order of the simulator's list.

    The order matters: the infection starts with the first six.
    """
    minors, workers, retired = _ages_by_kind(rng)
    homes = list(PLACES["home"])
    rng.shuffle(homes)
    none = np.zeros(HOURS_OF_WEEK, dtype=np.bool_)

    nursed = int(np.ceil(0.065 * len(retired)))
    groups = _groups(retired[:nursed], 2, rng)
    for home, group in zip(homes, groups, strict=False):
        for age in group:
            yield _Resident(_RETIRED, age, home, NOWHERE, none, _risk(age, rng))
    homes = homes[len(groups) :]

    groups = _groups(minors, 3, rng)
    school = _hours(range(9, 15), range(5))
    for home, group in zip(homes, groups, strict=False):
        for age in group:
            base = PLACES["school"][int(rng.choice(len(PLACES["school"])))]
            yield _Resident(_MINOR, age, home, base, school, _risk(age, rng))
    family_homes, homes = homes[: len(groups)], homes[len(groups) :]

    # One worker for each home with minors; the first 23 % of these get nobody else.
    shared = homes + family_homes[int(0.23 * len(family_homes)) :]
    rng.shuffle(shared)
    others = retired[nursed:] + workers[len(family_homes) :]
    places = [(shared[i % len(shared)], age) for i, age in enumerate(others)]
    households = [
        *zip(family_homes, workers, strict=False),
        *places[len(retired) - nursed :],
    ]
    for home, age in households:
        base, duty = _job(rng)
        yield _Resident(_WORKER, age, home, base, duty, _risk(age, rng))
    for home, age in places[: len(retired) - nursed]:
        yield _Resident(_RETIRED, age, home, NOWHERE, none, _risk(age, rng))


def _ages_by_kind(rng: np.random.RandomState) -> tuple[list[int], list[int], list[int]]:
    """Returns the ages of minors, workers and retired."""
    # The published weights are meant for ages 2 to 100 but land on 1 to 99.
    meant = np.arange(2, 101)
    weights = np.zeros(100)
    weights[:99] = rng.normal(1, 0.05, 99)
    weights[:99] *= np.where(meant < 60, 1.0, 1 + (meant - 60) * (0.05 - 1) / 40)
    weights /= weights.sum()
    ages = [int(rng.choice(np.arange(1, 101), p=weights)) for _ in range(PERSONS)]
    rng.shuffle(ages)
    return (
        [age for age in ages if age < _ADULT_AGE],
        [age for age in ages if _ADULT_AGE <= age < _RETIREMENT_AGE],
        [age for age in ages if age >= _RETIREMENT_AGE],
    )


def _groups(
    ages: list[int], largest: int, rng: np.random.RandomState
) -> list[list[int]]:
    """Cuts a list into groups of 1 to `largest`."""
    groups, done = [], 0
    while done < len(ages):
        size = rng.randint(1, largest + 1)
        groups.append(ages[done : done + size])
        done += size
    return groups


def _risk(age: int, rng: np.random.RandomState) -> bool:
    return bool(rng.choice(2, p=[1 - age / 101, age / 101]))


def _job(rng: np.random.RandomState) -> tuple[int, npt.NDArray[np.bool_]]:
    """Draws a type of business, then a place of it, then the hours.

    The numbers of positions in the published configuration have no effect.
    """
    business = _BUSINESSES[rng.randint(0, len(_BUSINESSES))]
    work = PLACES[business][rng.randint(0, len(PLACES[business]))]
    if work != HOSPITAL:
        return work, opening_hours(PLACE_TYPES[business])
    hours: list[int]
    if rng.random_sample() < 0.5:
        hours = [22, 23, *range(7)]
    else:
        start = rng.randint(7, 13)
        hours = list(range(start, start + 9))
    first_day = rng.randint(0, 2)
    return work, _hours(hours, range(first_day, first_day + 6))


def _hours(hours: list[int] | range, days: range) -> npt.NDArray[np.bool_]:
    chosen = np.zeros((7, 24), dtype=np.bool_)
    chosen[np.ix_(list(days), list(hours))] = True
    return chosen.ravel()


def _rates(rng: np.random.RandomState) -> Rates:
    limits = ((2.8, 2.9, 3.0), (3.9, 4.0, 4.9), (3.9, 4.0, 4.1))
    hospital_limits = ((10.6, 10.7, 10.9), (7.8, 8.1, 8.2))
    return Rates(*(1 / rng.triangular(*limit) for limit in limits + hospital_limits))


def _town() -> Table:
    town = np.zeros(1, dtype=TOWN)
    town["homes"] = len(PLACES["home"])
    town["hospital"] = HOSPITAL
    town["beds"] = HOSPITAL_BEDS
    for routine, name in _PLACE_OF_ROUTINE.items():
        town["explore"][0, routine] = _EXPLORE.get(routine, 0.0)
        town["first_choice"][0, routine] = PLACES[name].start
        town["choices"][0, routine] = len(PLACES[name])
    return town


def _places() -> Table:
    places = np.zeros(PLACE_COUNT, dtype=PLACE)
    for name, numbers in PLACES.items():
        kind = PLACE_TYPES[name]
        for number in numbers:
            places["capacity"][number] = kind.capacity
            places["minimum_age"][number] = kind.minimum_age
            places["opening"][number] = opening_hours(kind)
            places["least_contacts"][number] = kind.least_contacts
            places["contact_share"][number] = kind.contact_share
    return places


def _people(residents: list[_Resident]) -> Table:
    """Returns the people at home and healthy, without routines."""
    people = np.zeros(len(residents), dtype=PERSON)
    for field in ("age", "high_risk", "home", "base", "on_duty"):
        people[field] = [getattr(resident, field) for resident in residents]
    people["works"] = [resident.kind == _WORKER for resident in residents]
    people["location"] = people["home"]
    people["role"] = ASSIGNEE
    people["favourite"] = people["destination"] = NOWHERE
    people["interval"] = people["stay"] = 1
    people["escape"] = 1.0
    return people


def _give_routines(person: Row, kind: int, rng: np.random.RandomState) -> None:
    """Gives a person the routines of its kind, with places and days of its own."""

    def give(routine: int, start: int, every_days: int = 0) -> None:
        person["has_routine"][routine] = True
        person["start"][routine] = start
        if routine == SOCIAL:
            person["stay"][routine] = rng.randint(1, 3)
            return
        choices = PLACES[_PLACE_OF_ROUTINE[routine]]
        person["favourite"][routine] = choices[rng.randint(0, len(choices))]
        if every_days:
            person["interval"][routine] = 24 * every_days
            person["offset"][routine] = 24 * rng.randint(0, every_days)

    if kind == _MINOR:
        give(SALON, person["home"], every_days=30)
        give(RESTAURANT, person["home"])
        if person["age"] >= _SOCIAL_AGE:
            give(SOCIAL, person["home"])
        return
    if kind == _WORKER:
        give(CANTEEN, person["base"])
    give(GROCERY, NOWHERE, every_days=7)
    give(RETAIL, NOWHERE, every_days=7)
    give(SALON, NOWHERE, every_days=30)
    give(RESTAURANT, NOWHERE)
    give(BAR, person["home"], every_days=3 if kind == _WORKER else 2)
    give(SOCIAL, person["home"])
