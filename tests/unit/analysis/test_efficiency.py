import pytest

from llmpo.analysis.efficiency import (
    Crossing,
    Steps,
    efficiency_rows,
    main_series,
    median_steps,
    thresholds,
)

BOARD = "noise_world_board_1"  # zero -100
RISING = [(100, 0.0), (200, 790.0), (300, 900.0)]


def trained(seed, score=900.0, curve=RISING, **options):
    return (BOARD, "ppo", seed, score, {"role": "training", "curve": curve, **options})


def test_the_threshold_lies_at_90_percent_from_zero_to_the_best_baseline(make_table):
    table = make_table(
        trained(0, 800.0),
        trained(1, 1000.0),
        (BOARD, "dqn", 0, 850.0, {"role": "training"}),
        (BOARD, "promptpo", 0, 974.0),
    )
    found = thresholds(table)[BOARD]
    assert found.score == pytest.approx(-100 + 0.9 * (900 + 100))
    assert (found.baseline, found.baseline_runs) == ("ppo", 2)
    assert thresholds(table, 0.5)[BOARD].score == pytest.approx(400)


def test_where_there_is_no_threshold_the_reason_is_given(make_table):
    table = make_table(
        (BOARD, "promptpo", 0, 974.0),
        ("new_task", "ppo", 0, 1.0, {"role": "training"}),
        ("hopper_v5", "ppo", 0, 0.0, {"role": "training"}),
    )
    reasons = {name: limit.reason for name, limit in thresholds(table).items()}
    assert reasons == {
        BOARD: "no trained baseline has results",
        "new_task": "no reference scores",
        "hopper_v5": "no trained baseline beats zero",
    }
    assert all(row.reached == 0 for row in efficiency_rows(table))


def test_a_run_crosses_where_its_score_first_reaches_the_threshold(make_table):
    # The threshold is 800.
    falling = [(100, 850.0), (200, 100.0), (300, 900.0)]
    table = make_table(
        trained(0),
        trained(1, curve=falling),
        (BOARD, "promptpo", 0, 974.0, {"curve": [(10, 500.0), (25, 800.0)]}),
    )
    ppo, promptpo = efficiency_rows(table)
    assert [c.steps for c in ppo.crossings] == [300, 100]
    assert [c.steps for c in promptpo.crossings] == [25]
    assert ppo.median == Steps(200)
    assert ppo.ratio == Steps(8)
    assert promptpo.ratio == Steps(1)


def test_censored_runs_are_kept_and_make_bounds(make_table):
    table = make_table(
        trained(0),
        trained(1),
        (BOARD, "promptpo", 0, 1.0, {"curve": [(10, 1.0)], "steps": 600}),
        (BOARD, "promptpo", 1, None, {"status": "pending"}),
    )
    ppo, promptpo = efficiency_rows(table)
    assert promptpo.crossings == (Crossing(0, None, 600),)
    assert promptpo.pending == 1
    assert promptpo.median == Steps(600, "more")
    assert promptpo.ratio == Steps(None)
    assert ppo.ratio == Steps(300 / 600, "less")


def test_the_median_counts_a_censored_run_as_longer_than_any_other():
    runs = [Crossing(0, 10, 99), Crossing(1, 30, 99), Crossing(2, None, 20)]
    assert median_steps(runs) == Steps(30)
    assert median_steps([*runs, Crossing(3, None, 40)]) == Steps(25, "more")
    assert median_steps([]) == Steps(None)


def test_the_method_under_comparison_is_the_search_with_the_most_runs(make_table):
    table = make_table(
        (BOARD, "a", 0, 1.0), (BOARD, "b", 0, 1.0), (BOARD, "b", 1, 1.0), trained(0)
    )
    assert main_series(table) == "b"
    assert main_series(make_table(trained(0))) is None
