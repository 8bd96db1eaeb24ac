import math

import pytest

from llmpo.analysis.predictions import prediction_quality

CHAIN = "icpi_chain"


def run(seed, predictions):
    return (CHAIN, "icpi", seed, (0.5,) * 8, {"predictions": predictions})


def test_shares_are_means_over_runs(make_online):
    # Completions, invalid, correct, wrong, unclear.
    online = make_online(
        run(0, {"state": (100, 10, 60, 20, 10)}),
        run(1, {"state": (10, 0, 10, 0, 0)}),
    )
    quality = prediction_quality(online, CHAIN, "icpi", "state")
    assert quality.correct.value == pytest.approx((0.75 + 1) / 2)
    assert not quality.correct.has_interval
    assert quality.unclear == pytest.approx((1 / 9 + 0) / 2)
    assert quality.invalid == pytest.approx((0.1 + 0) / 2)
    assert quality.runs == 2


def test_three_runs_have_an_interval(make_online):
    online = make_online(
        *(run(seed, {"reward": (10, 0, 10 - seed, seed, 0)}) for seed in range(3))
    )
    correct = prediction_quality(online, CHAIN, "icpi", "reward").correct
    assert correct.value == pytest.approx(0.9)
    assert 0.8 <= correct.low < 0.9 < correct.high <= 1


def test_actions_cannot_be_right_or_wrong_only_invalid(make_online):
    online = make_online(run(0, {"action": (20, 5, 0, 0, 0)}))
    quality = prediction_quality(online, CHAIN, "icpi", "action")
    assert quality.correct is None
    assert math.isnan(quality.unclear)
    assert quality.invalid == 0.25


def test_a_run_that_asked_nothing_does_not_count_as_perfect(make_online):
    online = make_online(
        run(0, {"state": (0, 0, 0, 0, 0)}), run(1, {"state": (8, 4, 1, 3, 0)})
    )
    quality = prediction_quality(online, CHAIN, "icpi", "state")
    assert (quality.correct.value, quality.invalid) == (0.25, 0.5)
    assert prediction_quality(online, CHAIN, "icpi", "reward") is None
    assert prediction_quality(online, "icpi_maze", "icpi", "state") is None
