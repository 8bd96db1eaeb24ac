"""A patient with type 1 diabetes, minute by minute, compiled with numba.

The model is that of Dalla Man, Kovatchev and co-workers (UVA/Padova, 2008): 13 states
for stomach, gut, glucose, insulin and the tissue under the skin where glucose is
measured. Each minute is one classical Runge-Kutta step with constant inputs.
"""

from collections.abc import Mapping
from csv import DictReader
from importlib.resources import files
from typing import Any

import numpy as np
import numpy.typing as npt

from llmpo.envs.compiled import compiled

FloatArray = npt.NDArray[np.float64]

MINUTES = 5  # of one step of the environment
SENSOR_MINUTES = 3  # between two samples of the sensor
SENSOR_LOW, SENSOR_HIGH = 40.0, 400.0
EATING_RATE = 5.0  # grams of carbohydrate a minute, at most
PICOMOLES = 6000.0  # in one unit of insulin

# Entries of a patient's state x.
STOMACH_SOLID, STOMACH_LIQUID, GUT = 0, 1, 2  # mg
PLASMA_GLUCOSE, TISSUE_GLUCOSE = 3, 4  # mg/kg
PLASMA_INSULIN = 5  # pmol/kg
INSULIN_ACTION, DELAYED_INSULIN, LIVER_ACTION = 6, 7, 8  # pmol/l
LIVER_INSULIN, SKIN_INSULIN, SKIN_INSULIN_2 = 9, 10, 11  # pmol/kg
SKIN_GLUCOSE = 12  # mg/kg

# What a patient's body remembers besides x. Glucose concentrations are in mg/dl.
BODY = np.dtype(
    [
        ("x", np.float64, (13,)),
        ("minute", np.int64),  # since midnight of the first day
        ("to_eat", np.float64),  # grams announced and not yet eaten
        ("eating", np.bool_),
        ("stomach", np.float64),  # mg in the stomach when this meal began
        ("eaten", np.float64),  # grams of this meal eaten
        ("sensor", np.float64),  # last sample
    ]
)

# Rows of the log: means of the five minutes of a step.
CGM, INSULIN, CARBOHYDRATE, GLUCOSE = range(4)


def load_patients() -> Mapping[str, Any]:
    """Returns the shipped patients by name, each a record of the model's parameters.

    Parameters have their names in the publications. `start_x0` to `start_x12` are the
    state at the start of an episode and `pid_*` tune a controller.
    """
    table = files("llmpo.envs") / "data" / "glucose_patients.csv"
    rows = list(DictReader(table.read_text(encoding="utf-8").splitlines()))
    names = [row.pop("name") for row in rows]
    dtype = np.dtype([(column, np.float64) for column in rows[0]])
    records = np.array([tuple(map(float, row.values())) for row in rows], dtype=dtype)
    return dict(zip(names, records, strict=True))


def basal_rate(patient: Any) -> float:
    """Returns the insulin in U/min that holds a fasting patient's glucose steady."""
    return float(patient["BW"] * patient["u2ss"] / PICOMOLES)


def steady_state(patient: Any) -> FloatArray:
    """Returns the state of a fasting patient on basal insulin.

    The plasma glucose is where production, zero in its derivative, balances use.
    """
    x = np.zeros(13)
    insulin = patient["Ib"]
    x[PLASMA_INSULIN] = insulin * patient["Vi"]
    x[DELAYED_INSULIN] = x[LIVER_ACTION] = insulin
    x[LIVER_INSULIN] = (
        x[PLASMA_INSULIN] * patient["m2"] / (patient["m1"] + patient["m30"])
    )
    x[SKIN_INSULIN] = patient["u2ss"] / (patient["ka1"] + patient["kd"])
    x[SKIN_INSULIN_2] = x[SKIN_INSULIN] * patient["kd"] / patient["ka2"]
    x[PLASMA_GLUCOSE], x[TISSUE_GLUCOSE] = _steady_glucose(patient)
    x[SKIN_GLUCOSE] = x[PLASMA_GLUCOSE]
    return x


