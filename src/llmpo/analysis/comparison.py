"""Methods compared over several environments, on normalised scores of their products.

The score of a run is the mean over the reporting episodes of the policy that is its
product; see `TidyTable.results` for runs without one. Pending runs are not results:
they are counted and shown, and nothing else.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from llmpo.analysis.table import TidyTable
from llmpo.seeds import generator
from llmpo.statistics import (
    LEAST_RUNS,
    Estimate,
    Estimator,
    FloatArray,
    Profile,
    bootstrap,
    bootstrap_pair,
    bootstrap_profile,
    iqm,
    mean,
    median,
    optimality_gap,
    performance_profile,
    probability_of_improvement,
)

ALL = "all"  # stands for all families together
THRESHOLDS = np.linspace(0.0, 1.2, 121)

NO_REFERENCE = "no reference scores"
NO_RUNS = "no runs"
ONLY_PENDING = "pending"

_ESTIMATORS: Mapping[str, Estimator] = {
    "iqm": iqm,
    "median": median,
    "mean": mean,
    "optimality_gap": optimality_gap,
}


@dataclass(frozen=True)
class ScoreMatrix:
    """Scores of one series, as the functions of `llmpo.statistics` want them.

    Attributes:
        values: (runs, environments) array, NaN where an environment has fewer runs.
        environments: The environments, in the order of the columns.
        without_policy: How many of these runs left no policy and count as zero.
        pending: How many further runs there wait for answers.
        left_out: The other environments asked for, each with the reason.
    """

    values: FloatArray
    environments: tuple[str, ...]
    without_policy: int
    pending: int
    left_out: Mapping[str, str]

    @property
    def runs(self) -> tuple[int, ...]:
        """How many runs each environment has."""
        return tuple(int(n) for n in np.isfinite(self.values).sum(axis=0))

    def column(self, environment: str) -> FloatArray:
        """Returns the scores of the runs in one environment."""
        values = self.values[:, self.environments.index(environment)]
        return values[np.isfinite(values)]

    @property
    def has_interval(self) -> bool:
        """Whether every environment has enough runs for an interval to be claimed."""
        return bool(self.runs) and min(self.runs) >= LEAST_RUNS


@dataclass(frozen=True)
class FamilySummary:
    """A series over the environments of one family.

    The estimates claim no interval where an environment has too few runs.

    Attributes:
        family: Name of the family, or `ALL`.
        scores: What the estimates are made from.
        all_environments: How many environments of the family the table has.
        estimates: `iqm`, `median`, `mean` and `optimality_gap`; None where no
            environment has scores.
    """

    family: str
    series: str
    scores: ScoreMatrix
    all_environments: int
    estimates: Mapping[str, Estimate] | None


@dataclass(frozen=True)
class Improvement:
    """How likely a run of one series scores more than a run of another one.

    Attributes:
        estimate: Probability of improvement; None where there is nothing to compare.
        environments: Environments that both have results in.
        runs: The fewest runs that either has in one of them.
        left_out: Environments that only one of them has results in.
    """

    series: str
    baseline: str
    estimate: Estimate | None
    environments: tuple[str, ...]
    runs: int
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class SeriesProfile:
    """Performance profile of a series, with what it was made from."""

    profile: Profile
    scores: ScoreMatrix


def product_scores(table: TidyTable, environment: str, series: str) -> dict[int, float]:
    """Returns the held-out score of each run's product by seed.

    A run without a policy has the score of the scale's zero; it is left out where
    the environment has no scale.
    """
    rows = table.results
    rows = rows[(rows.environment == environment) & (rows.series == series)]
    rows = rows[rows.score.notna()]
    return dict(zip(rows.seed.tolist(), rows.score.tolist(), strict=True))


def score_matrix(
    table: TidyTable,
    series: str,
    environments: Iterable[str] | None = None,
    *,
    normalized: bool = True,
) -> ScoreMatrix:
    """Returns the scores of a series.

    Args:
        table: The tidy table.
        series: Name of the series.
        environments: Environments to look at; all by default.
        normalized: Whether scores are normalised, which leaves out the environments
            without reference scores.
    """
    asked = table.environments if environments is None else tuple(environments)
    column = "normalized" if normalized else "score"
    rows = table.results[table.results.series == series]
    runs = table.runs[table.runs.series == series]
    groups = dict(list(rows.groupby("environment", observed=True)))
    states = dict(list(runs.groupby("environment", observed=True).run_status))
    columns: dict[str, FloatArray] = {}
    left_out: dict[str, str] = {}
    without_policy = pending = 0
    for name in asked:
        if name not in states:
            left_out[name] = NO_RUNS
            continue
        pending += int((states[name] == "pending").sum())
        values = groups[name][column].dropna() if name in groups else ()
        if len(values):
            columns[name] = np.asarray(values, dtype=np.float64)
            without_policy += int(groups[name].without_policy.sum())
        elif name not in groups:
            left_out[name] = ONLY_PENDING
        else:
            left_out[name] = NO_REFERENCE
    return ScoreMatrix(
        values=_ragged(list(columns.values())),
        environments=tuple(columns),
        without_policy=without_policy,
        pending=pending,
        left_out=left_out,
    )


def family_summary(table: TidyTable) -> list[FamilySummary]:
    """Summarises every series over every family, and over all families together.

    A series without any run in a family has no row there.
    """
    return [
        _summarize(table, family, environments, series)
        for family, environments in families(table).items()
        for series in table.series
        if _has_runs(table, series, environments)
    ]


def families(table: TidyTable) -> dict[str, tuple[str, ...]]:
    """Returns the environments of each family and, where there are several, of all."""
    names: dict[str, tuple[str, ...]] = {}
    for environment in table.environments:
        family = table.family(environment)
        names[family] = (*names.get(family, ()), environment)
    return names | ({ALL: table.environments} if len(names) > 1 else {})


def improvement(
    table: TidyTable,
    series: str,
    baseline: str,
    environments: Iterable[str] | None = None,
) -> Improvement:
    """Compares two series over the environments that both have results in.

    Only the order of scores counts, so that environments without reference scores
    take part too.

    Args:
        table: The tidy table.
        series: The series that might be better.
        baseline: The series it is compared with.
        environments: Environments to look at; all by default.
    """
    asked = table.environments if environments is None else tuple(environments)
    first = score_matrix(table, series, asked, normalized=False)
    second = score_matrix(table, baseline, asked, normalized=False)
    common = [name for name in first.environments if name in second.environments]
    either = {*first.environments, *second.environments}
    left_out = tuple(name for name in asked if name in either - set(common))
    if not common:
        return Improvement(series, baseline, None, (), 0, left_out)
    x, y = _only(first, common), _only(second, common)
    runs = int(min(np.isfinite(array).sum(axis=0).min() for array in (x, y)))
    if runs >= LEAST_RUNS:
        rng = generator("bootstrap", "improvement", series, baseline, *common)
        estimate = bootstrap_pair(x, y, probability_of_improvement, rng)
    else:
        estimate = Estimate(float(probability_of_improvement(x, y)))
    return Improvement(series, baseline, estimate, tuple(common), runs, left_out)


def profiles(
    table: TidyTable,
    series: Sequence[str] | None = None,
    environments: Iterable[str] | None = None,
    thresholds: FloatArray = THRESHOLDS,
) -> dict[str, SeriesProfile]:
    """Returns performance profiles by series; a series without scores has none.

    Each is over those of the environments that the series has results in: compare
    only profiles over the same ones, which `scores.environments` tells.

    Args:
        table: The tidy table.
        series: The series; all by default.
        environments: Environments to look at; all by default.
        thresholds: Normalised scores at which to compute the profile.
    """
    asked = table.environments if environments is None else tuple(environments)
    found = {}
    for name in table.series if series is None else series:
        scores = score_matrix(table, name, asked)
        if not scores.environments:
            continue
        if scores.has_interval:
            rng = generator("bootstrap", "profile", name, *scores.environments)
            profile = bootstrap_profile(scores.values, thresholds, rng)
        else:
            none = np.full(len(thresholds), np.nan)
            value = performance_profile(scores.values, thresholds)
            profile = Profile(thresholds, value, none, none)
        found[name] = SeriesProfile(profile, scores)
    return found


def shared_environments(table: TidyTable, series: Iterable[str]) -> tuple[str, ...]:
    """Returns the environments in which all given series have normalised scores."""
    shared = set(table.environments)
    for name in series:
        shared &= set(score_matrix(table, name).environments)
    return tuple(name for name in table.environments if name in shared)


def summarize(scores: ScoreMatrix, *names: str) -> dict[str, Estimate] | None:
    """Returns `iqm`, `median`, `mean` and `optimality_gap`; None without any scores.

    They claim no interval where an environment has too few runs.

    Args:
        scores: Normalised scores.
        names: Names of the random stream for the bootstrap.
    """
    if not scores.environments:
        return None
    if not scores.has_interval:
        return {
            name: Estimate(float(estimator(scores.values)))
            for name, estimator in _ESTIMATORS.items()
        }
    return {
        name: bootstrap(scores.values, estimator, generator("bootstrap", *names))
        for name, estimator in _ESTIMATORS.items()
    }


def _summarize(
    table: TidyTable, family: str, environments: tuple[str, ...], series: str
) -> FamilySummary:
    scores = score_matrix(table, series, environments)
    estimates = summarize(scores, "family", family, series)
    return FamilySummary(family, series, scores, len(environments), estimates)


def _has_runs(table: TidyTable, series: str, environments: tuple[str, ...]) -> bool:
    runs = table.runs[table.runs.series == series]
    return bool(runs.environment.isin(environments).any())


def _ragged(columns: Sequence[FloatArray]) -> FloatArray:
    """Returns columns of unequal length as one array, with NaN below the short ones."""
    values = np.full((max(map(len, columns), default=0), len(columns)), np.nan)
    for index, column in enumerate(columns):
        values[: len(column), index] = column
    return values


def _only(scores: ScoreMatrix, environments: Sequence[str]) -> FloatArray:
    return scores.values[:, [scores.environments.index(name) for name in environments]]
