"""Writing out finite dynamics."""

import numpy as np

from llmpo.envs.tabular import Outcome, Transitions


def test_outcomes_of_different_number_are_padded_with_impossible_ones():
    def outcomes(state, action):
        yield Outcome(0.75 if action else 1.0, 1, 2.0, True)
        if action:
            yield Outcome(0.25, 0, -1.0, False)

    table = Transitions.tabulate(2, 2, outcomes, {0: 0.5, 1: 0.5})
    assert table.probability.shape == (2, 2, 2)
    assert table.probability[0, 0].tolist() == [1.0, 0.0]
    assert table.probability[0, 1].tolist() == [0.75, 0.25]
    assert table.reward[1, 1].tolist() == [2.0, -1.0]
    assert table.terminated[1, 1].tolist() == [True, False]
    assert table.next_state.dtype == np.int64
    assert table.initial.tolist() == [0.5, 0.5]
