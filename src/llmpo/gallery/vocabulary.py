"""Names of common functions by what they mean to the analysis."""

import re


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Modules whose functions are never the program's own.
LIBRARIES = _names("np numpy math cmath random heapq itertools")

# Methods that change the object they are called on; some of them add an entry.
ADDING = _names("append appendleft add extend update")
CHANGING = ADDING | _names("insert pop popleft remove discard clear put sort fill push")

# How nodes leave and enter what a search has yet to visit.
TAKING = _names("pop popleft heappop get get_nowait")
PUTTING = _names("append appendleft heappush heappushpop add put extend push")

# Their result says where or which, not how much.
PICKING = _names("argmax argmin argsort argpartition")
RANKING = PICKING | _names("sort sorted")

# The sign, the size or the form of their result is no longer that of an error signal.
SHAPELESS = PICKING | _names(
    """abs fabs len norm hypot sqrt sorted any all isfinite isnan bincount unique
    count_nonzero nonzero flatnonzero searchsorted round rint floor ceil int digitize
    where bool str hash isinstance range enumerate zeros empty ones eye arange
    linspace"""
)

DRAWING = _names(
    """uniform normal standard_normal rand randn randint random integers choice choices
    sample gauss random_sample permutation shuffle multivariate_normal"""
)

# Functions that keep a sum of terms such a sum, limited or in another container.
LIMITING = _names("clip minimum maximum min max tanh")
WRAPPING = _names("array asarray float nan_to_num list tuple")

MAXIMA = _names("max min amax amin nanmax nanmin")

# How observed rates of change are called.
VELOCITY = re.compile(
    r"^(q?v|v[xyz]|qd|qv|dq|om|dphi|dtheta|vhand|vobj)$"
    r"|q?vel$|velocity|_vel|speed|^omega|^rate|_rate$|_dot$",
    re.IGNORECASE,
)
