import numpy as np
import pytest

from llmpo.analysis.regret import (
    LAST,
    WHOLE,
    incomplete,
    mean_regret,
    regret_curve,
    runs_within,
    steps_to,
)

# Eight episodes of ten steps: one begins in each eighth of the 80 planned steps.
FALLING = (0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1)
CHAIN = "icpi_chain"


def values(curve):
    return [estimate.value for estimate in curve.estimates]


def test_the_regret_of_an_episode_counts_where_it_begins(make_online):
    curve = regret_curve(make_online((CHAIN, "icpi", 0, FALLING)), CHAIN, "icpi")
    assert curve.steps.tolist() == [5, 15, 25, 35, 45, 55, 65, 75]
    assert values(curve) == pytest.approx(FALLING)
    assert (curve.runs, curve.planned_steps) == (1, 80)
    assert not any(estimate.has_interval for estimate in curve.estimates)


def test_runs_weigh_the_same_however_many_episodes_they_have(make_online):
    # In the first eighth, one run has two episodes of 0.4 and 0.8, the other one of 0.
    online = make_online(
        (CHAIN, "icpi", 0, (0.4, 0.8, *[0] * 14), {"length": 5}),
        (CHAIN, "icpi", 1, (0.0,) * 8),
    )
    assert regret_curve(online, CHAIN, "icpi").estimates[0].value == pytest.approx(0.3)


def test_three_runs_have_intervals_which_repeat(make_online):
    online = make_online(
        *((CHAIN, "icpi", seed, (regret,) * 8) for seed, regret in enumerate(FALLING))
    )
    estimate = mean_regret(online, CHAIN, "icpi")
    assert estimate.value == pytest.approx(0.45)
    assert 0.1 <= estimate.low < 0.45 < estimate.high <= 0.8
    assert mean_regret(online, CHAIN, "icpi") == estimate
    curve = regret_curve(online, CHAIN, "icpi")
    assert all(part.has_interval for part in curve.estimates)


def test_the_end_is_the_last_fifth_and_the_whole_is_all(make_online):
    online = make_online((CHAIN, "icpi", 0, FALLING))
    # Episodes begin after 0, 10, ... 70 steps; the last fifth begins at 64.
    assert mean_regret(online, CHAIN, "icpi", LAST).value == pytest.approx(0.1)
    assert mean_regret(online, CHAIN, "icpi", WHOLE).value == pytest.approx(0.45)
    assert mean_regret(online, CHAIN, "icpi", (0.0, 0.25)).value == pytest.approx(0.75)


def test_a_truncated_run_counts_as_far_as_it_came(make_online):
    stopped = {"status": "truncated"}
    online = make_online(
        *((CHAIN, "icpi", seed, (0.6,) * 8) for seed in (0, 1, 2)),
        (CHAIN, "icpi", 3, (0.2,) * 4, stopped),
    )
    curve = regret_curve(online, CHAIN, "icpi")
    assert values(curve) == pytest.approx([0.5] * 4 + [0.6] * 4)
    assert curve.runs == 4
    assert runs_within(online, CHAIN, "icpi", WHOLE) == 4
    assert runs_within(online, CHAIN, "icpi", LAST) == 3
    assert incomplete(online, CHAIN, ["icpi"]) == ["1 truncated"]
    assert incomplete(online, CHAIN, ["other"]) == []


def test_nothing_is_made_up_where_no_run_came(make_online):
    online = make_online(
        (CHAIN, "icpi", 0, (0.2,) * 4, {"status": "truncated"}),
        (CHAIN, "icpi_gpt", 0, (), {"status": "pending"}),
    )
    assert len(regret_curve(online, CHAIN, "icpi").estimates) == 4
    assert mean_regret(online, CHAIN, "icpi") is None
    assert runs_within(online, CHAIN, "icpi") == 0
    assert regret_curve(online, CHAIN, "icpi_gpt") is None
    assert mean_regret(online, CHAIN, "icpi_gpt", WHOLE) is None
    assert steps_to(online, CHAIN, "icpi_gpt", 1.0) is None
    assert regret_curve(online, "icpi_maze", "icpi") is None
    assert incomplete(online, CHAIN, online.series) == ["1 truncated", "1 pending"]


def test_steps_to_a_regret_are_those_from_which_on_it_stays_low(make_online):
    relapse = (0.8, 0.1, 0.6, 0.3, 0.2, 0.1, 0.1, 0.0)
    online = make_online((CHAIN, "icpi", 0, relapse))
    assert steps_to(online, CHAIN, "icpi", 0.3) == 30
    assert steps_to(online, CHAIN, "icpi", 0.15) == 50
    assert steps_to(online, CHAIN, "icpi", 0.9) == 0
    assert steps_to(online, CHAIN, "icpi", -0.1) is None


def test_a_table_without_online_runs_has_no_regret(make_table):
    online = make_table(("a", "ppo", 0, 1.0)).online
    assert online.environments == ()
    assert regret_curve(online, "a", "ppo") is None
    assert np.isnan(online.episodes.regret).all()
