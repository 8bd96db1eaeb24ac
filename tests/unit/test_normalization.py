from functools import cache
from statistics import fmean

import numpy as np
import pytest

from llmpo.envs.icpi_domains import SPECS as ICPI_DOMAINS
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


def _expected_return(rules, judge):
    """Undiscounted return of an episode, where `judge` sums up the actions' values."""

    @cache
    def value(state, steps_left):
        if steps_left == 0:
            return 0.0
        return judge(
            [
                fmean(
                    after.reward
                    + (not after.terminated and value(after.state, steps_left - 1))
                    for after in rules.all_cases(state, action)
                )
                for action in range(rules.actions)
            ]
        )

    starts = rules.starts
    if callable(starts):  # point-mass: equally spaced starts stand for its intervals
        places = [2 + (number + 0.5) / 4 for number in range(16)]
        starts = [(sign * place, 0.0) for place in places for sign in (-1, 1)]
    return fmean(value(state, rules.horizon) for state in starts)


@pytest.mark.parametrize("spec", ICPI_DOMAINS, ids=lambda spec: spec.id)
def test_icpi_domains_run_from_the_random_policy_to_the_optimum(spec):
    reference = reference_score(spec.id)
    chance, best = (_expected_return(spec.text.rules, f) for f in (fmean, max))
    assert reference.best == pytest.approx(best)
    # The constants have six digits.
    assert reference.zero == pytest.approx(chance, rel=1e-5)
    # Measured on 50 episodes.
    assert reference.random == pytest.approx(chance, abs=0.1 * best)


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
