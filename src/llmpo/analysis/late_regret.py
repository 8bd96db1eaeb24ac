"""Regret in the last part of the runs, over several environments.

The number of a run is the mean regret of the episodes that begin in its last part. A
run that ended before it has none.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from llmpo.analysis.regret import LAST
from llmpo.analysis.table import OnlineRuns
from llmpo.seeds import generator
from llmpo.statistics import (
    LEAST_RUNS,
    Estimate,
    FloatArray,
    bootstrap,
    bootstrap_pair,
    mean,
)

LateRegrets = Mapping[tuple[str, str], FloatArray]
"""One number for each run, by environment and series."""


def late_regrets(online: OnlineRuns) -> LateRegrets:
    """Returns the mean regret of each run in its last part, in the order of seeds."""
    run = ["environment", "series", "seed"]
    planned = online.runs.groupby(run[:2], observed=True).planned_steps.max()
    rows = online.episodes[[*run, "begin", "regret"]].join(planned, on=run[:2])
    begins = rows.begin / rows.planned_steps
    late = rows[(begins >= LAST[0]) & (begins < LAST[1])]
    means = late.groupby(run, observed=True).regret.mean().dropna()
    return {
        (str(environment), str(series)): values.to_numpy(dtype=np.float64)
        for (environment, series), values in means.groupby(run[:2], observed=True)
    }


def shared(
    regrets: LateRegrets, environments: Sequence[str], series: Sequence[str]
) -> tuple[str, ...]:
    """Returns the environments in which all given series have runs."""
    return tuple(
        environment
        for environment in environments
        if all((environment, name) in regrets for name in series)
    )


def mean_over(
    regrets: LateRegrets, environments: Sequence[str], series: str
) -> Estimate:
    """Returns a series' mean over environments, each of which has runs of it.

    No interval is claimed where one of them has too few runs.
    """
    values = _matrix(regrets, environments, series)
    if not _has_interval(values):
        return Estimate(float(mean(values)))
    rng = generator("bootstrap", "late_regret", series, *environments)
    return bootstrap(values, mean, rng)


def difference_over(
    regrets: LateRegrets, environments: Sequence[str], series: str, base: str
) -> Estimate:
    """Returns how much more regret a series has than another one; see `mean_over`."""
    x = _matrix(regrets, environments, series)
    y = _matrix(regrets, environments, base)
    if not (_has_interval(x) and _has_interval(y)):
        return Estimate(float(_difference(x, y)))
    rng = generator("bootstrap", "late_regret", series, base, *environments)
    return bootstrap_pair(x, y, _difference, rng)


def _difference(x: FloatArray, y: FloatArray) -> FloatArray:
    return np.asarray(mean(x) - mean(y))


def _matrix(
    regrets: LateRegrets, environments: Sequence[str], series: str
) -> FloatArray:
    """Returns a (runs, environments) array, NaN where there are fewer runs."""
    columns = [regrets[environment, series] for environment in environments]
    values = np.full((max(map(len, columns)), len(columns)), np.nan)
    for index, column in enumerate(columns):
        values[: len(column), index] = column
    return values


def _has_interval(values: FloatArray) -> bool:
    return bool(np.isfinite(values).sum(axis=0).min() >= LEAST_RUNS)
