"""The places of the pandemic environment's town."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class PlaceType:
    """One line of the town's table of places.

    Attributes:
        number: How many places of the type there are.
        hours: Opening hours, both ends included, as (first, last) pairs.
        days: Days of the week on which it opens, 0 being Monday.
        capacity: Most visitors at a time; -1 for no limit.
        least_contacts: Fewest contacts an hour among assignees, between assignees
            and visitors, and among visitors.
        contact_share: Share of all possible pairs that meet, for the same groups.
        minimum_age: Age from which one may enter.
    """

    number: int
    hours: tuple[tuple[int, int], ...]
    days: range
    capacity: int
    least_contacts: tuple[int, int, int]
    contact_share: tuple[float, float, float]
    minimum_age: int = 0


_ALWAYS = ((0, 23),)
_WEEK, _SCHOOL_DAYS, _SHOP_DAYS = range(7), range(5), range(6)
_LEISURE_DAYS = range(1, 7)

# The order is that of the simulator's configuration; random draws depend on it.
PLACE_TYPES: Final = {
    "home": PlaceType(150, _ALWAYS, _WEEK, -1, (0, 1, 0), (0.5, 0.3, 0.3)),
    "grocery": PlaceType(2, ((7, 20),), _SHOP_DAYS, 30, (0, 1, 0), (0.2, 0.25, 0.3)),
    "office": PlaceType(
        2, ((9, 16),), _SCHOOL_DAYS, 0, (2, 1, 0), (0.1, 0.01, 0.01), minimum_age=18
    ),
    "school": PlaceType(10, ((7, 14),), _SCHOOL_DAYS, 30, (5, 1, 0), (0.1, 0.0, 0.1)),
    "hospital": PlaceType(1, _ALWAYS, _WEEK, -1, (1, 1, 0), (0.5, 0.0, 0.0)),
    "retail": PlaceType(2, ((7, 20),), _SHOP_DAYS, 30, (0, 1, 0), (0.2, 0.25, 0.3)),
    "salon": PlaceType(2, ((9, 16),), _LEISURE_DAYS, 5, (1, 1, 0), (0.5, 0.3, 0.1)),
    "restaurant": PlaceType(
        1, ((11, 15), (19, 23)), _LEISURE_DAYS, 30, (1, 1, 0), (0.3, 0.35, 0.1)
    ),
    "bar": PlaceType(
        1, ((21, 23),), _LEISURE_DAYS, 30, (1, 1, 0), (0.7, 0.2, 0.1), minimum_age=21
    ),
}


def _numbered() -> Iterator[tuple[str, range]]:
    first = 0
    for name, kind in PLACE_TYPES.items():
        yield name, range(first, first + kind.number)
        first += kind.number


PLACES: Final = dict(_numbered())
"""The numbers of the places of each type."""
PLACE_COUNT: Final = sum(kind.number for kind in PLACE_TYPES.values())
HOSPITAL: Final = PLACES["hospital"][0]
HOSPITAL_BEDS: Final = 5


def opening_hours(kind: PlaceType) -> npt.NDArray[np.bool_]:
    """Returns whether a place of a type is open, for each hour of the week."""
    is_open = np.zeros((7, 24), dtype=np.bool_)
    for first, last in kind.hours:
        is_open[kind.days.start : kind.days.stop, first : last + 1] = True
    return is_open.ravel()
