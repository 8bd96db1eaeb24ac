import numpy as np
import pytest

from llmpo import statistics
from llmpo.seeds import generator

# Two environments, four runs of the first and two of the second; by hand.
RAGGED = [[1.0, 10.0], [2.0, 20.0], [3.0, np.nan], [6.0, np.nan]]


def test_mean_weighs_environments_equally():
    # (mean(1, 2, 3, 6) + mean(10, 20)) / 2 = (3 + 15) / 2
    assert float(statistics.mean(RAGGED)) == 9.0


def test_iqm_drops_the_outer_quarters():
    # 0..7 without the two lowest and the two highest: mean(2, 3, 4, 5)
    scores = np.arange(8.0).reshape(4, 2)
    assert float(statistics.iqm(scores)) == 3.5


def test_iqm_rounds_a_quarter_down_and_ignores_missing_runs():
    # Six scores, one cut at each end: mean(2, 3, 6, 10)
    assert float(statistics.iqm(RAGGED)) == 5.25


def test_iqm_equals_the_trimmed_mean_of_scipy():
    stats = pytest.importorskip("scipy.stats")
    scores = generator("test", "iqm").normal(size=(7, 3))
    expected = stats.trim_mean(scores, 0.25, axis=None)
    assert float(statistics.iqm(scores)) == pytest.approx(expected)


@pytest.mark.parametrize("estimator", [statistics.mean, statistics.iqm])
def test_leading_axes_are_independent_repetitions(estimator):
    scores = generator("test", "batch").normal(size=(5, 4, 3))
    together = estimator(scores)
    assert together.shape == (5,)
    assert together == pytest.approx([float(estimator(one)) for one in scores])


def test_resamples_stay_within_their_environment_and_keep_its_size():
    drawn = statistics.stratified_resamples(RAGGED, generator("test"), resamples=50)
    assert drawn.shape == (50, 4, 2)
    assert set(drawn[:, :, 0].ravel()) <= {1.0, 2.0, 3.0, 6.0}
    second = drawn[:, :, 1]
    assert (np.isfinite(second).sum(axis=1) == 2).all()
    assert set(second[np.isfinite(second)]) <= {10.0, 20.0}


def test_bootstrap_repeats_with_the_same_generator_and_leaves_the_global_one_alone():
    state = np.random.get_state()[1].tobytes()  # noqa: NPY002
    scores = generator("test", "scores").normal(size=(9, 2))
    first = statistics.bootstrap(scores, statistics.mean, generator("a"))
    assert first == statistics.bootstrap(scores, statistics.mean, generator("a"))
    assert first != statistics.bootstrap(scores, statistics.mean, generator("b"))
    assert np.random.get_state()[1].tobytes() == state  # noqa: NPY002


def test_bootstrap_interval_contains_the_estimate_and_is_about_right():
    values = generator("test", "normal").normal(size=400)
    estimate = statistics.bootstrap(
        statistics.column(values), statistics.mean, generator("test")
    )
    assert estimate.low < estimate.value < estimate.high
    # Standard error of the mean of 400 unit normals is 0.05, so about 2 * 1.96 * 0.05.
    assert estimate.high - estimate.low == pytest.approx(0.196, rel=0.15)


def test_a_single_run_has_an_interval_without_width():
    estimate = statistics.bootstrap([[3.0]], statistics.mean, generator("test"))
    assert (estimate.value, estimate.low, estimate.high) == (3.0, 3.0, 3.0)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        ([1.0, 2.0], "runs, environments"),
        ([[1.0, np.nan]], "without any score"),
        ([[1.0], [np.inf]], "finite"),
    ],
)
def test_unusable_scores_are_refused(scores, message):
    with pytest.raises(ValueError, match=message):
        statistics.mean(scores)
