"""The hours of the pandemic environment, compiled: people move, then meet.

In an hour 500 persons drawn with replacement act one after the other, so most act
once and more than a third do not act at all. Then contacts are drawn in each place,
and each contact with an infectious person lowers the other's probability of escaping
infection until the next daily update.

The state of an episode is three tables: the town (one row), its places and its
people. Compiled functions take single rows of them, which costs nothing.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from llmpo.envs.compiled import compiled
from llmpo.envs.pandemic_tables import Row, Table

# What a person is to the place it is in.
ASSIGNEE, VISITOR, PATIENT = range(3)
# Test results; a higher number is the worse news.
UNTESTED, NEGATIVE, POSITIVE, CRITICAL, DEAD = range(5)
# Where a routine stands.
_IDLE, _DUE, _STARTED, _DONE = range(4)

# Routines in the order in which a person tries them. The last one belongs to work
# hours, the others to free time.
GROCERY, RETAIL, SALON, RESTAURANT, BAR, SOCIAL, CANTEEN = range(7)
NOWHERE: Final = -1
_COMPLIANCE: Final = 0.99
_START_PROBABILITY: Final = 0.9

_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX_1: Final = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2: Final = np.uint64(0x94D049BB133111EB)
_SHIFT_1, _SHIFT_2, _SHIFT_3 = np.uint64(30), np.uint64(27), np.uint64(31)
_TO_53_BITS: Final = np.uint64(11)


@compiled
def uniform(town: Row) -> float:
    """Returns a number in [0, 1) from the town's SplitMix64 generator."""
    mixed = town.stream + _STEP
    town.stream = mixed
    mixed = (mixed ^ (mixed >> _SHIFT_1)) * _MIX_1
    mixed = (mixed ^ (mixed >> _SHIFT_2)) * _MIX_2
    mixed ^= mixed >> _SHIFT_3
    return float(mixed >> _TO_53_BITS) * 2.0**-53


@compiled
def below(town: Row, limit: int) -> int:
    """Returns an integer from 0 to limit - 1."""
    return int(uniform(town) * limit)


@compiled
def enter(town: Row, places: Table, person: Row, where: int) -> bool:
    """Moves a person to a place if it may enter, and returns whether it is there."""
    if where == person.home:
        person.goes_home = False
    if where == person.location:
        return True
    place = places[where]
    belongs = where in (person.home, person.base)
    as_patient = where == town.hospital and person.critical
    if as_patient:
        if town.patients >= town.beds:
            return False
    else:
        if not place.is_open or person.age < place.minimum_age:
            return False
        if not belongs and 0 <= place.capacity <= place.visitors:
            return False

    if person.role == VISITOR:
        places[person.location].visitors -= 1
    elif person.role == PATIENT:
        town.patients -= 1
    person.location = where
    if as_patient:
        person.role = PATIENT
        town.patients += 1
    elif belongs:
        person.role = ASSIGNEE
    else:
        person.role = VISITOR
        place.visitors += 1
    return True


@compiled
def update_routines(person: Row, hour: int) -> None:
    """Notes which routines of a person become available, due or no longer due."""
    weekday, time = hour // 24 % 7, hour % 24
    for routine in range(len(person.status)):
        status = person.status[routine]
        again = 168 if routine == SOCIAL else 24
        if status == _DONE and hour % again == 0:
            status = _IDLE
        if status <= _DUE:
            valid = person.has_routine[routine]
            if routine == RESTAURANT:
                valid = valid and weekday >= 5
            elif routine == SOCIAL:
                valid = valid and 15 <= time < 20
            elif routine == CANTEEN:
                valid = valid and weekday < 5 and 11 <= time < 14
            if valid and status == _IDLE:
                since = hour - person.offset[routine]
                valid = since >= 0 and since % person.interval[routine] == 0
            status = _DUE if valid else _IDLE
        person.status[routine] = status


@compiled
def choose_place(town: Row, person: Row, routine: int) -> int:
    """Draws where a routine leads, or -1 if a social visit is not allowed."""
    if routine == SOCIAL:
        if uniform(town) < _COMPLIANCE and town.no_gatherings:
            return NOWHERE
        return below(town, town.homes)
    if uniform(town) < town.explore[routine]:
        return int(town.first_choice[routine] + below(town, town.choices[routine]))
    return int(person.favourite[routine])


@compiled
def follow_routines(
    town: Row, places: Table, person: Row, first: int, last: int
) -> bool:
    """Ends, continues or starts a routine; returns whether it takes up the hour."""
    for routine in range(first, last):
        if person.status[routine] == _STARTED:
            stays = person.location == person.destination[routine]
            # The published simulator never counts the hours, so who means to stay
            # for two stays until something else moves it.
            if stays and person.stay[routine] > 1:
                return True
            person.status[routine] = _DONE
    for routine in range(first, last):
        if person.status[routine] != _DUE:
            continue
        if person.start[routine] not in (NOWHERE, person.location):
            continue
        if uniform(town) >= _START_PROBABILITY:
            continue
        where = choose_place(town, person, routine)
        if where != NOWHERE and enter(town, places, person, where):
            person.status[routine] = _STARTED
            person.destination[routine] = where
            return True
    return False


