import pytest

from llmpo.analysis.ablations import ablations
from llmpo.analysis.comparison import product_scores
from llmpo.analysis.selection import chosen_policies
from llmpo.analysis.table import read_tidy
from llmpo.normalization import normalize

MAZE = "point_maze_large_v3"


def mean(table, environment, series):
    scores = list(product_scores(table, environment, series).values())
    return normalize(scores, environment).mean()


def test_settings_are_compared_with_the_method_called_like_its_algorithm(make_tidy):
    labels = ("hopper_v5", "swimmer_v5")
    table = read_tidy(make_tidy(methods=3, seeds=3, training=2, labels=labels))
    (found,) = ablations(table)
    assert found.base == "promptpo"
    assert [change.name for change in found.changes] == [
        "promptpo_no_reflection",
        "icpi",
    ]
    change = found.changes[0]
    assert change.environments == labels
    expected = [
        mean(table, name, "promptpo_no_reflection") - mean(table, name, "promptpo")
        for name in labels
    ]
    assert change.differences == pytest.approx(expected)
    assert change.estimate.value == pytest.approx(sum(expected) / 2)
    assert change.estimate.low <= change.estimate.value <= change.estimate.high
    assert change.runs == 3


def test_options_are_compared_with_the_environment_as_it_is(make_tidy):
    labels = (MAZE, f"{MAZE}[layout=shown]")
    table = read_tidy(make_tidy(labels=labels))
    (found,) = ablations(table)
    assert found.title == "layout: shown"
    (change,) = found.changes
    assert change.environments == (labels[1],)
    assert not change.estimate.has_interval


def test_without_normalised_scores_there_is_nothing_to_compare(make_tidy):
    (found,) = ablations(read_tidy(make_tidy(methods=2)))
    assert found.changes[0].estimate is None
    assert ablations(read_tidy(make_tidy("one.csv", training=2))) == []


def test_chosen_policies_are_the_best_of_each_search(make_tidy):
    table = read_tidy(make_tidy(environments=2, seeds=2, training=1, rounds=4))
    rows = chosen_policies(table)
    assert set(rows.series) == {"promptpo"}
    assert len(rows) == 4
    for row in rows.itertuples():
        tried = table.candidates[
            (table.candidates.environment == row.environment)
            & (table.candidates.series == row.series)
            & (table.candidates.seed == row.seed)
        ]
        assert row.selection == tried.score.max()
        assert row.rounds == 4
        assert row.round == tried[tried.score == row.selection]["round"].min()
