"""Turns what `act` returned into raw float64."""

from typing import Any

import numpy as np
import numpy.typing as npt


class BadAction(Exception):
    """What `act` returned is not the right number of numbers."""


def action_bytes(action: Any, width: int) -> bytes:
    """Returns an action as raw float64.

    Only a courtesy to the writer of the policy: this process is not trusted, and the
    other side checks again.

    Raises:
        BadAction: It is not numeric, or has the wrong number of elements.
    """
    # The common case first: what a numpy policy returns needs no conversion.
    if (
        type(action) is np.ndarray
        and action.dtype == np.float64
        and action.size == width
    ):
        return action.tobytes()
    array = _numeric(action)
    if array.size != width:
        numbers = "1 number" if width == 1 else f"{width} numbers"
        raise BadAction(
            f"act returned an array of shape {array.shape}, expected {numbers}"
        )
    return array.tobytes()


def _numeric(action: Any) -> npt.NDArray[np.float64]:
    if action is None:
        raise BadAction("act returned None")
    try:
        array = np.asarray(action)
        if array.dtype.kind in "fiub":
            return array.astype(np.float64)
        if array.dtype.kind == "O":  # e.g. fractions or integers beyond 64 bits
            numbers = [float(value) for value in array.ravel()]
            return np.array(numbers).reshape(array.shape)
    except (TypeError, ValueError, OverflowError):
        pass
    kind = type(action).__name__
    raise BadAction(f"act returned a {kind} that is not a regular array of numbers")
