"""The glucose environment: an insulin pump for 20 days, set every five minutes."""

from typing import Any

import gymnasium
import numpy as np
import numpy.typing as npt
from gymnasium.error import ResetNeeded

from llmpo.envs.glucose_day import DAY, draw_meals, draw_sensor_errors
from llmpo.envs.glucose_patient import (
    CARBOHYDRATE,
    CGM,
    GLUCOSE,
    INSULIN,
    MINUTES,
    PICOMOLES,
    SENSOR_HIGH,
    SKIN_GLUCOSE,
    FloatArray,
    basal_rate,
    live,
    load_patients,
    new_body,
    steady_state,
)
from llmpo.envs.glucose_pid import PidController
from llmpo.envs.glucose_rewards import REWARDS, Reading

STEPS_A_DAY = DAY // MINUTES
HISTORY = 48  # steps that a policy sees
LARGEST_ACTION = 0.1
BASAL_SCALING = 43.2  # an action of 1 pumps so many times the basal insulin
LOWEST_GLUCOSE, HIGHEST_GLUCOSE = 10.0, 1000.0  # mg/dl; the patient dies outside
_PUMP_STEP = 0.05 / PICOMOLES  # U/min
# The upper bound in single precision, in which it is a little larger.
_TOLERATED_ACTION = float(np.float32(LARGEST_ACTION))

# Minute and grams of the meals on the day before an episode. Chosen so that the PID
# controller ends that day in the published state up to 0.1 mg/dl of glucose.
_DAY_BEFORE = ((548, 112), (720, 136), (1067, 135))


