"""What figures and tables show, computed from the tidy table; nothing is drawn here."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from llmpo.analysis.table import TidyTable
from llmpo.seeds import generator
from llmpo.statistics import Estimate, FloatArray, bootstrap, column, mean

if TYPE_CHECKING:
    import pandas as pd

Policy = Literal["best", "last"]

# Outcomes of a candidate, in the order in which they are shown.
OUTCOMES = (
    *("ok", "repaired"),
    *("no_code", "syntax", "contract", "crash", "timeout", "memory", "bad_action"),
)


@dataclass(frozen=True)
class HeldOut:
    """Score of a policy on episodes that the method never saw.

    Attributes:
        estimate: Mean with 95% interval.
        over: What the interval was resampled over: the runs, or the episodes of the
            only run.
        runs: How many runs have such a policy.
        failed_episodes: Episodes in which the policy's program failed.
    """

    estimate: Estimate
    over: Literal["runs", "episodes"]
    runs: int
    failed_episodes: int


def held_out(
    table: TidyTable, environment: str, series: str, policy: Policy
) -> HeldOut | None:
    """Returns the held-out score of a series; None where no run has a policy."""
    rows = select(table.episodes, environment, series)
    rows = rows[(rows.policy == policy) & rows.episode_score.notna()]
    if rows.empty:
        return None
    by_run = rows.groupby("seed").episode_score.mean()
    over: Literal["runs", "episodes"] = "runs" if len(by_run) > 1 else "episodes"
    values = by_run if over == "runs" else rows.episode_score
    rng = generator("bootstrap", environment, series, policy)
    return HeldOut(
        estimate=bootstrap(column(values.to_numpy()), mean, rng),
        over=over,
        runs=len(by_run),
        failed_episodes=int((rows.status != "ok").sum()),
    )


@dataclass(frozen=True)
class Curve:
    """Best selection score so far of one run, a step function.

    Attributes:
        seed: Seed of the run.
        x: Where the best score changes, and where the run ends.
        y: The best score from there on; NaN before the first working candidate.
        truncated: Whether a budget ended the run.
    """

    seed: int
    x: FloatArray
    y: FloatArray
    truncated: bool

    def at(self, grid: FloatArray) -> FloatArray:
        """Returns the step function on a grid; a run that is over keeps its best."""
        index = np.searchsorted(self.x, grid, side="right") - 1
        return np.where(index >= 0, self.y[np.maximum(index, 0)], np.nan)


def best_so_far(
    table: TidyTable, environment: str, series: str, axis: str
) -> list[Curve]:
    """Returns a curve for every run that has a working candidate.

    Args:
        table: The tidy table.
        environment: Label of the environment.
        series: Name of the series.
        axis: Column that counts what was used: `env_steps`, `calls` or `tokens`.
    """
    curves = []
    totals = select(table.runs, environment, series)
    candidates = select(table.candidates, environment, series)
    for seed in sorted(candidates.seed.unique()):
        rows = candidates[candidates.seed == seed].sort_values(axis, kind="stable")
        total = totals[totals.seed == seed].iloc[0]
        x, y = rows[axis].to_numpy(), rows.best_score.to_numpy()
        if np.isnan(y).all():
            continue
        end = max(x[-1], total[axis]) if np.isfinite(total[axis]) else x[-1]
        curves.append(
            Curve(
                seed=int(seed),
                x=np.append(x, end),
                y=np.append(y, y[-1]),
                truncated=total.run_status == "truncated",
            )
        )
    return curves


@dataclass(frozen=True)
class Band:
    """Mean of several step functions with a pointwise 95% interval."""

    x: FloatArray
    mean: FloatArray
    low: FloatArray
    high: FloatArray


def mean_curve(curves: list[Curve], *names: str) -> Band | None:
    """Returns the mean over runs, from where all of them have a working candidate.

    An average over those that were quick to succeed would promise too much. Fewer
    than two runs have no mean curve.

    Args:
        curves: Curves of the runs.
        names: Names of the random stream for the bootstrap.
    """
    if len(curves) < 2:
        return None
    starts = [curve.x[np.isfinite(curve.y)][0] for curve in curves]
    grid = np.unique(np.concatenate([curve.x for curve in curves]))
    grid = grid[grid >= max(starts)]
    values = np.array([curve.at(grid) for curve in curves])  # (runs, grid)
    rng = generator("bootstrap", *names)
    # The same draw of runs for the whole curve: a run is one thing, not many points.
    drawn = values[rng.integers(len(curves), size=(1000, len(curves)))].mean(axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=0)
    return Band(grid, values.mean(axis=0), low, high)


@dataclass(frozen=True)
class Scale:
    """The scores that a panel has to show; candidates below `floor` are off it."""

    floor: float
    top: float


def score_scale(scores: FloatArray, results: list[float]) -> Scale | None:
    """Returns the scale for a panel; None where there is no score.

    One very bad candidate, and there often is one, must not press everything else
    into a line. On the scale are all results, and the better half of the candidates
    with one and a half times that range below them.

    Args:
        scores: Selection scores of the working candidates.
        results: Scores that must be on the scale whatever they are.
    """
    if not len(scores):
        return None
    low = min([float(np.median(scores)), *results])
    top = max([float(np.max(scores)), *results])
    return Scale(low - 1.5 * (top - low) if low < top else -np.inf, top)


def outcomes(rows: "pd.DataFrame") -> dict[str, int]:
    """Counts what became of candidates: ok at once, ok after repair, or failed how."""
    final = rows[rows.is_final == 1]
    working = final.status == "ok"
    counts = {
        "ok": int((working & (final.attempt == 0)).sum()),
        "repaired": int((working & (final.attempt > 0)).sum()),
    }
    failed = final.status[~working].value_counts()
    return counts | {name: int(failed.get(name, 0)) for name in OUTCOMES[2:]}


def without_policy(table: TidyTable, environment: str, series: str) -> int:
    """Returns how many runs, pending ones aside, left no policy to evaluate."""
    runs = select(table.runs, environment, series)
    ended = runs[runs.run_status != "pending"]
    episodes = select(table.episodes, environment, series)
    return int((~ended.seed.isin(episodes.seed)).sum())


def select(rows: "pd.DataFrame", environment: str, series: str) -> "pd.DataFrame":
    """Returns the rows of one environment and series."""
    return rows[(rows.environment == environment) & (rows.series == series)]
