"""A PID controller for insulin: it ends the day before each episode, and is a baseline.

It sees the glucose sensor only. The tuning is part of a patient's data.
"""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt

NOTE = (
    "A PID controller on the glucose sensor with the published tuning for the patient, "
    "which it reads from the simulator."
)


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


class PidExpert:
    """Plays the PID controller of the patient, started anew in each episode.

    Args:
        env: A live glucose environment.
    """

    def __init__(self, env: "gymnasium.Env[Any, Any]") -> None:
        glucose: Any = env.unwrapped
        self._patient = glucose.patient
        self._insulin_scale = glucose.insulin_scale
        self._largest = float(glucose.action_space.high[0])
        self._controller = PidController(self._patient)

    def begin_episode(self, seed: int) -> None:
        """Forgets the last episode's errors; the controller is deterministic."""
        self._controller = PidController(self._patient)

    def act(self, observation: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Returns the insulin for the latest value of the sensor, as an action."""
        insulin = self._controller.insulin(float(observation[0, -1]))
        return np.array([min(insulin / self._insulin_scale, self._largest)])
