"""Estimators and bootstrap intervals on (runs x environments) arrays of scores.

One convention for the whole project: the last two axes of a score array are runs and
environments, with NaN where an environment has fewer runs than another. Any leading
axes are independent repetitions. The functions draw nothing from a global generator;
whoever needs an interval passes one, usually from `llmpo.seeds.generator`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Estimator = Callable[[FloatArray], FloatArray]

RESAMPLES = 2000
LEVEL = 0.95


@dataclass(frozen=True)
class Estimate:
    """A point estimate with a confidence interval.

    Attributes:
        value: The estimator on the scores as given.
        low: Lower end of the interval.
        high: Upper end of the interval.
    """

    value: float
    low: float
    high: float


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
    low, high = np.quantile(repeated, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(float(estimator(array)), float(low), float(high))


def column(values: npt.ArrayLike) -> FloatArray:
    """Returns values of one environment as a (runs, 1) array."""
    return np.asarray(values, dtype=np.float64).reshape(-1, 1)


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
