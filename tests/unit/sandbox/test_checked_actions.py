"""Validation of actions on the trusted side, where any bytes may arrive."""

import numpy as np
import pytest

from llmpo.sandbox.actions import action_checker
from llmpo.sandbox.contract import ActionLayout
from llmpo.sandbox.status import ProgramFailed, Status

BOX = ActionLayout("box", shape=(1, 3), low=(-1, 0, -np.inf), high=(1, np.inf, 2))


def raw(*values):
    return np.array(values, np.float64).tobytes()


def test_valid_box_action_keeps_every_bit():
    values = (0.1 + 0.2, 1e300, -1e-300)
    action = action_checker(BOX)(raw(*values))
    assert action.shape == (1, 3)
    assert action.dtype == np.float64
    assert action.flags.writeable
    assert tuple(action[0]) == values


def test_rounding_beyond_the_bounds_is_clipped():
    action = action_checker(BOX)(raw(1 + 9e-7, -9e-7, 2 + 9e-7))
    np.testing.assert_array_equal(action, [[1, 0, 2]])


@pytest.mark.parametrize(
    "values",
    [
        (1.00001, 0, 0),
        (0, -0.1, 0),
        (0, 0, 2.1),
        (np.nan, 0, 0),
        (0, np.inf, 0),
        (0, 0, -np.inf),
        (0, 0, -np.nan),
        (0, 0),
        (0, 0, 0, 0),
        (),
    ],
)
def test_invalid_box_actions_are_bad(values):
    with pytest.raises(ProgramFailed) as raised:
        action_checker(BOX)(raw(*values))
    assert raised.value.failure.status is Status.BAD_ACTION


def test_bytes_that_are_no_floats_are_bad():
    with pytest.raises(ProgramFailed):
        action_checker(BOX)(b"x" * 23)
    with pytest.raises(ProgramFailed):
        action_checker(ActionLayout("discrete", n=3))(b"x" * 7)


def test_discrete_actions():
    check = action_checker(ActionLayout("discrete", n=3))
    assert [check(raw(value)) for value in (0, 1.0, 2, -0.0)] == [0, 1, 2, 0]
    for values in ((3,), (-1,), (0.5,), (np.nan,), (np.inf,), (0, 1), ()):
        with pytest.raises(ProgramFailed, match="bad_action"):
            check(raw(*values))