class Glucose(gymnasium.Env[FloatArray, npt.NDArray[np.floating[Any]]]):
    """One patient with an insulin pump.

    An observation holds the last 48 means of the glucose sensor in mg/dl and of the
    insulin in U/min, the oldest first, in two rows. Carbohydrate and death can be
    read from the environment.

    Args:
        legacy_food_units: Whether grams of food count as milligrams when the size of
            a meal is compared with the stomach's content.
        death_penalty: Whether the death of the patient costs extra.
        reward: Name of the reward, a key of `REWARDS`.
        sensor_noise: Whether the glucose sensor has errors.
        patient: Name of the patient, a row of the shipped table.
        days: Length of an episode.
    """

    def __init__(
        self,
        *,
        legacy_food_units: bool = True,
        death_penalty: bool = True,
        reward: str = "A",
        sensor_noise: bool = False,
        patient: str = "adult_001",
        days: int = 20,
    ) -> None:
        self._patient = load_patients()[patient]
        self._patients = np.array([self._patient])
        self._food_factor = 1.0 if legacy_food_units else 1000.0
        self._reward = REWARDS[reward]
        self._death = self._reward.death if death_penalty else 0.0
        self._sensor_noise = sensor_noise
        self._days = days
        self._horizon = days * STEPS_A_DAY
        self._insulin_scale = BASAL_SCALING * basal_rate(self._patient)
        self.action_space = gymnasium.spaces.Box(
            0.0, LARGEST_ACTION, (1,), dtype=np.float64
        )
        most_insulin = self._pumped(LARGEST_ACTION)
        high = np.repeat([[SENSOR_HIGH], [most_insulin]], HISTORY, axis=1)
        self.observation_space = gymnasium.spaces.Box(0.0, high, dtype=np.float64)
        steady = steady_state(self._patient)
        self._steady_glucose = float(steady[SKIN_GLUCOSE] / self._patient["Vg"])
        self._history = self._play_day_before(steady)
        self._over = True

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatArray, dict[str, Any]]:
        """Starts an episode at midnight; the seed decides all meals and errors."""
        super().reset(seed=seed)
        minutes = self._days * DAY
        weight = float(self._patient["BW"])
        self._meals = draw_meals(self.np_random, self._days, weight)
        # Drawn after the meals, so that a seed has the same meals with and without.
        self._errors = (
            draw_sensor_errors(self.np_random, minutes)
            if self._sensor_noise
            else _no_errors(minutes)
        )
        # As published: the sensor still shows the steady state until its next sample.
        start = np.array([self._patient[f"start_x{entry}"] for entry in range(13)])
        self._bodies = new_body(start, self._steady_glucose + self._errors[0])
        # Past columns never change, so observations are views without copies.
        self._log = np.empty((4, HISTORY + self._horizon))
        self._log[:, :HISTORY] = self._history
        self._shown = self._log.view()
        self._shown.flags.writeable = False
        self._steps = 0
        self._over = False
        last = self._history[:, -1]
        self._reading = Reading(
            float(last[CGM]), float(last[INSULIN]), float(last[GLUCOSE]), False
        )
        return self._observe(), {"glucose": self._reading.glucose}

    def step(
        self, action: npt.NDArray[np.floating[Any]]
    ) -> tuple[FloatArray, float, bool, bool, dict[str, Any]]:
        """Pumps insulin for five minutes.

        Raises:
            ValueError: The action is not one number from 0 to 0.1.
            ResetNeeded: The episode is over or has not begun.
        """
        if self._over:
            raise ResetNeeded("The glucose episode is over; call reset() first.")
        rate = _checked(action)
        insulin = self._pumped(rate)
        column = HISTORY + self._steps
        glucose = live(
            self._bodies,
            self._patients,
            self._food_factor,
            insulin,
            self._meals,
            self._errors,
            self._log,
            column,
        )
        self._steps += 1
        before = self._reading
        died = not LOWEST_GLUCOSE <= glucose <= HIGHEST_GLUCOSE
        after = Reading(float(self._log[CGM, column]), insulin, glucose, died)
        self._reading = after
        reward = self._reward.calculate(before, rate, after)
        if died:
            reward -= self._death
        truncated = self._steps == self._horizon
        self._over = died or truncated
        return self._observe(), reward, died, truncated, {"glucose": glucose}

    @property
    def patient(self) -> Any:
        """The patient's parameters."""
        return self._patient

    @property
    def insulin_scale(self) -> float:
        """Insulin in U/min that an action of 1 would pump."""
        return self._insulin_scale

    @property
    def carbohydrate(self) -> FloatArray:
        """Carbohydrate announced in the last 48 steps, in g/min, the oldest first."""
        return self._shown[CARBOHYDRATE, self._steps : self._steps + HISTORY]

    @property
    def is_terminated(self) -> bool:
        """Whether the patient died."""
        return self._reading.is_terminated

    def _observe(self) -> FloatArray:
        return self._shown[CGM : INSULIN + 1, self._steps : self._steps + HISTORY]

    def _pumped(self, rate: float) -> float:
        """Returns the insulin in U/min that the pump gives for an action."""
        return round(rate * self._insulin_scale / _PUMP_STEP) * _PUMP_STEP

    def _play_day_before(self, steady: FloatArray) -> FloatArray:
        """Returns the log of the last hours of a day under the PID controller."""
        meals = np.zeros(DAY)
        for start, grams in _DAY_BEFORE:
            meals[start : start + MINUTES] = grams / MINUTES
        bodies = new_body(steady, self._steady_glucose)
        controller = PidController(self._patient)
        log = np.empty((4, STEPS_A_DAY))
        cgm, errors = self._steady_glucose, _no_errors(DAY)
        for step in range(STEPS_A_DAY):
            insulin = round(controller.insulin(cgm) / _PUMP_STEP) * _PUMP_STEP
            live(bodies, self._patients, 1.0, insulin, meals, errors, log, step)
            cgm = float(log[CGM, step])
        return log[:, -HISTORY:]


def _no_errors(minutes: int) -> FloatArray:
    return np.zeros(minutes)


def _checked(action: npt.NDArray[np.floating[Any]]) -> float:
    if isinstance(action, np.ndarray) and action.shape == (1,):
        rate = float(action[0])
        if 0.0 <= rate <= _TOLERATED_ACTION:
            return min(rate, LARGEST_ACTION)
    raise ValueError(
        f"Glucose actions are numpy arrays with one number from 0 to {LARGEST_ACTION}, "
        f"got {action!r}."
    )
