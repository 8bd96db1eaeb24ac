"""Checks actions on the trusted side: nothing unchecked ever reaches a simulator."""

import math
import struct
import sys
from collections.abc import Callable, Sequence
from operator import le

import numpy as np

from llmpo.sandbox.contract import ActionLayout, FloatArray
from llmpo.sandbox.status import Failure, ProgramFailed, Status

# A policy that clips with its own copy of the bounds may miss them by rounding.
_TOLERANCE = 1e-6


def action_checker(layout: ActionLayout) -> Callable[[bytes], FloatArray | int]:
    """Returns a function that turns raw float64 into a valid action.

    The function raises `ProgramFailed` with status `bad_action` for anything else. A
    box action is clipped to the bounds, which it may miss by 1e-6.
    """
    if layout.kind == "discrete":
        return _discrete_checker(layout.n)
    return _box_checker(layout)


def _discrete_checker(n: int) -> Callable[[bytes], int]:
    valid = {float(value): value for value in range(n)}

    def check(payload: bytes) -> int:
        if len(payload) != 8:
            raise _bad(f"act returned {len(payload) // 8} numbers, expected 1 integer")
        value = np.frombuffer(payload, np.float64).item()
        if value not in valid:
            raise _bad(f"act returned {value:g}, expected an integer from 0 to {n - 1}")
        return valid[value]

    return check


def _box_checker(layout: ActionLayout) -> Callable[[bytes], FloatArray]:
    # Infinities are never valid, so an unbounded side ends at the largest float.
    largest = sys.float_info.max
    low = tuple(max(float(bound), -largest) for bound in layout.low)
    high = tuple(min(float(bound), largest) for bound in layout.high)
    numbers = struct.Struct(f"<{layout.width}d")

    def check(payload: bytes) -> FloatArray:
        if len(payload) != numbers.size:
            raise _bad(
                f"act returned {len(payload) // 8} numbers, expected {layout.width}"
            )
        values = numbers.unpack(payload)
        # For a handful of numbers plain Python beats numpy. NaN fails both.
        if not (all(map(le, low, values)) and all(map(le, values, high))):
            _explain(values, low, high)
            values = tuple(map(min, map(max, values, low), high))
        return np.array(values).reshape(layout.shape)

    return check


def _explain(
    values: Sequence[float], low: Sequence[float], high: Sequence[float]
) -> None:
    """Raises unless the values are within tolerance of the bounds."""
    for index, value in enumerate(values):
        if not math.isfinite(value):
            raise _bad(f"entry {index} of the action is {value}, expected a number")
        if not low[index] - _TOLERANCE <= value <= high[index] + _TOLERANCE:
            raise _bad(
                f"entry {index} of the action is {value:.6g}, outside "
                f"[{low[index]:g}, {high[index]:g}]"
            )


def _bad(message: str) -> ProgramFailed:
    return ProgramFailed(Failure(Status.BAD_ACTION, message))
