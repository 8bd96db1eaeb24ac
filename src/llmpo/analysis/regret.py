"""Regret of methods that act while they learn, against environment steps.

The regret of a training episode is known when it begins: at the number of environment
steps before it. A run's curve is the mean over the episodes that begin in each eighth
of its planned steps; that is the only smoothing. Curves and their intervals are means
over runs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from llmpo.analysis.table import OnlineRuns
from llmpo.seeds import generator
from llmpo.statistics import (
    LEAST_RUNS,
    Estimate,
    FloatArray,
    bootstrap,
    column,
    mean,
)

if TYPE_CHECKING:
    import pandas as pd

BINS = 8
FINAL = 0.8
"""Where the last part of a run begins, as a share of its planned steps."""

WHOLE = (0.0, 1.0)
LAST = (FINAL, 1.0)


@dataclass(frozen=True)
class RegretCurve:
    """Regret of one series in one environment.

    Attributes:
        steps: Environment steps in the middle of each bin.
        estimates: Mean over runs with its interval, one for each bin that has runs.
        runs: Number of runs.
        planned_steps: Environment steps of a run.
    """

    steps: FloatArray
    estimates: tuple[Estimate, ...]
    runs: int
    planned_steps: float


def regret_curve(
    online: OnlineRuns, environment: str, series: str
) -> RegretCurve | None:
    """Returns a series' curve; None where no run has finished an episode."""
    edges = np.linspace(0.0, 1.0, BINS + 1)
    episodes, planned, runs = _episodes(online, environment, series)
    if not len(episodes):
        return None
    steps, estimates = [], []
    for low, high in pairwise(edges):
        values = _means(episodes, planned * low, planned * high)
        if len(values):
            steps.append(planned * (low + high) / 2)
            names = ("regret", environment, series, f"{low}")
            estimates.append(over_runs(values, *names))
    return RegretCurve(np.array(steps), tuple(estimates), runs, planned)


def mean_regret(
    online: OnlineRuns,
    environment: str,
    series: str,
    part: tuple[float, float] = LAST,
) -> Estimate | None:
    """Returns the mean regret in a part of the runs; None where there is none.

    Args:
        online: The runs.
        environment: Label of the environment.
        series: Name of the series.
        part: The part, as shares of the planned steps.
    """
    episodes, planned, _ = _episodes(online, environment, series)
    if not len(episodes):
        return None
    values = _means(episodes, planned * part[0], planned * part[1])
    if not len(values):
        return None
    return over_runs(values, "regret", environment, series, f"{part}")


def runs_within(
    online: OnlineRuns,
    environment: str,
    series: str,
    part: tuple[float, float] = LAST,
) -> int:
    """Returns how many runs have episodes in a part; see `mean_regret`."""
    episodes, planned, _ = _episodes(online, environment, series)
    return len(_means(episodes, planned * part[0], planned * part[1]))


def steps_to(
    online: OnlineRuns, environment: str, series: str, regret: float
) -> float | None:
    """Returns after how many steps a curve stays at or below a regret; None if never.

    It is the beginning of the first bin from which on the mean over runs is that low.
    """
    curve = regret_curve(online, environment, series)
    if curve is None:
        return None
    width = curve.planned_steps / BINS
    found = None
    for middle, estimate in zip(
        curve.steps[::-1], reversed(curve.estimates), strict=True
    ):
        if estimate.value > regret:
            break
        found = float(middle - width / 2)
    return found


def incomplete(online: OnlineRuns, environment: str, names: Sequence[str]) -> list[str]:
    """Returns what is to be known of runs that did not reach their planned steps."""
    runs = online.runs
    runs = runs[(runs.environment == environment) & runs.series.isin(list(names))]
    counts = {
        status: int((runs.run_status == status).sum())
        for status in ("truncated", "pending", "failed")
    }
    return [f"{count} {status}" for status, count in counts.items() if count]


def over_runs(values: FloatArray, *names: str) -> Estimate:
    """Returns the mean of a number of each run; too few runs have no interval.

    Args:
        values: One number for each run.
        names: Names of the random stream for the bootstrap.
    """
    if len(values) < LEAST_RUNS:
        return Estimate(float(values.mean()))
    return bootstrap(column(values), mean, generator("bootstrap", *names))


def _episodes(
    online: OnlineRuns, environment: str, series: str
) -> tuple["pd.DataFrame", float, int]:
    """Returns a series' episodes, planned steps and number of runs."""

    def here(rows: "pd.DataFrame") -> "pd.DataFrame":
        return rows[(rows.environment == environment) & (rows.series == series)]

    runs = here(online.runs)
    planned = float(runs.planned_steps.max()) if len(runs) else 0.0
    return here(online.episodes), planned, len(runs)


def _means(episodes: "pd.DataFrame", low: float, high: float) -> FloatArray:
    """Returns each run's mean over the episodes that begin within some steps."""
    rows = episodes[(episodes.begin >= low) & (episodes.begin < high)]
    values: FloatArray = rows.groupby("seed").regret.mean().to_numpy(dtype=np.float64)
    return values
