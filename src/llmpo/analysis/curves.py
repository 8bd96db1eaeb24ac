"""Learning curves of all runs: score against what a run has used, in one pass.

Two kinds of curve are told apart. A method that searches has, at any time, the best
policy found so far: a step function that never falls. A method that trains has what
it has learned by then: points that rise and fall, with straight lines between them.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from llmpo.analysis.table import TidyTable
from llmpo.seeds import generator
from llmpo.statistics import LEAST_RUNS, LEVEL, FloatArray

if TYPE_CHECKING:
    import pandas as pd

Axis = Literal["env_steps", "calls", "tokens", "dollars", "llm_seconds"]

_RESAMPLES = 1000


@dataclass(frozen=True)
class Curve:
    """Score of one run.

    Attributes:
        seed: Seed of the run.
        x: What had been used: for a search, where the best score rises and where the
            run ends; for training, where it was evaluated.
        y: The score there; for a search, from there on.
        truncated: Whether a budget ended the run.
    """

    seed: int
    x: FloatArray
    y: FloatArray
    truncated: bool


@dataclass(frozen=True)
class Band:
    """Mean of several curves with a pointwise 95% interval."""

    x: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray


@dataclass(frozen=True)
class SeriesCurves:
    """Curves of one series in one environment.

    Attributes:
        runs: A curve for every run that has a score.
        is_search: Whether curves are step functions of the best score so far.
        band: Their mean; None where there are too few runs for an interval.
        tried: What had been used at each scored attempt of a search.
        scores: The scores of these attempts.
        failed: What had been used at each failed attempt.
    """

    runs: tuple[Curve, ...]
    is_search: bool
    band: Band | None
    tried: FloatArray
    scores: FloatArray
    failed: FloatArray


def learning_curves(
    table: TidyTable, axis: Axis
) -> dict[tuple[str, str], SeriesCurves]:
    """Returns the curves of every series that has attempts, by environment and series.

    Attempts for which the axis is unknown are left out.

    Args:
        table: The tidy table.
        axis: Column that counts what was used.
    """
    roles = dict(zip(table.runs.series, table.runs.role, strict=True))
    ends = _ends(table, axis)
    curves: dict[tuple[str, str], list[Curve]] = defaultdict(list)
    tried: dict[tuple[str, str], list[FloatArray]] = defaultdict(list)
    failed: dict[tuple[str, str], list[FloatArray]] = defaultdict(list)
    for environment, series, seed, (x, score) in _runs(table.candidates, axis):
        key = (environment, series)
        works = np.isfinite(score)
        tried[key].append(np.array([x[works], score[works]]))
        failed[key].append(x[~works])
        if works.any():
            end, truncated = ends[environment, series, seed]
            if roles[series] == "search":
                x, score = _best_so_far(x, score, end)
            else:
                x, score = x[works], score[works]
            curves[key].append(Curve(seed, x, score, truncated))
    result = {}
    for key, points in tried.items():
        is_search = roles[key[1]] == "search"
        x, score = np.concatenate(points, axis=1)
        result[key] = SeriesCurves(
            runs=tuple(curves[key]),
            is_search=is_search,
            band=mean_curve(curves[key], *key, axis, is_search=is_search),
            tried=x,
            scores=score,
            failed=np.concatenate(failed[key]),
        )
    return result


def mean_curve(curves: Sequence[Curve], *names: str, is_search: bool) -> Band | None:
    """Returns the mean over runs; None for fewer than `LEAST_RUNS`.

    It begins where all runs have a score: an average over those that were quick to
    succeed would promise too much. The best policy of a search outlasts its run; what
    a method in training would have learned later is unknown, so that its mean ends
    with the shortest run.

    Args:
        curves: Curves of the runs.
        names: Names of the random stream for the bootstrap.
        is_search: Whether the curves are step functions.
    """
    if len(curves) < LEAST_RUNS:
        return None
    grid = np.unique(np.concatenate([curve.x for curve in curves]))
    grid = grid[grid >= max(curve.x[0] for curve in curves)]
    if is_search:
        values = np.array([_step(curve, grid) for curve in curves])
    else:
        grid = grid[grid <= min(curve.x[-1] for curve in curves)]
        values = np.array([np.interp(grid, curve.x, curve.y) for curve in curves])
    if not len(grid):
        return None
    # The same draw of runs for the whole curve: a run is one thing, not many points.
    runs = len(curves)
    rng = generator("bootstrap", *names)
    shares = rng.multinomial(runs, np.full(runs, 1 / runs), size=_RESAMPLES) / runs
    low, high = np.quantile(shares @ values, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return Band(grid, values.mean(axis=0), low, high)


def _runs(
    candidates: "pd.DataFrame", axis: Axis
) -> Iterator[tuple[str, str, int, FloatArray]]:
    """Yields environment, series, seed and a (2, attempts) array of axis and score."""
    known = candidates[candidates[axis].notna()]
    scores = known.score.where(known.status == "ok").to_numpy(dtype=np.float64)
    points = np.array([known[axis].to_numpy(dtype=np.float64), scores])
    names = ["environment", "series", "seed"]
    groups: Any = known.groupby(names, observed=True).indices
    for (environment, series, seed), index in groups.items():
        run = points[:, index]
        order = np.argsort(run[0], kind="stable")
        yield str(environment), str(series), int(seed), run[:, order]


def _ends(
    table: TidyTable, axis: Axis
) -> dict[tuple[str, str, int], tuple[float, bool]]:
    """Returns what each run used in total, and whether a budget ended it."""
    runs = table.runs
    keys = zip(runs.environment, runs.series, runs.seed.astype(int), strict=True)
    values = zip(runs[axis], runs.run_status == "truncated", strict=True)
    return dict(zip(keys, values, strict=True))


def _best_so_far(
    x: FloatArray, score: FloatArray, end: float
) -> tuple[FloatArray, FloatArray]:
    best = np.fmax.accumulate(score)
    rises = np.isfinite(best) & (np.diff(best, prepend=np.nan) != 0)
    last = max(x[-1], end) if np.isfinite(end) else x[-1]
    return np.append(x[rises], last), np.append(best[rises], best[-1])


def _step(curve: Curve, grid: FloatArray) -> FloatArray:
    return curve.y[np.searchsorted(curve.x, grid, side="right") - 1]
