"""What a day brings to the patient: meals, and the errors of the glucose sensor."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from llmpo.envs.glucose_patient import SENSOR_MINUTES, FloatArray

DAY = 1440  # minutes
_ANNOUNCED = 5  # minutes over which a meal is announced, in equal parts


@dataclass(frozen=True)
class Meal:
    """A meal of a day's plan; times in minutes after midnight.

    Attributes:
        probability: How likely the patient has it on a day.
        mean: Mean time.
        spread: Standard deviation of the time.
        earliest: The time is never before.
        latest: The time is never after.
        share: Share of a day's carbohydrate, were all meals eaten.
    """

    probability: float
    mean: float
    spread: float
    earliest: float
    latest: float
    share: float


_SHARES = 1.1 + 1.3 + 1.55 + 3 * 0.15
PLAN = (
    Meal(0.95, 420, 60, 300, 540, 1.1 / _SHARES),  # breakfast
    Meal(0.3, 570, 30, 540, 600, 0.15 / _SHARES),
    Meal(0.95, 720, 60, 600, 840, 1.3 / _SHARES),  # lunch
    Meal(0.3, 900, 30, 840, 960, 0.15 / _SHARES),
    Meal(0.95, 1080, 60, 960, 1200, 1.55 / _SHARES),  # dinner
    Meal(0.3, 1290, 30, 1200, 1380, 0.15 / _SHARES),
)
_SIZE_SPREAD = 0.15  # standard deviation of a meal's size, as a share of its mean


def daily_carbohydrate(weight: float) -> float:
    """Returns the grams of carbohydrate that an adult of this weight in kg eats a day.

    45 % of the energy need after Harris and Benedict, of a man of 45 years and 1.77 m
    who moves little, at 4 kcal/g.
    """
    at_rest = 66.5 + 13.75 * weight + 5.003 * 177 - 6.755 * 45
    return 1.2 * at_rest * 0.45 / 4


def draw_meals(rng: np.random.Generator, days: int, weight: float) -> FloatArray:
    """Returns the grams announced in each minute of some days, each drawn anew."""
    meals = np.zeros(days * DAY)
    total = daily_carbohydrate(weight)
    for midnight in range(0, days * DAY, DAY):
        day = meals[midnight : midnight + DAY]
        for meal in PLAN:
            if rng.random() >= meal.probability:
                continue
            start = round(_draw_time(rng, meal))
            mean = meal.share * total
            grams = max(round(rng.normal(mean, _SIZE_SPREAD * mean)), 0)
            announced = day[start : start + _ANNOUNCED]
            # Of two meals at the same minute the one planned first counts.
            announced[announced == 0.0] = grams / _ANNOUNCED
    return meals


def _draw_time(rng: np.random.Generator, meal: Meal) -> float:
    while True:
        time = rng.normal(meal.mean, meal.spread)
        if meal.earliest <= time <= meal.latest:
            return float(time)


# The sensor's error as published with the Dexcom sensor of the simulator: a random
# number every 15 minutes that depends on the one before, bent by Johnson's SU curve.
_MEMORY = 0.7
_SHIFT, _SCALE, _SKEW, _TAIL = -5.47, 15.9574, -0.5444, 1.6898
_NODE_MINUTES = 15


def draw_sensor_errors(rng: np.random.Generator, minutes: int) -> FloatArray:
    """Returns the error in mg/dl of each sample of the sensor from minute 0 on."""
    nodes = minutes // _NODE_MINUTES + 3
    driver = np.empty(nodes)
    for index, fresh in enumerate(rng.standard_normal(nodes)):
        driver[index] = _MEMORY * (driver[index - 1] + fresh) if index else fresh
    values = _SHIFT + _SCALE * np.sinh((driver - _SKEW) / _TAIL)
    samples = np.arange(minutes // SENSOR_MINUTES + 1) * SENSOR_MINUTES
    return _interpolate(values, samples / _NODE_MINUTES)


def _interpolate(values: FloatArray, places: Any) -> FloatArray:
    """Interpolates smoothly (Catmull-Rom) between values at 0, 1, 2, ..."""
    before = places.astype(np.int64)
    t = places - before
    padded = np.concatenate(([2 * values[0] - values[1]], values))
    p0, p1, p2, p3 = (padded[before + offset] for offset in range(4))
    curve: FloatArray = p1 + 0.5 * t * (
        p2 - p0 + t * (2 * p0 - 5 * p1 + 4 * p2 - p3 + t * (3 * (p1 - p2) + p3 - p0))
    )
    return curve
