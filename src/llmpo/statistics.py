"""Estimators and bootstrap intervals on (runs x environments) arrays of scores.

One convention for the whole project: the last two axes of a score array are runs and
environments, with NaN where an environment has fewer runs than another. Any leading
axes are independent repetitions. The functions draw nothing from a global generator;
whoever needs an interval passes one, usually from `llmpo.seeds.generator`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Estimator = Callable[[FloatArray], FloatArray]

PairEstimator = Callable[[FloatArray, FloatArray], FloatArray]

RESAMPLES = 2000
LEVEL = 0.95
# Resampling fewer runs than these says next to nothing about the next run.
LEAST_RUNS = 3


@dataclass(frozen=True)
class Estimate:
    """A point estimate with a confidence interval.

    Attributes:
        value: The estimator on the scores as given.
        low: Lower end of the interval; NaN where no interval is claimed.
        high: Upper end of the interval; NaN where no interval is claimed.
    """

    value: float
    low: float = math.nan
    high: float = math.nan

    @property
    def has_interval(self) -> bool:
        """Whether an interval is claimed."""
        return not (math.isnan(self.low) or math.isnan(self.high))


@dataclass(frozen=True)
class Profile:
    """A performance profile with pointwise confidence intervals.

    Attributes:
        thresholds: Scores tau.
        value: Share of runs that score more than tau.
        low: Lower ends of the intervals; NaN where none is claimed.
        high: Upper ends of the intervals; NaN where none is claimed.
    """

    thresholds: FloatArray
    value: FloatArray
    low: FloatArray
    high: FloatArray


def mean(scores: npt.ArrayLike) -> FloatArray:
    """Returns the mean over environments of the mean over runs.

    Every environment weighs the same, however many runs it has.

    Args:
        scores: (..., runs, environments) array.
    """
    return np.asarray(np.nanmean(_checked(scores), axis=-2).mean(axis=-1))


def iqm(scores: npt.ArrayLike) -> FloatArray:
    """Returns the interquartile mean: the mean without the outer quarters.

    All runs of all environments are pooled, so they must be on one scale; as in the
    usual trimmed mean, a quarter of n values is rounded down.

    Args:
        scores: (..., runs, environments) array.
    """
    array = _checked(scores)
    pooled = np.sort(array.reshape(*array.shape[:-2], -1), axis=-1)  # NaN goes last
    counts = np.isfinite(pooled).sum(axis=-1, keepdims=True)
    cut = counts // 4
    position = np.arange(pooled.shape[-1])
    kept = (position >= cut) & (position < counts - cut)
    return np.asarray(np.where(kept, pooled, 0.0).sum(axis=-1) / kept.sum(axis=-1))


def median(scores: npt.ArrayLike) -> FloatArray:
    """Returns the median over environments of the mean over runs.

    Args:
        scores: (..., runs, environments) array.
    """
    return np.asarray(np.median(np.nanmean(_checked(scores), axis=-2), axis=-1))


def optimality_gap(scores: npt.ArrayLike, target: float = 1.0) -> FloatArray:
    """Returns by how much scores fall short of a target on average; less is better.

    Scores beyond the target count as the target, every environment weighs the same.

    Args:
        scores: (..., runs, environments) array.
        target: The score beyond which nothing more is wanted.
    """
    return np.asarray(target - mean(np.minimum(_checked(scores), target)))


def probability_of_improvement(x: npt.ArrayLike, y: npt.ArrayLike) -> FloatArray:
    """Returns how likely a run of x scores more than a run of y, ties counting half.

    This is the Mann-Whitney statistic of each environment, averaged over environments.

    Args:
        x: (..., runs, environments) array.
        y: Array with the same environments; it may have another number of runs.
    """
    first, second = _checked(x), _checked(y)
    if first.shape[-1] != second.shape[-1]:
        raise ValueError("both arrays must have the same environments")
    shares = []
    for one, other in zip(
        np.moveaxis(first, -1, 0), np.moveaxis(second, -1, 0), strict=True
    ):
        a, b = one[..., :, None], other[..., None, :]
        pairs = (np.isfinite(a) & np.isfinite(b)).sum(axis=(-2, -1))
        wins = (a > b).sum(axis=(-2, -1)) + 0.5 * (a == b).sum(axis=(-2, -1))
        shares.append(wins / pairs)
    return np.asarray(np.mean(shares, axis=0))


def performance_profile(scores: npt.ArrayLike, thresholds: npt.ArrayLike) -> FloatArray:
    """Returns the share of runs that score more than each threshold.

    Every environment weighs the same, however many runs it has.

    Args:
        scores: (..., runs, environments) array.
        thresholds: (thresholds,) array.

    Returns:
        (..., thresholds) array.
    """
    array = _checked(scores)
    runs = np.isfinite(array).sum(axis=-2)
    shares = [
        ((array > tau).sum(axis=-2) / runs).mean(axis=-1)
        for tau in np.asarray(thresholds, dtype=np.float64)
    ]
    return np.stack(shares, axis=-1)


def stratified_resamples(
    scores: npt.ArrayLike, rng: np.random.Generator, resamples: int = RESAMPLES
) -> FloatArray:
    """Draws runs with replacement, separately within each environment.

    Args:
        scores: (runs, environments) array.
        rng: Source of the draws.
        resamples: How many resampled arrays to make.

    Returns:
        (resamples, runs, environments) array with as many scores in each environment
        as there were.
    """
    array = _checked(scores)
    drawn = np.full((resamples, *array.shape), np.nan)
    for column, values in enumerate(array.T):
        present = values[np.isfinite(values)]
        chosen = rng.integers(len(present), size=(resamples, len(present)))
        drawn[:, : len(present), column] = present[chosen]
    return drawn


def bootstrap(
    scores: npt.ArrayLike,
    estimator: Estimator,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """Returns an estimate with its percentile interval, stratified by environment.

    With a single run in every environment the interval has no width: there is
    nothing to resample, which is for the caller to say.

    Args:
        scores: (runs, environments) array; rows may also be the episodes of one run.
        estimator: `mean`, `iqm` or any function that reduces the last two axes.
        rng: Source of the draws.
        resamples: How many resampled arrays to use.
        level: Coverage of the interval.
    """
    array = _checked(scores)
    repeated = estimator(stratified_resamples(array, rng, resamples))
    return Estimate(float(estimator(array)), *map(float, _ends(repeated, level)))


def bootstrap_pair(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    estimator: PairEstimator,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Estimate:
    """Returns an estimate that compares two arrays, with its percentile interval.

    The runs of both are resampled independently, each stratified by environment.

    Args:
        x: (runs, environments) array.
        y: Array with the same environments; it may have another number of runs.
        estimator: `probability_of_improvement` or any function of two arrays that
            reduces their last two axes, such as a difference of means.
        rng: Source of the draws.
        resamples: How many pairs of resampled arrays to use.
        level: Coverage of the interval.
    """
    first, second = _checked(x), _checked(y)
    repeated = estimator(
        stratified_resamples(first, rng, resamples),
        stratified_resamples(second, rng, resamples),
    )
    return Estimate(
        float(estimator(first, second)), *map(float, _ends(repeated, level))
    )


def bootstrap_profile(
    scores: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    rng: np.random.Generator,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
) -> Profile:
    """Returns a performance profile with pointwise percentile intervals.

    Args:
        scores: (runs, environments) array.
        thresholds: (thresholds,) array.
        rng: Source of the draws.
        resamples: How many resampled arrays to use.
        level: Coverage of the interval at each threshold.
    """
    array = _checked(scores)
    taus = np.asarray(thresholds, dtype=np.float64)
    repeated = performance_profile(stratified_resamples(array, rng, resamples), taus)
    low, high = _ends(repeated, level)
    return Profile(taus, performance_profile(array, taus), low, high)


def column(values: npt.ArrayLike) -> FloatArray:
    """Returns values of one environment as a (runs, 1) array."""
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)


def _ends(repeated: FloatArray, level: float) -> FloatArray:
    """Returns both ends of the percentile interval over the first axis."""
    return np.quantile(repeated, [(1 - level) / 2, (1 + level) / 2], axis=0)


def _checked(scores: npt.ArrayLike | Any) -> FloatArray:
    array = np.asarray(scores, dtype=np.float64)
    if array.ndim < 2:
        raise ValueError(
            f"scores must be a (runs, environments) array, not of shape {array.shape}"
        )
    if not np.isfinite(array).any(axis=-2).all():
        raise ValueError("an environment without any score has no estimate")
    if np.isinf(array).any():
        raise ValueError("scores must be finite, or NaN where there is no run")
    return array
