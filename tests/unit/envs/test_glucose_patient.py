"""The patient's body: against a tight solver, at rest, while eating, and its sensor."""

import numpy as np
import pytest

pytest.importorskip("numba")

from llmpo.envs.glucose_day import DAY, PLAN, daily_carbohydrate, draw_meals
from llmpo.envs.glucose_day import draw_sensor_errors as draw_errors
from llmpo.envs.glucose_patient import (
    CARBOHYDRATE,
    CGM,
    GLUCOSE,
    MINUTES,
    basal_rate,
    derive,
    eat,
    live,
    load_patients,
    new_body,
    steady_state,
)

PATIENT = load_patients()["adult_001"]
PATIENTS = np.array([PATIENT])
STEADY = [
    *(0, 0, 0, 265.370112, 162.457097, 5.5043265, 0, 100.25, 100.25),
    *(3.207625, 72.434176, 141.153779, 265.370112),
]


def lunch_day(hours):
    meals = np.zeros(hours * 60)
    meals[30:35], meals[300:305], meals[302:307] = 15.0, 20.0, 4.0
    return meals


def lived(meals, insulin, factor=1.0, errors=None, sensor=138.56):
    """Returns the log of a patient who starts in the steady state."""
    bodies = new_body(steady_state(PATIENT), sensor)
    log = np.empty((4, len(meals) // MINUTES))
    errors = np.zeros(len(meals)) if errors is None else errors
    for step in range(log.shape[1]):
        rate = insulin[step] if np.ndim(insulin) else insulin
        live(bodies, PATIENTS, factor, rate, meals, errors, log, step)
    return log


def test_glucose_steady_state_is_the_published_one():
    assert steady_state(PATIENT) == pytest.approx(STEADY, abs=1e-6)
    assert basal_rate(PATIENT) == pytest.approx(0.0211227, abs=1e-7)


def test_glucose_stays_at_the_steady_state_on_basal_insulin():
    log = lived(np.zeros(3 * DAY), basal_rate(PATIENT))
    assert log[GLUCOSE] == pytest.approx(138.56, abs=1e-6)
    assert log[CGM] == pytest.approx(138.56, abs=1e-6)


@pytest.mark.parametrize("factor", [1.0, 1000.0])
def test_glucose_steps_agree_with_a_tight_solver(factor):
    integrate = pytest.importorskip("scipy.integrate")
    hours = 9
    meals = lunch_day(hours)
    insulin = np.tile(np.repeat([0.0, 0.09, 0.02], 12), hours)[: hours * 12]
    bodies = new_body(steady_state(PATIENT), 138.56)
    x = steady_state(PATIENT)
    exact = np.empty(len(meals))
    for minute in range(len(meals)):
        bodies["x"][0] = x  # the stomach's content when a meal begins
        food = eat(bodies[0], meals[minute])
        size = bodies["stomach"][0] + factor * bodies["eaten"][0]
        rate = insulin[minute // MINUTES] * 6000 / PATIENT["BW"]

        def slope(_, x, food=food, rate=rate, size=size):
            change = np.empty(13)
            derive(x, PATIENTS[0], 1000 * food, rate, size, change)
            return change

        x = integrate.solve_ivp(
            slope, (0, 1), x, method="DOP853", rtol=1e-10, atol=1e-9
        ).y[:, -1]
        exact[minute] = x[12] / PATIENT["Vg"]
    means = exact.reshape(-1, MINUTES).mean(axis=1)
    log = lived(meals, insulin, factor)
    assert np.ptp(means) > 100
    assert np.abs(log[GLUCOSE] - means).max() < 1e-3


def test_glucose_legacy_food_units_speed_up_absorption():
    meals = lunch_day(48)
    legacy = lived(meals, basal_rate(PATIENT))
    fixed = lived(meals, basal_rate(PATIENT), factor=1000.0)
    assert legacy[GLUCOSE].max() > fixed[GLUCOSE].max() + 10
    # Later the slow stomach still has something to give.
    assert legacy[GLUCOSE, 200:].mean() < fixed[GLUCOSE, 200:].mean()
    assert (legacy[CARBOHYDRATE] == fixed[CARBOHYDRATE]).all()


def test_glucose_patient_eats_slowly_and_remembers_the_stomach():
    body = new_body(steady_state(PATIENT), 138.56)
    body["x"][0][:2] = 3.0, 4.0
    assert [eat(body[0], announced) for announced in (12.0, 0, 0, 0)] == [5, 5, 2, 0]
    assert (body["stomach"][0], body["eaten"][0]) == (7.0, 12.0)
    body["x"][0][:2] = 10.0, 20.0
    assert eat(body[0], 3.0) == 3.0  # a new meal
    assert (body["stomach"][0], body["eaten"][0]) == (30.0, 3.0)


def test_glucose_sensor_samples_every_three_minutes_and_has_limits():
    log = lived(np.zeros(10), 0.0, errors=np.array([0.0, 9.0, 99.0, 999.0]), sensor=50)
    first = log[CGM, 0] * 5  # 50, 50, then the sample of minute 3 three times
    assert first == pytest.approx(2 * 50 + 3 * (138.56 + 9), abs=0.1)
    second = log[CGM, 1] * 5  # minutes 6, 7, 8, then minutes 9 and 10
    assert second == pytest.approx(3 * (138.56 + 99) + 2 * 400, abs=0.2)


def test_glucose_model_survives_the_edge_of_its_states():
    meals = np.zeros(2 * DAY)
    for insulin in (0.0, 5.0):
        assert np.isfinite(lived(meals, insulin)).all()


def test_glucose_meals_follow_the_published_distributions():
    days, weight = 600, float(PATIENT["BW"])
    meals = draw_meals(np.random.default_rng(0), days, weight).reshape(days, DAY)
    means = (69.4, 9.5, 82.0, 9.5, 97.7, 9.5)
    for meal, mean in zip(PLAN, means, strict=True):
        assert meal.share * daily_carbohydrate(weight) == pytest.approx(mean, abs=0.06)
        window = meals[:, int(meal.earliest) : int(meal.latest)]
        if mean < 20:
            continue
        # Snacks' windows do not overlap with those of main meals.
        grams = window.sum(axis=1)
        eaten = grams > 0.5 * mean
        assert eaten.mean() == pytest.approx(meal.probability, abs=0.03)
        assert grams[eaten].mean() == pytest.approx(mean, rel=0.02)
        assert grams[eaten].std() == pytest.approx(0.15 * mean, rel=0.15)
        start = (window > 0).argmax(axis=1)[eaten] + meal.earliest
        assert start.mean() == pytest.approx(meal.mean, abs=8)
    assert meals[:, : 5 * 60].sum() == meals[:, 1390:].sum() == 0.0


def test_glucose_sensor_errors_are_slow_and_limited():
    errors = draw_errors(np.random.default_rng(0), 100 * DAY)
    assert len(errors) == 100 * DAY // 3 + 1
    assert 5 < errors.std() < 20
    assert abs(np.median(errors)) < 5
    assert np.corrcoef(errors[:-1], errors[1:])[0, 1] > 0.9
