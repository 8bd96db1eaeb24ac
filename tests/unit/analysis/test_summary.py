import numpy as np
import pytest

from llmpo.analysis.summary import (
    held_out,
    outcomes,
    score_scale,
    select,
    without_policy,
)
from llmpo.analysis.table import read_tidy


@pytest.fixture
def table(make_tidy):
    return read_tidy(make_tidy(environments=3, seeds=3, rounds=3, special=True))


def test_held_out_interval_is_over_runs_when_there_are_several(table, make_tidy):
    environment, series = table.environments[0], table.series[0]
    several = held_out(table, environment, series, "best")
    rows = select(table.episodes, environment, series)
    rows = rows[rows.policy == "best"]
    means = rows.groupby("seed").episode_score.mean()
    assert several.over == "runs"
    assert several.runs == len(means)
    assert several.estimate.value == pytest.approx(means.mean())
    single = read_tidy(make_tidy("single.csv", seeds=1))
    score = held_out(single, single.environments[0], series, "best")
    assert score.over == "episodes"
    assert score.estimate.low < score.estimate.value < score.estimate.high


def test_a_run_without_policy_has_no_held_out_score_and_is_counted(make_tidy):
    table = read_tidy(make_tidy(environments=1, failure_rate=1.0))
    environment, series = table.environments[0], table.series[0]
    assert held_out(table, environment, series, "best") is None
    assert without_policy(table, environment, series) == 1


def test_scale_leaves_out_a_hopeless_candidate_but_never_a_result():
    scores = np.array([-33000.0, 90.0, 95.0, 100.0])
    scale = score_scale(scores, [80.0])
    assert -33000 < scale.floor < 80
    assert scale.top == 100
    assert score_scale(scores, [-33000.0]).floor < -33000
    assert score_scale(np.array([]), []) is None
    assert score_scale(np.array([1.0, 1.0]), [1.0]).floor == -np.inf


def test_outcomes_count_each_candidate_once(table):
    for environment in table.environments:
        rows = select(table.candidates, environment, table.series[0])
        counts = outcomes(rows)
        assert sum(counts.values()) == (rows.is_final == 1).sum()
        repaired = rows[
            (rows.is_final == 1) & (rows.attempt > 0) & (rows.status == "ok")
        ]
        assert counts["repaired"] == len(repaired)
