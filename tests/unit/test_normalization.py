import numpy as np
import pytest

from llmpo.envs.registry import environment, environment_ids
from llmpo.normalization import normalize, reference_score


def test_every_environment_has_constants_in_order():
    for name in environment_ids():
        reference = reference_score(name)
        assert reference is not None, name
        assert reference.best is None or reference.zero < reference.best, name
        assert reference.random_source
        assert reference.zero_source
        assert reference.best is None or reference.best_source


def test_constants_lie_within_the_bounds_of_their_environments():
    for name in environment_ids():
        spec, reference = environment(name), reference_score(name)
        if spec.score == "return" and reference.best is not None:
            for value in (reference.random, reference.zero, reference.best):
                assert spec.bounds.low <= value <= spec.bounds.high, name


@pytest.mark.parametrize(
    ("board", "optimum"),
    # Optima of the boards by exact dynamic programming.
    [(0, 34.9), (1, 974.9), (2, 976.8), (3, 981.3), (4, 969.7), (5, 399.7), (6, 954.8)],
)
def test_noise_world_runs_from_the_time_limit_to_the_optimum(board, optimum):
    label = f"noise_world_board_{board}"
    zero = -environment(label).horizon
    assert normalize([zero, optimum], label) == pytest.approx([0, 1])


def test_scores_are_not_clipped():
    reference = reference_score("reacher_v5")
    beyond = [2 * reference.zero - reference.best, 2 * reference.best - reference.zero]
    assert normalize(beyond, "reacher_v5") == pytest.approx([-1, 2])
    assert reference.denormalize([-1, 2]) == pytest.approx(beyond)
    assert np.isfinite(normalize([0.0], "reacher_v5")).all()


def test_options_that_only_tell_more_keep_the_scale_and_others_have_none():
    told = reference_score("noise_world_board_4[key_information=shown]")
    assert told == reference_score("noise_world_board_4")
    assert reference_score("glucose[reward=orpo_true]") is None
    assert reference_score("point_maze_large_v3[layout=shown]") is not None
    assert reference_score("somebody_elses_task") is None
    assert normalize([1.0], "somebody_elses_task") is None
