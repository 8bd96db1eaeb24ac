"""The three tables that hold a town and the state of an episode in it.

Compiled code works on rows of them. A change here changes the types that compiled
functions are stored under, so what is in this module needs no other care.
"""

from typing import Any, Final

import numpy as np
import numpy.typing as npt

Table = npt.NDArray[np.void]
Row = Any  # a row of a table, inside compiled functions

VARIANTS: Final = 2  # alpha, delta
ROUTINES: Final = 7
HOURS_OF_WEEK: Final = 168

TOWN: Final = np.dtype(
    [
        ("stream", np.uint64),  # state of the random generator
        ("homes", np.int64),  # number of homes, which are the first places
        ("hospital", np.int64),  # its number
        ("beds", np.int64),  # for patients
        ("patients", np.int64),  # in these beds
        ("stay_home_if_sick", np.bool_),  # the stage in force, as far as it is
        ("no_gatherings", np.bool_),  # not about places
        ("multiplier", np.float64, VARIANTS),  # what is left of spread rates
        # By routine: how often another place of its type is chosen, the first place
        # of that type, and how many there are.
        ("explore", np.float64, ROUTINES),
        ("first_choice", np.int64, ROUTINES),
        ("choices", np.int64, ROUTINES),
    ],
    align=True,
)
PLACE: Final = np.dtype(
    [
        ("capacity", np.int64),  # most visitors, -1 for no limit
        ("minimum_age", np.int64),
        (
            "opening",
            np.uint8,
            HOURS_OF_WEEK,
        ),  # by hour of the week, under the stage in force
        ("is_open", np.bool_),  # now
        ("visitors", np.int64),  # now
        # For pairs of assignees, of one of each, of visitors: fewest contacts an
        # hour, and the share of all pairs that meet.
        ("least_contacts", np.int64, 3),
        ("contact_share", np.float64, 3),
    ],
    align=True,
)
PERSON: Final = np.dtype(
    [
        ("age", np.int64),
        ("high_risk", np.bool_),
        ("home", np.int64),
        ("base", np.int64),  # work or school, -1 without
        ("works", np.bool_),
        ("on_duty", np.uint8, HOURS_OF_WEEK),  # at the base, by hour of the week
        # By routine: whether the person has it, its usual place, where it starts
        # (-1: anywhere), hours between due times (1: always due), the first due
        # hour, and how many hours it means to stay.
        ("has_routine", np.uint8, ROUTINES),
        ("favourite", np.int64, ROUTINES),
        ("start", np.int64, ROUTINES),
        ("interval", np.int64, ROUTINES),
        ("offset", np.int64, ROUTINES),
        ("stay", np.int64, ROUTINES),
        # From here on what changes during an episode.
        ("location", np.int64),  # -1 once buried
        ("role", np.int64),  # in that place
        ("goes_home", np.bool_),  # marked to go home
        ("hospitalised", np.bool_),  # counts as admitted
        ("status", np.int64, ROUTINES),
        ("destination", np.int64, ROUTINES),
        ("test", np.int64),  # last result
        ("critical", np.bool_),  # in truth
        ("infectious", np.uint8, VARIANTS),
        ("spread", np.float64, VARIANTS),  # chance to infect at a contact
        ("escape", np.float64, VARIANTS),  # no infection since the last update
    ],
    align=True,
)
