"""How good the predictions of a world model are, per kind of prediction.

A prediction is correct if it can come true in the environment, and unclear if it is
about something that does not exist, such as a text that names no state. Predicted
actions are nobody's claim about the environment; they can only be invalid.
"""

from dataclasses import dataclass

import numpy as np

from llmpo.analysis.regret import over_runs
from llmpo.analysis.table import OnlineRuns
from llmpo.statistics import Estimate, FloatArray

KINDS = ("termination", "reward", "state", "action")


@dataclass(frozen=True)
class PredictionQuality:
    """Quality of one series' predictions of one kind in one environment.

    Attributes:
        correct: Share of correct ones among correct and wrong ones, mean over runs;
            None where nothing is either.
        unclear: Share of unclear ones among those that were looked at, mean over runs;
            NaN where none was.
        invalid: Share of completions that were not valid, mean over runs; NaN where
            nothing was asked.
        runs: How many runs have such predictions.
    """

    correct: Estimate | None
    unclear: float
    invalid: float
    runs: int


def prediction_quality(
    online: OnlineRuns, environment: str, series: str, kind: str
) -> PredictionQuality | None:
    """Returns the quality of predictions; None where no run has such predictions."""
    rows = online.predictions
    rows = rows[
        (rows.environment == environment)
        & (rows.series == series)
        & (rows.prediction == kind)
    ]
    if rows.empty:
        return None

    def count(name: str) -> FloatArray:
        return rows[name].fillna(0.0).to_numpy(dtype=np.float64)

    judged = count("correct") + count("wrong")
    correct = _shares(count("correct"), judged)
    names = ("predictions", environment, series, kind)
    return PredictionQuality(
        correct=over_runs(correct, *names) if len(correct) else None,
        unclear=_mean(_shares(count("unclear"), judged + count("unclear"))),
        invalid=_mean(_shares(count("invalid"), count("calls"))),
        runs=len(rows),
    )


def _shares(parts: FloatArray, totals: FloatArray) -> FloatArray:
    """Returns the shares of the runs that have a total."""
    some = totals > 0
    return parts[some] / totals[some]


def _mean(shares: FloatArray) -> float:
    return float(shares.mean()) if len(shares) else float("nan")