@compiled
def act(town: Row, places: Table, person: Row, hour: int) -> None:
    """Lets one person act."""
    here, home = person.location, person.home
    if here not in (home, person.base) and places[here].is_open:
        person.goes_home = True
    update_routines(person, hour)

    if person.test == CRITICAL:
        if person.hospitalised:
            return
        if enter(town, places, person, town.hospital):
            person.hospitalised = True
            return
    elif person.hospitalised:
        person.hospitalised = False
        if here == town.hospital:
            enter(town, places, person, home)
            return

    complies = uniform(town) < _COMPLIANCE
    sick = person.test in (POSITIVE, CRITICAL)
    if complies and sick and town.stay_home_if_sick and here != home:
        enter(town, places, person, home)
        return
    if person.goes_home:
        enter(town, places, person, home)

    if person.on_duty[hour % 168]:
        if person.works and follow_routines(town, places, person, CANTEEN, CANTEEN + 1):
            return
        enter(town, places, person, person.base)
    elif not follow_routines(town, places, person, 0, CANTEEN):
        enter(town, places, person, home)


@compiled
def expose(town: Row, one: Row, other: Row) -> None:
    """Lowers the probabilities of escape after a contact."""
    for variant in range(len(one.escape)):
        first, second = one.infectious[variant], other.infectious[variant]
        if first and second:
            # Two alpha-infectious persons cannot pass on delta either.
            return
        multiplier = town.multiplier[variant]
        if first:
            other.escape[variant] *= 1.0 - one.spread[variant] * multiplier
        elif second:
            one.escape[variant] *= 1.0 - other.spread[variant] * multiplier


@compiled
def meet(
    town: Row,
    place: Row,
    people: Table,
    assignees: npt.NDArray[np.int64],
    visitors: npt.NDArray[np.int64],
    noise: npt.NDArray[np.float64],
    met: npt.NDArray[np.int64],
    hour: int,
) -> None:
    """Draws the contacts of an hour in one place."""
    for group in range(3):
        those = visitors if group == 2 else assignees
        others = assignees if group == 0 else visitors
        size = len(those)
        pairs = size * (size - 1) // 2 if group != 1 else size * len(others)
        if pairs == 0:
            continue
        share = min(1.0, max(0.0, place.contact_share[group] + 0.01 * noise[group]))
        for _ in range(max(place.least_contacts[group], int(share * pairs))):
            index = below(town, size)
            if group == 1:
                partner = below(town, len(others))
            else:
                partner = (index + 1 + below(town, size - 1)) % size
            one, other = those[index], others[partner]
            low, high = min(one, other), max(one, other)
            if met[low, high] != hour:  # the same pair counts once
                met[low, high] = hour
                expose(town, people[one], people[other])


@compiled
def meet_everywhere(
    town: Row,
    places: Table,
    people: Table,
    noise: npt.NDArray[np.float64],
    met: npt.NDArray[np.int64],
    hour: int,
) -> None:
    """Draws the contacts of an hour wherever somebody is infectious.

    Patients take no part, nor do the buried.
    """
    at_risk = np.zeros(len(places), np.bool_)
    # starts[2 * place + role] is where the people of a place and role begin.
    starts = np.zeros(2 * len(places) + 1, np.int64)
    for who in range(len(people)):
        person = people[who]
        if person.role != PATIENT and person.location != NOWHERE:
            starts[2 * person.location + person.role + 1] += 1
            if person.infectious[0] or person.infectious[1]:
                at_risk[person.location] = True
    for index in range(1, len(starts)):
        starts[index] += starts[index - 1]
    present = np.empty(len(people), np.int64)
    filled = starts.copy()
    for who in range(len(people)):
        person = people[who]
        if person.role != PATIENT and person.location != NOWHERE:
            index = 2 * person.location + person.role
            present[filled[index]] = who
            filled[index] += 1
    for where in range(len(places)):
        if at_risk[where]:
            assignees = present[starts[2 * where] : starts[2 * where + 1]]
            visitors = present[starts[2 * where + 1] : starts[2 * where + 2]]
            place = places[where]
            meet(town, place, people, assignees, visitors, noise[where], met, hour)


@compiled
def simulate_hours(
    towns: Table,
    places: Table,
    people: Table,
    noise: npt.NDArray[np.float64],
    met: npt.NDArray[np.int64],
    first: int,
) -> None:
    """Simulates as many hours as there is noise for.

    Args:
        towns: Table of one row; like the other tables changed in place.
        places: The town's places.
        people: Its people.
        noise: (hour, place, 3) standard normal numbers for the shares of pairs.
        met: (person, person) the last hour in which two met; any hour before `first`.
        first: The first hour, counted from the start of the episode.
    """
    town = towns[0]
    for step in range(len(noise)):
        hour = first + step
        for where in range(len(places)):
            places[where].is_open = places[where].opening[hour % 168]
        for _ in range(len(people)):
            person = people[below(town, len(people))]
            if person.location != NOWHERE:
                act(town, places, person, hour)
        meet_everywhere(town, places, people, noise[step], met, hour)
