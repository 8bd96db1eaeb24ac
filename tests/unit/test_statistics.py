import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

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


def test_median_is_over_environments_of_means_over_runs():
    # Means 3, 15 and 4; the median is 4.
    scores = [[1.0, 10.0, 4.0], [2.0, 20.0, np.nan], [6.0, np.nan, np.nan]]
    assert float(statistics.median(scores)) == 4.0


def test_optimality_gap_does_not_reward_scores_beyond_the_target():
    # min(x, 1): 0.5, 1 and 0, 0.2 -> means 0.75 and 0.1 -> 1 - 0.425
    scores = [[0.5, 0.0], [3.0, 0.2]]
    assert float(statistics.optimality_gap(scores)) == pytest.approx(0.575)
    assert float(statistics.optimality_gap(scores, 3.0)) == pytest.approx(2.075)


def test_probability_of_improvement_counts_ties_half():
    # First environment: of 2 x 3 pairs, 3 > 1, 3 > 2, 1 = 1 (half) and 3 = 3 (half).
    x = [[1.0, 5.0], [3.0, 6.0]]
    y = [[1.0, 0.0], [2.0, np.nan], [3.0, np.nan]]
    expected = (3 / 6 + 1) / 2
    assert float(statistics.probability_of_improvement(x, y)) == expected


def test_probability_of_improvement_equals_the_mann_whitney_statistic():
    stats = pytest.importorskip("scipy.stats")
    rng = generator("test", "mann-whitney")
    x, y = rng.integers(5, size=(7, 2)), rng.integers(5, size=(4, 2))
    shares = [
        stats.mannwhitneyu(x[:, k], y[:, k]).statistic / (7 * 4) for k in range(2)
    ]
    found = statistics.probability_of_improvement(x, y)
    assert float(found) == pytest.approx(np.mean(shares))


def test_arrays_to_compare_must_have_the_same_environments():
    with pytest.raises(ValueError, match="same environments"):
        statistics.probability_of_improvement([[1.0, 2.0]], [[1.0]])


def test_performance_profile_is_the_share_above_each_threshold():
    # First environment: of 1, 2, 3, 6 above 2 are two; second: both of 10, 20.
    profile = statistics.performance_profile(RAGGED, [0.0, 2.0, 10.0, 50.0])
    assert profile.tolist() == [1.0, 0.75, 0.25, 0.0]


def test_profile_interval_holds_the_profile():
    scores = generator("test", "profile").normal(size=(6, 3))
    profile = statistics.bootstrap_profile(
        scores, [-1.0, 0.0, 1.0], generator("test"), resamples=200
    )
    assert (profile.low <= profile.value).all()
    assert (profile.value <= profile.high).all()
    again = statistics.bootstrap_profile(
        scores, [-1.0, 0.0, 1.0], generator("test"), resamples=200
    )
    assert profile.high.tolist() == again.high.tolist()


def test_a_pair_is_resampled_on_both_sides_and_repeats():
    rng = generator("test", "pair")
    x, y = rng.normal(1.0, size=(8, 2)), rng.normal(size=(5, 2))
    first = statistics.bootstrap_pair(
        x, y, statistics.probability_of_improvement, generator("a")
    )
    assert first.low <= first.value <= first.high
    assert first.value > 0.5
    assert first == statistics.bootstrap_pair(
        x, y, statistics.probability_of_improvement, generator("a")
    )


def test_an_estimate_without_interval_says_so():
    assert not statistics.Estimate(1.0).has_interval
    assert statistics.Estimate(1.0, 0.0, math.inf).has_interval


SCORES = arrays.arrays(
    np.float64,
    st.tuples(st.integers(1, 6), st.integers(1, 4)),
    elements=st.floats(-1e3, 1e3, width=32),
)


@settings(deadline=None, max_examples=60)
@given(SCORES)
def test_estimators_are_within_the_scores_and_do_not_depend_on_the_order(scores):
    for estimator in (statistics.mean, statistics.median, statistics.iqm):
        value = float(estimator(scores))
        assert scores.min() - 1e-6 <= value <= scores.max() + 1e-6
        assert value == pytest.approx(float(estimator(scores[::-1])), abs=1e-6)
    assert float(statistics.optimality_gap(scores, 1e3)) >= -1e-6


@settings(deadline=None, max_examples=60)
@given(SCORES, st.integers(0, 2**32))
def test_improvement_is_a_probability_and_its_opposite(scores, seed):
    other = np.random.default_rng(seed).permutation(scores)[: len(scores) // 2 + 1]
    forth = float(statistics.probability_of_improvement(scores, other))
    back = float(statistics.probability_of_improvement(other, scores))
    assert 0 <= forth <= 1
    assert forth + back == pytest.approx(1)


@settings(deadline=None, max_examples=60)
@given(SCORES)
def test_profiles_fall_from_one_to_zero(scores):
    taus = np.linspace(scores.min() - 1, scores.max() + 1, 9)
    profile = statistics.performance_profile(scores, taus)
    assert profile[0] == 1
    assert profile[-1] == 0
    assert (np.diff(profile) <= 1e-12).all()


@pytest.mark.oracle
def test_rliable_agrees():
    metrics = _rliable_metrics()
    rng = generator("test", "rliable")
    x, y = rng.normal(0.5, size=(10, 4)), rng.normal(0.4, size=(6, 4))
    pairs = {
        statistics.iqm: metrics.aggregate_iqm,
        statistics.median: metrics.aggregate_median,
        statistics.mean: metrics.aggregate_mean,
        statistics.optimality_gap: metrics.aggregate_optimality_gap,
    }
    for ours, theirs in pairs.items():
        assert float(ours(x)) == pytest.approx(float(theirs(x)))
    assert float(statistics.probability_of_improvement(x, y)) == pytest.approx(
        float(metrics.probability_of_improvement(x, y))
    )


def _rliable_metrics():
    """Returns the metrics of rliable; its other modules fail with pandas 3."""
    try:
        return pytest.importorskip("rliable.metrics")
    except Exception as error:
        pytest.skip(f"rliable cannot be imported: {error}")


@pytest.mark.parametrize(
    "estimator",
    [
        statistics.mean,
        statistics.iqm,
        statistics.median,
        statistics.optimality_gap,
        lambda scores: statistics.performance_profile(scores, [0.0]).mean(axis=-1),
        lambda scores: statistics.probability_of_improvement(scores, -scores),
    ],
)
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
