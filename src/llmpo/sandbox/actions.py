"""Checks actions on the trusted side: nothing unchecked ever reaches a simulator."""

from collections.abc import Callable

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
    low = np.array(layout.low, np.float64)
    high = np.array(layout.high, np.float64)
    # Infinities are never valid, so an unbounded side ends at the largest float.
    largest = np.finfo(np.float64).max
    floor, ceiling = np.maximum(low, -largest), np.minimum(high, largest)
    size = 8 * layout.width

    def check(payload: bytes) -> FloatArray:
        if len(payload) != size:
            raise _bad(
                f"act returned {len(payload) // 8} numbers, expected {layout.width}"
            )
        values = np.frombuffer(payload, np.float64)
        # fmin and fmax replace NaN by a bound, so only valid values stay unchanged.
        action = np.fmin(np.fmax(values, floor), ceiling)
        if action.tobytes() != payload:
            _explain(values, low, high)
        return action.reshape(layout.shape)

    return check


def _explain(values: FloatArray, low: FloatArray, high: FloatArray) -> None:
    """Raises unless the values are within tolerance of the bounds."""
    for index, value in enumerate(values.tolist()):
        if not np.isfinite(value):
            raise _bad(f"entry {index} of the action is {value}, expected a number")
        if not low[index] - _TOLERANCE <= value <= high[index] + _TOLERANCE:
            raise _bad(
                f"entry {index} of the action is {value:.6g}, outside "
                f"[{low[index]:g}, {high[index]:g}]"
            )


def _bad(message: str) -> ProgramFailed:
    return ProgramFailed(Failure(Status.BAD_ACTION, message))
