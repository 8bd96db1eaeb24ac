import numpy as np
import pytest

from llmpo.analysis.late_regret import (
    difference_over,
    late_regrets,
    mean_over,
    shared,
)

CHAIN, MAZE = "icpi_chain", "icpi_maze"


def run(environment, label, seed, late):
    """Eight episodes of ten steps, of which only the last one is late."""
    return (environment, label, seed, (0.9,) * 7 + (late,))


@pytest.fixture
def regrets(make_online):
    return late_regrets(
        make_online(
            *(run(CHAIN, "icpi", seed, 0.1 * seed) for seed in range(3)),
            *(run(MAZE, "icpi", seed, 0.3) for seed in range(4)),
            *(run(CHAIN, "random", seed, 0.6) for seed in range(2)),
            (MAZE, "random", 0, (0.6,) * 3, {"status": "truncated"}),
        )
    )


def test_each_run_has_the_mean_of_its_last_part(regrets):
    assert regrets[CHAIN, "icpi"] == pytest.approx(np.array([0.0, 0.1, 0.2]))
    assert len(regrets[MAZE, "icpi"]) == 4


def test_a_run_that_ended_early_has_none(regrets):
    assert (MAZE, "random") not in regrets
    assert shared(regrets, (CHAIN, MAZE), ("icpi", "random")) == (CHAIN,)


def test_every_environment_weighs_the_same(regrets):
    estimate = mean_over(regrets, (CHAIN, MAZE), "icpi")
    assert estimate.value == pytest.approx(0.2)
    assert estimate.low < 0.2 < estimate.high


def test_differences_of_too_few_runs_have_no_interval(regrets):
    estimate = difference_over(regrets, (CHAIN,), "random", "icpi")
    assert estimate.value == pytest.approx(0.5)
    assert not estimate.has_interval
    same = difference_over(regrets, (CHAIN, MAZE), "icpi", "icpi")
    assert same.value == 0
    assert same.low < 0 < same.high
