"""Environment interactions to reach a threshold, a measure of sample efficiency.

The threshold of an environment lies at a share (90% by default) of the way from the
zero of its scale, usually the random policy, to the held-out score of its best trained
baseline: zero + share * (best - zero). So every environment with a trained baseline
that beats zero has one, and what counts as solved is decided by methods that anybody
can run, not by the method under test.

A method that searches reaches it at the step at which its best selection score so far
first does; a method that trains at its first evaluation that does. Both are optimistic:
a maximum over noisy scores reaches a threshold early, the more so the more often it is
looked at. What a run returns in the end is a question for held-out scores.

A run that never gets there is censored: it is known to need more than it was given.
"""

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from llmpo.analysis.table import TidyTable
from llmpo.normalization import reference_score
from llmpo.statistics import FloatArray

SHARE = 0.9

Bound = Literal["", "more", "less"]


@dataclass(frozen=True)
class Threshold:
    """The score that counts as solved in an environment.

    Attributes:
        score: The score; None where there is none.
        baseline: The trained series with the best mean held-out score; "" if none.
        baseline_runs: How many runs that mean is over.
        reason: Why there is no threshold; "" where there is one.
    """

    score: float | None
    baseline: str = ""
    baseline_runs: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Crossing:
    """When one run first reached the threshold.

    Attributes:
        steps: Environment steps at which it did; None if it never did.
        total: Environment steps that it was given in all.
    """

    seed: int
    steps: float | None
    total: float


@dataclass(frozen=True)
class Steps:
    """A number of steps or a ratio of two, or what is known of it.

    Attributes:
        value: The number; None if nothing is known.
        bound: `more` or `less` if it is only known to be more or less than that.
    """

    value: float | None
    bound: Bound = ""


@dataclass(frozen=True)
class EfficiencyRow:
    """Steps to threshold of one series in one environment.

    Attributes:
        crossings: One for each run that has ended.
        median: Median over the runs; a bound where half of them are censored.
        ratio: Median of this series over that of the method under comparison: how
            many times the steps it needs. A bound where one median is one; unknown
            where both are.
        pending: Runs that wait for answers, and are no results yet.
    """

    environment: str
    series: str
    threshold: Threshold
    crossings: tuple[Crossing, ...]
    median: Steps
    ratio: Steps
    pending: int

    @property
    def reached(self) -> int:
        """How many runs reached the threshold."""
        return sum(crossing.steps is not None for crossing in self.crossings)

    def steps(self) -> FloatArray:
        """Returns the steps of each run; infinity for those that never got there."""
        return np.array([_value(crossing) for crossing in self.crossings])


def thresholds(table: TidyTable, share: float = SHARE) -> dict[str, Threshold]:
    """Returns the threshold of every environment.

    Args:
        table: The tidy table.
        share: Share of the way from zero to the best trained baseline.
    """
    rows = table.results[table.results.series.isin(table.with_role("training"))]
    rows = rows[rows.score.notna()]
    groups = rows.groupby(["environment", "series"], observed=True).score
    means = groups.agg(["mean", "size"]).reset_index()
    best: dict[str, tuple[float, str, int]] = {}
    for environment, series, score, runs in means.itertuples(index=False):
        if environment not in best or score > best[environment][0]:
            best[environment] = (float(score), str(series), int(runs))
    return {
        environment: _threshold(environment, best.get(environment), share)
        for environment in table.environments
    }


def efficiency_rows(
    table: TidyTable, method: str | None = None, share: float = SHARE
) -> list[EfficiencyRow]:
    """Returns steps to threshold of every series that searches or trains.

    Args:
        table: The tidy table.
        method: The series that the others are compared with; by default the one that
            `main_series` returns. Without any, there are no ratios.
        share: See `thresholds`.
    """
    method = main_series(table) if method is None else method
    limits = thresholds(table, share)
    made = _crossings(table, limits)
    pending = _pending(table)
    medians = {key: median_steps(list(crossings)) for key, crossings in made.items()}
    return [
        EfficiencyRow(
            environment=environment,
            series=series,
            threshold=limits[environment],
            crossings=made[environment, series],
            median=medians[environment, series],
            ratio=_ratio(
                medians[environment, series],
                medians.get((environment, method or ""), Steps(None)),
            ),
            pending=pending[environment, series],
        )
        for environment in table.environments
        for series in table.series
        if (environment, series) in made
    ]


def main_series(table: TidyTable) -> str | None:
    """Returns the method under comparison: the search with the most runs.

    Of several, the first in alphabetical order; None where nothing searches.
    """
    searches = table.with_role("search")
    counts = table.runs.series.value_counts()
    return min(searches, key=lambda name: (-counts[name], name), default=None)


def median_steps(crossings: list[Crossing]) -> Steps:
    """Returns the median number of steps, with censored runs as larger than any.

    Where the median falls on a censored run, all that is known is that it exceeds the
    steps which half of the runs were given or needed.
    """
    if not crossings:
        return Steps(None)
    steps = sorted(_value(crossing) for crossing in crossings)
    middle = (steps[(len(steps) - 1) // 2] + steps[len(steps) // 2]) / 2
    if math.isfinite(middle):
        return Steps(middle)
    known = [c.total if c.steps is None else c.steps for c in crossings]
    return Steps(float(np.median(known)), "more")


def _value(crossing: Crossing) -> float:
    return math.inf if crossing.steps is None else crossing.steps


def _threshold(
    environment: str, best: tuple[float, str, int] | None, share: float
) -> Threshold:
    if best is None:
        return Threshold(None, reason="no trained baseline has results")
    score, series, runs = best
    reference = reference_score(environment)
    if reference is None:
        return Threshold(None, series, runs, "no reference scores")
    if score <= reference.zero:
        return Threshold(None, series, runs, "no trained baseline beats zero")
    value = reference.zero + share * (score - reference.zero)
    return Threshold(value, series, runs)


def _crossings(
    table: TidyTable, limits: Mapping[str, Threshold]
) -> dict[tuple[str, str], tuple[Crossing, ...]]:
    """Returns the crossings of all ended runs that search or train, in one pass."""
    run = ["environment", "series", "seed"]
    scores = {name: limit.score for name, limit in limits.items()}
    rows = table.candidates[["role", "status", "score", "env_steps", *run]]
    limit = rows.environment.astype(str).map(scores).astype(float)
    reached = rows[(rows.status == "ok") & (rows.score >= limit)]
    first = reached.groupby(run, observed=True).env_steps.min().rename("first")
    ended = table.runs[
        (table.runs.run_status != "pending") & (table.runs.role != "reference")
    ]
    ended = ended[[*run, "env_steps"]].merge(first.reset_index(), on=run, how="left")
    found: dict[tuple[str, str], list[Crossing]] = {}
    for row in ended.sort_values("seed").itertuples(index=False):
        environment, series, seed, total, steps = row
        found.setdefault((environment, series), []).append(
            Crossing(int(seed), None if math.isnan(steps) else float(steps), total)
        )
    return {key: tuple(crossings) for key, crossings in found.items()}


def _pending(table: TidyTable) -> Counter[tuple[str, str]]:
    rows = table.runs[table.runs.run_status == "pending"]
    keys = zip(rows.environment.astype(str), rows.series.astype(str), strict=True)
    return Counter(keys)


def _ratio(steps: Steps, method: Steps) -> Steps:
    if not method.value or steps.value is None or (steps.bound and method.bound):
        return Steps(None)
    ratio = steps.value / method.value
    # A method that needs more than known makes the ratio less than known.
    return Steps(ratio, "less" if method.bound else steps.bound)
