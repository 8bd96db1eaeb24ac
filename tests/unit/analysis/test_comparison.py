import math

import numpy as np
import pytest

from llmpo.analysis.comparison import (
    family_summary,
    improvement,
    product_scores,
    profiles,
    score_matrix,
    shared_environments,
)

# Zero and best of this environment are -100 and 974.9; of the other, -25 and 34.9.
BOARD, SMALL = "noise_world_board_1", "noise_world_board_0"
TRAINING = {"role": "training"}


def test_the_product_of_a_search_is_its_best_policy_of_training_its_last(make_table):
    # plain_run gives the other policy 1000 more.
    table = make_table((BOARD, "promptpo", 0, 50.0), (BOARD, "ppo", 0, 20.0, TRAINING))
    assert product_scores(table, BOARD, "promptpo") == {0: 50.0}
    assert product_scores(table, BOARD, "ppo") == {0: 20.0}
    assert table.role("ppo") == "training"
    assert table.with_role("search") == ("promptpo",)


def test_a_run_without_policy_scores_zero_and_is_counted(make_table):
    table = make_table(
        (BOARD, "promptpo", 0, 974.9),
        (BOARD, "promptpo", 1, None, {"status": "failed"}),
    )
    assert product_scores(table, BOARD, "promptpo") == {0: 974.9, 1: -100.0}
    scores = score_matrix(table, "promptpo")
    assert scores.values.ravel().tolist() == pytest.approx([1, 0])
    assert scores.without_policy == 1


def test_pending_runs_are_no_results_but_counted(make_table):
    table = make_table(
        (BOARD, "promptpo", 0, 974.9),
        (BOARD, "promptpo", 1, None, {"status": "pending"}),
        (SMALL, "promptpo", 0, None, {"status": "pending"}),
    )
    scores = score_matrix(table, "promptpo")
    assert scores.environments == (BOARD,)
    assert scores.runs == (1,)
    assert scores.pending == 2
    assert scores.left_out == {SMALL: "pending"}


def test_an_environment_without_reference_scores_is_left_out_by_name(make_table):
    table = make_table((BOARD, "promptpo", 0, 1.0), ("new_task", "promptpo", 0, 1.0))
    assert score_matrix(table, "promptpo").left_out == {
        "new_task": "no reference scores"
    }
    raw = score_matrix(table, "promptpo", normalized=False)
    assert set(raw.environments) == {BOARD, "new_task"}
    (summary,) = family_summary(table)
    assert summary.all_environments == 2
    assert summary.scores.environments == (BOARD,)


def test_summaries_are_by_family_and_over_all(make_table):
    table = make_table(
        *((BOARD, "promptpo", seed, 974.9, {"family": "Big"}) for seed in range(3)),
        *((SMALL, "promptpo", seed, -25.0, {"family": "Small"}) for seed in range(3)),
    )
    found = {row.family: row for row in family_summary(table)}
    assert list(found) == ["Big", "Small", "all"]
    assert found["Big"].estimates["iqm"].value == pytest.approx(1)
    assert found["all"].estimates["mean"].value == pytest.approx(0.5)
    assert found["all"].estimates["optimality_gap"].value == pytest.approx(0.5)


def test_no_interval_is_claimed_for_fewer_than_three_runs(make_table):
    two = make_table(*((BOARD, "promptpo", seed, 1.0 * seed) for seed in range(2)))
    (summary,) = family_summary(two)
    assert not summary.estimates["mean"].has_interval
    assert np.isnan(profiles(two)["promptpo"].profile.low).all()
    three = make_table(*((BOARD, "promptpo", seed, 1.0 * seed) for seed in range(3)))
    (summary,) = family_summary(three)
    assert summary.estimates["mean"].has_interval


def test_improvement_is_over_common_environments_by_order_alone(make_table):
    table = make_table(
        *(("new_task", "promptpo", seed, 5.0) for seed in range(3)),
        *(("new_task", "ppo", seed, 5.0 - seed, TRAINING) for seed in range(3)),
        (BOARD, "ppo", 0, 1.0, TRAINING),
    )
    found = improvement(table, "promptpo", "ppo")
    # Each of three 5s against 5, 4 and 3: (0.5 + 1 + 1) / 3.
    assert found.estimate.value == pytest.approx(2.5 / 3)
    assert found.environments == ("new_task",)
    assert found.left_out == (BOARD,)
    assert found.runs == 3
    nothing = improvement(table, "promptpo", "ppo", [BOARD])
    assert nothing.estimate is None
    assert nothing.left_out == (BOARD,)


def test_profiles_are_over_the_environments_of_each_series(make_table):
    table = make_table(
        (BOARD, "promptpo", 0, 974.9),
        (SMALL, "promptpo", 0, -25.0),
        (SMALL, "dqn", 0, 34.9, TRAINING),
    )
    found = profiles(table, thresholds=np.array([0.5]))
    assert found["promptpo"].profile.value.tolist() == [0.5]
    assert found["dqn"].scores.environments == (SMALL,)
    assert shared_environments(table, ["promptpo", "dqn"]) == (SMALL,)


def test_numbers_of_a_synthetic_grid_are_finite(make_tidy):
    from llmpo.analysis.table import read_tidy

    labels = (BOARD, SMALL, "button_press_v3", "hopper_v5")
    table = read_tidy(
        make_tidy(
            environments=4,
            labels=labels,
            seeds=4,
            training=2,
            references=1,
            special=True,
        )
    )
    for row in family_summary(table):
        for estimate in (row.estimates or {}).values():
            assert math.isfinite(estimate.value)
