"""A PID controller for insulin: it ends the day before each episode, and is a baseline.

It sees the glucose sensor only. The tuning is part of a patient's data.
"""

from typing import Any


class PidController:
    """Proportional, integral and derivative action on the sensor's error.

    Args:
        patient: The patient's parameters, which hold the tuning.
    """

    def __init__(self, patient: Any) -> None:
        self._target = float(patient["pid_target"])
        self._gains = tuple(
            float(patient[f"pid_{gain}"]) for gain in ("kp", "ki", "kd")
        )
        self._sum = 0.0
        self._error = 0.0

    def insulin(self, cgm: float) -> float:
        """Returns the insulin for the next five minutes, in U/min, at least 0."""
        error = self._target - cgm
        self._sum += error
        proportional, integral, derivative = self._gains
        rate = (
            proportional * error
            + integral * self._sum
            + derivative * (error - self._error)
        )
        self._error = error
        return max(rate, 0.0)
