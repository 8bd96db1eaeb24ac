"""Exact solutions against hand calculations and the published system's optima."""

import numpy as np
import pytest

from llmpo.envs.noise_world import SPECS
from llmpo.envs.tabular import Outcome, Transitions
from llmpo.methods.dynamic_programming import solve

# Computed with an independent implementation.
OPTIMA = (34.9, 974.9, 976.8, 981.3, 969.7, 399.7, 954.8)


@pytest.mark.parametrize(("spec", "optimum"), [*zip(SPECS, OPTIMA, strict=True)])
def test_optimum_of_a_board(spec, optimum):
    solution = solve(spec.tabular.transitions(), spec.horizon)
    assert solution.expected_return == pytest.approx(optimum, abs=0.05)
    assert solution.actions.shape == (spec.horizon, spec.tabular.states)


def _lottery(state, action):
    """Action 0 takes 1 and goes on; action 1 ends and takes 0 or 10."""
    if action == 0:
        yield Outcome(1.0, 0, 1.0, False)
    else:
        yield Outcome(0.25, 0, 10.0, True)
        yield Outcome(0.75, 0, 0.0, True)


@pytest.mark.parametrize(("horizon", "value"), [(1, 2.5), (2, 3.5), (3, 4.5)])
def test_solution_depends_on_the_time_left(horizon, value):
    solution = solve(Transitions.tabulate(1, 2, _lottery, {0: 1.0}), horizon)
    assert solution.expected_return == value
    # Taking 1 is best as long as there is time for the lottery afterwards.
    assert solution.actions[:, 0].tolist() == [*[0] * (horizon - 1), 1]


def test_start_is_averaged():
    def outcomes(state, action):
        yield Outcome(1.0, state, float(state), True)

    table = Transitions.tabulate(3, 1, outcomes, {0: 0.5, 1: 0.25, 2: 0.25})
    assert solve(table, 5).expected_return == 0.75


def test_equal_actions_give_the_first():
    def outcomes(state, action):
        # 0.3 exactly, and two sums that only rounding tells from it.
        for share in ((1.0,), (1 / 3, 2 / 3), (0.1, 0.9))[action]:
            yield Outcome(share, 0, 0.3, True)

    solution = solve(Transitions.tabulate(1, 3, outcomes, {0: 1.0}), 2)
    assert np.unique(solution.actions).tolist() == [0]
