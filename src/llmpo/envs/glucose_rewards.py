"""The rewards of the glucose environment, each next to the text that describes it.

A reward is a pure function of the readings before a step, the action and the readings
after it. What a death costs is kept apart, because it can be switched off.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Reading(NamedTuple):
    """What a step of five minutes showed.

    Attributes:
        cgm: Mean of the glucose sensor, in mg/dl.
        insulin: Insulin pumped, in U/min.
        glucose: Mean true glucose under the skin, in mg/dl.
        is_terminated: Whether the patient died.
    """

    cgm: float
    insulin: float
    glucose: float
    is_terminated: bool


@dataclass(frozen=True)
class Reward:
    """A reward that the option `reward` can choose.

    Attributes:
        calculate: Reward of (reading before, action, reading after), death apart.
        death: What the death of the patient costs.
        worst: No step costs more, death apart.
        body: The reward as Python source, death apart.
        sees_true_glucose: Whether it needs more than an observation shows.
    """

    calculate: Callable[[Reading, float, Reading], float]
    death: float
    worst: float
    body: str
    sees_true_glucose: bool = False


def magni_risk(glucose: float) -> float:
    """Returns the risk index of Magni and co-workers for a glucose in mg/dl.

    It is 0 at 138.8 mg/dl and grows much faster below than above.
    """
    transformed = math.pow(math.log(max(glucose, 1.0)), 0.8353) - 3.7932
    return 10.0 * (3.5506 * transformed) ** 2


def reward_a(before: Reading, action: float, after: Reading) -> float:
    """Returns the risk that the sensor shows and the insulin, as costs."""
    return -magni_risk(after.cgm) - 10.0 * after.insulin


def orpo_true(before: Reading, action: float, after: Reading) -> float:
    """Returns the risk of the true glucose as a cost, in thousandths."""
    return -1e-3 * magni_risk(after.glucose)


# 10 visits to a hospital at $1350 for each year of low glucose, in steps of 5 minutes.
_HOSPITAL = 10 * 1350 / (12 * 24 * 365)


def orpo_proxy(before: Reading, action: float, after: Reading) -> float:
    """Returns the expected expenses for insulin and hospital visits."""
    return -0.32 * after.insulin - (_HOSPITAL if after.glucose < 70.0 else 0.0)


REWARDS: Mapping[str, Reward] = {
    "A": Reward(
        calculate=reward_a,
        death=1e5,
        worst=magni_risk(40.0) + 1.0,
        body="""\
glucose = max(current.bg[-1], 1.0)
risk = 10 * (3.5506 * (np.log(glucose) ** 0.8353 - 3.7932)) ** 2
reward = -risk - 10 * current.insulin[-1]""",
    ),
    "orpo_true": Reward(
        calculate=orpo_true,
        death=100.0,
        worst=1e-3 * magni_risk(1.0),
        body="""\
# true_glucose: mean true glucose of the step in mg/dL; current.bg[-1] is what
# the sensor made of it
glucose = max(true_glucose, 1.0)
risk = 10 * (3.5506 * (np.log(glucose) ** 0.8353 - 3.7932)) ** 2
reward = -0.001 * risk""",
        sees_true_glucose=True,
    ),
    "orpo_proxy": Reward(
        calculate=orpo_proxy,
        death=100.0,
        worst=0.32 * 0.1 + _HOSPITAL,
        body="""\
# true_glucose: mean true glucose of the step in mg/dL; current.bg[-1] is what
# the sensor made of it
reward = -0.32 * current.insulin[-1]
if true_glucose < 70:
    reward -= 0.128425""",
        sees_true_glucose=True,
    ),
}
