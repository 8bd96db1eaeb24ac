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
