import numpy as np
import pytest

from llmpo.analysis.curves import Curve, learning_curves, mean_curve
from llmpo.analysis.table import read_tidy


@pytest.fixture
def table(make_tidy):
    return read_tidy(
        make_tidy(environments=3, seeds=3, rounds=3, special=True, training=1)
    )


def curve(x, y, seed=0):
    return Curve(seed, np.array(x, float), np.array(y, float), truncated=False)


def three(*pairs):
    return [curve(x, y, seed) for seed, (x, y) in enumerate(pairs)]


@pytest.mark.parametrize("axis", ["env_steps", "calls", "tokens", "llm_seconds"])
def test_a_search_never_falls_and_ends_with_its_run(table, axis):
    for (environment, series), curves in learning_curves(table, axis).items():
        runs = table.runs[table.runs.environment == environment]
        runs = runs[runs.series == series].set_index("seed")
        for one in curves.runs:
            if curves.is_search:
                assert (np.diff(one.y) >= 0).all()
                assert one.x[-1] == runs[axis][one.seed]
            assert (np.diff(one.x) >= 0).all()
            assert np.isfinite(one.y).all()
            assert one.truncated == (runs.run_status[one.seed] == "truncated")


def test_training_is_drawn_as_it_was_evaluated_and_not_as_the_best_so_far(table):
    environment = table.environments[0]
    curves = learning_curves(table, "env_steps")[environment, "ppo"]
    rows = table.candidates
    rows = rows[(rows.environment == environment) & (rows.series == "ppo")]
    for one in curves.runs:
        scores = rows[rows.seed == one.seed].score
        assert one.y.tolist() == scores.tolist()
    assert not curves.is_search


def test_attempts_are_counted_once_as_working_or_failed(table):
    rows = table.candidates
    curves = learning_curves(table, "env_steps")
    assert sum(len(one.tried) for one in curves.values()) == (rows.status == "ok").sum()
    assert (
        sum(len(one.failed) for one in curves.values()) == (rows.status != "ok").sum()
    )


def test_mean_of_searches_begins_where_all_have_a_policy_and_outlasts_short_runs():
    band = mean_curve(
        three(([1, 3], [2, 4]), ([2, 5], [6, 6]), ([1, 2], [4, 5])),
        "test",
        is_search=True,
    )
    assert band.x.tolist() == [2, 3, 5]
    assert band.mean.tolist() == pytest.approx([13 / 3, 5, 5])
    assert (band.low <= band.mean).all()
    assert (band.mean <= band.high).all()


def test_mean_of_training_interpolates_and_ends_with_the_shortest_run():
    band = mean_curve(
        three(([0, 10], [0, 10]), ([0, 4], [2, 2]), ([0, 10], [4, 4])),
        "test",
        is_search=False,
    )
    assert band.x.tolist() == [0, 4]
    assert band.mean.tolist() == pytest.approx([2, 10 / 3])


def test_too_few_runs_have_no_mean():
    assert mean_curve(three(([1], [2]), ([1], [3])), "test", is_search=True) is None