def _steady_glucose(patient: Any) -> tuple[float, float]:
    """Solves for the steady plasma and tissue glucose by bisection in the latter."""
    low, high = 0.0, 1000.0
    while True:
        tissue = (low + high) / 2
        used = patient["Vm0"] * tissue / (patient["Km0"] + tissue)
        plasma = (used + patient["k2"] * tissue) / patient["k1"]
        produced = (
            patient["kp1"] - patient["kp2"] * plasma - patient["kp3"] * patient["Ib"]
        )
        if tissue in (low, high):
            return plasma, tissue
        if produced > patient["Fsnc"] + used:
            low = tissue
        else:
            high = tissue


def new_body(x: FloatArray, sensor: float) -> Any:
    """Returns a body at the first midnight, with an empty plate, as an array of one.

    Args:
        x: The state.
        sensor: What the glucose sensor shows until its next sample, in mg/dl.
    """
    bodies = np.zeros(1, dtype=BODY)
    bodies["x"] = x
    bodies["sensor"] = sensor
    return bodies


@compiled
def live(
    bodies: Any,
    patients: Any,
    milligrams_per_gram: float,
    insulin: float,
    meals: FloatArray,
    noise: FloatArray,
    log: FloatArray,
    column: int,
) -> float:
    """Advances a patient by five minutes and writes the means into the log.

    Args:
        bodies: The patient's body of type `BODY`, as an array of one entry; changed.
        patients: The patient's parameters, as an array of one entry as well: numba
            takes arrays much faster than single records.
        milligrams_per_gram: Factor of the food eaten when it is compared with the
            stomach's content in mg.
        insulin: Insulin pumped, in U/min.
        meals: Grams of carbohydrate announced in each minute since midnight of the
            first day.
        noise: Error of each sample of the sensor, in mg/dl.
        log: Rows `CGM`, `INSULIN`, `CARBOHYDRATE` and `GLUCOSE`, a column each step.
        column: Where to write.

    Returns:
        The mean glucose in mg/dl.
    """
    body, patient = bodies[0], patients[0]
    sensed = announced = total = 0.0
    for _ in range(MINUTES):
        announced += meals[body.minute]
        food = eat(body, meals[body.minute])
        meal_size = body.stomach + milligrams_per_gram * body.eaten
        advance(
            body.x, patient, 1000.0 * food, insulin * PICOMOLES / patient.BW, meal_size
        )
        body.minute += 1
        present = body.x[SKIN_GLUCOSE] / patient.Vg
        if body.minute % SENSOR_MINUTES == 0:
            sample = present + noise[body.minute // SENSOR_MINUTES]
            body.sensor = min(max(sample, SENSOR_LOW), SENSOR_HIGH)
        total += present
        sensed += body.sensor
    log[CGM, column] = sensed / MINUTES
    log[INSULIN, column] = insulin
    log[CARBOHYDRATE, column] = announced / MINUTES
    glucose: float = total / MINUTES
    log[GLUCOSE, column] = glucose
    return glucose


@compiled
def eat(body: Any, announced: float) -> float:
    """Puts announced food on the plate and returns the grams eaten in this minute."""
    body.to_eat += announced
    food: float = min(body.to_eat, EATING_RATE)
    body.to_eat -= food
    if food > 0.0:
        if not body.eating:
            body.stomach = body.x[STOMACH_SOLID] + body.x[STOMACH_LIQUID]
            body.eaten = 0.0
        body.eaten += food
    body.eating = food > 0.0
    return food


@compiled
def advance(
    x: FloatArray, patient: Any, food: float, insulin: float, meal_size: float
) -> None:
    """Advances the state x by one minute, one classical Runge-Kutta step.

    Args:
        x: The state; changed.
        patient: The patient's parameters.
        food: Carbohydrate eaten, in mg/min.
        insulin: Insulin pumped, in pmol/kg/min.
        meal_size: What the stomach holds and held since the meal began, in mg.
    """
    slope, point, mean_slope = np.empty(13), x.copy(), np.zeros(13)
    for stage in range(4):
        derive(point, patient, food, insulin, meal_size, slope)
        weight = 1.0 / 6.0 if stage in (0, 3) else 1.0 / 3.0
        ahead = 1.0 if stage == 2 else 0.5
        for entry in range(13):
            mean_slope[entry] += weight * slope[entry]
            point[entry] = x[entry] + ahead * slope[entry]
    for entry in range(13):
        x[entry] += mean_slope[entry]


@compiled
def derive(
    x: FloatArray,
    patient: Any,
    food: float,
    insulin: float,
    meal_size: float,
    change: FloatArray,
) -> None:
    """Writes the derivative of the state, per minute, into `change`."""
    p = patient
    emptying = empty_stomach(x[STOMACH_SOLID] + x[STOMACH_LIQUID], p, meal_size)
    change[STOMACH_SOLID] = food - p.kmax * x[STOMACH_SOLID]
    change[STOMACH_LIQUID] = p.kmax * x[STOMACH_SOLID] - emptying * x[STOMACH_LIQUID]
    change[GUT] = emptying * x[STOMACH_LIQUID] - p.kabs * x[GUT]

    plasma, tissue = x[PLASMA_GLUCOSE], x[TISSUE_GLUCOSE]
    produced = max(p.kp1 - p.kp2 * plasma - p.kp3 * x[LIVER_ACTION], 0.0)
    absorbed = p.f * p.kabs * x[GUT] / p.BW
    excreted = p.ke1 * max(plasma - p.ke2, 0.0)
    exchanged = p.k1 * plasma - p.k2 * tissue
    used = (p.Vm0 + p.Vmx * x[INSULIN_ACTION]) * tissue / (p.Km0 + tissue)
    change[PLASMA_GLUCOSE] = produced + absorbed - p.Fsnc - excreted - exchanged
    change[TISSUE_GLUCOSE] = exchanged - used
    change[SKIN_GLUCOSE] = p.ksc * (plasma - x[SKIN_GLUCOSE])

    change[PLASMA_INSULIN] = (
        p.m1 * x[LIVER_INSULIN]
        - (p.m2 + p.m4) * x[PLASMA_INSULIN]
        + p.ka1 * x[SKIN_INSULIN]
        + p.ka2 * x[SKIN_INSULIN_2]
    )
    change[LIVER_INSULIN] = p.m2 * x[PLASMA_INSULIN] - (p.m1 + p.m30) * x[LIVER_INSULIN]
    change[SKIN_INSULIN] = insulin - (p.ka1 + p.kd) * x[SKIN_INSULIN]
    change[SKIN_INSULIN_2] = p.kd * x[SKIN_INSULIN] - p.ka2 * x[SKIN_INSULIN_2]
    concentration = x[PLASMA_INSULIN] / p.Vi
    change[INSULIN_ACTION] = p.p2u * (concentration - p.Ib - x[INSULIN_ACTION])
    change[DELAYED_INSULIN] = p.ki * (concentration - x[DELAYED_INSULIN])
    change[LIVER_ACTION] = p.ki * (x[DELAYED_INSULIN] - x[LIVER_ACTION])

    # An amount that a long step made negative stays where it is, as published.
    for entry in range(PLASMA_GLUCOSE, SKIN_GLUCOSE + 1):
        action = INSULIN_ACTION <= entry <= LIVER_ACTION
        if x[entry] < 0.0 and not action:
            change[entry] = 0.0


@compiled
def empty_stomach(content: float, patient: Any, meal_size: float) -> float:
    """Returns the rate at which the stomach passes on its liquid, per minute.

    It is fast while the stomach is full or nearly empty, and slow in between.
    """
    p = patient
    if meal_size <= 0.0:
        return float(p.kmax)
    filling = 2.5 / ((1.0 - p.b) * meal_size)
    draining = 2.5 / (p.d * meal_size)
    shape = (
        np.tanh(filling * (content - p.b * meal_size))
        - np.tanh(draining * (content - p.d * meal_size))
        + 2.0
    )
    return float(p.kmin + 0.5 * (p.kmax - p.kmin) * shape)
